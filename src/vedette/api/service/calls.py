"""Who calls, what for, and with what: tokens, rights, throttling, bounded bodies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from vedette.api.authentication import FailureLimit
from vedette.api.errors import BodyTooLarge, BodyTooSlow
from vedette.api.protection import check_json
from vedette.api.service.errors import InvalidArgument, NoToken, RightMissing, TooManyCalls
from vedette.kernel import Clock, DeviceId, ModuleId, OrganizationId, Problem, parse_device_id, parse_module_id
from vedette.ledger import Actor
from vedette.operators import ServicePolicy, ServicePolicyService, ServiceRight

T = TypeVar("T")

_BODY_WITHIN_S: Final = 30.0
_SCHEME: Final = "sharedaccesssignature"
_UNAUTHORIZED: Final = 401
_BURST_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request under a service policy."""

    request: Request
    policy: ServicePolicy
    max_body_bytes: int

    @property
    def actor(self) -> Actor:
        """Whoever calls, as the ledger names them."""
        return self.policy.actor

    @property
    def device_id(self) -> DeviceId:
        """The device that the path names.

        Raises:
            InvalidId: It cannot be one.
        """
        return parse_device_id(self.request.path_params["device_id"])

    @property
    def module_id(self) -> ModuleId | None:
        """The module that the path names, if it does.

        Raises:
            InvalidId: It cannot be one.
        """
        name = self.request.path_params.get("module_id")
        return None if name is None else parse_module_id(name)

    @property
    def if_match(self) -> str | None:
        """The entity tag that a change is based on; ``*`` for any."""
        return self.request.headers.get("if-match")

    def check_right(self, right: ServiceRight) -> None:
        """Check that the policy has a right.

        Raises:
            RightMissing: It has not.
        """
        if right not in self.policy.rights:
            raise RightMissing(
                f"the service policy {self.policy.name} has not the right {right}",
                hint="make one that has: vedette service-policy create",
            )

    async def read(self, kind: type[T]) -> T:
        """Return the body as what it has to be; members that are not known are left out.

        Raises:
            BodyTooLarge: It is over the limit.
            BodyTooSlow: It does not come in time.
            InvalidBody: It is no JSON that can be stored.
            InvalidArgument: It is something else.
        """
        body = await self._read()
        if not body:
            raise InvalidArgument("the body is empty", hint="send JSON")
        check_json(body)
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise InvalidArgument(f"the body is not what is expected here: {str(error)[:300]}") from error

    async def _read(self) -> bytes:
        chunks, size = [], 0
        try:
            async with asyncio.timeout(_BODY_WITHIN_S):
                async for chunk in self.request.stream():
                    size += len(chunk)
                    if size > self.max_body_bytes:
                        raise BodyTooLarge(f"the body is over {self.max_body_bytes} bytes")
                    chunks.append(chunk)
        except TimeoutError:
            raise BodyTooSlow(f"the body did not come within {_BODY_WITHIN_S:.0f} s") from None
        except ClientDisconnect:
            raise InvalidArgument("the body broke off") from None
        return b"".join(chunks)


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A method at a path, the right that it takes, and what does it."""

    method: str
    path: str
    right: ServiceRight
    handler: Handler


class CallAuthenticator:
    """Judges the token of a call, and holds back whoever calls too often.

    Args:
        policies: Know the keys.
        organization_id: Whose devices these are.
        clock: Source of time.
        requests_per_s: Of one policy in the long run; twice as many at once.
        failures_per_minute: Wrong tokens of one address that are answered as such.
    """

    def __init__(
        self,
        policies: ServicePolicyService,
        organization_id: OrganizationId,
        *,
        clock: Clock,
        requests_per_s: float,
        failures_per_minute: int,
    ) -> None:
        self._policies = policies
        self._organization_id = organization_id
        self._clock = clock
        self._requests_per_s = requests_per_s
        self._failures = FailureLimit(clock, per_minute=failures_per_minute)
        self._left: dict[str, tuple[float, float]] = {}

    async def authenticate(self, request: Request) -> ServicePolicy:
        """Return the policy that a request comes under.

        Raises:
            NoToken: It has no token.
            ServiceTokenRefused: The token opens nothing; ``ServiceKeyEnded`` when its key has ended.
            TooManyFailures: And that again and again.
            TooManyCalls: Its policy is used more than it may.
        """
        token = request.headers.get("authorization", "")
        scheme = token.partition(" ")[0].lower()
        try:
            if scheme != _SCHEME:
                raise NoToken(
                    "no token of a service policy", hint="see: vedette service-policy connection-string iothubowner"
                )
            policy = await self._policies.verify(self._organization_id, token)
        except Problem as problem:
            if problem.status != _UNAUTHORIZED:
                raise
            raise self._failures.count(request.scope, problem) from None
        self._take(policy)
        return policy

    def _take(self, policy: ServicePolicy) -> None:
        now_s = self._clock.monotonic_s()
        most = max(self._requests_per_s * _BURST_S, 1.0)
        left, at_s = self._left.get(policy.policy_id, (most, now_s))
        left = min(most, left + (now_s - at_s) * self._requests_per_s)
        if left < 1:
            self._left[policy.policy_id] = left, now_s
            raise TooManyCalls(
                f"more than {self._requests_per_s:g} calls a second come under {policy.name}",
                hint="wait a moment, or raise service.requests_per_s",
            )
        self._left[policy.policy_id] = left - 1, now_s


def query_number(call: Call, name: str, *, default: int, most: int) -> int:
    """Return a number of the query string.

    Raises:
        InvalidArgument: It is none, or outside 1 to the most.
    """
    return check_number(call.request.query_params.get(name), name, default=default, most=most)


def check_number(text: str | None, name: str, *, default: int, most: int) -> int:
    """Return a number that a call names.

    Raises:
        InvalidArgument: It is none, or outside 1 to the most.
    """
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most):  # noqa: PLR2004 - digits
        raise InvalidArgument(f"{name} is a number from 1 to {most}", limit=most)
    return int(text)


Document = dict[str, Any]  # Any: JSON values
