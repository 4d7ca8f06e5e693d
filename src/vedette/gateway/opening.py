"""Opening a hub session: ask control once, believe only what it signed, decide here, answer CONNECT."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from vedette.bus.contract import OPEN_SESSION, OpenSession, SessionOpened, SessionOpening, session_opened_subject
from vedette.gateway.posture import is_newer
from vedette.gateway.reception import Reception
from vedette.gateway.session import Admitted, HubSession
from vedette.kernel import Problem
from vedette.protocols import RemoteProtocolError
from vedette.protocols.hub import IdentityTopics, Telemetry, UserName
from vedette.protocols.mqtt import NOT_AUTHORIZED, SERVER_UNAVAILABLE, Connect
from vedette.trust import Decision, OpeningRequest, PostureRecord, Reason, Replayed, Untrusted, decide_session

if TYPE_CHECKING:
    from vedette.gateway.connection import MqttConnection

log = logging.getLogger(__name__)

_NONCE_BYTES: Final = 16


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    """The answer to CONNECT is no."""

    def __init__(self, code: int, reason: str, detail: str = "", record: PostureRecord | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.detail = detail
        self.record = record
        self.decision: Decision | None = None


async def open_hub_session(
    reception: Reception,
    connection: MqttConnection,
    connect: Connect,
    user_name: UserName,
    leaf: tuple[bytes, ...],
) -> None:
    """Answer a CONNECT to the hub; it takes one question to control.

    Args:
        reception: What all connections share.
        connection: Where it came in.
        connect: What was asked.
        user_name: Of whom.
        leaf: The certificate that was presented, DER; empty without one.
    """
    try:
        await _open(reception, connection, connect, user_name)
    except _Refused as refused:
        _record_refusal(reception, connection, user_name, refused)
        connection.refuse(refused.code)
        _report_certificate(reception, connection, user_name, refused, leaf)
    except asyncio.CancelledError:
        connection.refuse(SERVER_UNAVAILABLE)
        raise
    finally:
        reception.openings.leave()


async def _open(reception: Reception, connection: MqttConnection, connect: Connect, user_name: UserName) -> None:
    name = (str(user_name.device_id), user_name.module_id and str(user_name.module_id))
    _check_will(reception, connect, user_name)
    if reception.view.is_stale():
        raise _Refused(SERVER_UNAVAILABLE, Reason.STALE_POSTURE)
    if reception.sessions.is_damped(name):
        # Two clients that share an identity displace each other some sixty times a second; let both breathe.
        await asyncio.sleep(reception.settings.session.takeover_pause_s)
        raise _Refused(SERVER_UNAVAILABLE, "takeover_damped")
    with reception.watch.watch(*name) as pushed_meanwhile:
        try:
            record, head_sequence = await _ask(reception, connection, user_name)
        except Replayed:
            # Overtaken on the way by a newer head: ask once more.
            record, head_sequence = await _ask_again(reception, connection, user_name)
        # From here to the registration nothing waits, so no change can slip in between.
        pushed = pushed_meanwhile.pushed
    if pushed is not None:
        if pushed.sequence > head_sequence and (record is None or pushed.generation_id != record.generation_id):
            # The name has passed on: what holds it now was not asked about.
            raise _Refused(SERVER_UNAVAILABLE, Reason.STALE_POSTURE, "the identity was changed meanwhile")
        if record is not None and pushed.generation_id == record.generation_id and is_newer(pushed, record):
            record = pushed
    if reception.view.is_stale():
        raise _Refused(SERVER_UNAVAILABLE, Reason.STALE_POSTURE)
    if not connection.is_open:
        return
    _decide(reception, connection, connect, user_name, record)


async def _ask(
    reception: Reception, connection: MqttConnection, user_name: UserName
) -> tuple[PostureRecord | None, int]:
    """Ask control for the identity's record.

    Returns:
        The record, ``None`` for an unknown identity, and the sequence up to which the answer is complete.

    Raises:
        Replayed: The answer is older than what is known already.
    """
    asked = OpeningRequest(
        nonce=reception.ids.random_bytes(_NONCE_BYTES), device_id=user_name.device_id, module_id=user_name.module_id
    )
    certificate = connection.peer.certificate
    request = OpenSession(
        organization_id=reception.anchor.organization_id,
        gateway=reception.gateway,
        device_id=user_name.device_id,
        module_id=user_name.module_id,
        nonce=asked.nonce,
        certificate_sha256=certificate.sha256 if certificate is not None else None,
        remote_address=connection.peer.remote_address,
    )
    try:
        answer = await reception.bus.call(
            OPEN_SESSION, request, SessionOpening, timeout_s=reception.settings.session.open_timeout_s
        )
        opening = reception.view.accept_opening(answer.opening, asked)
    except Replayed:
        raise
    except Untrusted as untrusted:
        log.warning("an answer about an identity was not believed", extra={"reason": untrusted.detail})
        raise _Refused(SERVER_UNAVAILABLE, "untrusted_answer", untrusted.detail) from None
    except Problem as problem:
        raise _Refused(SERVER_UNAVAILABLE, "overloaded", problem.detail) from None
    return opening.record, opening.head.sequence


async def _ask_again(
    reception: Reception, connection: MqttConnection, user_name: UserName
) -> tuple[PostureRecord | None, int]:
    try:
        return await _ask(reception, connection, user_name)
    except Replayed as replayed:
        log.warning("control answers with older heads than it publishes", extra={"reason": replayed.detail})
        raise _Refused(SERVER_UNAVAILABLE, "untrusted_answer", replayed.detail) from None


def _decide(
    reception: Reception,
    connection: MqttConnection,
    connect: Connect,
    user_name: UserName,
    record: PostureRecord | None,
) -> None:
    peer, clock = connection.peer, reception.clock
    decision = decide_session(reception.engine, record, peer.credential(), peer.context(), clock.now())
    if record is None or not decision.is_permitted:
        code = NOT_AUTHORIZED if decision.is_permanent else SERVER_UNAVAILABLE
        refused = _Refused(code, decision.reason, "; ".join(decision.errors), record)
        refused.decision = decision
        raise refused
    admitted = Admitted(user_name=user_name, connect=connect, peer=peer, record=record, decision=decision)
    session = HubSession(reception, connection, connection.mqtt, admitted)
    reception.sessions.add(session)
    _tell_others(reception, session)
    reception.decisions.record(
        "connect",
        decision.reason,
        is_permitted=True,
        generation_id=record.generation_id,
        device_id=record.device_id,
        module_id=record.module_id,
        remote_address=peer.remote_address,
        certificate=peer.certificate,
        tls_version=peer.tls_version,
        policies=decision.policies,
        bundle_sha256=reception.engine.sha256,
        sequence=record.sequence,
    )
    connection.accept(session, clock.monotonic_s())


def _tell_others(reception: Reception, session: HubSession) -> None:
    opened = SessionOpened(
        generation_id=session.generation_id, session_id=session.session_id, opened_at_ms=session.opened_at_ms
    )
    try:
        reception.publish(session_opened_subject(reception.anchor.organization_id, reception.gateway), opened)
    except Problem as problem:
        log.debug("other gateways not told of a session", extra={"reason": problem.detail})


def _check_will(reception: Reception, connect: Connect, user_name: UserName) -> None:
    """A will is telemetry on the device's behalf: its topic must be the device's own, and its bag one we can store."""
    will = connect.will
    if will is None:
        return
    message = IdentityTopics(user_name.device_id, user_name.module_id).parse(will.topic)
    if not isinstance(message, Telemetry) or will.qos > 1:
        raise _Refused(NOT_AUTHORIZED, "bad_will", "the will's topic is not the device's own telemetry topic")
    try:
        reception.bags.parse(message.bag)
    except RemoteProtocolError as error:
        raise _Refused(NOT_AUTHORIZED, "bad_will", error.reason) from None


def _record_refusal(reception: Reception, connection: MqttConnection, user_name: UserName, refused: _Refused) -> None:
    decision, record, peer = refused.decision, refused.record, connection.peer
    reception.decisions.record(
        "refuse",
        refused.reason,
        detail=refused.detail,
        hint=decision.hint(user_name.device_id) if decision is not None else "",
        generation_id=record.generation_id if record is not None else None,
        is_proven=False,
        device_id=user_name.device_id,
        module_id=user_name.module_id,
        remote_address=peer.remote_address,
        certificate=peer.certificate,
        tls_version=peer.tls_version,
        policies=decision.policies if decision is not None else (),
        bundle_sha256=reception.engine.sha256 if decision is not None else None,
        sequence=record.sequence if record is not None else None,
    )


def _report_certificate(
    reception: Reception, connection: MqttConnection, user_name: UserName, refused: _Refused, leaf: tuple[bytes, ...]
) -> None:
    """Report what was presented, unless the identity's own record lists it: did we ever issue it?"""
    if refused.decision is None or not leaf:
        return
    held = refused.record.credentials.value if refused.record is not None else None
    facts = connection.peer.certificate
    if facts is None or (held is not None and any(each.digest == facts.sha256 for each in held.certificates)):
        return
    name = user_name.device_id if user_name.module_id is None else f"{user_name.device_id}/{user_name.module_id}"
    reception.reports.consider(leaf[0], connection.peer, name)
