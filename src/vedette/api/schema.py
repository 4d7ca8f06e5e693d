"""What all routes share: times, pages, reasons, preconditions, and the refusals that the OpenAPI file lists."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Generic, TypeVar, get_args, get_origin

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.dependencies.models import Dependant
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from vedette.api.authentication import Principal
from vedette.api.errors import InvalidRequest, Unauthenticated
from vedette.api.problems import MEDIA_TYPE
from vedette.kernel import DeviceId, ModuleId, parse_device_id, parse_module_id, to_rfc3339
from vedette.ledger import Actor

T = TypeVar("T")

PAGE_MAX: Final = 1000
_NAME_MAX_CHARS: Final = 80
REASON_MAX_CHARS: Final = 1024
# Of revisions and of what is counted: what both databases hold in an integer.
NUMBER_MAX: Final = 2**31 - 1
MERGE_PATCH: Final = "application/merge-patch+json"
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_ETAG: Final = re.compile(r'"(\d{1,15})"')

Responses = dict[int | str, dict[str, Any]]  # Any: OpenAPI objects


def _only_rfc3339(value: object) -> object:
    """Let no number pass as a time."""
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    raise ValueError("must be a time in RFC 3339, such as 2026-11-22T10:00:00Z")


def _in_utc(moment: datetime) -> datetime:
    """Convert to UTC, which not every time near the ends of the calendar can be."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be a time of the years 1 to 9999 in UTC") from error


Moment = Annotated[AwareDatetime, BeforeValidator(_only_rfc3339), AfterValidator(_in_utc)]
Timestamp = Annotated[
    Moment,
    PlainSerializer(to_rfc3339, return_type=str),
    Field(description="RFC 3339, UTC.", examples=["2026-11-22T10:00:00.000Z"]),
]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Most items to return.")]
After = Annotated[str, Query(max_length=256, description="`next` of the page before; empty for the first page.")]
_IfMatch = Annotated[
    str | None,
    Header(
        pattern=r'^(\*|(W/)?"[!#-~]*")$',
        description="The `ETag` that the change is based on; another revision is refused with 412.",
    ),
]
DEVICE_ID_PATTERN: Final = r"^[A-Za-z0-9\-.%_*?!(),=@$']{1,128}$"
_DeviceInPath = Annotated[
    str, Path(description="Device id, percent-encoded.", pattern=DEVICE_ID_PATTERN, examples=["pump-7"])
]
_ModuleInPath = Annotated[
    str,
    Path(description="Module id within its device, percent-encoded.", pattern=DEVICE_ID_PATTERN, examples=["filter"]),
]
# For routes that devices and modules share: what a module's have on top.
OF_MODULE: Final[dict[str, Any]] = {  # Any: OpenAPI objects
    "parameters": [
        {
            "name": "module_id",
            "in": "path",
            "required": True,
            "description": "Module id within its device, percent-encoded.",
            "schema": {"type": "string", "pattern": DEVICE_ID_PATTERN, "examples": ["filter"]},
        }
    ]
}


class View(BaseModel):
    """The base of what is answered and taken: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null", use_enum_values=False)


class Page(View, Generic[T]):
    """Some items of a list, in its order."""

    items: list[T]
    next: str | None = Field(description="Pass it as `after` for the next page; null at the end.")


class RequiredReason(View):
    """Why an act that takes access away, or gives it back, is done; it stands in the ledger."""

    reason: str = Field(min_length=1, max_length=REASON_MAX_CHARS, description="Why, in your own words.")


class Reason(View):
    """Why an act is done; it stands in the ledger."""

    reason: str = Field(default="", max_length=REASON_MAX_CHARS, description="Why, in your own words.")


def _principal_of(request: Request) -> Principal:
    """Return who makes a request.

    Raises:
        Unauthenticated: Nobody; the layers before the routes see to it that this cannot happen.
    """
    principal = getattr(request.state, "principal", None)
    if not isinstance(principal, Principal):
        raise Unauthenticated("no credentials")
    return principal


# What routes depend on is asynchronous though it never waits: FastAPI calls a plain function in a thread of its own.


async def principal_of(request: Request) -> Principal:
    """Return who makes a request.

    Raises:
        Unauthenticated: Nobody; the layers before the routes see to it that this cannot happen.
    """
    return _principal_of(request)


async def actor_of(request: Request) -> Actor:
    """Return who makes a request, as the ledger names it.

    Raises:
        Unauthenticated: Nobody; the layers before the routes see to it that this cannot happen.
    """
    return _principal_of(request).actor


async def device_in_path(device_id: _DeviceInPath) -> DeviceId:
    """Return the device id that a path names.

    Raises:
        InvalidId: It cannot be one.
    """
    return parse_device_id(device_id)


async def module_in_path(module_id: _ModuleInPath) -> ModuleId:
    """Return the module id that a path names.

    Raises:
        InvalidId: It cannot be one.
    """
    return parse_module_id(module_id)


@dataclass(frozen=True, slots=True)
class Identity:
    """A device, or one of its modules."""

    device_id: DeviceId
    module_id: ModuleId | None


async def identity_in_path(device_id: _DeviceInPath, request: Request) -> Identity:
    """Return the device or module that a path names; its route declares ``OF_MODULE`` if it is a module's.

    Raises:
        InvalidId: One of both names cannot be one.
    """
    module_id = request.path_params.get("module_id")
    return Identity(parse_device_id(device_id), None if module_id is None else parse_module_id(module_id))


def takes_merge_patch(schema: str) -> dict[str, Any]:  # Any: OpenAPI objects
    """Return what the OpenAPI file says of a route whose body is a merge patch."""
    return {"requestBody": {"content": {MERGE_PATCH: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}}


async def expected_revision(if_match: _IfMatch = None) -> int | None:
    """Return the revision that a change is based on; None when any will do, 0 for a tag that no revision has."""
    if if_match is None or if_match == "*":
        return None
    found = _ETAG.fullmatch(if_match)
    return 0 if found is None else int(found[1])


def holds_secret(request: Request) -> None:
    """Say that an answer holds what is shown once: it is not kept for ``Idempotency-Key``."""
    request.state.has_secret = True


async def only_known_parameters(request: Request) -> None:
    """Refuse parameters that the route does not have, and a second value of one that takes a single one.

    A filter with a typing error would list everything; of two values, who stands before us may have judged the other.

    Raises:
        InvalidRequest: There is one.
    """
    if not request.scope["query_string"]:
        return
    known = dict(_parameters(request.scope["route"].dependant))
    values = Counter(name for name, _ in request.query_params.multi_items())
    for name, count in values.items():
        if name not in known:
            near = difflib.get_close_matches(name[:_NAME_MAX_CHARS], known, n=1)
            raise InvalidRequest(
                f"there is no parameter {name[:_NAME_MAX_CHARS]!r} here",
                hint=f"did you mean {near[0]}?" if near else "",
            )
        if count > 1 and not known[name]:
            raise InvalidRequest(f"the parameter {name!r} is given {count} times", hint="give it once")


def _parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """Yield names, and whether several values may be given."""
    for field in dependant.query_params:
        yield field.alias, _takes_several(field.field_info.annotation)
    for each in dependant.dependencies:
        yield from _parameters(each)


def _takes_several(annotation: object) -> bool:
    return get_origin(annotation) is list or any(_takes_several(each) for each in get_args(annotation))


def api_router(tag: str, prefix: str = "/v1") -> APIRouter:
    """Return a router whose every route asks who calls, and takes no parameter that it does not have."""
    return APIRouter(prefix=prefix, tags=[tag], dependencies=[Depends(actor_of), Depends(only_known_parameters)])


# What routes declare: who asks, which device, and on which revision a change is based.
Who = Annotated[Actor, Depends(actor_of)]
Caller = Annotated[Principal, Depends(principal_of)]
DevicePath = Annotated[DeviceId, Depends(device_in_path)]
ModulePath = Annotated[ModuleId, Depends(module_in_path)]
IdentityPath = Annotated[Identity, Depends(identity_in_path)]
Revision = Annotated[int | None, Depends(expected_revision)]


def optional_time(moment: datetime | None) -> str | None:
    """Write a time that may be absent."""
    return None if moment is None else to_rfc3339(moment)


_WORDS: Final = {
    400: "The body is not JSON, or a certification request breaks a rule.",
    401: "No credentials, or wrong ones.",
    403: "These credentials may not do this.",
    404: "There is no such resource.",
    405: "The resource has no such method.",
    409: "The state of the resource does not allow it.",
    412: "The resource has changed since the revision of `If-Match`.",
    413: "The body is too large.",
    415: "The body is not said to be JSON.",
    421: "The request names a host that is not ours.",
    422: "A parameter or a member of the body is missing or outside its limits.",
    429: "Too many failures, or a cap is reached.",
    502: "The device answered with something that cannot be handed on.",
    503: "A part of the platform does not answer now; try again.",
    504: "A part of the platform, or the device, did not answer in time.",
    507: "The disk is full: only restricting changes are written.",
}
_EXAMPLE_CODES: Final = {
    400: ("api.invalid_body", "the body is not JSON: unexpected end of data"),
    401: ("api.unauthenticated", "these credentials are not valid"),
    403: ("api.cross_site_request", "this request does not come from a page of this server"),
    404: ("registry.device_not_found", "there is no device 'pump-7'"),
    409: ("registry.device_exists", "the name 'pump-7' is taken"),
    412: ("registry.revision_mismatch", "the device is at revision 4, not 3"),
    413: ("api.body_too_large", "the body is over 1048576 bytes"),
    415: ("api.unsupported_media_type", "the body comes as 'text/plain'"),
    422: ("registry.reason_missing", "say why: this act takes access away"),
    429: ("api.too_many_failures", "too many wrong credentials from this address"),
    503: ("store.unavailable", "the database did not answer"),
}
_ALWAYS: Final = (401, 421, 429, 503, 507)
_WITH_BODY: Final = (400, 403, 413, 415)


def refusals(*statuses: int, is_change: bool = False) -> Responses:
    """Return the refusals of an operation for the OpenAPI file, those that every operation has included."""
    found: Responses = {}
    for status in sorted({*_ALWAYS, *statuses, *(_WITH_BODY if is_change else ())}):
        content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}}
        if status in _EXAMPLE_CODES:
            code, detail = _EXAMPLE_CODES[status]
            content["example"] = {
                "type": f"urn:vedette:problem:{code}",
                "title": _WORDS[status].rstrip("."),
                "status": status,
                "detail": detail,
                "code": code,
            }
        found[status] = {"description": _WORDS[status], "content": {MEDIA_TYPE: content}}
    return found
