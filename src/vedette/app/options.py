"""What an option may hold: its type, its limits, and how text becomes a value."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Literal

from vedette.kernel import parse_network

_LIST_SEPARATOR: Final = ","
_HOSTNAME: Final = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)


class BadValueError(ValueError):
    """A value that an option may not hold; the text says why."""


@dataclass(frozen=True, slots=True)
class Between:
    """Limits of a number, both included."""

    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Hostname:
    """The text is a host name or an IP address."""


@dataclass(frozen=True, slots=True)
class Address:
    """The text is an IP address to listen on."""


@dataclass(frozen=True, slots=True)
class Network:
    """The text is a network as CIDR, or one address."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """The text is one of some words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One option, as read from a dataclass.

    Attributes:
        kind: ``str``, ``int``, ``float``, ``bool``, ``path``, ``list``; ``choice`` for a ``Literal``.
        is_optional: ``None`` is allowed and means that nothing is set.
        default: None stands for itself.
        summary: From the ``Attributes:`` part of the section's docstring.
    """

    section: str
    key: str
    kind: Literal["str", "int", "float", "bool", "path", "list", "choice"]
    is_optional: bool
    default: Any
    choices: tuple[str, ...]
    rules: tuple[Any, ...]
    summary: str

    @property
    def environment(self) -> str:
        """Name of the environment variable that overrides it."""
        return f"VEDETTE_{self.section.upper()}__{self.key.upper()}"

    @property
    def limits(self) -> Between | None:
        """The limits of a number."""
        return next((rule for rule in self.rules if isinstance(rule, Between)), None)


def options_of(section: str, kind: type[Any]) -> tuple[Option, ...]:
    """Read the options of a section from its dataclass, in their order."""
    hints = typing.get_type_hints(kind, include_extras=True)
    summaries = attribute_summaries(kind.__doc__ or "")
    return tuple(
        _option(section, each, hints[each.name], summaries.get(each.name, "")) for each in dataclasses.fields(kind)
    )


def _option(section: str, field: dataclasses.Field[Any], hint: Any, summary: str) -> Option:
    rules: tuple[Any, ...] = ()
    if typing.get_origin(hint) is typing.Annotated:
        hint, *extras = typing.get_args(hint)
        rules = tuple(extras)
    is_optional = False
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = (each for each in typing.get_args(hint) if each is not types.NoneType)
        is_optional = True
    choices: tuple[str, ...] = ()
    kind: Any = {str: "str", int: "int", float: "float", bool: "bool", Path: "path"}.get(hint)
    if typing.get_origin(hint) is Literal:
        kind, choices = "choice", typing.get_args(hint)
    elif typing.get_origin(hint) is tuple:
        kind = "list"
    if kind is None:
        raise TypeError(f"{section}.{field.name}: options of type {hint} are not supported")
    return Option(section, field.name, kind, is_optional, field.default, choices, rules, summary)


def attribute_summaries(docstring: str) -> dict[str, str]:
    """Return what a Google-style docstring says of each attribute."""
    found: dict[str, str] = {}
    name = ""
    in_part = False
    for line in docstring.splitlines():
        text = line.strip()
        if text == "Attributes:":
            in_part = True
        elif in_part and (match := re.match(r" {8}(\w+): (.*)", line)):
            name = match[1]
            found[name] = match[2].strip()
        elif in_part and name and line.startswith(" " * 12) and text:
            found[name] += " " + text
    return found


def convert(option: Option, value: object) -> Any:
    """Check a value from TOML and turn it into what the dataclass holds.

    Raises:
        BadValueError: Wrong type, outside the limits, or not of the expected form.
    """
    converted = _convert(option, value)
    for each in converted if isinstance(converted, tuple) else (converted,):
        for rule in option.rules:
            _check(rule, each)
    return converted


def from_text(option: Option, text: str) -> Any:
    """Check the text of an environment variable and turn it into what the dataclass holds.

    Raises:
        BadValueError: As ``convert``.
    """
    value: object = text
    if option.kind == "bool":
        value = {"true": True, "false": False, "1": True, "0": False}.get(text.lower(), text)
    elif option.kind == "int":
        value = int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text
    elif option.kind == "float":
        value = float(text) if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text) else text
    elif option.kind == "list":
        value = [each.strip() for each in text.split(_LIST_SEPARATOR) if each.strip()]
    return convert(option, value)


def _convert(option: Option, value: object) -> Any:
    match option.kind, value:
        case ("str", str()):
            return _one_line(value)
        case ("path", str()) if value or option.is_optional:
            return Path(_one_line(value)).expanduser() if value else None
        case ("list", list()) if all(isinstance(each, str) for each in value):
            return tuple(_one_line(each) for each in value)
        case (("int" | "float"), int() | float()) if not isinstance(value, bool):
            if option.kind == "float" or isinstance(value, int):
                return float(value) if option.kind == "float" else value
        case ("bool", bool()) | ("choice", _) if option.kind == "bool" or value in option.choices:
            return value
    expected = f"one of {', '.join(option.choices)}" if option.kind == "choice" else _EXPECTED[option.kind]
    raise BadValueError(f"expects {expected}, not {_shown(value)}")


_EXPECTED: Final = {
    "str": "text in quotes",
    "path": "a path in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": 'a list of texts such as ["a", "b"]',
}


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise BadValueError("expects one line of printable text")
    return text


def _check(rule: object, value: Any) -> None:
    match rule:
        case Between(least, most) if not least <= value <= most:
            raise BadValueError(f"must be from {least:g} to {most:g}, not {value:g}")
        case Network() if not _is_network(value):
            raise BadValueError(f"{_shown(value)} is not a network such as 10.0.0.0/8, without host bits")
        case Hostname() if not (is_address(value) or _HOSTNAME.fullmatch(value)):
            raise BadValueError(f"{_shown(value)} is neither a host name nor an IP address")
        case Address() if value and not is_address(value):
            raise BadValueError(f"{_shown(value)} is not an IP address")
        case OneOf(words) if value not in words:
            raise BadValueError(f"{_shown(value)} is not one of {', '.join(words)}")


def _is_network(text: str) -> bool:
    try:
        parse_network(text)
    except ValueError:
        return False
    return True


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - the width of a line
