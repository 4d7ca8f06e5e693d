"""Every connect, refusal, cut and disconnect on record: which check failed, on which certificate, what to do next.

Equal records are counted, not repeated, so that neither a stranger's flood nor a flapping device can fill the disk.
What strangers cause is aggregated per source, reason and window, and is what is dropped first when the bus is slow.
"""

from __future__ import annotations

import functools
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

import msgspec

from vedette.bus import PublishResult
from vedette.bus.contract import DECISIONS_STREAM, DecisionRecord, decision_subject
from vedette.gateway.basis import NO_BASIS, DecisionBasis
from vedette.gateway.pacing import TokenBucket, source_of
from vedette.gateway.peer import CertificateFacts
from vedette.gateway.settings import DecisionSettings
from vedette.kernel import Clock, IdSource, Problem, to_rfc3339

log = logging.getLogger(__name__)

MAX_TEXT_CHARS: Final = 512
_MAX_UNDER_WAY: Final = 256
_DEADLINE_S: Final = 20.0
_CLOSED_PER_SWEEP: Final = 500
_CROWD: Final = "from more sources than are counted apart; the address is one of them"
_ALLOW, _DENY = "allow", "deny"

# Reasons of this gateway's own, beside vedette.trust.Reason: what to do next.
HINTS: Final = {
    "tls_handshake_failed": "see the detail: does the device trust this platform's root, and speak TLS 1.2 or 1.3?",
    "tls_handshake_too_large": "send the leaf and only the intermediates up to the registered authority",
    "certificate_chain_too_large": "send the leaf and only the intermediates up to the registered authority",
    "handshake_timeout": "a port scan, or a network that loses packets",
    "identify_timeout": "the client completed TLS and then said nothing: is it an MQTT client?",
    "address_not_allowed": "only gateway.allowed_networks may connect: is the list complete?",
    "gave_way": "too many connections hold on without going on: look for a flood from this source",
    "connects_too_fast": "look for a flood from this source, or for devices that start again and again",
    "too_many_connections_of_source": "raise gateway.max_connections_per_source if this source is a large site",
    "too_many_connections": "raise gateway.processes, or gateway.max_connections",
    "too_many_unidentified": "look for a flood of connections that never say who they are",
    "too_many_handshakes": "look for a flood, or raise gateway.processes",
    "slow_reader": "the client does not read its answers",
    "protocol_error": "the client sent what MQTT or a limit forbids; see the detail",
    "bad_upgrade": "open wss://{host}/$iothub/websocket with the subprotocol mqtt; see the detail",
    "wrong_client_id": "the MQTT client id must equal the device id, or device/module",
    "bad_user_name": "it is {host}/{device}/?api-version=…, {ID scope}/registrations/{id}/api-version=…, or none",
    "wrong_host": "the user name names another host than this platform's server.hostname",
    "foreign_topic": "the device used a topic that is not its own",
    "qos_2": "publish with QoS 0 or 1",
    "bad_will": "a will's topic must be the device's own telemetry topic",
    "message_too_large": "keep body and properties within 256 KB",
    "message_throttled": "slow down, or raise gateway.messages_per_s",
    "requests_throttled": "the device asks for its twin too often, or faster than it is answered; see the detail",
    "keep_alive_timeout": "the network or the device went silent",
    "taken_over": "another connection with the same identity was opened",
    "takeover_damped": "two clients share one identity and displace each other: vedette clone-alert list",
    "overloaded": "control is slow or gone: vedette status",
    "not_stored": "the bus did not store telemetry in time: vedette status",
    "untrusted_answer": "an answer about this identity was not signed by the policy administrator: vedette status",
    "wrong_id_scope": "use the id scope that vedette status shows",
    "stopping": "the gateway is stopping; devices come back by themselves",
}


@functools.lru_cache(maxsize=1_024)
def _write_end(not_after: datetime) -> str:
    return to_rfc3339(not_after)  # certificates of one enrollment campaign end together, and each comes back often


class DecisionPublisher(Protocol):
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
        may_wait: bool,
    ) -> None: ...


class _Counted:
    """One kind of record within its window."""

    __slots__ = ("is_known", "latest", "seen", "until_s", "unwritten")

    def __init__(self, until_s: float) -> None:
        self.until_s = until_s
        self.seen = 0
        self.unwritten = 0
        self.is_known = False
        self.latest: DecisionRecord | None = None


class DecisionLog:
    """Writes decision records without ever making a connection wait.

    Args:
        bus: Stores records.
        organization_id: Of the decision subject.
        gateway: This gateway's name.
        settings: Windows and bounds.
        clock: Stamps records.
        ids: Names them.
    """

    def __init__(
        self,
        *,
        bus: DecisionPublisher,
        organization_id: str,
        gateway: str,
        settings: DecisionSettings,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._bus = bus
        self._organization_id = organization_id
        self._gateway = gateway
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._encode = msgspec.msgpack.Encoder().encode
        # Apart, so that a flood of strangers pushes nothing of known devices out.
        self._known_windows: OrderedDict[tuple[str, ...], _Counted] = OrderedDict()
        self._stranger_windows: OrderedDict[tuple[str, ...], _Counted] = OrderedDict()
        self._crowd: dict[tuple[str, str], _Counted] = {}
        # Strangers who name an identity have a rate of their own: a flood of nonsense must not hide them.
        self._stranger_rate = TokenBucket(settings.unknown_per_s, settings.unknown_per_s, clock.monotonic_s())
        self._named_rate = TokenBucket(settings.unknown_per_s, settings.unknown_per_s, clock.monotonic_s())
        self._known: deque[DecisionRecord] = deque()
        self._unknown: deque[DecisionRecord] = deque()
        self._under_way = 0
        self.dropped = 0

    def record(
        self,
        kind: str,
        reason: str,
        *,
        is_permitted: bool = False,
        detail: str = "",
        hint: str = "",
        action: str = "connect",
        generation_id: str | None = None,
        is_proven: bool = True,
        device_id: str = "",
        module_id: str | None = None,
        remote_address: str = "",
        certificate: CertificateFacts | None = None,
        tls_version: str | None = None,
        policies: tuple[str, ...] = (),
        bundle_sha256: str | None = None,
        sequence: int | None = None,
        basis: Callable[[], DecisionBasis] = lambda: NO_BASIS,
    ) -> None:
        """Put a decision on record.

        Args:
            kind: ``connect``, ``refuse``, ``cut``, ``disconnect``, ``register`` or ``shadow``: an operation
                that a shadow bundle would have denied.
            reason: A ``vedette.trust.Reason`` value or one of ``HINTS``.
            is_permitted: Whether access was given.
            detail: The failed check in words.
            hint: What to do next; by default that of ``HINTS``.
            action: What was asked for.
            generation_id: Of the identity in question; ``None`` when there is none of that name.
            is_proven: Whether the peer proved to be that identity; else it is a stranger who knows a name.
            device_id: As presented.
            module_id: As presented.
            remote_address: Of the peer.
            certificate: The one it presented.
            tls_version: Such as ``TLSv1.3``.
            policies: Policies that decided.
            bundle_sha256: The bundle they are of.
            sequence: Of the posture record that decided.
            basis: Returns what the decision rested on; called only for what is written.
        """
        is_known = generation_id is not None and is_proven
        if is_known:
            key: tuple[str, ...] = (
                generation_id or "",
                kind,
                reason,
                action,
                certificate.sha256 if certificate else "",
            )
            counted = self._window(self._known_windows, key)
        else:
            key = (generation_id or "", source_of(remote_address), kind, reason)
            counted = self._window(self._stranger_windows, key)
        counted.seen += 1
        if is_known:
            is_due = counted.seen <= self._settings.burst
        else:
            rate = self._stranger_rate if generation_id is None else self._named_rate
            is_due = counted.seen == 1 and rate.try_take(1, self._clock.monotonic_s())
        if not is_due:
            counted.unwritten += 1
            if counted.latest is not None:
                return  # one record at the window's end stands for all
        rested_on = basis()
        record = DecisionRecord(
            decision_id=self._ids.new("evt"),
            organization_id=self._organization_id,
            decided_at=to_rfc3339(self._clock.now()),
            gateway=self._gateway,
            kind=kind,
            effect=_ALLOW if is_permitted else _DENY,
            reason=reason,
            detail=detail[:MAX_TEXT_CHARS],
            hint=(hint or HINTS.get(reason, ""))[:MAX_TEXT_CHARS],
            action=action,
            generation_id=generation_id,
            device_id=device_id[:MAX_TEXT_CHARS],
            module_id=module_id,
            remote_address=remote_address,
            certificate_sha256=certificate.sha256 if certificate else None,
            certificate_subject=certificate.subject if certificate else None,
            certificate_issuer=certificate.issuer if certificate else None,
            certificate_serial=certificate.serial if certificate else None,
            certificate_not_after=_write_end(certificate.not_after) if certificate and certificate.not_after else None,
            tls_version=tls_version or None,
            policies=list(policies),
            bundle_sha256=bundle_sha256,
            sequence=sequence,
            facts=rested_on.facts,
            slice_sha256=rested_on.slice_sha256,
            shadow=rested_on.shadow,
        )
        if is_due:
            self._write(record, is_known=is_known)
        else:
            counted.latest, counted.is_known = record, is_known

    def sweep(self) -> None:
        """Write the counts of windows that are over, and what had to wait; call it each second."""
        now_s = self._clock.monotonic_s()
        for windows in (self._known_windows, self._stranger_windows):
            for _ in range(_CLOSED_PER_SWEEP):
                key, oldest = next(iter(windows.items()), (None, None))
                if key is None or oldest is None or oldest.until_s > now_s:
                    break
                del windows[key]
                self._close_window(oldest)
        for name, crowd in list(self._crowd.items()):
            if crowd.until_s <= now_s:
                del self._crowd[name]
                self._close_window(crowd)
        self._send()

    def close(self) -> None:
        """Write every count there is; the caller drains the bus."""
        for counted in (*self._known_windows.values(), *self._stranger_windows.values(), *self._crowd.values()):
            self._close_window(counted)
        for windows in (self._known_windows, self._stranger_windows, self._crowd):
            windows.clear()
        self._send()

    def _window(self, windows: OrderedDict[tuple[str, ...], _Counted], key: tuple[str, ...]) -> _Counted:
        counted = windows.get(key)
        if counted is None:
            if len(windows) >= self._settings.max_entries:
                _, oldest = windows.popitem(last=False)
                if windows is self._stranger_windows:
                    self._join_crowd(oldest)
                else:
                    self._close_window(oldest)
            counted = windows[key] = _Counted(self._clock.monotonic_s() + self._settings.window_s)
        return counted

    def _join_crowd(self, counted: _Counted) -> None:
        """With more sources than are counted apart, the rest is counted together: by kind and reason."""
        latest = counted.latest
        if latest is None:
            return
        name = (latest.kind, latest.reason)
        crowd = self._crowd.get(name)
        if crowd is None:
            crowd = self._crowd[name] = _Counted(self._clock.monotonic_s() + self._settings.window_s)
            crowd.latest = msgspec.structs.replace(latest, detail=_CROWD, generation_id=None, device_id="")
        crowd.unwritten += counted.unwritten

    def _close_window(self, counted: _Counted) -> None:
        if counted.unwritten and counted.latest is not None:
            record = msgspec.structs.replace(counted.latest, repeated=counted.unwritten)
            self._write(record, is_known=counted.is_known)

    def _write(self, record: DecisionRecord, *, is_known: bool) -> None:
        if len(self._known) + len(self._unknown) >= self._settings.max_queued:
            self.dropped += 1
            (self._unknown or self._known).popleft()
        (self._known if is_known else self._unknown).append(record)
        self._send()

    def _send(self) -> None:
        while self._under_way < _MAX_UNDER_WAY and (self._known or self._unknown):
            is_known = bool(self._known)
            record = (self._known if is_known else self._unknown).popleft()
            self._under_way += 1
            done = functools.partial(self._done, record, is_known)
            try:
                self._bus.jetstream_publish(
                    decision_subject(self._organization_id, record.generation_id, record.kind),
                    self._encode(record),
                    stream=DECISIONS_STREAM,
                    msg_id=record.decision_id,
                    deadline_s=_DEADLINE_S,
                    on_done=done,
                    may_wait=True,
                )
            except Problem as problem:
                done(problem)
                return

    def _done(self, record: DecisionRecord, is_known: bool, result: PublishResult) -> None:  # noqa: FBT001 - partial
        self._under_way -= 1
        if not isinstance(result, Problem):
            if self._known or self._unknown:
                self._send()
        elif is_known and len(self._known) < self._settings.max_queued:
            self._known.appendleft(record)  # the next sweep tries again; its id keeps it from being stored twice
        else:
            self.dropped += 1
            log.warning("decision record not stored", extra={"reason": result.detail, "dropped": self.dropped})
