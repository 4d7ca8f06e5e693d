"""tshark as an oracle, on traffic of our own builders: the same messages, objects and values, packet by packet."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from pathlib import Path

import packets as build
import pytest

from vedette.sensor import Direction, Engine, Listener, OtOp, community_id, read_capture

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


class Heard(Listener):
    def __init__(self) -> None:
        self.ops: list[OtOp] = []

    def operations(self, operations: list[OtOp]) -> None:
        self.ops += operations


def tshark(path: Path, *fields: str, display: str = "") -> list[list[str]]:
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=;", "-E", "occurrence=a"]
    for name in fields:
        command += ["-e", name]
    if display:
        command += ["-Y", display]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    return [line.split(";") for line in done.stdout.splitlines()]


def plant(seed: int) -> list[bytes]:
    """Return Modbus of every kind between random ends, cut into segments at random."""
    dice = random.Random(seed)
    frames: list[bytes] = []
    for number in range(6):
        talk = build.Talk(502, client=f"10.0.0.{number + 1}", server=f"10.0.1.{number + 1}").open()
        for transaction in range(1, 40):
            asked, answered = exchange(dice)
            head = struct.pack(">HHHB", transaction, 0, len(asked) + 1, dice.randrange(1, 248))
            request, response = head + asked, head[:4] + struct.pack(">H", len(answered) + 1) + head[6:] + answered
            # tshark leaves a segment alone that begins with less than eight bytes of a message.
            cut = dice.randrange(8, len(request)) if dice.random() < 0.2 else len(request)
            for piece in (request[:cut], request[cut:]):
                if piece:
                    talk.say(piece)
            talk.answer(response)
        frames += talk.close().frames
    return frames


def exchange(dice: random.Random) -> tuple[bytes, bytes]:
    first, count = dice.randrange(0, 60_000), dice.randrange(1, 20)
    registers = struct.pack(f">{count}H", *(dice.randrange(65_536) for _ in range(count)))
    match dice.randrange(6):
        case 0:
            return struct.pack(">BHH", 3, first, count), struct.pack(">BB", 3, count * 2) + registers
        case 1:
            return struct.pack(">BHH", 4, first, count), struct.pack(">BB", 4, count * 2) + registers
        case 2:
            size = (count + 7) // 8
            return struct.pack(">BHH", 1, first, count), bytes((1, size)) + dice.randbytes(size)
        case 3:
            word = struct.pack(">BHH", 6, first, dice.randrange(65_536))
            return word, word
        case 4:
            head = struct.pack(">BHH", 16, first, count)
            return head + bytes((count * 2,)) + registers, head
        case _:
            return struct.pack(">BHH", 3, first, count), bytes((0x83, dice.choice((1, 2, 3, 4, 6, 10, 11))))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_modbus_is_read_as_tshark_reads_it(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "plant.pcap"
    path.write_bytes(build.pcap(plant(seed)))
    theirs = tshark(
        path, "frame.time_epoch", "mbtcp.trans_id", "mbtcp.unit_id", "modbus.func_code", "modbus.exception_code",
        "modbus.reference_num", "modbus.regval_uint16", display="modbus",
    )  # fmt: skip
    heard = Heard()
    engine = Engine([heard])
    engine.read(read_capture(path))
    engine.finish()
    assert len(heard.ops) == len(theirs) == 6 * 39 * 2
    for op, (_, transaction, unit, function, failed, first, values) in zip(heard.ops, theirs, strict=True):
        assert (op.transaction, op.unit, op.code) == (int(transaction), int(unit), int(function) & 0x7F)
        assert bool(failed) is (op.result not in {"", "ok"})
        if op.direction is Direction.REQUEST:
            assert op.first == int(first.split(",")[0])
        if values and op.direction is Direction.RESPONSE and op.code in {3, 4}:
            assert isinstance(op.value, tuple)
            assert [int(each) for each in values.split(",")] == list(op.value)


def test_community_ids_are_tsharks(tmp_path: Path) -> None:
    path = tmp_path / "flows.pcap"
    path.write_bytes(build.pcap([build.Talk(502).open().frames[0], build.datagram(b"x", 53, target="8.8.8.8")]))
    done = subprocess.run(
        ["tshark", "-n", "--enable-protocol", "communityid", "-r", str(path), "-T", "fields", "-e", "communityid"],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [
        community_id(6, "10.0.0.1", "10.0.0.2", 40_000, 502),
        community_id(17, "10.0.0.1", "8.8.8.8", 40_000, 53),
    ]
