"""What one session may do: decided when it opens, once for each kind of operation, again at every change, on record."""

from __future__ import annotations

from typing import Final, NamedTuple

from vedette.gateway.peer import Peer
from vedette.gateway.reception import Reception
from vedette.trust import Decision, Grant, PostureRecord, Reason, decide_action, decide_session

SEND_TELEMETRY: Final = "sendTelemetry"
RENEW_CERTIFICATE_ACTION: Final = "renewCertificate"
READ_TWIN_ACTION: Final = "readTwin"
REPORT_PROPERTIES_ACTION: Final = "reportProperties"
RECEIVE_COMMAND_ACTION: Final = "receiveCommand"
RECEIVE_METHOD_ACTION: Final = "receiveMethod"


class Denial(NamedTuple):
    """Why a kind of operation is not permitted."""

    reason: Reason
    detail: str
    policies: tuple[str, ...]


class SessionRights:
    """The decision that let a session in, and those about its operations.

    Args:
        reception: Policies and clock.
        peer: Who presented what.
        record: What the decision rests on.
        decision: The one that let it in.
    """

    __slots__ = ("_permits", "_reception", "_valid_until", "peer", "policies", "record", "valid_until_s")

    def __init__(self, reception: Reception, peer: Peer, record: PostureRecord, decision: Decision) -> None:
        self._reception = reception
        self._permits: dict[str, bool] = {}
        self._valid_until = decision.valid_until
        self.peer = peer
        self.record = record
        self.policies = decision.policies
        self.valid_until_s: float | None = None
        self.refresh_deadline()

    def decide(self) -> Decision:
        """Decide the whole session by its record as it is now."""
        reception = self._reception
        decision = decide_session(
            reception.engine, self.record, self.peer.credential(), self.peer.context(), reception.clock.now()
        )
        self.policies, self._valid_until = decision.policies, decision.valid_until
        if decision.is_permitted:
            self.refresh_deadline()
        return decision

    def replace(self, record: PostureRecord | None) -> frozenset[str]:
        """Take a newer record, forget what was decided of operations; return those that were denied."""
        self.record = record or self.record
        denied = frozenset(action for action, is_permitted in self._permits.items() if not is_permitted)
        self._permits.clear()
        return denied

    def known(self, action: str) -> bool | None:
        """Return what was decided of a kind of operation; ``None``: nothing yet."""
        return self._permits.get(action)

    def judge(self, action: str, grant: Grant) -> Denial | None:
        """Decide a kind of operation and keep the answer.

        The grant is made anew for each kind of operation: kept, it would cost every idle session 5 KB.
        """
        verdict = decide_action(self._reception.engine, grant, action)
        self._permits[action] = verdict.is_permitted
        if verdict.is_permitted:
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
        action: str = "connect",
        policies: tuple[str, ...] = (),
    ) -> None:
        """Write down what became of the session, or of an operation; see ``DecisionLog.record``."""
        peer, record = self.peer, self.record
        self._reception.decisions.record(
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
            bundle_sha256=self._reception.engine.sha256,
            sequence=record.sequence,
        )
