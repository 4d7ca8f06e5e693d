"""Service policies: what programs that speak the hub's service API may do, and the keys they prove it with. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NewType

from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.operators.errors import InvalidServicePolicy
from vedette.pki import KeySlot

ServicePolicyId = NewType("ServicePolicyId", str)

POLICIES_MAX: Final = 50
KEY_BYTES: Final = 32
LIFETIME: Final = timedelta(days=365)
LIFETIME_DAYS_MAX: Final = 730
# A use is written down once in a while, not at each request.
KEY_USE_NOTED_EVERY: Final = timedelta(hours=1)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ServiceRight(StrEnum):
    """What a policy lets programs do.

    ``registry_read``: see devices and modules. ``registry_write``: create, change and delete them; implies reading.
    ``service_connect``: twins, methods, queries and feedback.
    """

    REGISTRY_READ = "registry_read"
    REGISTRY_WRITE = "registry_write"
    SERVICE_CONNECT = "service_connect"


# Names that programs written for the hub expect; made when somebody first asks for their connection string.
WELL_KNOWN: Final = MappingProxyType(
    {
        "iothubowner": (ServiceRight.REGISTRY_READ, ServiceRight.REGISTRY_WRITE, ServiceRight.SERVICE_CONNECT),
        "registryRead": (ServiceRight.REGISTRY_READ,),
        "registryReadWrite": (ServiceRight.REGISTRY_READ, ServiceRight.REGISTRY_WRITE),
        "service": (ServiceRight.SERVICE_CONNECT,),
    }
)
# Its one right is to act for any device, which no shared key may here.
_REFUSED_NAME: Final = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceKey:
    """One of a policy's two keys, without its value.

    Attributes:
        last_used_at: Coarse: written at most once an hour.
    """

    slot: KeySlot
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None

    def has_ended(self, now: datetime) -> bool:
        """Whether tokens made with it are refused."""
        return now >= self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePolicy:
    """A name under which programs come, and what they may do; ``is_weak`` as every secret that both sides hold."""

    organization_id: OrganizationId
    policy_id: ServicePolicyId
    name: str
    rights: tuple[ServiceRight, ...]
    created_at: datetime
    keys: tuple[ServiceKey, ...] = ()

    @property
    def actor(self) -> Actor:
        """Whoever acts under it, as the ledger names them."""
        return Actor("service", self.policy_id, self.name)

    def key_in(self, slot: KeySlot) -> ServiceKey:
        """Return the key of a slot; a policy has both."""
        return next(key for key in self.keys if key.slot is slot)


@dataclass(frozen=True, slots=True)
class RevealedKey:
    """A policy with the value of one of its keys, for who may read it."""

    policy: ServicePolicy
    key: ServiceKey
    value: bytes = field(repr=False)

    def to_base64(self) -> str:
        """Return the value as programs are configured with it."""
        return base64.b64encode(self.value).decode("ascii")


def check_policy_name(name: str) -> str:
    """Check the name of a policy; it stands in tokens and connection strings.

    Raises:
        InvalidServicePolicy: It is malformed, or promises what no policy can do here.
    """
    if name == _REFUSED_NAME:
        raise InvalidServicePolicy(
            "there is no policy that acts for devices: each proves itself with a credential of its own",
            hint="use iothubowner, service, registryRead or registryReadWrite, or a name of your own",
        )
    if not _NAME.fullmatch(name):
        raise InvalidServicePolicy(
            f"{name[:80]!r} cannot name a service policy",
            hint="use 1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first",
        )
    return name


def check_rights(name: str, rights: Iterable[ServiceRight]) -> tuple[ServiceRight, ...]:
    """Return the rights of a policy, in order and each once; writing implies reading.

    Raises:
        InvalidServicePolicy: There are none, or a well-known name is asked for with others than it is known for.
    """
    wanted = set(rights)
    if ServiceRight.REGISTRY_WRITE in wanted:
        wanted.add(ServiceRight.REGISTRY_READ)
    known = WELL_KNOWN.get(name)
    if known is not None and not wanted:
        wanted = set(known)
    if not wanted:
        raise InvalidServicePolicy(f"say what {name} may do", hint=f"rights are {', '.join(ServiceRight)}")
    if known is not None and wanted != set(known):
        raise InvalidServicePolicy(
            f"{name} is known to have the rights {', '.join(known)}", hint="choose a name of your own for others"
        )
    return tuple(right for right in ServiceRight if right in wanted)


def check_lifetime(days: int) -> timedelta:
    """Return how long keys live.

    Raises:
        InvalidServicePolicy: Less than a day, or more than two years.
    """
    if not 1 <= days <= LIFETIME_DAYS_MAX:
        raise InvalidServicePolicy(f"keys live 1 to {LIFETIME_DAYS_MAX} days", limit=LIFETIME_DAYS_MAX)
    return timedelta(days=days)
