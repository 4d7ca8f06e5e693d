"""The options that describe a device, for devices that an operator creates and for those that enrollment creates."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Annotated, Any, Final, ParamSpec

import typer

from vedette.cli.problems import Usage

P = ParamSpec("P")

_OPTIONS: Final[dict[str, object]] = {
    "site": Annotated[str | None, typer.Option("--site", metavar="TEXT", help="Where it stands.")],
    "zone": Annotated[str | None, typer.Option("--zone", metavar="TEXT", help="Its network zone.")],
    "purdue_level": Annotated[
        str | None, typer.Option("--purdue-level", metavar="TEXT", help="Its level in the Purdue model, such as `1`.")
    ],
    "device_class": Annotated[
        str | None, typer.Option("--device-class", metavar="TEXT", help="What policies know its kind by; `standard`.")
    ],
    "identity_class": Annotated[
        str | None,
        typer.Option("--identity-class", metavar="TEXT", help="`physical` (default), `virtual` or `container`."),
    ],
    "failure_mode": Annotated[
        str | None,
        typer.Option(
            "--failure-mode",
            metavar="TEXT",
            help="Of its live connection when records are stale: `fail-closed`, `hold-last` (default) or `essential`.",
        ),
    ],
    "hold_s": Annotated[
        int | None, typer.Option("--hold-s", min=0, metavar="SECONDS", help="How long `hold-last` holds; 300.")
    ],
    "tag": Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="PATH=VALUE", help="A tag: `line=A` or `owner.team=red`; repeat for more."),
    ],
}
_REMOVE_TAG: Final = Annotated[
    list[str] | None, typer.Option("--remove-tag", metavar="PATH", help="Take this tag away; repeat for more.")
]


def describing(*, may_remove: bool) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Give a command the options that describe a device; it receives what was given as ``described``.

    Args:
        may_remove: Whether tags can be taken away: for commands that change what is there.
    """

    def decorate(function: Callable[P, None]) -> Callable[P, None]:
        own = inspect.signature(function, eval_str=True).parameters
        options = _OPTIONS | ({"remove_tag": _REMOVE_TAG} if may_remove else {})
        kind = inspect.Parameter.KEYWORD_ONLY
        added = [inspect.Parameter(name, kind, default=None, annotation=each) for name, each in options.items()]
        kept = [each for each in own.values() if each.name != "described"]

        @wraps(function)
        def command(*given: P.args, **named: P.kwargs) -> None:
            found: dict[str, Any] = {name: named.pop(name) for name in options}  # Any: Typer has checked each
            tags = merge(read_tags(found.pop("tag")), removed_tags(found.pop("remove_tag", None)))
            named["described"] = given_only(**found, tags=tags or None)
            function(*given, **named)

        parameters = [
            *(each for each in kept if each.kind != kind),
            *(each for each in kept if each.kind == kind),
            *added,
        ]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what Typer reads
        return command

    return decorate


def given_only(**named: object) -> dict[str, Any]:  # Any: JSON
    """Return the members that are not ``None``."""
    return {name: value for name, value in named.items() if value is not None}


def read_tags(texts: Iterable[str] | None) -> dict[str, Any]:
    """Return ``path=value`` texts as a nested object.

    Raises:
        Usage: A text is not of that form, or two contradict each other.
    """
    found: dict[str, Any] = {}
    for text in texts or ():
        path, separator, value = text.partition("=")
        if not separator or not all(path.split(".")):
            raise Usage(f"--tag {text[:80]!r} is not PATH=VALUE", hint="such as --tag line=A")
        _put(found, path, value)
    return found


def removed_tags(paths: Iterable[str] | None) -> dict[str, Any]:
    """Return the merge patch that takes tags away.

    Raises:
        Usage: A path is empty, or two contradict each other.
    """
    found: dict[str, Any] = {}
    for path in paths or ():
        if not all(path.split(".")):
            raise Usage(f"{path[:80]!r} is not the path of a tag", hint="such as --remove-tag line")
        _put(found, path, None)
    return found


def merge(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return both objects as one, nested members included; the second wins."""
    merged = dict(first)
    for name, value in second.items():
        former = merged.get(name)
        merged[name] = merge(former, value) if isinstance(former, dict) and isinstance(value, dict) else value
    return merged


def _put(place: dict[str, Any], path: str, value: str | None) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            raise Usage(f"the tag {path[:80]!r} lies inside another one that is a text", hint="give one of them")
    if isinstance(place.get(last), dict):
        raise Usage(f"the tag {path[:80]!r} is given as a text and as an object", hint="give one of them")
    place[last] = value
