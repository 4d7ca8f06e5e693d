"""What other systems were told, on record: each kind of answer at once, and equal ones counted by the minute."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from vedette.access.authzen_model import Answer, Asked
from vedette.bus import PublishResult
from vedette.bus.contract import DECISIONS_STREAM, DecisionRecord, decision_subject
from vedette.kernel import Clock, IdSource, OrganizationId, Problem, to_rfc3339

log = logging.getLogger(__name__)

OUTSIDE: Final = "outside"
ADDRESS_NOT_ALLOWED: Final = "address_not_allowed"
WINDOW_S: Final = 60.0
_KEPT_MAX: Final = 4_096
_PER_MINUTE: Final = 3_000
_TEXT_MAX_CHARS: Final = 256
_DEADLINE_S: Final = 20.0
_UNKNOWN: Final = "unknown"
_encode: Final = msgspec.msgpack.Encoder().encode


class Publisher(Protocol):
    """The part of ``BusConnection`` that stores."""

    def jetstream_publish(  # noqa: D102 - see BusConnection
        self,
        subject: str | bytes,
        payload: bytes,
        *,
        stream: str,
        msg_id: str,
        deadline_s: float,
        on_done: Callable[[PublishResult], None],
    ) -> None: ...


@dataclass(slots=True)
class _Counted:
    until_s: float
    unwritten: int = 0


class OutsideDecisions:
    """Writes the answers to other systems into the decision log, without making any of them wait.

    Equal ones within a minute are counted and told with the next that is written. So many kinds are written in a
    minute at most; what is above is counted in ``dropped``.

    Args:
        organization_id: Whose log.
        bus: A connection whose user may write DECISIONS.
        clock: Stamps records.
        ids: Names them.
    """

    def __init__(self, organization_id: OrganizationId, bus: Publisher, *, clock: Clock, ids: IdSource) -> None:
        self._organization_id = organization_id
        self._bus = bus
        self._clock = clock
        self._ids = ids
        self._counted: OrderedDict[tuple[str, ...], _Counted] = OrderedDict()
        self._minute_s = clock.monotonic_s()
        self._written = 0
        self.dropped = 0

    def note(self, asked: Asked, answer: Answer, *, remote_address: str = "") -> None:
        """Put an answer on record.

        Args:
            asked: What was asked.
            answer: What was told.
            remote_address: Of the session in question; of whoever asked if that is unknown.
        """
        repeated = self._count(_key(asked, answer))
        if repeated:
            self._write(asked, answer, remote_address, repeated)

    def note_address(self, listener: str, address: str) -> None:
        """Put on record that an address was refused before it said anything.

        Args:
            listener: Which: ``api`` or ``service``.
            address: From where it came.
        """
        repeated = self._count((listener, ADDRESS_NOT_ALLOWED, address))
        if repeated:
            self._store(
                DecisionRecord(
                    decision_id=self._ids.new("dec"),
                    organization_id=self._organization_id,
                    decided_at=to_rfc3339(self._clock.now()),
                    gateway=listener,
                    kind="refuse",
                    effect="deny",
                    reason=ADDRESS_NOT_ALLOWED,
                    hint=f"only {listener}.allowed_networks may connect: is the list complete?",
                    remote_address=address[:_TEXT_MAX_CHARS],
                    repeated=repeated,
                )
            )

    def _count(self, key: tuple[str, ...]) -> int:
        """Return for how many equal ones a record is due; 0: for none yet."""
        now_s = self._clock.monotonic_s()
        counted = self._counted.get(key)
        if counted is not None and now_s < counted.until_s:
            counted.unwritten += 1
            return 0
        if now_s - self._minute_s >= WINDOW_S:
            self._minute_s, self._written = now_s, 0
        if self._written >= _PER_MINUTE:
            self.dropped += 1
            return 0
        self._written += 1
        repeated = 1 if counted is None else counted.unwritten + 1
        self._counted[key] = _Counted(now_s + WINDOW_S)
        self._counted.move_to_end(key)
        if len(self._counted) > _KEPT_MAX:
            self._counted.popitem(last=False)
        return repeated

    def _write(self, asked: Asked, answer: Answer, remote_address: str, repeated: int) -> None:
        record = answer.record
        decision = DecisionRecord(
            decision_id=self._ids.new("dec"),
            organization_id=self._organization_id,
            decided_at=to_rfc3339(self._clock.now()),
            gateway=asked.caller,
            kind=OUTSIDE,
            effect="allow" if answer.is_permitted else "deny",
            reason=answer.reason,
            detail=answer.detail[:_TEXT_MAX_CHARS],
            hint=answer.hint[:_TEXT_MAX_CHARS],
            action=asked.action[:_TEXT_MAX_CHARS],
            generation_id=None if record is None else record.generation_id,
            device_id=asked.subject_id[:_TEXT_MAX_CHARS] if record is None else record.device_id,
            module_id=None if record is None else record.module_id,
            remote_address=remote_address[:_TEXT_MAX_CHARS],
            policies=list(answer.policies),
            bundle_sha256=answer.bundle_sha256,
            sequence=None if record is None else record.sequence,
            repeated=repeated,
            facts=dict(answer.facts),
        )
        self._store(decision)

    def _store(self, decision: DecisionRecord) -> None:
        subject = decision_subject(self._organization_id, decision.generation_id or _UNKNOWN, decision.kind)
        try:
            self._bus.jetstream_publish(
                subject,
                _encode(decision),
                stream=DECISIONS_STREAM,
                msg_id=decision.decision_id,
                deadline_s=_DEADLINE_S,
                on_done=_done,
            )
        except Problem as problem:
            _done(problem)


def _key(asked: Asked, answer: Answer) -> tuple[str, ...]:
    record = answer.record
    who = f"{asked.subject_type} {asked.subject_id}" if record is None else record.generation_id
    return (asked.caller, who[:_TEXT_MAX_CHARS], asked.action[:_TEXT_MAX_CHARS], answer.reason)


def _done(result: PublishResult) -> None:
    if isinstance(result, Problem):
        log.warning("an answer to another system is not on record", extra={"cause": result.code})
