from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from vedette.ledger import Actor, Entry, Report
from vedette.ledger.merkle import Frontier, hash_leaf
from vedette.ledger.model import PendingEntry, StoredEntry
from vedette.ledger.note import CheckpointSigner, origin_of
from vedette.ledger.repository import State, StoredCheckpoint
from vedette.ledger.verification import FINDINGS_MAX, verify_log

ORG = "org_a"
ORIGIN = origin_of(ORG)
SIGNER = CheckpointSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OWN = SIGNER.verifier_key(ORIGIN)
START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class Told(msgspec.Struct, frozen=True):
    name: ClassVar[str] = "room.told"
    version: ClassVar[int] = 1
    organization_id: str
    generation_id: str
    number: int


class Log:
    """A log in memory, as honest software would have written it; checkpoints at sizes 4 and 8."""

    def __init__(self, size: int = 10, word: str = "honest") -> None:
        self.rows: list[StoredEntry] = []
        self.envelopes: list[tuple[int, bytes]] = []
        self.told = 0
        self.checkpoints: list[StoredCheckpoint] = []
        frontier = Frontier()
        for position in range(1, size + 1):
            entry = Entry(
                organization_id=ORG,
                actor=Actor("operator", "ops"),
                action="room.act",
                target=f"dev_{position}",
                target_name=word,
                details={"number": position},
            )
            event = Told(ORG, f"dev_{position}", position) if position % 2 else None
            at = START + timedelta(milliseconds=position)
            pending = PendingEntry(entry, at=at, event=event, event_id=f"evt_{position}" if event else "")
            body = pending.body(position)
            self.rows.append(
                StoredEntry(
                    organization_id=ORG,
                    position=position,
                    at=at,
                    actor_kind="operator",
                    actor_id="ops",
                    action="room.act",
                    target=f"dev_{position}",
                    decision="allowed",
                    body=body,
                    leaf_hash=hash_leaf(body),
                )
            )
            encoded = pending.envelope(position)
            if encoded is not None:
                self.envelopes.append((position, encoded))
            frontier.append(hash_leaf(body))
            self.state: State | None = State(ORG, frontier.size, frontier.to_bytes(), frontier.root())
            if position in (4, 8):
                note = SIGNER.sign(ORIGIN, position, frontier.root()).note()
                self.checkpoints.append(StoredCheckpoint(ORG, position, at, frontier.to_bytes(), note))

    def head(self) -> str:
        assert self.state is not None
        return SIGNER.sign(ORIGIN, self.state.size, self.state.root).note()

    def verify(self, outside: str | None = None, *, keys: bool = True) -> Report:
        return verify_log(
            ORG,
            ORIGIN,
            [(row, ()) for row in self.rows],
            state=self.state,
            checkpoints=self.checkpoints,
            envelopes=iter(self.envelopes),
            told=self.told,
            outside=() if outside is None else (outside,),
            keys=(OWN,) if keys else (),
        )

    def change(self, position: int, **values: Any) -> None:
        self.rows[position - 1] = msgspec.structs.replace(self.rows[position - 1], **values)


def found(report: Report) -> list[tuple[int, str]]:
    return [(finding.position, finding.kind) for finding in report.findings]


def test_an_honest_log_is_intact() -> None:
    log = Log()
    report = log.verify(log.head())
    assert report.is_intact
    assert (report.size, report.notes) == (10, ())
    assert log.state is not None
    assert report.root == log.state.root.hex()
    assert Log(0).rows == []
    assert verify_log(ORG, ORIGIN, [], state=None).is_intact


def test_without_a_key_roots_are_compared_and_the_report_says_what_was_not_checked() -> None:
    report = Log().verify(keys=False)
    assert report.is_intact
    assert "no public key" in report.notes[0]


COLUMNS: dict[str, Any] = {
    "organization_id": "org_b",
    "at": START + timedelta(days=1),
    "actor_kind": "system",
    "actor_id": "mallory",
    "action": "room.other",
    "target": "dev_9",
    "decision": "denied",
}


@pytest.mark.parametrize(("column", "value"), COLUMNS.items())
def test_an_edited_column_is_named_with_its_position(column: str, value: object) -> None:
    log = Log()
    log.change(5, **{column: value})
    report = log.verify()
    assert found(report) == [(5, "edited")]
    assert column in report.findings[0].detail


def test_microseconds_added_to_a_time_are_found() -> None:
    log = Log()
    log.change(5, at=log.rows[4].at + timedelta(microseconds=1))
    assert found(log.verify()) == [(5, "edited")]


def test_an_edited_body_is_named_with_its_position() -> None:
    log = Log()
    log.change(5, body=log.rows[4].body.replace(b"honest", b"hones7"))
    assert found(log.verify(log.head())) == [(5, "edited")]


def test_an_edited_hash_is_named_with_its_position() -> None:
    log = Log()
    log.change(5, leaf_hash=bytes(32))
    assert (5, "edited") in found(log.verify())
    log.change(5, leaf_hash=b"short")
    assert (5, "edited") in found(log.verify())


def test_a_body_and_its_hash_edited_together_are_found_between_the_checkpoints() -> None:
    log = Log()
    body = log.rows[4].body.replace(b"honest", b"hones7")
    log.change(5, body=body, leaf_hash=hash_leaf(body))
    report = log.verify()
    assert found(report) == [(5, "checkpoint"), (10, "state")]
    assert "5 to 8" in report.findings[0].detail


def test_a_body_that_is_no_entry_is_found() -> None:
    log = Log()
    for body in (b"", b"{", b"[]", b"\xff"):
        log.change(5, body=body, leaf_hash=hash_leaf(body))
        assert (5, "edited") in found(log.verify())


@pytest.mark.parametrize("position", range(1, 10))
def test_a_deleted_entry_is_named(position: int) -> None:
    log = Log()
    del log.rows[position - 1]
    report = log.verify()
    assert found(report) == [(position, "missing")]
    assert f"entry {position} is missing" in report.findings[0].detail


def test_a_deleted_range_is_named() -> None:
    log = Log()
    del log.rows[2:5]
    report = log.verify()
    assert found(report) == [(3, "missing")]
    assert "entries 3 to 5" in report.findings[0].detail


def test_deleting_and_renumbering_is_found() -> None:
    log = Log()
    del log.rows[4]
    log.rows = [msgspec.structs.replace(row, position=number) for number, row in enumerate(log.rows, start=1)]
    kinds = found(log.verify())
    assert (5, "misplaced") in kinds
    assert (10, "tail") in kinds


def test_two_swapped_entries_are_both_named() -> None:
    log = Log()
    a, b = log.rows[2], log.rows[6]
    log.rows[2], log.rows[6] = msgspec.structs.replace(b, position=3), msgspec.structs.replace(a, position=7)
    kinds = found(log.verify())
    assert (3, "misplaced") in kinds
    assert (7, "misplaced") in kinds


def test_rows_out_of_order_are_found() -> None:
    log = Log()
    log.rows[2], log.rows[3] = log.rows[3], log.rows[2]
    assert (3, "misplaced") in found(log.verify())


def test_a_repeated_entry_is_found() -> None:
    log = Log()
    log.rows.insert(5, log.rows[4])
    assert (5, "misplaced") in found(log.verify())


def test_a_cut_tail_is_named_by_the_head_and_the_checkpoints() -> None:
    log = Log()
    del log.rows[6:]
    assert found(log.verify()) == [(7, "event"), (7, "tail"), (7, "tail")]


def test_a_tail_cut_together_with_the_head_is_found_by_a_checkpoint_beside_it() -> None:
    log, shorter = Log(), Log(6)
    log.rows, log.state, log.envelopes = shorter.rows, shorter.state, shorter.envelopes
    assert found(log.verify()) == [(7, "tail")]


def test_a_tail_cut_together_with_the_head_is_found_by_the_events_left_behind() -> None:
    log, shorter = Log(), Log(6)
    log.rows, log.state, log.checkpoints = shorter.rows, shorter.state, shorter.checkpoints
    assert found(log.verify()) == [(7, "event")]


def test_a_tail_cut_together_with_every_trace_is_found_by_the_outside_checkpoint_alone() -> None:
    head, log = Log().head(), Log(6)
    assert log.verify().is_intact
    assert found(log.verify(head)) == [(7, "outside_checkpoint")]


def test_a_log_rewritten_with_the_stolen_key_is_found_by_the_outside_checkpoint_alone() -> None:
    head, log = Log().head(), Log(word="forged")
    assert log.verify().is_intact
    assert found(log.verify(head)) == [(1, "outside_checkpoint")]


def test_an_outside_checkpoint_older_than_the_log_is_enough() -> None:
    old = Log(3).head()
    assert Log().verify(old).is_intact
    assert found(Log(word="forged").verify(old)) == [(1, "outside_checkpoint")]


def test_entries_beyond_the_head_are_found() -> None:
    log = Log()
    log.state = Log(7).state
    assert found(log.verify()) == [(8, "state")]
    log.state = None
    assert found(log.verify()) == [(1, "state")]


@pytest.mark.parametrize("field", ["root", "frontier"])
def test_an_edited_head_is_found(field: str) -> None:
    log = Log()
    assert log.state is not None
    values: dict[str, Any] = {field: bytes(len(getattr(log.state, field)))}
    log.state = replace(log.state, **values)
    assert found(log.verify()) == [(10, "state")]


def test_an_edited_checkpoint_is_found() -> None:
    note = Log().checkpoints[0].note
    changes: dict[str, dict[str, Any]] = {
        "text": {"note": note.replace("\n4\n", "\n3\n")},
        "not a note": {"note": "nonsense"},
        "of another log": {"note": SIGNER.sign("vedette/org_b", 4, bytes(32)).note()},
        "by another key": {"note": CheckpointSigner(Ed25519PrivateKey.generate()).sign(ORIGIN, 4, bytes(32)).note()},
        "size": {"size": 3},
        "a size below nothing": {"size": -4},
        "no size": {"size": 0},
        "frontier": {"frontier": bytes(32)},
    }
    for name, change in changes.items():
        log = Log()
        log.checkpoints[0] = replace(log.checkpoints[0], **change)
        assert not log.verify().is_intact, name


def test_an_outside_checkpoint_by_another_key_is_not_believed() -> None:
    forged = CheckpointSigner(Ed25519PrivateKey.generate()).sign(ORIGIN, 3, bytes(32)).note()
    assert found(Log().verify(forged)) == [(3, "signature")]


def test_an_edited_event_is_found() -> None:
    changes = {
        "data": (b'"number":5', b'"number":6'),
        "name": (b"room.told", b"room.tol5"),
        "id": (b"evt_5", b"evt_6"),
        "actor": (b'"id":"ops"', b'"id":"eve"'),
        "nonsense": (b"{", b"["),
        "position": (b'"position":5', b'"position":6'),
        "subject": (b'"subject":"dev_5"', b'"subject":"dev_6"'),
        "a member more": (b'{"actor"', b'{"aside":1,"actor"'),
        "a member twice": (b'"version":1', b'"version":2,"version":1'),
        "spelling": (b'"version":1', b'"version": 1'),
    }
    for name, (old, new) in changes.items():
        log = Log()
        log.envelopes[2] = (5, log.envelopes[2][1].replace(old, new))
        assert found(log.verify()) == [(5, "event")], name


def test_an_event_that_no_entry_tells_is_found() -> None:
    log = Log()
    log.envelopes.insert(3, (6, log.envelopes[2][1]))
    assert found(log.verify()) == [(6, "event")]


@pytest.mark.parametrize("position", [-1, 0, 11, 10**6])
def test_an_event_at_a_position_that_no_entry_has_is_found(position: int) -> None:
    log = Log()
    log.envelopes = sorted([*log.envelopes, (position, log.envelopes[0][1])])
    assert found(log.verify()) == [(position, "event")]


def test_events_that_were_delivered_and_swept_are_not_missed() -> None:
    log = Log()
    log.told = 5
    del log.envelopes[:3]
    assert log.verify().is_intact


def test_events_that_were_taken_out_before_they_were_told_are_missed() -> None:
    log = Log()
    log.told = 6
    del log.envelopes[4:]
    assert found(log.verify()) == [(9, "event")]


def test_an_event_that_was_taken_out_while_older_ones_are_kept_is_missed() -> None:
    log = Log()
    log.told = 10
    del log.envelopes[2]
    assert found(log.verify()) == [(5, "event")]


def test_events_on_record_as_told_beyond_the_log_are_found() -> None:
    log = Log()
    log.told = 11
    assert found(log.verify()) == [(10, "event")]


def test_the_report_is_bounded() -> None:
    log = Log(FINDINGS_MAX + 30)
    log.rows = [msgspec.structs.replace(row, action="edited") for row in log.rows]
    report = log.verify()
    assert len(report.findings) == FINDINGS_MAX
    assert report.findings_left_off == 30


@given(st.data())
def test_any_flipped_bit_of_an_entry_is_found(data: st.DataObject) -> None:
    log = Log(6)
    position = data.draw(st.integers(1, 6))
    body = bytearray(log.rows[position - 1].body)
    body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    log.change(position, body=bytes(body))
    assert (position, "edited") in found(log.verify())
