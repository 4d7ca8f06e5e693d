"""Why: what an identity may do now, which policies say so and who answers for them, and what to do next."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from vedette.access import policy_repository
from vedette.access.administrator import PolicyAdministrator
from vedette.access.hops import Hops
from vedette.access.policy_errors import PolicyBundleNotFound
from vedette.access.policy_store import PolicyStore
from vedette.access.policy_text import PolicyText, read_policies
from vedette.access.simulation_model import assume_session
from vedette.bus import BusTimeout, BusUnavailable
from vedette.bus.contract import DecisionRecord
from vedette.health import HealthReport, SignalService
from vedette.kernel import Clock, DeviceId, ModuleId, OrganizationId
from vedette.messaging import Decision, DecisionReader, decided_at
from vedette.store import Store
from vedette.trust import (
    ACTIONS,
    BadEntity,
    EntitySlice,
    PolicyEngine,
    PolicyEngines,
    PostureRecord,
    PresentedCredential,
    Quarantine,
    Reason,
    SessionContext,
    Verdict,
    advice_for,
    decide_session,
    hint_for,
)
from vedette.trust.replay import Facts, SeenSession, facts_of

REFUSALS_SHOWN: Final = 5
_NOTES_MAX: Final = 8
_REFUSING: Final = ("refuse", "cut", "register")
_SEEN: Final = ("connect", "refuse", "cut")
# What a decision without a credential comes to when nothing else stands against an identity.
_CREDENTIAL_REASONS: Final = frozenset({Reason.CERTIFICATE_MISSING, Reason.TOKEN_INVALID})
_NOTHING: Final = PresentedCredential(sha256="", sha1="", not_before=None, not_after=None)


@dataclass(frozen=True, slots=True)
class PolicyNote:
    """A policy that decided, in the words of whoever wrote it."""

    policy_id: str
    effect: str
    why: str
    owner: str
    guidance: str
    expires: str


@dataclass(frozen=True, slots=True)
class ActionAnswer:
    """What an identity would be told now.

    Attributes:
        reason: ``permitted``, ``policy_denied``, ``policy_error``, or what stands before any policy, such as
            ``disabled``.
        policies: Those that decided; none where nothing permits.
        errors: Of evaluation; with any of them the answer is no.
    """

    action: str
    is_permitted: bool
    reason: str
    policies: tuple[PolicyNote, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why an identity may do what it may, and may not do the rest.

    Attributes:
        record: What was decided on; its sections say since when.
        bundle_sha256: Which policies.
        is_canary: They are the canary's.
        session: The facts of its last session, or an assumed one where it was never seen.
        answers: One for each action.
        health: Signals and what they come to; ``None``: nothing is known of its health.
        refusals: The last ones, newest first.
        hops: Of its record's last change, if it is remembered.
        next_steps: What to do, the plainest first.
    """

    record: PostureRecord
    bundle_sha256: str
    is_canary: bool
    session: SeenSession
    facts: Facts
    answers: tuple[ActionAnswer, ...]
    health: HealthReport | None
    quarantine: Quarantine
    refusals: tuple[Decision, ...]
    hops: Hops | None
    next_steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecisionBasis:
    """What a decision of the log rested on.

    Attributes:
        policies: Those that decided, in the words of the bundle that they stood in.
        attributes: What they could read of the identity; ``None``: it is not known, or no longer.
    """

    policies: tuple[PolicyNote, ...]
    attributes: Mapping[str, object] | None


class AccessExplainer:
    """Answers "why" for the identities of one organization.

    Args:
        organization_id: Whose identities.
        administrator: Has their records.
        bundles: Knows the policies in force.
        decisions: The log.
        signals: Know their health.
        store: Keeps what identities looked like.
        clock: Source of time.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        administrator: PolicyAdministrator,
        bundles: PolicyStore,
        decisions: DecisionReader,
        signals: SignalService,
        *,
        store: Store,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._administrator = administrator
        self._bundles = bundles
        self._decisions = decisions
        self._signals = signals
        self._store = store
        self._clock = clock
        self._engines: PolicyEngines | None = None
        self._notes: OrderedDict[str, Mapping[str, PolicyText]] = OrderedDict()

    async def explain(self, device_id: DeviceId, module_id: ModuleId | None) -> Explanation | None:
        """Say what an identity may do now, and why; ``None`` if it has no record.

        Raises:
            PolicyBundleDamaged: The policies in force are not what was signed.
        """
        record = await self._administrator.find(device_id, module_id)
        if record is None:
            return None
        now = self._clock.now()
        engines = await self._engines_in_force()
        engine = engines.engine_for(record, now)
        notes = await self._notes_of(engine.sha256)
        seen = await self._last_session(record, now)
        facts, answers = await asyncio.to_thread(_answer_all, engine, record, seen, now, notes)
        refusals = await self._last_refusals(record)
        quarantine = record.quarantine.known(now) or Quarantine()
        return Explanation(
            record=record,
            bundle_sha256=engine.sha256,
            is_canary=engine is not engines.stable,
            session=seen,
            facts=facts,
            answers=answers,
            health=await self._signals.report(self._organization_id, device_id, module_id),
            quarantine=quarantine,
            refusals=refusals,
            hops=self._administrator.hops.latest_of(record.generation_id),
            next_steps=_next_steps(record, answers, [decision.record for decision in refusals]),
        )

    async def basis(self, record: DecisionRecord) -> DecisionBasis:
        """Say what a decision of the log rested on.

        Raises:
            PolicyBundleDamaged: The policies that decided are not what was signed.
        """
        notes: Mapping[str, PolicyText] = {}
        if record.bundle_sha256 and record.policies:
            with contextlib.suppress(PolicyBundleNotFound):
                notes = await self._notes_of(record.bundle_sha256)
        named = tuple(_note(policy_id, notes.get(policy_id)) for policy_id in record.policies)
        return DecisionBasis(named, await self._attributes_of(record.slice_sha256))

    async def _attributes_of(self, slice_sha256: str | None) -> Mapping[str, object] | None:
        if slice_sha256 is None:
            return None
        found = await self._store.read(
            lambda connection: policy_repository.find_slices(connection, self._organization_id, [slice_sha256])
        )
        raw = found.get(slice_sha256)
        return None if raw is None else msgspec.json.decode(raw, type=EntitySlice).attributes

    async def _engines_in_force(self) -> PolicyEngines:
        manifest = (await self._bundles.staging()).manifest
        known = self._engines
        if known is None or known.sha256 != manifest.sha256:
            contents = [await self._bundles.content_of(sha256) for sha256 in manifest.bundles]
            known = self._engines = await asyncio.to_thread(PolicyEngines, manifest, contents, known)
        return known

    async def _notes_of(self, sha256: str) -> Mapping[str, PolicyText]:
        known = self._notes.get(sha256)
        if known is None:
            content = await self._bundles.content_of(sha256)
            policies = await asyncio.to_thread(read_policies, content.policies_text)
            known = self._notes[sha256] = {policy.policy_id: policy for policy in policies}
            if len(self._notes) > _NOTES_MAX:
                self._notes.popitem(last=False)
        return known

    async def _last_session(self, record: PostureRecord, now: datetime) -> SeenSession:
        """Return the facts of the newest decision about an identity that tells them."""
        for decision in await self._log_of(record, _SEEN):
            if decision.record.facts:
                return SeenSession(decided_at(decision.record), dict(decision.record.facts))
        return assume_session(record, now)

    async def _last_refusals(self, record: PostureRecord) -> tuple[Decision, ...]:
        found = await self._log_of(record, _REFUSING)
        return tuple(each for each in found if each.record.effect != "allow")

    async def _log_of(self, record: PostureRecord, kinds: Sequence[str]) -> Sequence[Decision]:
        try:
            page = await self._decisions.list_decisions(
                self._organization_id, generation_id=record.generation_id, kinds=kinds, limit=REFUSALS_SHOWN
            )
        except (BusUnavailable, BusTimeout):
            return ()  # what is true now can be said without the log
        return page.items


def _answer_all(
    engine: PolicyEngine,
    record: PostureRecord,
    session: SeenSession,
    now: datetime,
    notes: Mapping[str, PolicyText],
) -> tuple[Facts, tuple[ActionAnswer, ...]]:
    # What the session presented is known from the log; what time it is, and where it belongs, is asked as of now.
    facts = facts_of(session)
    state = decide_session(engine, record, _NOTHING, SessionContext(facts.tls_version, facts.address), now)
    try:
        context = engine.context(record, now, facts)
        principal = engine.principal(record, now)
    except BadEntity as error:
        invalid = Reason.RECORD_INVALID.value
        return dict(session.facts), tuple(ActionAnswer(each, False, invalid, (), (error.detail,)) for each in ACTIONS)
    # What stands before any policy, such as being disabled; who is not onboarded may still enroll.
    before = None if state.reason in _CREDENTIAL_REASONS else state.reason
    answers = []
    for action in ACTIONS:
        if before is None or (before is Reason.NOT_ONBOARDED and action == "enroll"):
            answers.append(_answer(action, engine.evaluate(principal, action, context), notes))
        else:
            answers.append(ActionAnswer(action, False, before.value, (), state.errors))
    return context, tuple(answers)


def _answer(action: str, verdict: Verdict, notes: Mapping[str, PolicyText]) -> ActionAnswer:
    reason = Reason.PERMITTED if verdict.is_permitted else Reason.POLICY_DENIED
    if verdict.errors:
        reason = Reason.POLICY_ERROR
    named = tuple(_note(policy_id, notes.get(policy_id)) for policy_id in verdict.policies)
    return ActionAnswer(action, verdict.is_permitted, reason.value, named, verdict.errors)


def _note(policy_id: str, policy: PolicyText | None) -> PolicyNote:
    if policy is None:
        return PolicyNote(policy_id, "", "", "", "", "")
    said = policy.annotations
    return PolicyNote(
        policy_id,
        policy.effect,
        said.get("why", ""),
        said.get("owner", ""),
        said.get("guidance", ""),
        said.get("expires", ""),
    )


def _next_steps(
    record: PostureRecord, answers: Sequence[ActionAnswer], refusals: Sequence[DecisionRecord]
) -> tuple[str, ...]:
    """Say what to do: first what stands before any policy, then what the policies' owners advise."""
    steps: list[str] = []
    refused = [answer for answer in answers if not answer.is_permitted]
    connect = next((answer for answer in refused if answer.action == "connect"), None)
    if connect is not None and not connect.policies:
        steps.append(hint_for(Reason(connect.reason), record.device_id, record.module_id))
    advised = [note.guidance for answer in refused for note in answer.policies if note.effect == "forbid"]
    steps += [advice_for(guidance, record.device_id) for guidance in advised]
    # What policies refused is advised on above; their hint would lead back here.
    if refusals and refusals[0].reason not in {Reason.POLICY_DENIED, Reason.POLICY_ERROR}:
        steps.append(refusals[0].hint)
    return tuple(dict.fromkeys(step for step in steps if step))
