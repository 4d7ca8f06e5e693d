"""Checking a policy bundle before it decides anything: does it parse, does it fit, is each policy what it should be?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Final, NamedTuple

from vedette.trust.anchors import PolicyTree
from vedette.trust.bundle import BadPolicyBundle, PolicyBundle, check_size, device_schema, find_site_flaws
from vedette.trust.cedar import read_of_context
from vedette.trust.facts import OPTIONAL_FACTS
from vedette.trust.spelling import find_unknown_names, suggest

ANNOTATIONS: Final = ("id", "owner", "why", "guidance")
EXPIRES: Final = "expires"
_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")
_ANNOTATION_MAX_CHARS: Final = 1_000
_FLAWS_MAX: Final = 200
# Comments and strings are passed over, so that neither can end a policy.
# A string that does not end goes to the end: tried again from each quote in it, a large one would take hours.
_TOKEN: Final = re.compile(r'//[^\n]*|"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|;|[^";/]+|/', re.DOTALL)
_END: Final = ";"
_FOR_ACTION: Final = re.compile(r' for Action::"(\w+)"')
# Follows from a name that is not known, and says no more than that.
_UNRECOGNIZED: Final = "unrecognized"
_NO_ACTION: Final = "unable to find an applicable action"
_POLICY_INDEX: Final = re.compile(r"policy(\d+)")


class PolicyFlaw(NamedTuple):
    """One thing that is wrong with a bundle, and where.

    Attributes:
        line: Of the policies' text, from 1; 0 where no line is to blame.
        column: From 1; 0 where no column is to blame.
        policy: The policy's ``@id``, or the name Cedar gives it; empty: the bundle as a whole.
        message: What is wrong and what to write instead.
        is_error: It must not go into force; else it is a warning.
    """

    line: int
    column: int
    policy: str
    message: str
    is_error: bool


class _Place(NamedTuple):
    line: int
    column: int
    text: str


def check_bundle(bundle: PolicyBundle, today: date | None = None) -> list[PolicyFlaw]:
    """Return what is wrong with a bundle, in the order of its text; pure.

    Args:
        bundle: Any text is taken.
        today: Warn of policies whose review date has passed by then; ``None``: do not look.
    """
    flaws = [_of_bundle(f"site {name!r}: {flaw}") for name, flaw in find_site_flaws(bundle.sites.items())]
    try:
        check_size(bundle)
    except BadPolicyBundle as bad:
        return [_of_bundle(bad.detail)]
    places = list(_split(bundle.policies_text))
    policies = _parse(bundle.policies_text, places, flaws)
    if policies is not None:
        flaws += _validate(bundle.policies_text, policies, places)
        flaws += _lint(policies, places, today)
    return sorted(flaws, key=lambda flaw: (flaw.line, flaw.column, not flaw.is_error))[:_FLAWS_MAX]


def _of_bundle(message: str) -> PolicyFlaw:
    return PolicyFlaw(0, 0, "", message, is_error=True)


def _split(text: str) -> Iterator[_Place]:
    """Yield the policies of a text with the place where each begins; the last may lack its end."""
    begin, line, column, start = 0, 1, 1, None
    for match in _TOKEN.finditer(text):
        token = match[0]
        is_comment = token.startswith("//")
        stripped = token.lstrip()
        if start is None and stripped and not is_comment:
            skipped = token[: len(token) - len(stripped)]
            at_line, at_column = _advance(skipped, line, column)
            begin, start = match.start() + len(skipped), (at_line, at_column)
        line, column = _advance(token, line, column)
        if token == _END and start is not None:
            yield _Place(*start, text[begin : match.end()])
            start = None
    if start is not None:
        yield _Place(*start, text[begin:])


def _advance(text: str, line: int, column: int) -> tuple[int, int]:
    breaks = text.count("\n")
    if not breaks:
        return line, column + len(text)
    return line + breaks, len(text) - text.rindex("\n")


def _parse(text: str, places: list[_Place], flaws: list[PolicyFlaw]) -> list[tuple[str, PolicyTree]] | None:
    """Return the policies as Cedar reads them, in the text's order, or note where it cannot."""
    import cedarpy  # noqa: PLC0415 - optional on a device

    try:
        tree = json.loads(cedarpy.policies_to_json_str(text))
    except (ValueError, RecursionError) as error:
        flaws += list(_find_unreadable(places)) or [_of_bundle(f"the policies do not parse: {error}")]
        return None
    if tree["templates"]:
        flaws.append(_of_bundle("templates are not taken; write the values into the policy"))
        return None
    named = sorted(tree["staticPolicies"].items(), key=lambda item: _index(item[0]))
    return [(key, policy) for key, policy in named]


def _find_unreadable(places: list[_Place]) -> Iterator[PolicyFlaw]:
    import cedarpy  # noqa: PLC0415 - optional on a device

    for place in places:
        try:
            cedarpy.policies_to_json_str(place.text)
        except ValueError as error:
            yield PolicyFlaw(place.line, place.column, "", f"this policy does not parse: {error}", is_error=True)


def _index(name: str) -> int:
    match = _POLICY_INDEX.fullmatch(name)
    return int(match[1]) if match is not None else 0


def _validate(text: str, policies: list[tuple[str, PolicyTree]], places: list[_Place]) -> Iterator[PolicyFlaw]:
    """Yield what does not fit this release's schema: misspelt names, and optional facts read without ``has``."""
    import cedarpy  # noqa: PLC0415 - optional on a device

    names = {key: _name(key, policy) for key, policy in policies}
    actions: dict[tuple[str, str], set[str]] = {}
    errors = cedarpy.validate_policies(text, device_schema()).errors
    misspelt = {each.policy_id for each in errors if _UNRECOGNIZED in each.error}
    for error in errors:
        if _NO_ACTION in error.error and error.policy_id in misspelt:
            continue
        message = _FOR_ACTION.sub("", error.error)
        actions.setdefault((error.policy_id, message), set()).update(_FOR_ACTION.findall(error.error))
    for (key, message), concerned in actions.items():
        place, name = _place(places, _index(key)), names.get(key, key)
        where = f" ({', '.join(sorted(concerned))})" if concerned else ""
        yield PolicyFlaw(
            place.line, place.column, name, message.replace(key, name) + where + suggest(message), is_error=True
        )


def _place(places: list[_Place], index: int) -> _Place:
    return places[index] if index < len(places) else _Place(0, 0, "")


def _name(key: str, policy: PolicyTree) -> str:
    return str(policy.get("annotations", {}).get("id") or key)


def _lint(policies: list[tuple[str, PolicyTree]], places: list[_Place], today: date | None) -> Iterator[PolicyFlaw]:
    seen: dict[str, int] = {}
    for number, (key, policy) in enumerate(policies):
        place, name = _place(places, number), _name(key, policy)
        messages = [
            *((message, True) for message in _annotation_errors(policy)),
            *((message, False) for message in _expiry_warnings(policy, today)),
            *_scope_flaws(policy),
            *((message, True) for message in find_unknown_names(policy)),
            *((message, False) for message in _unknown_passes(policy)),
        ]
        if name in seen:
            messages.append((f"@id {name!r} is also that of the policy at line {seen[name]}", True))
        seen.setdefault(name, place.line)
        for message, is_error in messages:
            yield PolicyFlaw(place.line, place.column, name, message, is_error=is_error)


def _annotation_errors(policy: PolicyTree) -> Iterator[str]:
    annotations = policy.get("annotations", {})
    for name in ANNOTATIONS:
        if not annotations.get(name):
            yield f'@{name}("…") is missing'
        elif len(annotations[name]) > _ANNOTATION_MAX_CHARS:
            yield f"@{name} is over {_ANNOTATION_MAX_CHARS} characters"
    if annotations.get("id") and not _ID.fullmatch(annotations["id"]):
        yield "@id is 1 to 100 of a-z, 0-9, '.', '_' and '-'"
    if EXPIRES in annotations and _read_date(annotations[EXPIRES]) is None:
        yield f"@{EXPIRES} is a date such as 2027-01-31"


def _expiry_warnings(policy: PolicyTree, today: date | None) -> Iterator[str]:
    expires = _read_date(policy.get("annotations", {}).get(EXPIRES))
    if today is not None and expires is not None and expires <= today:
        yield f"its review date {expires} has passed: look at it again, and set a later @{EXPIRES} or remove it"


def _read_date(text: str | None) -> date | None:
    try:
        return None if text is None else datetime.fromisoformat(text).date()
    except ValueError:
        return None


def _scope_flaws(policy: PolicyTree) -> Iterator[tuple[str, bool]]:
    if policy["effect"] != "permit":
        return
    is_any = policy["principal"]["op"] == "All" and policy["action"]["op"] == "All"
    if is_any and not policy["conditions"]:
        yield "a permit for everyone and everything; name the actions, and say when", True
    elif policy["action"]["op"] == "All":
        yield "a permit for every action also permits those of later releases; name the actions", False


def _unknown_passes(policy: PolicyTree) -> Iterator[str]:
    """Find forbids in whose ``when`` an optional fact stands: while it is unknown, they do not forbid."""
    if policy["effect"] != "forbid":
        return
    for condition in policy["conditions"]:
        if condition["kind"] == "when":
            for name in sorted(_read_if_known(condition["body"]) & OPTIONAL_FACTS):
                yield (
                    f"while {name} is unknown this does not forbid; "
                    f"to deny then, write: unless {{ context has {name} && … }}"
                )


def _read_if_known(body: object) -> frozenset[str]:
    """Return what of the context an expression reads, but for what it asks to be missing: ``!(context has x)``."""
    return read_of_context(_without_absences(body)) or frozenset()


def _without_absences(node: object) -> object:
    if isinstance(node, list):
        return [_without_absences(each) for each in node]
    if not isinstance(node, dict):
        return node
    negated = node.get("!")
    if isinstance(negated, dict) and "has" in negated.get("arg", {}):
        return {}
    return {name: _without_absences(each) for name, each in node.items()}
