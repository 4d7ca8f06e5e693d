"""Names of makers and products, in a form in which those of an advisory and of a device can be compared. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from types import MappingProxyType
from typing import Final

NAME_CHARS_MAX: Final = 512
_TOKENS_MAX: Final = 64
_WORD: Final = re.compile(r"[a-z0-9][a-z0-9.\-]*")
_PARENTHESES: Final = re.compile(r"\(([^()]*)\)")
_LEGAL: Final = frozenset(
    [
        "ab",
        "ag",
        "as",
        "asa",
        "bv",
        "co",
        "coltd",
        "company",
        "corp",
        "corporation",
        "gmbh",
        "holding",
        "holdings",
        "inc",
        "incorporated",
        "international",
        "kg",
        "kgaa",
        "limited",
        "llc",
        "llp",
        "ltd",
        "nv",
        "oy",
        "oyj",
        "plc",
        "pty",
        "sa",
        "sas",
        "se",
        "spa",
        "srl",
        "technologies",
        "technology",
        "the",
    ]
)
# What else a maker is called: by an advisory, by the registry of addresses, or by its own device.
_ALIASES: Final = MappingProxyType(
    {
        "3s smart software solutions": "codesys",
        "allen bradley": "rockwell automation",
        "rockwell": "rockwell automation",
        "aveva software": "aveva",
        "axis communications": "axis",
        "b r": "b r industrial automation",
        "b r automation": "b r industrial automation",
        "bernecker rainer": "b r industrial automation",
        "beckhoff": "beckhoff automation",
        "becton dickinson and": "becton dickinson",
        "belden": "hirschmann",
        "bosch security systems": "bosch",
        "dahua": "dahua",
        "delta": "delta electronics",
        "emerson electric": "emerson",
        "emerson automation solutions": "emerson",
        "fisher rosemount systems": "emerson",
        "ge": "general electric",
        "ge digital": "general electric",
        "ge fanuc": "general electric",
        "ge intelligent platforms": "general electric",
        "general electric ge": "general electric",
        "hangzhou hikvision digital": "hikvision",
        "hirschmann automation and control": "hirschmann",
        "hitachi abb power grids": "hitachi energy",
        "honeywell process solutions": "honeywell",
        "johnson controls ip": "johnson controls",
        "mitsubishi": "mitsubishi electric",
        "modicon": "schneider electric",
        "moxa automation": "moxa",
        "omron tateisi electronics": "omron",
        "phoenix contact electronics": "phoenix contact",
        "red lion controls": "red lion",
        "robert bosch": "bosch",
        "schneider": "schneider electric",
        "schneider automation": "schneider electric",
        "schneider electric software": "schneider electric",
        "square d": "schneider electric",
        "telemecanique": "schneider electric",
        "telemecanique electrique": "schneider electric",
        "unitronics plc": "unitronics",
        "wago kontakttechnik": "wago",
        "zhejiang dahua": "dahua",
    }
)
# Words that tell no product from another of the same maker.
_STOPS: Final = frozenset(
    [
        "a",
        "all",
        "and",
        "any",
        "by",
        "controller",
        "controllers",
        "cpu",
        "cpus",
        "device",
        "devices",
        "families",
        "family",
        "firmware",
        "for",
        "fw",
        "in",
        "incl",
        "including",
        "line",
        "model",
        "models",
        "module",
        "modules",
        "of",
        "on",
        "or",
        "package",
        "plc",
        "product",
        "products",
        "range",
        "related",
        "series",
        "software",
        "sw",
        "system",
        "systems",
        "the",
        "type",
        "unit",
        "units",
        "variant",
        "variants",
        "version",
        "versions",
        "with",
    ]
)
# Names of whole lines; a device seldom says its own.
_LINES: Final = frozenset(
    [
        "allen-bradley",
        "compactlogix",
        "controllogix",
        "ecostruxure",
        "guardlogix",
        "iq-f",
        "iq-r",
        "logix",
        "melsec",
        "micrologix",
        "modicon",
        "processlogix",
        "ruggedcom",
        "scalance",
        "sentron",
        "simatic",
        "simocode",
        "simotion",
        "sinamics",
        "sinumerik",
        "sipass",
        "siplus",
        "siprotec",
        "sirius",
        "smart",
        "smartlogix",
    ]
)
_FAMILY: Final = frozenset({"families", "family", "line", "series"})
_VERSION_WORD: Final = re.compile(r"v\d[\d.x]*")
# A maker's order number has letters and digits, and is long; dashes and blanks are written as one likes.
_CODE: Final = re.compile(r"(?=[A-Z0-9?*]*\d)(?=[A-Z0-9?*]*[A-Z])[A-Z0-9?*]{7,32}")
_SEPARATORS: Final = re.compile(r"[\s\-_/.]")
# What the beginning of an order number or of a model's name says of the line that it belongs to.
_SERIES: Final = tuple(
    (re.compile(pattern), tokens)
    for pattern, tokens in (
        ("6ES721|6AG1?21", ("s7-1200",)),
        ("6ES731|6AG1?31", ("s7-300",)),
        ("6ES741|6AG1?41", ("s7-400",)),
        ("6ES751|6AG1?51", ("s7-1500",)),
        ("6GK5", ("scalance",)),
        ("1756L6", ("controllogix", "5560")),
        ("1756L7", ("controllogix", "5570")),
        ("1756L8", ("controllogix", "5580")),
        ("1769L3", ("compactlogix", "5370")),
        ("5069L3", ("compactlogix", "5380")),
        ("1763", ("micrologix", "1100")),
        ("1766", ("micrologix", "1400")),
        ("BMXP34", ("modicon", "m340")),
        ("BME[PH]58", ("modicon", "m580")),
        ("TM221", ("modicon", "m221")),
        ("TM241", ("modicon", "m241")),
        ("TM251", ("modicon", "m251")),
        ("140CPU", ("modicon", "quantum")),
        ("TSXP57", ("modicon", "premium")),
        ("7508[12]", ("pfc200",)),
    )
)
_SERIES_NAMES: Final = frozenset(token for _, tokens in _SERIES for token in tokens)


@lru_cache(maxsize=4096)
def vendor_key(text: str) -> str:
    """Return the form in which makers are compared: small letters, no legal form, the best known of its names."""
    words = _plain(text[:NAME_CHARS_MAX]).replace(".", "").replace("&", " ").replace("-", " ")
    kept = [word for word in re.findall(r"[a-z0-9]+", words) if word not in _LEGAL]
    key = " ".join(kept[:8])
    return _ALIASES.get(key, key)


@lru_cache(maxsize=4096)
def vendor_keys(text: str) -> tuple[str, ...]:
    """Return the makers that the name of one can mean, the likeliest first: all of it, and what it begins with."""
    key = vendor_key(text)
    words = key.split()
    found = [key]
    for count in range(min(len(words) - 1, 4), 0, -1):
        start = " ".join(words[:count])
        found.append(_ALIASES.get(start, start))
    return tuple(dict.fromkeys(each for each in found if each))


def order_code(text: str) -> str:
    """Return an order number without blanks and dashes; empty: it is none."""
    code = _SEPARATORS.sub("", text[:64]).upper()
    return code if _CODE.fullmatch(code) else ""


def codes_in(text: str) -> frozenset[str]:
    """Return the order numbers that the name of a product holds in parentheses."""
    found = set()
    for group in _PARENTHESES.findall(text[:NAME_CHARS_MAX]):
        for piece in re.split(r"[,;]", group):
            words = piece.split()
            is_plain = all(any(char.isdigit() for char in word) for word in words)
            found.add(order_code(piece if is_plain else words[-1]))
    return frozenset(found - {""})


@lru_cache(maxsize=65_536)
def name_tokens(text: str) -> frozenset[str]:
    """Return the words that tell a product from others; order numbers in parentheses are left out."""
    outside = _PARENTHESES.sub(lambda found: " " if codes_in(found[0]) else f" {found[1]} ", text[:NAME_CHARS_MAX])
    words = (word.strip(".-") for word in _WORD.findall(_plain(outside)))
    kept = [word for word in words if word and word not in _STOPS and not _VERSION_WORD.fullmatch(word)]
    return frozenset(kept[:_TOKENS_MAX])


def is_family(text: str) -> bool:
    """Tell whether a name is that of a whole family of products."""
    return not _FAMILY.isdisjoint(_WORD.findall(_plain(text[:NAME_CHARS_MAX])))


def telling(tokens: Iterable[str]) -> frozenset[str]:
    """Return those words that alone nearly name a product: with a digit in them, and not just a small number."""
    return frozenset(each for each in tokens if any(char.isdigit() for char in each) and len(each) > 2)  # noqa: PLR2004


def is_line(token: str) -> bool:
    """Tell whether a word names a whole line of products, which devices often leave out."""
    return token in _LINES or token in _SERIES_NAMES


def series_of(names: Iterable[str]) -> frozenset[str]:
    """Return the lines of products that order numbers or models belong to."""
    squashed = [_SEPARATORS.sub("", name[:64]).upper() for name in names]
    return frozenset(
        token for name in squashed for pattern, tokens in _SERIES if pattern.match(name) for token in tokens
    )


def code_matches(pattern: str, code: str) -> bool:
    """Tell whether an order number is the one that an advisory names; ``?`` and ``*`` stand for what they do there."""
    if pattern == code:
        return True
    # Piece by piece, each where it first fits: as one regular expression, a few stars that a maker wrote would keep
    # the process busy for hours.
    first, *others = pattern.split("*")
    if not others:
        return _fits(first, code)
    *inner, last = others
    if len(code) < len(first) + len(last) or not _fits(first, code[: len(first)]):
        return False
    end = len(code) - len(last)
    at = len(first)
    for piece in inner:
        found = next(
            (place for place in range(at, end - len(piece) + 1) if _fits(piece, code[place:][: len(piece)])), None
        )
        if found is None:
            return False
        at = found + len(piece)
    return _fits(last, code[end:])


def _fits(piece: str, text: str) -> bool:
    """Tell whether text is a piece of a pattern without stars."""
    return len(piece) == len(text) and all(
        mine == theirs or (mine == "?" and theirs.isascii() and theirs.isalnum())
        for mine, theirs in zip(piece, text, strict=True)
    )


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate({0xAE: " ", 0x2122: " ", 0xA9: " "}))
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()
