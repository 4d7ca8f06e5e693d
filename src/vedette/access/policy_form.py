"""The most common shape of a policy as a form, and back: whom it concerns, what they may do, and what must hold.

One table of conditions drives both ways: each is a piece of Cedar with holes. Writing fills the holes; reading looks
for pieces of the same shape and takes out what stands in the holes. A policy of another shape stays text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Final, Literal

import cedarpy
import msgspec

from vedette.access.policy_text import PolicyText, conjuncts, read_policies
from vedette.kernel import Problem

Kind = Literal["any", "device", "module"]
Value = str | int | list[str] | list[int] | None
_Tree = Any  # Any: Cedar's own JSON form of an expression

ITEMS_MAX: Final = 100
TEXT_MAX_CHARS: Final = 1024
_NUMBER_MAX: Final = 2**53
_MINUTES: Final = 1440
_TEXT_HOLE: Final = "\ue000hole"
_FIRST_HOLE: Final = 918_273_645
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_HOURS: Final = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_TYPES: Final[dict[Kind, str]] = {"any": "principal", "device": "principal is Device", "module": "principal is Module"}
NOTES: Final = ("owner", "why", "guidance", "expires")


class NotAForm(Problem):
    """A policy that is no form, or a form that is no policy."""

    code: ClassVar[str] = "access.not_a_form"
    status: ClassVar[int] = 422


class FormItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that must hold.

    Attributes:
        kind: A name from ``SELECTORS`` or ``CONDITIONS``.
        value: What it is compared with; ``None`` where there is nothing to compare.
    """

    kind: str
    value: Value = None


class PolicyForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One policy as a form.

    Attributes:
        effect: ``permit``: those concerned may, as long as all conditions hold. ``forbid``: those concerned may not,
            unless all conditions hold; without conditions they never may.
        principals: What kind of identity is concerned.
        selectors: Who is concerned; all must fit.
        actions: None stands for every action.
        expires: RFC 3339 date, or empty.
    """

    policy_id: str
    effect: Literal["permit", "forbid"]
    principals: Kind = "any"
    selectors: tuple[FormItem, ...] = ()
    actions: tuple[str, ...] = ()
    conditions: tuple[FormItem, ...] = ()
    owner: str = ""
    why: str = ""
    guidance: str = ""
    expires: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A condition as Cedar.

    Attributes:
        cedar: Written with ``{}`` for each hole.
        takes: What fills the hole.
        words: For people.
        fits: Which values this piece is for, where two share a kind.
    """

    kind: str
    cedar: str
    takes: Literal["nothing", "text", "number", "texts", "numbers", "hours"]
    words: str
    fits: Callable[[Value], bool] = lambda _: True


def _is_within_a_day(value: Value) -> bool:
    begin, end = read_hours(value)
    return begin < end


SELECTORS: Final = (
    Piece("group", "principal.groups.contains({})", "text", "is in the group"),
    Piece("site", "principal has site && principal.site == {}", "text", "belongs to the site"),
    Piece("zone", "principal has zone && principal.zone == {}", "text", "belongs to the zone"),
    Piece("device_class", "principal.deviceClass == {}", "text", "is of the class"),
    Piece("tag", "principal.tags.contains({})", "text", "has the tag"),
)
_HOURS_WITHIN: Final = "context has localMinute && context.localMinute >= {} && context.localMinute < {}"
_HOURS_OVER: Final = "context has localMinute && (context.localMinute >= {} || context.localMinute < {})"
CONDITIONS: Final = (
    Piece("tls_version", "context.tlsVersion == {}", "text", "the TLS version is"),
    Piece("credential_in", "{}.contains(context.credential)", "texts", "the credential is one of"),
    Piece("key_bits_at_least", "context has keyBits && context.keyBits >= {}", "number", "the key has at least bits"),
    Piece(
        "credential_age_at_most_hours",
        "context has credentialAgeHours && context.credentialAgeHours <= {}",
        "number",
        "the credential is at most hours old",
    ),
    Piece("network", "context.address.isInRange(ip({}))", "text", "the address is in the network"),
    Piece(
        "site_network",
        "context has isSiteNetwork && context.isSiteNetwork",
        "nothing",
        "the address is in a network of its site",
    ),
    Piece(
        "metres_from_site_at_most",
        "context has metresFromSite && context.metresFromSite <= {}",
        "number",
        "it is at most so many metres outside its site's circle (0: inside)",
    ),
    Piece(
        "plausible_position",
        "context has isPositionPlausible && context.isPositionPlausible",
        "nothing",
        "position and network go together",
    ),
    Piece("one_location", "!context.isSecondLocation", "nothing", "it is in one place only"),
    Piece("hours", _HOURS_WITHIN, "hours", "the local time is within", _is_within_a_day),
    Piece("hours", _HOURS_OVER, "hours", "the local time is within", lambda value: not _is_within_a_day(value)),
    Piece(
        "weekdays",
        "context has localWeekday && {}.contains(context.localWeekday)",
        "numbers",
        "the local day is one of (1 is Monday)",
    ),
    Piece("risk_in", "{}.contains(principal.riskLevel)", "texts", "the risk level is one of"),
    Piece("no_finding", "!principal.findings.contains({})", "text", "it does not have the finding"),
    Piece("identity_strength_in", "{}.contains(principal.identityStrength)", "texts", "the identity's strength is"),
    Piece("not_quarantined", "!principal.isQuarantined", "nothing", "it is not quarantined"),
)


def write_form(form: PolicyForm) -> str:
    """Return a form as the text of one policy.

    Raises:
        NotAForm: A name or value does not fit.
    """
    if not _IDENTIFIER.fullmatch(form.policy_id):
        raise NotAForm("an id has 1 to 128 letters, digits and any of . _ : -", hint="such as pumps-by-day")
    if max(len(form.actions), len(form.selectors), len(form.conditions)) > ITEMS_MAX:
        raise NotAForm(f"a form has at most {ITEMS_MAX} actions, selectors and conditions", limit=ITEMS_MAX)
    lines = [f"@id({quote(form.policy_id)})"]
    lines += [f"@{name}({quote(getattr(form, name))})" for name in NOTES if getattr(form, name)]
    lines.append(f"{form.effect} ({_TYPES[form.principals]}, {_write_actions(form.actions)}, resource is Hub)")
    selected = [_write_item(item, SELECTORS) for item in form.selectors]
    required = [_write_item(item, CONDITIONS) for item in form.conditions]
    if form.effect == "permit":
        selected, required = [*selected, *required], []
    lines += [
        f"{word} {{ {' && '.join(parts)} }}" for word, parts in (("when", selected), ("unless", required)) if parts
    ]
    text = "\n".join(lines) + ";"
    try:
        return str(cedarpy.format_policies(text)).strip()
    except ValueError as error:
        raise NotAForm(f"the form makes no policy: {error}") from error


def read_form(text: str) -> PolicyForm:
    """Return the text of one policy as a form.

    Raises:
        NotAForm: It is another shape; it stays text.
        BadPolicyBundle: It does not parse.
    """
    policies = read_policies(text)
    if len(policies) != 1:
        raise NotAForm(f"a form is one policy, not {len(policies)}", hint="choose one of them")
    policy = policies[0]
    tree = policy.tree
    if tree["resource"] not in ({"op": "All"}, {"op": "is", "entity_type": "Hub"}):
        raise NotAForm("the policy names one resource", hint="edit it as text")
    when, unless = _parts(policy, "when"), _parts(policy, "unless")
    if policy.effect == "permit" and unless:
        raise NotAForm("a permit with `unless`", hint="edit it as text")
    table = (*SELECTORS, *CONDITIONS) if policy.effect == "permit" else SELECTORS
    found = [_items(body, table) for body in when]
    items = [item for each in found for item in each]
    names = {piece.kind for piece in SELECTORS}
    conditions = [item for item in items if item.kind not in names]
    if policy.effect == "forbid":
        if len(unless) > 1:
            raise NotAForm("more than one `unless`", hint="edit it as text")
        conditions = [item for body in unless for item in _items(body, CONDITIONS)]
    notes = {name: policy.annotations.get(name, "") for name in NOTES}
    if set(policy.annotations) - {"id", *NOTES}:
        raise NotAForm("the policy has notes that the form has no field for", hint="edit it as text")
    return PolicyForm(
        policy_id=policy.policy_id,
        effect=policy.effect,
        principals=_read_principals(tree["principal"]),
        selectors=tuple(item for item in items if item.kind in names),
        actions=_read_actions(tree["action"]),
        conditions=tuple(conditions),
        **notes,
    )


def quote(text: str) -> str:
    """Return a text as a Cedar string literal.

    Raises:
        NotAForm: It is longer than 1,024 characters.
    """
    if len(text) > TEXT_MAX_CHARS:
        raise NotAForm(f"a text has at most {TEXT_MAX_CHARS} characters", limit=TEXT_MAX_CHARS)
    return '"' + "".join(_escape(char) for char in text) + '"'


def read_hours(value: Value) -> tuple[int, int]:
    """Return the minutes of the day at which ``HH:MM-HH:MM`` begins and ends.

    Raises:
        NotAForm: It is something else.
    """
    found = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise NotAForm("hours are written HH:MM-HH:MM", hint="such as 06:00-22:00, or 22:00-06:00 over midnight")
    begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups())
    begin, end = begin_hour * 60 + begin_minute, end_hour * 60 + end_minute
    if begin >= _MINUTES or end > _MINUTES or begin == end:
        raise NotAForm("hours begin before 24:00, end by then, and are not empty", hint="such as 06:00-22:00")
    return begin, end


def _escape(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    if "\ud800" <= char <= "\udfff":
        raise NotAForm("a text holds half a character", hint="write it anew")
    return f"\\u{{{ord(char):x}}}"


def _write_actions(actions: Sequence[str]) -> str:
    if not actions:
        return "action"
    named = ", ".join(f"Action::{quote(action)}" for action in actions)
    return f"action == {named}" if len(actions) == 1 else f"action in [{named}]"


def _write_item(item: FormItem, table: Sequence[Piece]) -> str:
    pieces = [piece for piece in table if piece.kind == item.kind]
    if not pieces:
        known = ", ".join(dict.fromkeys(piece.kind for piece in table))
        raise NotAForm(f"there is no condition {item.kind[:40]!r} here", hint=f"there are: {known}")
    piece = next((piece for piece in pieces if piece.fits(item.value)), pieces[0])
    return piece.cedar.format(*_literals(piece, item.value))


def _literals(piece: Piece, value: Value) -> list[str]:
    """Return what fills the holes of a piece."""
    expected = {"text": str, "number": int, "texts": list, "numbers": list, "hours": str, "nothing": type(None)}
    if not isinstance(value, expected[piece.takes]) or isinstance(value, bool):
        raise NotAForm(f"{piece.kind} takes {piece.takes}, not this value")
    if piece.takes == "hours":
        return [str(minute) for minute in read_hours(value)]
    if isinstance(value, list):
        if not 1 <= len(value) <= ITEMS_MAX:
            raise NotAForm(f"{piece.kind} takes 1 to {ITEMS_MAX} values", limit=ITEMS_MAX)
        item_type = str if piece.takes == "texts" else int
        if not all(isinstance(each, item_type) and not isinstance(each, bool) for each in value):
            raise NotAForm(f"{piece.kind} takes {piece.takes}, not these values")
        return ["[" + ", ".join(_literal(each) for each in value) + "]"]
    return [] if value is None else [_literal(value)]


def _literal(value: str | int) -> str:
    if isinstance(value, str):
        return quote(value)
    if not 0 <= value <= _NUMBER_MAX:
        raise NotAForm(f"a number is 0 to {_NUMBER_MAX}", limit=_NUMBER_MAX)
    return str(value)


def _parts(policy: PolicyText, kind: str) -> list[_Tree]:
    return [condition["body"] for condition in policy.tree["conditions"] if condition["kind"] == kind]


def _read_principals(scope: _Tree) -> Kind:
    kinds: dict[str, Kind] = {"Device": "device", "Module": "module"}
    if scope["op"] == "All":
        return "any"
    if scope["op"] == "is" and "in" not in scope and scope["entity_type"] in kinds:
        return kinds[scope["entity_type"]]
    raise NotAForm("the policy names one identity", hint="put it into a group, or edit the policy as text")


def _read_actions(scope: _Tree) -> tuple[str, ...]:
    if scope["op"] == "All":
        return ()
    return tuple(entity["id"] for entity in (scope["entities"] if "entities" in scope else [scope["entity"]]))


def _items(body: _Tree, table: Sequence[Piece]) -> list[FormItem]:
    """Read an expression as items of the table, one after the other."""
    parts, found, at = conjuncts(body), [], 0
    pieces = sorted(table, key=lambda piece: -len(_shape(piece)))
    while at < len(parts):
        for piece in pieces:
            shape = _shape(piece)
            holes: dict[int, Value] = {}
            if len(parts) - at >= len(shape) and all(
                _unify(wanted, part, holes) for wanted, part in zip(shape, parts[at : at + len(shape)], strict=True)
            ):
                item = _item(piece, holes)
                if item is not None:
                    found.append(item)
                    at += len(shape)
                    break
        else:
            raise NotAForm("a condition that the form has no field for", hint="edit the policy as text")
    return found


def _item(piece: Piece, holes: dict[int, Value]) -> FormItem | None:
    if piece.takes == "nothing":
        return FormItem(piece.kind)
    value = holes.get(0)
    if piece.takes == "hours":
        begin, end = holes.get(0), holes.get(1)
        if not isinstance(begin, int) or not isinstance(end, int):
            return None
        value = f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    try:
        _literals(piece, value)
        return FormItem(piece.kind, value) if piece.fits(value) else None
    except NotAForm:
        return None


@cache
def _shape(piece: Piece) -> tuple[_Tree, ...]:
    """Return a piece as Cedar's JSON form, holes filled with what stands nowhere else."""
    number_holes = [str(_FIRST_HOLE + number) for number in range(2)]
    text_hole = f'"{_TEXT_HOLE}"'
    holes = {"text": [text_hole], "texts": [f"[{text_hole}]"], "numbers": [f"[{number_holes[0]}]"]}
    body = piece.cedar.format(*holes.get(piece.takes, number_holes))
    policy = json.loads(cedarpy.policies_to_json_str(f"permit (principal, action, resource) when {{ {body} }};"))
    return tuple(conjuncts(policy["staticPolicies"]["policy0"]["conditions"][0]["body"]))


def _unify(wanted: _Tree, found: _Tree, holes: dict[int, Value]) -> bool:
    """Tell whether an expression has the wanted shape, and put down what stands in the holes."""
    hole = _hole(wanted)
    if hole is not None:
        return _fill(wanted, found, hole, holes)
    if isinstance(wanted, dict) and set(wanted) == {"Set"} and _hole(wanted["Set"][0]) is not None:
        members = found.get("Set") if isinstance(found, dict) else None
        if not isinstance(members, list) or not all(set(each) == {"Value"} for each in members):
            return False
        holes[0] = [each["Value"] for each in members]
        return True
    if isinstance(wanted, dict) and isinstance(found, dict):
        return set(found) == set(wanted) and all(_unify(wanted[key], found[key], holes) for key in wanted)
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(_unify, wanted, found, [holes] * len(wanted)))
    return bool(wanted == found)


def _fill(wanted: _Tree, found: _Tree, hole: int, holes: dict[int, Value]) -> bool:
    value = found.get("Value") if isinstance(found, dict) and set(found) == {"Value"} else None
    if isinstance(value, bool) or not isinstance(value, str if wanted["Value"] == _TEXT_HOLE else int):
        return False
    holes[hole] = value
    return True


def _hole(tree: _Tree) -> int | None:
    if not isinstance(tree, dict) or set(tree) != {"Value"}:
        return None
    value = tree["Value"]
    if value == _TEXT_HOLE:
        return 0
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value - _FIRST_HOLE <= 1:
        return value - _FIRST_HOLE
    return None
