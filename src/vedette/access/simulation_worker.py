"""The process that replays: two bundles, the same questions, and where the answers differ.

It reads frames from standard input and answers each on standard output: a length (4 bytes, big-endian) and MessagePack.
The first frame is the two bundles. Evaluating holds the interpreter's lock, so it is done outside of control, at a
lower priority than anything that serves devices.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import BinaryIO, Final

import msgspec

from vedette.access.simulation_model import Change, Chunk, Finding, FleetItem, LogItem, Replayed, facts_of
from vedette.trust import ACTIONS, BadEntity, PolicyBundle, PolicyEngine, Principal, Verdict, decode_bundle

FRAME_MAX_BYTES: Final = 64 * 1024 * 1024
_NICENESS: Final = 10
_LENGTH_BYTES: Final = 4
_POLICIES_SHOWN: Final = 8


class Bundles(msgspec.Struct, frozen=True):
    """The first frame: what decides now, and what would."""

    before: bytes
    after: bytes


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


def read_frame(source: BinaryIO) -> bytes | None:
    """Return the next frame; ``None`` at the end."""
    head = source.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    size = int.from_bytes(head, "big")
    if size > FRAME_MAX_BYTES:
        return None
    body = source.read(size)
    return body if len(body) == size else None


def frame(body: bytes) -> bytes:
    """Return a body with its length before it."""
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def serve(source: BinaryIO, answers: BinaryIO) -> None:
    """Answer frames until they end."""
    first = read_frame(source)
    if first is None:
        return
    bundles = msgspec.msgpack.decode(first, type=Bundles)
    replayer = Replayer(decode_bundle(bundles.before), decode_bundle(bundles.after))
    decoder = msgspec.msgpack.Decoder(Chunk)
    while (body := read_frame(source)) is not None:
        answers.write(frame(msgspec.msgpack.encode(replayer.replay(decoder.decode(body)))))
        answers.flush()


def main() -> None:
    """Serve standard input and output, at a low priority."""
    os.nice(_NICENESS)
    serve(sys.stdin.buffer, sys.stdout.buffer)
