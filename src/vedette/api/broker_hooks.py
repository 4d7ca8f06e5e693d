"""``/hooks``: the questions that MQTT brokers ask over HTTP, so that a broker which is there already enforces for us.

Source:
    mosquitto-go-auth, HTTP backend (user, superuser, acl); EMQX 5, HTTP authentication and authorization.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import parse_qs

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from vedette.access import UNKNOWN_SUBJECT, Answer, Asked, DecisionPoint, OutsideDecisions
from vedette.api.schema import Who
from vedette.api.sight import Seen, Sight
from vedette.kernel import Problem
from vedette.protocols.hub import parse_user_name

HOOKS_PREFIX: Final = "/hooks/"
_FIELDS_MAX: Final = 32
_TEXT_MAX_CHARS: Final = 8_192
_LEVELS_MAX: Final = 128
_TEMPLATES_MAX: Final = 8
_OWN_TOPICS: Final = ("devices/{device}/#", "devices/{device}/modules/{module}/#")
_FORM: Final = "application/x-www-form-urlencoded"
# mosquitto's ``acc``: read, write, both, subscribe.
_ACTIONS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "1": ("receiveCommand",),
    "2": ("sendTelemetry",),
    "3": ("receiveCommand", "sendTelemetry"),
    "4": ("receiveCommand",),
    "publish": ("sendTelemetry",),
    "subscribe": ("receiveCommand",),
}
_REFUSED: Final = 403
_BITS_MAX_CHARS: Final = 5
# By what name in the hook's address: what a broker demands of all its clients, but cannot tell of each.
_DECLARED: Final = {
    "tls_version": "tlsVersion",
    "cipher": "cipher",
    "protocol": "protocol",
    "key_algorithm": "keyAlgorithm",
}

Fields = dict[str, str]


async def _fields_of(request: Request) -> Fields:
    """Return what a broker says, from a form or JSON; nothing where it cannot be read: then it is refused."""
    body = await request.body()
    if len(body) > _TEXT_MAX_CHARS * 4:
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        return _read_form(body)
    return _read_json(body)


_Fields = Annotated[Fields, Depends(_fields_of)]


class BrokerHookRoutes:
    """What the routes below do, for one organization.

    Args:
        point: Decides.
        decisions: Where answers go on record.
    """

    def __init__(self, point: DecisionPoint, decisions: OutsideDecisions) -> None:
        self._point = point
        self._decisions = decisions

    def build(self) -> APIRouter:
        """Return the routes of both kinds of broker."""
        router = APIRouter(prefix="/hooks", include_in_schema=False)
        router.add_api_route("/mqtt/user", self.user, methods=["POST"])
        router.add_api_route("/mqtt/superuser", self.superuser, methods=["POST"])
        router.add_api_route("/mqtt/acl", self.acl, methods=["POST"])
        router.add_api_route("/emqx/authentication", self.authentication, methods=["POST"])
        router.add_api_route("/emqx/authorization", self.authorization, methods=["POST"])
        return router

    async def user(self, request: Request, fields: _Fields, who: Who, sight: Seen) -> JSONResponse:
        """May this user connect, by the token it gave as its password?"""
        return _for_mosquitto(await self._connect(request, fields, who.id, sight))

    async def superuser(self, who: Who) -> JSONResponse:
        """Nobody is one: it would be asked about nothing any more."""
        return _for_mosquitto(Answer(is_permitted=False, reason="no_superuser", detail=f"not even for {who.kind}"))

    async def acl(self, request: Request, fields: _Fields, who: Who, sight: Seen) -> JSONResponse:
        """May this user write to, read from or subscribe to this topic?"""
        return _for_mosquitto(await self._use(request, fields, fields.get("acc", ""), who.id, sight))

    async def authentication(self, request: Request, fields: _Fields, who: Who, sight: Seen) -> JSONResponse:
        """May this client connect, by its certificate or by the token it gave as its password?"""
        return _for_emqx(await self._connect(request, fields, who.id, sight))

    async def authorization(self, request: Request, fields: _Fields, who: Who, sight: Seen) -> JSONResponse:
        """May this client publish or subscribe to this topic?"""
        return _for_emqx(await self._use(request, fields, fields.get("action", ""), who.id, sight))

    async def _connect(self, request: Request, fields: Fields, caller: str, sight: Sight) -> Answer:
        password = fields.get("password", "")
        # A broker hands on the common name of a certificate only if it has verified it.
        if not password and not fields.get("cert_common_name"):
            return _no("credential_missing", "neither a certificate's common name nor a password came")
        return await self._ask(request, fields, "connect", caller, sight, password=password)

    async def _use(self, request: Request, fields: Fields, access: str, caller: str, sight: Sight) -> Answer:
        actions = _ACTIONS_OF.get(access)
        if actions is None:
            return _no("unknown_action", "it is neither publish nor subscribe")
        name = _name_in(fields)
        templates = request.query_params.getlist("topics")[:_TEMPLATES_MAX] or _OWN_TOPICS
        # What names no module is a device's: a module is no more than itself.
        own = [_fill(each, name) for each in templates if ("{module}" in each) is ("/" in name)]
        if not any(covers(each, fields.get("topic", "")) for each in own):
            return _no("foreign_topic", "the topic is not one of its own")
        answer = _no("unknown_action", "")
        for action in actions:
            answer = await self._ask(request, fields, action, caller, sight)
            if not answer.is_permitted:
                return answer
        return answer

    async def _ask(
        self, request: Request, fields: Fields, action: str, caller: str, sight: Sight, *, password: str = ""
    ) -> Answer:
        name = _name_in(fields)
        # What a broker cannot tell for each session, whoever runs it declares in the hook's address.
        context: dict[str, Any] = {
            "protocol": "mqtt",
            "address": request.client.host if request.client else "",
            **_declared(request.query_params),
        }
        if fields.get("peerhost"):
            context["address"] = fields["peerhost"]
        if fields.get("cert_fingerprint"):
            context["certificateSha256"] = fields["cert_fingerprint"]
        asked = Asked(
            subject_type="module" if "/" in name else "device",
            subject_id=name,
            action=action,
            resource_type="hub",
            resource_id="hub",
            context=context,
            caller=caller,
        )
        if not await sight.keep_names([name.partition("/")[0]]):
            answer = _no(UNKNOWN_SUBJECT, "there is no such identity that you may see")
        else:
            answer = await self._point.decide(asked, password=password)
        self._decisions.note(asked, answer, remote_address=str(context["address"]))
        return answer


def covers(own: str, wanted: str) -> bool:
    """Tell whether all that a topic or filter stands for lies within a filter.

    Source:
        MQTT 3.1.1 §4.7 (topic names and filters).
    """
    have, want = own.split("/"), wanted.split("/")
    if not wanted or len(want) > _LEVELS_MAX or "\0" in wanted:
        return False
    for at, level in enumerate(have):
        if level == "#":
            return True
        if at >= len(want) or want[at] == "#" or (level != want[at] and level != "+"):
            return False
    return len(have) == len(want)


def _declared(parameters: Mapping[str, str]) -> dict[str, Any]:  # Any: JSON
    found: dict[str, Any] = {name: parameters[key] for key, name in _DECLARED.items() if key in parameters}
    bits = parameters.get("key_bits", "")
    if bits.isascii() and bits.isdigit() and len(bits) <= _BITS_MAX_CHARS:
        found["keyBits"] = int(bits)
    return found


def _fill(template: str, name: str) -> str:
    device, _, module = name.partition("/")
    return template.replace("{device}", device).replace("{module}", module)


def _name_in(fields: Fields) -> str:
    """Return the identity that a broker names: by its certificate first, which was verified."""
    name = fields.get("cert_common_name") or fields.get("username", "")
    if "/?" not in name:
        return name
    try:
        return parse_user_name(name).client_id
    except Problem:
        return ""


def _read_form(body: bytes) -> Fields:
    try:
        found = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except (ValueError, UnicodeDecodeError):
        return {}
    # A name that comes twice says two things, and so nothing.
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _read_json(body: bytes) -> Fields:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return {}
    if not isinstance(found, dict) or len(found) > _FIELDS_MAX:
        return {}
    texts = {name: str(value) for name, value in found.items() if isinstance(value, str | int)}
    return {name: text for name, text in texts.items() if len(text) <= _TEXT_MAX_CHARS}


def _no(reason: str, detail: str) -> Answer:
    return Answer(is_permitted=False, reason=reason, detail=detail)


def _for_mosquitto(answer: Answer) -> JSONResponse:
    """Answer by status and body: the plugin reads one or the other, as it is set up."""
    error = "" if answer.is_permitted else f"{answer.reason}: {answer.detail}".rstrip(": ")
    return JSONResponse({"Ok": answer.is_permitted, "Error": error}, 200 if answer.is_permitted else _REFUSED)


def _for_emqx(answer: Answer) -> JSONResponse:
    """Answer 200 always: EMQX takes any other status for "ignore" and asks the next in its chain."""
    return JSONResponse({"result": "allow" if answer.is_permitted else "deny", "is_superuser": False})
