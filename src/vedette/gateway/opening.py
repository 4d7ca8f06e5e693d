"""Opening a hub session: ask control once, believe only what it signed, decide here, answer CONNECT."""

from __future__ import annotations

import asyncio
import functools
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from vedette.bus.contract import OPEN_SESSION, OpenSession, SessionOpened, SessionOpening, session_opened_subject
from vedette.gateway.basis import NO_BASIS, DecisionBasis, find_basis
from vedette.gateway.peer import Peer
from vedette.gateway.posture import is_newer
from vedette.gateway.reception import Reception
from vedette.gateway.session import Admitted, HubSession
from vedette.gateway.subscriptions import read_subscriptions
from vedette.gateway.vouching import ask_for_voucher, may_be_vouched
from vedette.gateway.wills import find_flaw
from vedette.kernel import Problem
from vedette.protocols.hub import IdentityTopics, UserName
from vedette.protocols.mqtt import NEVER_EXPIRES, NOT_AUTHORIZED, SERVER_UNAVAILABLE, Connect
from vedette.trust import (
    SYMMETRIC_KEY,
    Decision,
    OpeningKey,
    OpeningRequest,
    PostureRecord,
    Reason,
    Replayed,
    Untrusted,
    decide_session,
)

if TYPE_CHECKING:
    from vedette.gateway.connection import MqttConnection

log = logging.getLogger(__name__)

_NONCE_BYTES: Final = 16
_MAX_CLIENT_CHARS: Final = 128
_PROTOCOLS: Final = {4: "MQTT 3.1.1", 5: "MQTT 5"}


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    """The answer to CONNECT is no."""

    def __init__(
        self,
        code: int,
        reason: str,
        detail: str = "",
        record: PostureRecord | None = None,
        decision: Decision | None = None,
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.detail = detail
        self.record = record
        self.decision = decision


class _Applicant(NamedTuple):
    """Who asks for a session, and with what."""

    reception: Reception
    connection: MqttConnection
    connect: Connect
    user_name: UserName
    chain: tuple[bytes, ...]

    @property
    def name(self) -> tuple[str, str | None]:
        """The identity it presents itself as."""
        return (str(self.user_name.device_id), self.user_name.module_id and str(self.user_name.module_id))


class _Answer(NamedTuple):
    """What control says of an identity.

    Attributes:
        head_sequence: Up to which the answer is complete.
        peer: The connection's other end, with what control says of its token.
        subscriptions: Of the kept session, if there is one.
    """

    record: PostureRecord | None
    head_sequence: int
    peer: Peer
    subscriptions: dict[str, int] | None


async def open_hub_session(
    reception: Reception,
    connection: MqttConnection,
    connect: Connect,
    user_name: UserName,
    chain: tuple[bytes, ...],
) -> None:
    """Answer a CONNECT to the hub; it takes one question to control.

    Args:
        reception: What all connections share.
        connection: Where it came in.
        connect: What was asked.
        user_name: Of whom.
        chain: What was presented, DER, leaf first; empty without a certificate.
    """
    applicant = _Applicant(
        reception=reception, connection=connection, connect=connect, user_name=user_name, chain=chain
    )
    try:
        await _open(applicant)
    except _Refused as refused:
        _record_refusal(applicant, refused)
        connection.refuse(refused.code, refused.reason, refused.detail)
        _report_certificate(applicant, refused)
    except asyncio.CancelledError:
        connection.refuse(SERVER_UNAVAILABLE, "stopping")
        raise
    finally:
        reception.openings.leave()


async def _open(applicant: _Applicant) -> None:
    reception, user_name = applicant.reception, applicant.user_name
    flaw = find_flaw(reception, applicant.connect.will, IdentityTopics(user_name.device_id, user_name.module_id))
    if flaw:
        raise _Refused(NOT_AUTHORIZED, "bad_will", flaw)
    if reception.view.is_stale():
        raise _Refused(SERVER_UNAVAILABLE, Reason.STALE_POSTURE)
    if reception.clones.is_damped(applicant.name):
        # Two clients that share an identity displace each other some sixty times a second; let both breathe.
        await asyncio.sleep(reception.settings.session.takeover_pause_s)
        raise _Refused(SERVER_UNAVAILABLE, "takeover_damped")
    refused = await _ask_and_decide(applicant)
    if refused is None:
        return
    is_foreign = refused.decision is not None and refused.decision.reason is Reason.CERTIFICATE_NOT_PERMITTED
    if not is_foreign or not applicant.connection.is_open or not may_be_vouched(refused.record, applicant.chain):
        raise refused
    await _have_vouched(applicant, refused)


async def _have_vouched(applicant: _Applicant, refused: _Refused) -> None:
    """Open anew once a registered authority vouches for the certificate."""
    voucher = await ask_for_voucher(applicant.reception, applicant.connection.peer, applicant.name, applicant.chain)
    if voucher is None:
        raise _Refused(SERVER_UNAVAILABLE, "overloaded", "control did not say whether an authority vouches for it")
    if not voucher.is_vouched:
        refused.detail = voucher.detail
        raise refused
    again = await _ask_and_decide(applicant)
    if again is not None:
        if again.decision is not None and again.decision.reason is Reason.CERTIFICATE_NOT_PERMITTED:
            again.code = SERVER_UNAVAILABLE  # an authority vouches for it: its record is about to say so
        raise again


async def _ask_and_decide(applicant: _Applicant) -> _Refused | None:
    """Ask control and admit the identity, or return the decision against it.

    Raises:
        _Refused: There is no answer to decide by.
    """
    reception = applicant.reception
    with reception.watch.watch(*applicant.name) as pushed_meanwhile:
        try:
            answer = await _ask(applicant)
        except Replayed:
            # Overtaken on the way by a newer head: ask once more.
            answer = await _ask_again(applicant)
        # From here to the registration nothing waits, so no change can slip in between.
        pushed = pushed_meanwhile.pushed
    record = answer.record
    if pushed is not None:
        if pushed.sequence > answer.head_sequence and (record is None or pushed.generation_id != record.generation_id):
            # The name has passed on: what holds it now was not asked about.
            raise _Refused(SERVER_UNAVAILABLE, Reason.STALE_POSTURE, "the identity was changed meanwhile")
        if record is not None and pushed.generation_id == record.generation_id and is_newer(pushed, record):
            record = pushed
    if reception.view.is_stale():
        raise _Refused(SERVER_UNAVAILABLE, Reason.STALE_POSTURE)
    if not applicant.connection.is_open:
        return None
    return _decide(applicant, answer, record)


async def _ask(applicant: _Applicant) -> _Answer:
    """Ask control for the identity's record.

    Raises:
        Replayed: The answer is older than what is known already.
        _Refused: It is not to be believed, or there is none.
    """
    reception, user_name, connect = applicant.reception, applicant.user_name, applicant.connect
    asked = OpeningRequest(
        nonce=reception.ids.random_bytes(_NONCE_BYTES),
        device_id=user_name.device_id,
        module_id=user_name.module_id,
        asked_s=reception.clock.monotonic_s(),
    )
    peer = applicant.connection.peer
    request = OpenSession(
        organization_id=reception.anchor.organization_id,
        gateway=reception.gateway,
        device_id=user_name.device_id,
        module_id=user_name.module_id,
        nonce=asked.nonce,
        certificate_sha256=peer.certificate.sha256 if peer.certificate is not None else None,
        certificate_sha1=peer.certificate.sha1 if peer.certificate is not None else None,
        remote_address=peer.remote_address,
        password=connect.password or None,
        is_clean=connect.clean_session,
        is_kept=connect.keeps_session,
        key_ids=reception.opening_keys.key_ids,
    )
    try:
        answer = await reception.bus.call(
            OPEN_SESSION, request, SessionOpening, timeout_s=reception.settings.session.open_timeout_s
        )
        opening = reception.view.accept_opening(answer.opening, asked, _key_of(reception, answer))
    except Replayed:
        raise
    except Untrusted as untrusted:
        log.warning("an answer about an identity was not believed", extra={"reason": untrusted.detail})
        raise _Refused(SERVER_UNAVAILABLE, "untrusted_answer", untrusted.detail) from None
    except Problem as problem:
        raise _Refused(SERVER_UNAVAILABLE, "overloaded", problem.detail) from None
    if opening.token is not None or opening.token_refusal or opening.other is not None:
        peer = replace(peer, token=opening.token, token_refusal=opening.token_refusal, other=opening.other)
    return _Answer(
        record=opening.record,
        head_sequence=opening.head.sequence,
        peer=peer,
        subscriptions=None if request.is_clean else answer.subscriptions,
    )


def _key_of(reception: Reception, answer: SessionOpening) -> OpeningKey | None:
    """Return the key an answer is sealed with; ``None``: it is signed."""
    if not answer.key_id:
        reception.opening_keys.missed()
        return None
    key = reception.opening_keys.find(answer.key_id)
    if key is None:
        raise Untrusted("an opening sealed with a key that was not agreed on")
    return key


async def _ask_again(applicant: _Applicant) -> _Answer:
    try:
        return await _ask(applicant)
    except Replayed as replayed:
        log.warning("control answers with older heads than it publishes", extra={"reason": replayed.detail})
        raise _Refused(SERVER_UNAVAILABLE, "untrusted_answer", replayed.detail) from None


def _decide(applicant: _Applicant, answer: _Answer, record: PostureRecord | None) -> _Refused | None:
    reception, connection, peer = applicant.reception, applicant.connection, answer.peer
    clock = reception.clock
    engine = reception.policies.engine_for(record)
    decision = decide_session(engine, record, peer.credential(), peer.context(reception.gateway), clock.now())
    if record is None or not decision.is_permitted:
        code = NOT_AUTHORIZED if decision.is_permanent else SERVER_UNAVAILABLE
        return _Refused(code, decision.reason, "; ".join(decision.errors), record, decision)
    admitted = Admitted(
        user_name=applicant.user_name,
        connect=applicant.connect,
        peer=peer,
        record=record,
        decision=decision,
        subscriptions=read_subscriptions(answer.subscriptions),
    )
    session = HubSession(reception, connection, connection.mqtt, admitted)
    reception.sessions.add(session)
    reception.wills.drop(session.generation_id)
    _tell_others(applicant, session, decision)
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
        bundle_sha256=engine.sha256,
        sequence=record.sequence,
        basis=functools.partial(_find_basis, reception, record, decision),
    )
    connection.accept(
        session,
        clock.monotonic_s(),
        session_present=bool(answer.subscriptions),
        session_expiry_s=NEVER_EXPIRES if session.is_durable else None,
    )
    session.begin()
    return None


def _tell_others(applicant: _Applicant, session: HubSession, decision: Decision) -> None:
    reception, connect = applicant.reception, applicant.connect
    opened = SessionOpened(
        generation_id=session.generation_id,
        session_id=session.session_id,
        opened_at_ms=session.opened_at_ms,
        remote_address=session.peer.remote_address,
        protocol=_PROTOCOLS.get(connect.protocol_level, f"MQTT level {connect.protocol_level}"),
        client=applicant.user_name.client_type[:_MAX_CLIENT_CHARS],
        credential=_credential(session.peer, decision),
    )
    try:
        reception.publish(session_opened_subject(reception.anchor.organization_id, reception.gateway), opened)
    except Problem as problem:
        log.debug("other gateways not told of a session", extra={"reason": problem.detail})


def _credential(peer: Peer, decision: Decision) -> str:
    """Return what let a peer in; it may have presented a certificate and a token."""
    if decision.grant is not None and decision.grant.facts.credential == SYMMETRIC_KEY:
        return peer.token.key_id if peer.token is not None else ""
    return peer.certificate.sha256 if peer.certificate is not None else ""


def _record_refusal(applicant: _Applicant, refused: _Refused) -> None:
    reception, user_name, peer = applicant.reception, applicant.user_name, applicant.connection.peer
    decision, record = refused.decision, refused.record
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
        bundle_sha256=reception.policies.engine_for(record).sha256 if decision is not None else None,
        sequence=record.sequence if record is not None else None,
        basis=functools.partial(_find_basis, reception, record, decision),
    )


def _find_basis(reception: Reception, record: PostureRecord | None, decision: Decision | None) -> DecisionBasis:
    if record is None or decision is None or decision.facts is None:
        return NO_BASIS
    now = reception.clock.now()
    permitted = decision.is_permitted
    return find_basis(reception.policies, record, decision.facts, now, "connect", is_permitted=permitted)


def _report_certificate(applicant: _Applicant, refused: _Refused) -> None:
    """Report what was presented, unless the identity's own record lists it: did we ever issue it?"""
    if refused.decision is None or not applicant.chain:
        return
    held = refused.record.credentials.value if refused.record is not None else None
    facts = applicant.connection.peer.certificate
    if facts is None or (held is not None and any(each.digest == facts.sha256 for each in held.certificates)):
        return
    user_name = applicant.user_name
    name = user_name.device_id if user_name.module_id is None else f"{user_name.device_id}/{user_name.module_id}"
    applicant.reception.reports.consider(applicant.chain[0], applicant.connection.peer, name)
