"""Two bundles asked the same: where the answers differ."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from vedette.trust.bundle import PolicyBundle
from vedette.trust.cedar import BadEntity, Verdict
from vedette.trust.policy import ACTIONS, PolicyEngine, Principal
from vedette.trust.replay.model import Change, Chunk, Finding, FleetItem, LogItem, Replayed, facts_of

_POLICIES_SHOWN: Final = 8


class Replayer:
    """Asks two engines the same."""

    def __init__(self, before: PolicyBundle, after: PolicyBundle) -> None:
        self._engines = (PolicyEngine(before), PolicyEngine(after))

    def replay(self, chunk: Chunk) -> Replayed:
        """Answer one chunk."""
        findings: list[Finding] = []
        denied: list[int] = []
        unreadable: list[int] = []
        decisions = 0
        for index, item in enumerate(chunk.items):
            try:
                if isinstance(item, FleetItem):
                    made, is_let_in = self._replay_identity(index, item, chunk.now, findings)
                    decisions += made
                    if not is_let_in:
                        denied.append(index)
                else:
                    decisions += self._replay_logged(index, item, findings)
            except BadEntity:
                unreadable.append(index)
        return Replayed(decisions, findings, denied, unreadable)

    def _replay_identity(self, index: int, item: FleetItem, now: datetime, findings: list[Finding]) -> tuple[int, bool]:
        principals = [engine.principal(item.record, now) for engine in self._engines]
        is_let_in = False
        for number, session in enumerate(item.sessions):
            facts = facts_of(session)
            contexts = [engine.context(item.record, session.at, facts) for engine in self._engines]
            for action in ACTIONS:
                verdicts = [
                    engine.evaluate(principal, action, context)
                    for engine, principal, context in zip(self._engines, principals, contexts, strict=True)
                ]
                _compare(index, number, action, verdicts, findings)
                is_let_in = is_let_in or (action == "connect" and verdicts[1].is_permitted)
        return 2 * len(ACTIONS) * len(item.sessions), is_let_in

    def _replay_logged(self, index: int, item: LogItem, findings: list[Finding]) -> int:
        facts: Mapping[str, str | int | bool] = item.facts
        verdicts = []
        for engine in self._engines:
            principal: Principal = engine.principal_of(item.slice, item.generation_id, item.organization_id)
            verdicts.append(engine.evaluate(principal, item.action, facts))
        _compare(index, 0, item.action, verdicts, findings)
        return len(verdicts)


def _compare(index: int, session: int, action: str, verdicts: list[Verdict], findings: list[Finding]) -> None:
    before, after = verdicts
    change: Change
    if before.is_permitted != after.is_permitted:
        change = "newly_allowed" if after.is_permitted else "newly_denied"
    elif sorted(before.policies) != sorted(after.policies) or bool(before.errors) != bool(after.errors):
        change = "reason_changed"
    else:
        return
    findings.append(Finding(index, session, action, change, _named(before), _named(after)))


def _named(verdict: Verdict) -> list[str]:
    """Return which policies decided; where none did, that nothing permits."""
    return sorted(verdict.policies)[:_POLICIES_SHOWN] + [f"error: {error[:200]}" for error in verdict.errors[:1]]
