"""Requests to the decision point, read from JSON: members that are not known are passed over, as the standard asks.

Source:
    OpenID AuthZEN Authorization API 1.0: information model, evaluations with default values, searches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated, Any, Final

import msgspec

from vedette.access import Asked
from vedette.api.errors import InvalidBody
from vedette.api.protection import check_json
from vedette.kernel import Problem

EVALUATIONS_MAX: Final = 256
_TEXT_MAX: Final = 512
_SEMANTICS: Final = ("execute_all", "deny_on_first_deny", "permit_on_first_permit")
_PARTS: Final = ("subject", "action", "resource")
# What an evaluation may leave to the default of the whole request.
_REQUIRED: Final = {"subject": ("type", "id"), "action": ("name",), "resource": ("type", "id")}
_PAGE_TOKEN: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=_TEXT_MAX)]
_Object = dict[str, Any]  # Any: JSON


class Kind(Enum):
    """What a search leaves out, to be found."""

    SUBJECT = auto()
    RESOURCE = auto()
    ACTION = auto()


class _Entity(msgspec.Struct, frozen=True):
    type: _Text
    id: _Text
    properties: _Object | None = None


class _Action(msgspec.Struct, frozen=True):
    name: _Text
    properties: _Object | None = None


class Item(msgspec.Struct, frozen=True):
    """One evaluation, complete."""

    subject: _Entity
    action: _Action
    resource: _Entity
    context: _Object | None = None

    def asked(self, *, caller: str) -> Asked:
        """Return the question it is; properties are not read: what an identity is, we know ourselves."""
        return Asked(
            subject_type=self.subject.type,
            subject_id=self.subject.id,
            action=self.action.name,
            resource_type=self.resource.type,
            resource_id=self.resource.id,
            context=self.context or {},
            caller=caller,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Several evaluations; one that cannot be read stands as the words that say why."""

    items: Sequence[Item | str]
    semantic: str


def check_type(media_type: str, body: bytes) -> object:
    """Return the JSON of a body.

    Raises:
        InvalidBody: It is none, or not said to be.
    """
    if media_type.partition(";")[0].strip().lower() != "application/json":
        raise InvalidBody("the body does not come as application/json", hint="send Content-Type: application/json")
    if not body:
        raise InvalidBody("the body is empty", hint="send a JSON object")
    check_json(body)
    return msgspec.json.decode(body)


def read_evaluation(body: object) -> Item:
    """Return one evaluation.

    Raises:
        InvalidBody: A member is missing or of another type.
    """
    try:
        return msgspec.convert(body, Item)
    except msgspec.ValidationError as error:
        raise InvalidBody(f"the request is not an evaluation: {str(error)[:200]}") from error


def read_batch(body: object) -> Batch | Item:
    """Return several evaluations with their defaults filled in, or the only one where there is no list of them.

    Raises:
        InvalidBody: The request as a whole cannot be read; one evaluation that cannot does no harm to the others.
    """
    members = _object(body, "the body")
    evaluations = members.get("evaluations")
    semantic = _semantic(members.get("options"))
    if evaluations is None or evaluations == []:
        return read_evaluation(body)
    if not isinstance(evaluations, list):
        raise InvalidBody("evaluations is not a list")
    if len(evaluations) > EVALUATIONS_MAX:
        raise InvalidBody(f"there are more than {EVALUATIONS_MAX} evaluations", hint="ask in several requests")
    for name in (*_PARTS, "context"):
        if members.get(name) is not None:
            _object(members[name], name)
    return Batch([_complete(each, members) for each in evaluations], semantic)


def read_search(body: object, kind: Kind) -> Item:
    """Return what a search asks; what it is to find is left empty.

    Raises:
        InvalidBody: A member is missing or of another type.
    """
    members = dict(_object(body, "the body"))
    if kind is Kind.ACTION:
        members["action"] = {"name": "-"}
    else:
        name = kind.name.lower()
        members[name] = {**_object(members.get(name), name), "id": "-"}
    return read_evaluation(members)


def read_page(body: object) -> int:
    """Return where a search goes on; 0 at its beginning.

    Raises:
        InvalidBody: The token is none of ours.
    """
    page = _object(body, "the body").get("page")
    token = "" if page is None else _object(page, "page").get("token", _object(page, "page").get("next_token", ""))
    if token in ("", None):
        return 0
    if not isinstance(token, str) or not _PAGE_TOKEN.fullmatch(token):
        raise InvalidBody("the page token is none of ours", hint="pass next_token of the page before")
    return int(token)


def _semantic(options: object) -> str:
    if options is None:
        return _SEMANTICS[0]
    semantic = _object(options, "options").get("evaluations_semantic", _SEMANTICS[0])
    if semantic not in _SEMANTICS:
        raise InvalidBody(f"evaluations_semantic is none of {', '.join(_SEMANTICS)}")
    return str(semantic)


def _complete(evaluation: object, defaults: _Object) -> Item | str:
    try:
        own = _object(evaluation, "an evaluation")
        merged: _Object = {"context": own.get("context", defaults.get("context"))}
        for name in _PARTS:
            part, default = own.get(name), defaults.get(name)
            if part is None:
                part = default
            elif isinstance(part, dict) and isinstance(default, dict):
                # An evaluation's own part replaces the default as a whole, but for what no part can be without.
                part = {each: default[each] for each in _REQUIRED[name] if each in default} | part
            if part is not None:
                merged[name] = part
        return read_evaluation(merged)
    except Problem as problem:
        return problem.detail


def _object(value: object, name: str) -> _Object:
    if not isinstance(value, dict):
        raise InvalidBody(f"{name} is not an object")
    return value
