"""Requests to the decision point, read from JSON: members that are not known are passed over, as the standard asks.

Source:
    OpenID AuthZEN Authorization API 1.0: information model, evaluations with default values, searches.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated, Any, Final

import msgspec

from vedette.access import SEARCHED_MAX, Asked
from vedette.api.errors import InvalidBody
from vedette.api.protection import check_json
from vedette.kernel import Problem

EVALUATIONS_MAX: Final = 256
_TEXT_MAX: Final = 512
_SEMANTICS: Final = ("execute_all", "deny_on_first_deny", "permit_on_first_permit")
_PARTS: Final = ("subject", "action", "resource")
_PAGE_TOKEN: Final = re.compile(r"([0-9]{1,15})-([0-9a-f]{16})", re.ASCII)
_MARK_CHARS: Final = 16
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
        """Return the question it is."""
        return Asked(
            subject_type=self.subject.type,
            subject_id=self.subject.id,
            action=self.action.name,
            resource_type=self.resource.type,
            resource_id=self.resource.id,
            context=self.context or {},
            caller=caller,
            subject_properties=self.subject.properties or {},
            resource_properties=self.resource.properties or {},
            action_properties=self.action.properties or {},
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of what a search finds is wanted.

    Attributes:
        after: Where it begins; 0: at the beginning.
        most: At most so many.
    """

    after: int
    most: int
    mark: str

    def token(self, next_after: int | None) -> str:
        """Return what leads to the page behind this one; empty: nothing does."""
        return "" if next_after is None else f"{next_after}-{self.mark}"


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


def read_page(body: object, item: Item) -> Wanted:
    """Return which part of what a search finds is wanted.

    Raises:
        InvalidBody: The token is none of ours, or of another search; the limit is none.
    """
    members = _object(body, "the body").get("page")
    page = {} if members is None else _object(members, "page")
    most = page.get("limit", SEARCHED_MAX)
    if not isinstance(most, int) or isinstance(most, bool) or most < 0:
        raise InvalidBody("page.limit is no whole number from 0")
    token, mark = page.get("token"), _mark(item)
    if token in ("", None):
        return Wanted(0, min(most, SEARCHED_MAX), mark)
    found = _PAGE_TOKEN.fullmatch(token) if isinstance(token, str) else None
    if found is None:
        raise InvalidBody("the page token is none of ours", hint="pass next_token of the page before")
    if found[2] != mark:
        raise InvalidBody("the page token is of another search", hint="ask for its pages as for the first one")
    return Wanted(int(found[1]), min(most, SEARCHED_MAX), mark)


def _mark(item: Item) -> str:
    """Return what tells one search from another; pages of one may differ in size."""
    return hashlib.sha256(msgspec.json.encode(item, order="deterministic")).hexdigest()[:_MARK_CHARS]


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
            # An evaluation's own part replaces the default as a whole.
            part = own[name] if name in own else defaults.get(name)
            if part is not None:
                merged[name] = part
        return read_evaluation(merged)
    except Problem as problem:
        return problem.detail


def _object(value: object, name: str) -> _Object:
    if not isinstance(value, dict):
        raise InvalidBody(f"{name} is not an object")
    return value
