"""Whether a device is one of the products that advisories name, in one of their versions, and how sure that is. Pure.

Three answers are kept apart. *Proven*: the product is told by its order number or name, and the version seen lies in
the advisory's range. *Maybe*: it could be, and the reason says what is missing. *Unknown*: the maker is known to have
advisories, and the model was not seen. A version outside the range is none of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

from vedette.health.advisories.model import Advisory, AdvisoryProduct, ProductStatus, Weakness
from vedette.health.advisories.names import (
    code_matches,
    is_family,
    is_line,
    name_tokens,
    order_code,
    series_of,
    telling,
    vendor_key,
    vendor_keys,
)
from vedette.health.advisories.ranges import RangeKind, VersionRange, parse_range

IDENTITY_PROVES: Final = 75
FACTS_MAX: Final = 256
_BY_CODE: Final = 98
_BY_NAME: Final = 92
_BY_PARTS: Final = 85
_BY_FAMILY: Final = 78
_BY_VARIANT: Final = 60
_BY_FRAGMENT: Final = 50
_VERSION_IN_TEXT: Final = re.compile(r"[\s/_:]v?(\d+(?:\.\d+)+[\w.\-]*)\s*$", re.IGNORECASE)
_CONDITION: Final = re.compile(
    r"serial|\bwith\b|\bonly\b|\bbefore\b|\bexcept|\bexcl|manufactured|installed|option|running|\bV\d", re.IGNORECASE
)
_VENDORS_MAX: Final = 8
_GOOD: Final = frozenset({ProductStatus.FIXED, ProductStatus.NOT_AFFECTED})


class Certainty(StrEnum):
    """How sure it is that a device has a vulnerability."""

    PROVEN = "proven"
    MAYBE = "maybe"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFact:
    """One thing that was seen of a device.

    Attributes:
        attribute: ``vendor``, ``model``, ``product_code``, ``firmware``, ``software``; others are passed over.
        confidence: 0 to 100.
    """

    attribute: str
    value: str
    confidence: int
    source: str
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A vulnerability that a device has, or may have.

    Attributes:
        name: CVE id, or the advisory's id and a number.
        confidence: 0 to 100: of what was seen, and of how the product was told.
        reasons: Why, in words.
        facts: What it rests on.
    """

    name: str
    advisory_key: str
    product_id: str
    product: str
    versions: str
    certainty: Certainty
    confidence: int
    reasons: tuple[str, ...]
    facts: tuple[SeenFact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What advisories say of a device.

    Attributes:
        matches: One for each vulnerability, by name.
        unknown_reason: Why more cannot be told; empty: the product is known well enough.
        unknown_advisories: How many advisories of its maker could be about it.
    """

    matches: tuple[Match, ...]
    unknown_reason: str = ""
    unknown_advisories: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    """A product in the versions that one advisory names."""

    advisory: Advisory
    product: AdvisoryProduct
    weaknesses: tuple[tuple[Weakness, ProductStatus], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Product:
    """A product, with what all advisories say of it."""

    name: str
    codes: tuple[str, ...]
    tokens: frozenset[str]
    is_conditional: bool
    entries: list[_Entry]


@dataclass(frozen=True, slots=True)
class _Identity:
    confidence: int
    reason: str
    facts: tuple[SeenFact, ...]


@dataclass(slots=True)
class _Maker:
    """A maker's products; each stands once under its rarest word, and under every word that nearly names it."""

    advisories: set[str] = field(default_factory=set)
    products: dict[tuple[str, str, tuple[str, ...]], _Product] = field(default_factory=dict)
    by_rarest: dict[str, list[_Product]] = field(default_factory=dict)
    by_telling: dict[str, list[_Product]] = field(default_factory=dict)
    wildcards: list[_Product] = field(default_factory=list)

    def index(self) -> None:
        counts = Counter(token for product in self.products.values() for token in product.tokens)
        for product in self.products.values():
            if product.tokens:
                rarest = min(product.tokens, key=lambda token: (counts[token], token))
                self.by_rarest.setdefault(rarest, []).append(product)
            for token in telling(product.tokens):
                self.by_telling.setdefault(token, []).append(product)
            if any("*" in code or "?" in code for code in product.codes):
                self.wildcards.append(product)

    def about(self, seen: _Seen) -> Iterator[_Product]:
        """Yield every product that what was seen could name, some of them twice."""
        for token in seen.tokens:
            yield from self.by_rarest.get(token, ())
        for tokens in seen.names.values():
            lists = [self.by_telling.get(token, []) for token in telling(tokens)]
            yield from min(lists, key=len, default=[])
        yield from self.wildcards if seen.codes else ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of a device, in the form in which it is compared."""

    makers: dict[str, SeenFact]
    codes: dict[str, SeenFact]
    names: dict[SeenFact, frozenset[str]]
    tokens: frozenset[str]
    firmware: tuple[SeenFact, ...]


class Catalogue:
    """All advisories, in an order in which those about one product are found at once."""

    def __init__(self, advisories: Iterable[Advisory]) -> None:
        self._by_code: dict[str, list[_Product]] = {}
        self._makers: dict[str, _Maker] = {}
        self._advisories: dict[str, Advisory] = {}
        for advisory in advisories:
            self._add(advisory)
        for maker in self._makers.values():
            maker.index()

    def __len__(self) -> int:
        return len(self._advisories)

    @property
    def keys(self) -> frozenset[str]:
        """The advisories in it."""
        return frozenset(self._advisories)

    def find(self, advisory_key: str) -> Advisory | None:
        """Return the advisory of a match."""
        return self._advisories.get(advisory_key)

    def assess(self, facts: Iterable[SeenFact]) -> Assessment:
        """Return what the advisories say of a device of which ``facts`` were seen."""
        seen = _look(facts)
        found: dict[str, Match] = {}
        cleared: set[tuple[str, str]] = set()
        for product, identity in self._candidates(seen):
            for entry in product.entries:
                verdict = _versions(entry.product, identity, seen)
                if verdict.answer is True and identity.confidence >= _BY_PARTS:
                    cleared |= {(w.name, entry.advisory.key) for w, status in entry.weaknesses if status in _GOOD}
                for match in _judge(entry, product, identity, verdict):
                    known = found.get(match.name)
                    if known is None or _weight(match) > _weight(known):
                        found[match.name] = match
        kept = [
            each
            for each in found.values()
            if each.certainty is Certainty.PROVEN or (each.name, each.advisory_key) not in cleared
        ]
        reason, advisories = self._unknown(seen)
        return Assessment(
            matches=tuple(sorted(kept, key=lambda each: each.name)),
            unknown_reason=reason,
            unknown_advisories=advisories,
        )

    def _add(self, advisory: Advisory) -> None:
        self._advisories[advisory.key] = advisory
        said: dict[str, list[tuple[Weakness, ProductStatus]]] = {}
        for weakness in advisory.weaknesses:
            for status, product_ids in weakness.statuses.items():
                for product_id in product_ids:
                    said.setdefault(product_id, []).append((weakness, status))
        for product in advisory.products:
            weaknesses = said.get(product.product_id)
            if weaknesses:
                self._product(advisory, product).entries.append(_Entry(advisory, product, tuple(weaknesses)))

    def _product(self, advisory: Advisory, product: AdvisoryProduct) -> _Product:
        maker = self._makers.setdefault(vendor_key(product.vendor), _Maker())
        maker.advisories.add(advisory.key)
        codes = (*product.codes, *product.platform_codes)
        known = maker.products.get((product.name, product.platform, codes))
        if known is not None:
            return known
        tokens = (name_tokens(product.name) | name_tokens(product.platform)) - name_tokens(product.vendor)
        is_conditional = _CONDITION.search(product.name) is not None
        made = _Product(product.name, codes, tokens, is_conditional, [])
        maker.products[product.name, product.platform, codes] = made
        for code in codes:
            if "*" not in code and "?" not in code:
                self._by_code.setdefault(code, []).append(made)
        return made

    def _candidates(self, seen: _Seen) -> Iterator[tuple[_Product, _Identity]]:
        tried: set[_Product] = set()
        for code, fact in seen.codes.items():
            for product in self._by_code.get(code, ()):
                if product not in tried:
                    tried.add(product)
                    yield product, _Identity(_BY_CODE, f"order number {fact.value} is that of {product.name}", (fact,))
        for key, vendor in seen.makers.items():
            maker = self._makers.get(key)
            for product in () if maker is None else maker.about(seen):
                if product in tried:
                    continue
                tried.add(product)
                identity = _identify(product, seen, vendor)
                if identity is not None:
                    yield product, identity

    def _unknown(self, seen: _Seen) -> tuple[str, int]:
        if any(fact.attribute != "software" and tokens for fact, tokens in seen.names.items()):
            return "", 0
        known = [maker for key in seen.makers if (maker := self._makers.get(key)) is not None]
        if not seen.makers:
            return "neither its maker nor its model was seen", 0
        if not known:
            return "its model was not seen; no advisory names its maker", 0
        vendor = next(iter(seen.makers.values())).value
        return f"its maker was seen ({vendor}), its model was not", len(set().union(*(m.advisories for m in known)))


def _look(facts: Iterable[SeenFact]) -> _Seen:
    ordered = sorted(list(facts)[:FACTS_MAX], key=lambda fact: -fact.confidence)
    makers: dict[str, SeenFact] = {}
    codes: dict[str, SeenFact] = {}
    names: dict[SeenFact, frozenset[str]] = {}
    firmware: list[SeenFact] = []
    for fact in ordered:
        match fact.attribute:
            case "vendor":
                for key in vendor_keys(fact.value):
                    if len(makers) < _VENDORS_MAX:
                        makers.setdefault(key, fact)
            case "model" | "product_code" | "software":
                is_code = fact.attribute == "product_code" or (
                    fact.attribute == "model" and " " not in fact.value.strip()
                )
                code = order_code(fact.value) if is_code else ""
                if code:
                    codes.setdefault(code, fact)
                names[fact] = name_tokens(_VERSION_IN_TEXT.sub("", fact.value))
            case "firmware":
                firmware.append(fact)
            case _:
                pass
    tokens = frozenset().union(*names.values(), series_of(fact.value for fact in names))
    return _Seen(makers, codes, names, tokens, tuple(firmware))


def _identify(product: _Product, seen: _Seen, vendor: SeenFact) -> _Identity | None:
    plain = [code for code in product.codes if "*" not in code and "?" not in code]
    if len(plain) < len(product.codes):
        for code, fact in seen.codes.items():
            if any(code_matches(pattern, code) for pattern in product.codes):
                return _Identity(_BY_CODE, f"order number {fact.value} is that of {product.name}", (fact, vendor))
    if any(each[:3] == code[:3] for each in plain for code in seen.codes):
        return None  # the same way of numbering, and another number
    found = _by_name(product, seen, vendor)
    if found is None or not plain or found.confidence <= _BY_VARIANT:
        return found
    return _Identity(_BY_VARIANT, f"{found.reason}; which variant it is, by order number, was not seen", found.facts)


def _by_name(product: _Product, seen: _Seen, vendor: SeenFact) -> _Identity | None:
    wanted = product.tokens
    for fact, tokens in seen.names.items():
        if tokens == wanted:
            return _Identity(_BY_NAME, f"{fact.value} is {product.name}", (fact, vendor))
    if wanted <= seen.tokens and (telling(wanted) or len(wanted) > 1):
        named = tuple(fact for fact, tokens in seen.names.items() if tokens & wanted) or tuple(seen.names)[:1]
        if is_family(product.name):
            return _Identity(_BY_FAMILY, f"it is of the family {product.name}", (*named, vendor))
        return _Identity(_BY_PARTS, f"what was seen names {product.name}", (*named, vendor))
    for fact, tokens in seen.names.items():
        if not tokens <= wanted or not telling(tokens):
            continue
        if all(is_line(token) for token in wanted - tokens):
            return _Identity(_BY_PARTS, f"{fact.value} is {product.name}", (fact, vendor))
        return _Identity(_BY_FRAGMENT, f"{fact.value} is a part of the name {product.name}", (fact, vendor))
    return None


@dataclass(frozen=True, slots=True)
class _Verdict:
    answer: bool | None
    reason: str
    facts: tuple[SeenFact, ...] = ()


def _judge(entry: _Entry, known: _Product, identity: _Identity, verdict: _Verdict) -> Iterator[Match]:
    product = entry.product
    affected = [(weakness, status) for weakness, status in entry.weaknesses if status not in _GOOD]
    if not affected or verdict.answer is False:
        return
    reasons = [identity.reason, verdict.reason]
    is_proven = verdict.answer is True and identity.confidence >= IDENTITY_PROVES
    if known.is_conditional:
        is_proven = False
        reasons.append("the advisory names a condition that cannot be seen")
    facts = tuple(dict.fromkeys((*identity.facts, *verdict.facts)))
    confidence = identity.confidence * min((fact.confidence for fact in facts), default=0) // 100
    for weakness, status in affected:
        is_sure = is_proven and status is ProductStatus.AFFECTED
        said = reasons if status is ProductStatus.AFFECTED else [*reasons, "the maker is still looking into it"]
        yield Match(
            name=weakness.name,
            advisory_key=entry.advisory.key,
            product_id=product.product_id,
            product=f"{product.vendor} {product.name}".strip(),
            versions=product.versions,
            certainty=Certainty.PROVEN if is_sure else Certainty.MAYBE,
            confidence=confidence,
            reasons=tuple(said),
            facts=facts,
        )


def _versions(product: AdvisoryProduct, identity: _Identity, seen: _Seen) -> _Verdict:
    affected = range_of(product.versions)
    if affected is None:
        return _Verdict(None, "the advisory names no versions")
    if affected.kind is RangeKind.ALL:
        return _Verdict(True, "all its versions are affected")
    told = [(fact, version) for fact in identity.facts if (version := _version_in(fact))]
    told = told or [(fact, fact.value) for fact in seen.firmware]
    if not told:
        return _Verdict(None, f"its version was not seen; affected: {product.versions}")
    answers = [(fact, version, affected.holds(version)) for fact, version in told]
    facts = tuple(fact for fact, _, _ in answers)
    kinds = {answer for _, _, answer in answers}
    shown = ", ".join(version for _, version, _ in answers[:3])
    if len(kinds) > 1:
        return _Verdict(None, f"the versions seen disagree ({shown}); affected: {product.versions}", facts)
    words = {True: "lies in", False: "lies outside", None: "cannot be compared with"}
    (answer,) = kinds
    return _Verdict(answer, f"version {shown} {words[answer]} {product.versions}", facts)


@lru_cache(maxsize=32_768)
def range_of(versions: str) -> VersionRange | None:
    """Return the range that an advisory names for a product; ``None``: it names none."""
    return parse_range(versions) if versions else None


def _version_in(fact: SeenFact) -> str:
    """Return the version that the name of a piece of software ends with."""
    if fact.attribute != "software":
        return ""
    found = _VERSION_IN_TEXT.search(fact.value)
    return "" if found is None else found[1]


def _weight(match: Match) -> tuple[bool, int]:
    return match.certainty is Certainty.PROVEN, match.confidence
