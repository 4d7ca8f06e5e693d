"""Who may do what on the bus.

Two accounts that share nothing but one read-only view. ``DEVICES`` holds what gateways write: TELEMETRY and DECISIONS.
``CONTROL`` holds what they must not: EVENTS and the posture records, which it exports to ``DEVICES`` for reading.

Why posture records stand in the other account: NATS does not hold the reply subject of a message against the
publisher's permissions, and the server itself publishes acknowledgements and direct-get answers there. In one account
a gateway could name ``$KV.posture.…`` as the reply subject of its telemetry and have the server overwrite a record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from vedette.bus.contract import (
    DECISIONS_STREAM,
    EVENTS_STREAM,
    GATEWAY_SERVICES,
    POSTURE_STREAM,
    TELEMETRY_STREAM,
)
from vedette.bus.settings import check_name

Account = Literal["DEVICES", "CONTROL"]

CONTROL_USER: Final = "control"
CONTROL_EVENTS_USER: Final = "control-events"
MIGRATOR_USER: Final = "migrator"
MIGRATOR_EVENTS_USER: Final = "migrator-events"
RESERVED_USERS: Final = frozenset({CONTROL_USER, CONTROL_EVENTS_USER, MIGRATOR_USER, MIGRATOR_EVENTS_USER})

POSTURE_SUBJECTS: Final = "$KV.posture.>"
POSTURE_DIRECT_GET: Final = f"$JS.API.DIRECT.GET.{POSTURE_STREAM}.>"

_DEVICE_STREAMS: Final = (TELEMETRY_STREAM, DECISIONS_STREAM)
_CONTROL_STREAMS: Final = (EVENTS_STREAM, POSTURE_STREAM)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusUser:
    """A process as the bus knows it: its key is ``secrets/bus-<name>.nk``.

    Attributes:
        name: The process.
        account: Where it lives.
        publish: Subject patterns it may publish on; all others are refused.
        subscribe: Subject patterns it may subscribe to, its own inbox included; all others are refused.
        may_reply: Whether it may answer a request that reached it, once, on the subject the request names.
    """

    name: str
    account: Account
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    may_reply: bool = False

    def __post_init__(self) -> None:
        check_name(self.name)


def gateway_users(names: Iterable[str]) -> tuple[BusUser, ...]:
    """Return the users of these gateways: each may speak for itself only, and change nothing.

    Raises:
        ValueError: A name is taken by another process.
    """
    users = tuple(_gateway_user(name) for name in names)
    if taken := RESERVED_USERS & {user.name for user in users}:
        raise ValueError(f"a gateway cannot be called {min(taken)}")
    return users


def control_users() -> tuple[BusUser, ...]:
    """Return the users of control, one in each account."""
    return (
        BusUser(
            name=CONTROL_USER,
            account="DEVICES",
            publish=("decision.*.*.*", "downlink.*.*", *_read(_DEVICE_STREAMS)),
            subscribe=(
                _inbox(CONTROL_USER),
                "svc.>",
                # Without a queue group everyone would hear everyone's requests: `svc.>` covers the group as well.
                "pep.status.*.*",
                "session.opened.*.*",
                "uplink.*.*",
            ),
            may_reply=True,
        ),
        BusUser(
            name=CONTROL_EVENTS_USER,
            account="CONTROL",
            publish=("event.*.*.*", POSTURE_SUBJECTS, POSTURE_DIRECT_GET, *_read(_CONTROL_STREAMS)),
            subscribe=(_inbox(CONTROL_EVENTS_USER), "event.>", POSTURE_SUBJECTS),
        ),
    )


def migrator_users() -> tuple[BusUser, ...]:
    """Return the users of the migrator: they make and update streams; nobody purges or deletes."""
    return (
        BusUser(
            name=MIGRATOR_USER,
            account="DEVICES",
            publish=_make(_DEVICE_STREAMS),
            subscribe=(_inbox(MIGRATOR_USER),),
        ),
        BusUser(
            name=MIGRATOR_EVENTS_USER,
            account="CONTROL",
            publish=_make(_CONTROL_STREAMS),
            subscribe=(_inbox(MIGRATOR_EVENTS_USER),),
        ),
    )


def all_users(gateways: Iterable[str]) -> tuple[BusUser, ...]:
    """Return every user of a platform with these gateways."""
    return (*control_users(), *migrator_users(), *gateway_users(gateways))


def _gateway_user(name: str) -> BusUser:
    return BusUser(
        name=name,
        account="DEVICES",
        publish=(
            f"telemetry.*.{name}",
            "decision.*.*.*",
            f"pep.status.*.{name}",
            f"session.opened.*.{name}",
            f"uplink.*.{name}",
            *(f"{service}.*" for service in GATEWAY_SERVICES),
            POSTURE_DIRECT_GET,
        ),
        subscribe=(_inbox(name), POSTURE_SUBJECTS, "session.opened.*.*", f"downlink.*.{name}"),
    )


def _inbox(name: str) -> str:
    return f"_INBOX_{name}.>"


def _read(streams: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a reader of streams publishes: consumers of its own, batches, acknowledgements."""
    acts = (
        "$JS.API.STREAM.INFO.{}",
        "$JS.API.CONSUMER.CREATE.{}.>",
        "$JS.API.CONSUMER.INFO.{}.*",
        "$JS.API.CONSUMER.MSG.NEXT.{}.*",
        "$JS.API.CONSUMER.DELETE.{}.*",
        "$JS.ACK.{}.>",
    )
    return tuple(act.format(stream) for stream in streams for act in acts)


def _make(streams: tuple[str, ...]) -> tuple[str, ...]:
    acts = ("$JS.API.STREAM.INFO.{}", "$JS.API.STREAM.CREATE.{}", "$JS.API.STREAM.UPDATE.{}")
    return tuple(act.format(stream) for stream in streams for act in acts)
