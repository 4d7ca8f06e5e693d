"""What one session may do: decided when it opens, once for each kind of operation, again at every change, on record."""

from __future__ import annotations

from typing import Final, NamedTuple

from vedette.gateway.basis import NO_BASIS, DecisionBasis, ask_shadow, find_basis
from vedette.gateway.peer import Peer
from vedette.gateway.reception import Reception
from vedette.trust import Decision, Grant, PostureRecord, Reason, decide_action, decide_session

SEND_TELEMETRY: Final = "sendTelemetry"
RENEW_CERTIFICATE_ACTION: Final = "renewCertificate"
READ_TWIN_ACTION: Final = "readTwin"
REPORT_PROPERTIES_ACTION: Final = "reportProperties"
RECEIVE_COMMAND_ACTION: Final = "receiveCommand"
RECEIVE_METHOD_ACTION: Final = "receiveMethod"
_CONNECT: Final = "connect"
_NARROWED: Final = "permitted until now"


class Denial(NamedTuple):
    """Why a kind of operation is not permitted."""

    reason: Reason
    detail: str
    policies: tuple[str, ...]


class Change(NamedTuple):
    """What a new decision did to a session's kinds of operation.

    Attributes:
        widened: Denied until now, to be asked about again.
        narrowed: Permitted until now, denied from now on.
    """

    widened: frozenset[str]
    narrowed: frozenset[str]


class SessionRights:
    """The decision that let a session in, and those about its operations.

    Attributes:
        permits: What was decided of kinds of operation; those that are absent are undecided.

    Args:
        reception: Policies and clock.
        peer: Who presented what.
        record: What the decision rests on.
        decision: The one that let it in.
    """

    __slots__ = (
        "_bundle",
        "_let_in_s",
        "_reception",
        "_valid_until",
        "peer",
        "permits",
        "policies",
        "record",
        "valid_until_s",
    )

    def __init__(self, reception: Reception, peer: Peer, record: PostureRecord, decision: Decision) -> None:
        self._reception = reception
        self.permits: dict[str, bool] = {}
        self._valid_until = decision.valid_until
        self._bundle = reception.policies.engine_for(record).sha256
        # Only who was elsewhere before needs to know since when it is here.
        self._let_in_s = None if peer.other is None else reception.clock.monotonic_s()
        self.peer = peer
        self.record = record
        self.policies = decision.policies
        self.valid_until_s: float | None = None
        self.refresh_deadline()

    def decide(self) -> Decision:
        """Decide the whole session by its record as it is now."""
        reception = self._reception
        engine = reception.policies.engine_for(self.record)
        context = self.peer.context(reception.gateway, here_for_s=self._here_for_s())
        decision = decide_session(engine, self.record, self.peer.credential(), context, reception.clock.now())
        self.policies, self._valid_until, self._bundle = decision.policies, decision.valid_until, engine.sha256
        if decision.is_permitted:
            self.refresh_deadline()
        return decision

    def _here_for_s(self) -> int | None:
        return None if self._let_in_s is None else int(self._reception.clock.monotonic_s() - self._let_in_s)

    def replace(self, record: PostureRecord | None) -> None:
        """Take a newer record."""
        self.record = record or self.record

    def is_time_bound(self) -> bool:
        """Tell whether the answers may change with the hour."""
        reception = self._reception
        return reception.policies.engine_for(self.record).is_time_bound(self.record, reception.clock.now())

    def decide_operations(self, grant: Grant) -> Change:
        """Decide anew what was permitted of operations, forget what was denied; what is narrowed goes on record."""
        former, self.permits = self.permits, {}
        narrowed = set[str]()
        for action, was_permitted in former.items():
            if not was_permitted:
                continue
            denial = self.judge(action, grant)
            if denial is not None:
                narrowed.add(action)
                self.put_on_record(
                    "refuse",
                    denial.reason,
                    detail=denial.detail or _NARROWED,
                    action=action,
                    policies=denial.policies,
                    grant=grant,
                )
        widened = frozenset(action for action, is_permitted in former.items() if not is_permitted)
        return Change(widened, frozenset(narrowed))

    def judge(self, action: str, grant: Grant) -> Denial | None:
        """Decide a kind of operation and keep the answer.

        The grant is made anew for each kind of operation: kept, it would cost every idle session 5 KB.
        """
        policies = self._reception.policies
        verdict = decide_action(policies.engine_for(grant.record), grant, action)
        self.permits[action] = verdict.is_permitted
        if verdict.is_permitted:
            if ask_shadow(policies, grant.record, grant.facts, grant.decided_at, action, is_permitted=True):
                self.put_on_record(
                    "shadow",
                    Reason.PERMITTED,
                    is_permitted=True,
                    action=action,
                    policies=verdict.policies,
                    grant=grant,
                )
            return None
        reason = Reason.POLICY_ERROR if verdict.errors else Reason.POLICY_DENIED
        return Denial(reason, "; ".join(verdict.errors), verdict.policies)

    def refresh_deadline(self) -> None:
        """Count the decision's remaining validity on the monotonic clock."""
        end, clock = self._valid_until, self._reception.clock
        self.valid_until_s = None if end is None else clock.monotonic_s() + (end - clock.now()).total_seconds()

    def put_on_record(
        self,
        kind: str,
        reason: str,
        *,
        is_permitted: bool = False,
        detail: str = "",
        hint: str = "",
        action: str = _CONNECT,
        policies: tuple[str, ...] = (),
        grant: Grant | None = None,
        decision: Decision | None = None,
    ) -> None:
        """Write down what became of the session, or of an operation; see ``DecisionLog.record``.

        Args:
            kind: As there.
            reason: As there.
            is_permitted: As there.
            detail: As there.
            hint: As there.
            action: As there.
            policies: As there.
            grant: What an operation was decided by.
            decision: What the session was decided by.
        """
        peer, record, reception = self.peer, self.record, self._reception
        facts = grant.facts if grant is not None else None if decision is None else decision.facts

        def basis() -> DecisionBasis:
            if facts is None:
                return NO_BASIS
            now = reception.clock.now()
            return find_basis(reception.policies, record, facts, now, action, is_permitted=is_permitted)

        reception.decisions.record(
            kind,
            reason,
            is_permitted=is_permitted,
            detail=detail,
            hint=hint,
            action=action,
            generation_id=record.generation_id,
            device_id=record.device_id,
            module_id=record.module_id,
            remote_address=peer.remote_address,
            certificate=peer.certificate,
            tls_version=peer.tls_version,
            policies=policies,
            bundle_sha256=self._bundle,
            sequence=record.sequence,
            basis=basis,
        )
