"""The decision point for other systems: the same records and policies, asked by gateways that are not ours.

Whoever asks vouches for what it tells of the session; what we know ourselves (the identity, its credentials, its risk,
where else it is) is never taken from it. A no is a value; the unknown and the missing are a no.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from vedette.access import repository
from vedette.access.administrator import PolicyAdministrator
from vedette.access.authzen_model import (
    UNKNOWN_ACTION,
    UNKNOWN_RESOURCE,
    UNKNOWN_SUBJECT,
    Answer,
    Asked,
    find_context_flaw,
    judge_credential,
    read_facts,
    refused,
)
from vedette.access.policy_engines import EnginesInForce
from vedette.access.policy_store import PolicyStore
from vedette.kernel import Clock, InvalidId, OrganizationId, parse_device_id, parse_module_id
from vedette.pki.records import SymmetricKeyService
from vedette.store import Store
from vedette.trust import (
    ACTIONS,
    BadEntity,
    OtherSession,
    PolicyEngine,
    PostureRecord,
    PresentedCredential,
    Reason,
    RecordVerifier,
    SessionContext,
    SessionFacts,
    TokenProof,
    Verdict,
    decide_session,
    hint_for,
)

HUB: Final = "hub"
IDENTITY_TYPES: Final = ("device", "module")
SEARCHED_MAX: Final = 200
_CONNECT: Final = "connect"
_ENROLL: Final = "enroll"
_NOTHING: Final = PresentedCredential(sha256="", sha1="", not_before=None, not_after=None)
_NO_CREDENTIAL: Final = frozenset({Reason.CERTIFICATE_MISSING, Reason.TOKEN_INVALID, Reason.PERMITTED})


class Found(NamedTuple):
    """Some identities of a search.

    Attributes:
        next_after: What to pass as ``after`` for more; ``None`` at the end.
    """

    records: list[PostureRecord]
    next_after: int | None


class DecisionPoint:
    """Decides about devices and modules for systems that are not ours.

    Args:
        organization_id: Whose identities.
        administrator: Has their records.
        bundles: Knows the policies in force.
        store: To search the records.
        public_key: The administrator's, to believe them.
        keys: Judges tokens that brokers hand on.
        other_session: Where else an identity is, or was last.
        clock: Source of time.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        administrator: PolicyAdministrator,
        bundles: PolicyStore,
        store: Store,
        *,
        public_key: bytes,
        keys: SymmetricKeyService,
        other_session: Callable[[str, str], OtherSession | None],
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._administrator = administrator
        self._store = store
        self._verifier = RecordVerifier(public_key)
        self._keys = keys
        self._other_session = other_session
        self._clock = clock
        self._engines = EnginesInForce(bundles)

    async def decide(self, asked: Asked, *, password: str = "") -> Answer:
        """Answer one question.

        Args:
            asked: About a device or module.
            password: A token that a broker was handed, a shared access signature; empty: none.

        Raises:
            PostureUnavailable: Records are not ready.
            PolicyBundleDamaged: The policies in force are not what was signed.
        """
        record = await self.find(asked.subject_type, asked.subject_id)
        if record is None:
            return refused(UNKNOWN_SUBJECT, "there is no such identity", hint="see them: vedette device list")
        token = await self._judge_token(record, password) if password else None
        return await self._decide(record, asked, token)

    async def find(self, subject_type: str, subject_id: str) -> PostureRecord | None:
        """Return the record of a subject: a ``device``, or a ``module`` named ``device/module``."""
        device, separator, module = subject_id.partition("/")
        if subject_type not in IDENTITY_TYPES or bool(separator) != (subject_type == "module"):
            return None
        try:
            device_id, module_id = parse_device_id(device), parse_module_id(module) if separator else None
        except InvalidId:
            return None
        return await self._administrator.find(device_id, module_id)

    async def search_actions(self, asked: Asked) -> list[str]:
        """Return the actions that a subject may do."""
        record = await self.find(asked.subject_type, asked.subject_id)
        if record is None:
            return []
        answers = [await self._decide(record, replace(asked, action=action), None) for action in ACTIONS]
        return [action for action, answer in zip(ACTIONS, answers, strict=True) if answer.is_permitted]

    async def search_subjects(self, asked: Asked, *, after: int, most: int = SEARCHED_MAX) -> Found:
        """Return identities of a type that may do something, among the next ``SEARCHED_MAX`` records.

        Args:
            asked: Its subject's id is not read.
            after: Records of a higher sequence only; 0 to begin.
            most: At most so many.
        """
        page = await self._page(asked.subject_type, after)
        permitted: list[PostureRecord] = []
        last = after
        for record in page.records:
            if len(permitted) >= most:
                return Found(permitted, last)
            last = record.sequence
            if (await self._decide(record, asked, None)).is_permitted:
                permitted.append(record)
        return Found(permitted, page.next_after)

    async def list_devices(self, *, after: int) -> Found:
        """Return the devices among the next ``SEARCHED_MAX`` records."""
        return await self._page("device", after)

    async def _page(self, kind: str, after: int) -> Found:
        rows = await self._store.read(
            lambda connection: repository.list_after(connection, self._organization_id, after, SEARCHED_MAX + 1)
        )
        page = rows[:SEARCHED_MAX]
        records = await asyncio.to_thread(self._believe, [row.signed for row in page if not row.is_deleted])
        chosen = [record for record in records if record.kind == kind]
        return Found(chosen, page[-1].sequence if len(rows) > len(page) else None)

    def _believe(self, signed: Sequence[bytes]) -> list[PostureRecord]:
        return [self._verifier.record(each) for each in signed]

    async def _decide(self, record: PostureRecord, asked: Asked, token: TokenProof | Reason | None) -> Answer:
        self._administrator.require_vouching()
        if asked.action not in ACTIONS:
            return refused(UNKNOWN_ACTION, f"an action is one of {', '.join(ACTIONS)}", record=record)
        if not self._is_own(record, asked):
            return refused(UNKNOWN_RESOURCE, "it is the hub, or the identity itself", record=record)
        flaw = find_context_flaw(asked.context)
        if flaw is not None:
            return replace(flaw, record=record)
        now = self._clock.now()
        engine = (await self._engines.get()).engine_for(record, now)
        other = self._other_session(record.generation_id, str(asked.context["address"]))
        origin = judge_credential(record, asked.context, token, now)
        credential = "" if isinstance(origin, Reason) else origin
        facts = read_facts(asked.context, credential=credential, caller=asked.caller, other=other, now=now)
        reason = _state(engine, record, facts, now)
        if reason is None and isinstance(origin, Reason) and asked.action != _ENROLL:
            reason = origin
        if reason is not None and not (reason is Reason.NOT_ONBOARDED and asked.action == _ENROLL):
            return refused(reason.value, hint=_hint(reason, record), record=record)
        return _ask(engine, record, asked.action, facts, now)

    def _is_own(self, record: PostureRecord, asked: Asked) -> bool:
        if asked.resource_type == HUB:
            return asked.resource_id in {HUB, self._organization_id}
        return (asked.resource_type, asked.resource_id) == (record.kind, subject_name(record))

    async def _judge_token(self, record: PostureRecord, password: str) -> TokenProof | Reason | None:
        credentials = record.credentials.value
        return await self._keys.verify_token(
            self._organization_id,
            () if credentials is None else credentials.keys,
            password.encode(),
            owner_id=record.generation_id,
            device_id=record.device_id,
            module_id=record.module_id,
            now=self._clock.now(),
        )


def subject_name(record: PostureRecord) -> str:
    """Return the id by which other systems name an identity."""
    return record.device_id if record.module_id is None else f"{record.device_id}/{record.module_id}"


def _state(engine: PolicyEngine, record: PostureRecord, facts: SessionFacts, now: datetime) -> Reason | None:
    """Return what stands before any policy, such as being disabled."""
    session = SessionContext(facts.tls_version, facts.address)
    reason = decide_session(engine, record, _NOTHING, session, now).reason
    return None if reason in _NO_CREDENTIAL else reason


def _ask(engine: PolicyEngine, record: PostureRecord, action: str, facts: SessionFacts, now: datetime) -> Answer:
    try:
        # Whoever may not connect may do nothing that a session is needed for.
        verdict = engine.decide(record, now, _CONNECT if action != _ENROLL else _ENROLL, facts)
        if verdict.is_permitted and action not in {_CONNECT, _ENROLL}:
            verdict = engine.decide(record, now, action, facts)
        context = engine.context(record, now, facts)
    except BadEntity as error:
        return refused(Reason.RECORD_INVALID.value, error.detail, record=record)
    reason = _reason(verdict)
    return Answer(
        is_permitted=verdict.is_permitted,
        reason=reason.value,
        detail="; ".join(verdict.errors),
        hint="" if verdict.is_permitted else _hint(reason, record),
        policies=verdict.policies,
        record=record,
        bundle_sha256=engine.sha256,
        facts=context,
    )


def _reason(verdict: Verdict) -> Reason:
    if verdict.errors:
        return Reason.POLICY_ERROR
    return Reason.PERMITTED if verdict.is_permitted else Reason.POLICY_DENIED


def _hint(reason: Reason, record: PostureRecord) -> str:
    return hint_for(reason, record.device_id, record.module_id)
