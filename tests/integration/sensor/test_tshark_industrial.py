"""tshark as an oracle for industrial protocols: the same functions and objects, message by message."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import packets as build
import pytest

from vedette.sensor import Engine, Listener, OtOp, read_capture

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


class Heard(Listener):
    def __init__(self) -> None:
        self.ops: list[OtOp] = []

    def operations(self, operations: list[OtOp]) -> None:
        self.ops += operations


def tshark(path: Path, *fields: str) -> list[list[str]]:
    """Return the values of fields, frame by frame, of frames that have the first one."""
    command = [
        "tshark",
        "-n",
        "-r",
        str(path),
        "-T",
        "fields",
        "-E",
        "separator=;",
        "-E",
        "occurrence=a",
        "-Y",
        fields[0],
    ]
    for name in fields:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    return [line.split(";") for line in done.stdout.splitlines()]


def heard(path: Path, frames: list[bytes]) -> list[OtOp]:
    path.write_bytes(build.pcap(frames))
    listener = Heard()
    engine = Engine([listener])
    engine.read(read_capture(path))
    engine.finish()
    return listener.ops


def over_tcp(port: int, said: list[str], answered: list[str]) -> list[bytes]:
    talk = build.Talk(port).open()
    for question, answer in zip(said, answered, strict=True):
        talk.say(bytes.fromhex(question))
        if answer:
            talk.answer(bytes.fromhex(answer))
    return talk.close().frames


def test_s7comm(tmp_path: Path) -> None:
    path = tmp_path / "s7.pcap"
    frames = over_tcp(
        102,
        [
            "03000016 11e00000000100 c0010a c1020100 c2020102",
            "0300001f 02f080 32 01 0000 0001 000e 0000 04 01 120a10040002000584000050",
            "03000021 02f080 32 01 0000 0002 0010 0000 29 0000000000 09 505f50524f4752414d",
        ],
        [
            "03000016 11d00001000200 c0010a c1020100 c2020102",
            "0300001d 02f080 32 03 0000 0001 0002 0008 0000 04 01 ff040020 000afff6",
            "03000014 02f080 32 03 0000 0002 0001 0000 0000 29",
        ],
    )
    ops = heard(path, frames)
    theirs = tshark(
        path, "s7comm.param.func", "s7comm.header.pduref", "s7comm.param.item.db", "s7comm.param.item.address.byte"
    )
    assert [(op.code, op.transaction) for op in ops] == [(int(each[0], 16), int(each[1])) for each in theirs]
    assert ops[0].first == int(theirs[0][3])
    assert ops[0].detail is not None
    assert ops[0].detail["db"] == int(theirs[0][2])


def test_dnp3(tmp_path: Path) -> None:
    from vedette.sensor.dissect.dnp3 import crc

    def frame(content: str, control: str, ends: str) -> str:
        raw = bytes.fromhex(content)
        head = bytes.fromhex(f"0564{len(raw) + 5:02x}{control}{ends}")
        blocks = [head, *(raw[start : start + 16] for start in range(0, len(raw), 16))]
        return b"".join(block + crc(block + b"\0\0").to_bytes(2, "little") for block in blocks).hex()

    path = tmp_path / "dnp3.pcap"
    crob = "0c 01 28 0100 0a00 41 01 f4010000 00000000 00"
    said = [
        frame(f"c0 c{number} {each}", "c4", "04000300")
        for number, each in enumerate(("01 1e 02 00 05 06", "05 " + crob, "0d"))
    ]
    answered = [
        frame("c0 c0 81 0000 1e 02 00 05 06 01 1027 01 f0d8", "44", "03000400"),
        frame("c0 c1 81 0000 " + crob, "44", "03000400"),
        frame("c0 c2 81 8000 34 01 07 01 6400", "44", "03000400"),
    ]
    ops = heard(path, over_tcp(20_000, said, answered))
    theirs = tshark(path, "dnp3.al.func", "dnp3.al.seq", "dnp3.al.index", "dnp3.data_chunk.CRC.incorrect")
    assert [(op.code, op.transaction) for op in ops] == [(int(each[0], 0), int(each[1])) for each in theirs]
    assert ops[2].first == int(theirs[2][2])
    assert not any(each[3] for each in theirs)


def test_iec104(tmp_path: Path) -> None:
    path = tmp_path / "iec104.pcap"
    frames = over_tcp(
        2404,
        ["680407000000", "680e 0000 0000 64 01 06 00 0300 000000 14", "680e 0200 0000 2d 01 06 00 0300 d20400 81"],
        [
            "68040b000000",
            "6812 0000 0200 0d 01 03 00 0300 010000 00002041 00",
            "680e 0200 0400 2d 01 07 00 0300 d20400 81",
        ],
    )
    ops = [op for op in heard(path, frames) if op.unit is not None]
    theirs = tshark(
        path, "iec60870_asdu.typeid", "iec60870_asdu.causetx", "iec60870_asdu.addr", "iec60870_asdu.ioa",
        "iec60870_asdu.float",
    )  # fmt: skip
    assert [(op.code, (op.detail or {})["cot"], op.unit, op.first) for op in ops] == [
        tuple(map(int, each[:4])) for each in theirs
    ]
    assert ops[1].value == float(theirs[1][4])


def test_bacnet(tmp_path: Path) -> None:
    path = tmp_path / "bacnet.pcap"
    messages = [
        "810a0011 0100 0005010c 0c00000005 1955",
        "810a0017 0100 0004590f 0c00800001 1955 3e 4443340000 3f".replace("0017", "0018"),
        "810a000c 0100 00050314 0901",
    ]
    ops = heard(path, [build.datagram(bytes.fromhex(each), 47_808) for each in messages])
    theirs = tshark(path, "bacapp.confirmed_service", "bacapp.invoke_id", "bacapp.instance_number")
    assert [(op.code, op.transaction) for op in ops] == [(int(each[0]), int(each[1])) for each in theirs]
    assert [op.first for op in ops[:2]] == [int(each[2]) for each in theirs[:2]]


def test_enip(tmp_path: Path) -> None:
    path = tmp_path / "enip.pcap"
    head = "07000000 00000000 0100000000000000 00000000 00000000 0000 0200 0000 0000 b200 "
    frames = over_tcp(
        44_818,
        [
            "6500 0400 00000000 00000000 0100000000000000 00000000 01000000",
            "6f00 1800" + head + "0800 0e03 2001 2401 3007",
            "6f00 1600" + head + "0600 0502 2001 2401",
        ],
        [
            "6500 0400 07000000 00000000 0100000000000000 00000000 01000000",
            "6f00 1800" + head + "0800 8e000000 03414243",
            "6f00 1400" + head + "0400 85000800",
        ],
    )
    ops = [op for op in heard(path, frames) if op.protocol == "cip"]
    theirs = tshark(path, "cip.service", "cip.class", "cip.genstat")
    assert [op.code for op in ops] == [int(each[0].split(",")[0], 0) & 0x7F for each in theirs]
    assert [op.area for op in ops] == ["identity"] * 4
    assert (ops[3].result, int(theirs[3][2], 0)) == ("service_not_supported", 8)


def test_profinet_dcp(tmp_path: Path) -> None:
    path = tmp_path / "dcp.pcap"
    messages = [
        "fefe 05 00 00000001 0001 0004 ffff0000",
        "fefd 04 00 00000002 0000 000a 0202 0006 0001 70756d70",
        "fefd 04 00 00000003 0000 0006 0506 0002 0004",
    ]
    frames = [build.ethernet(bytes.fromhex(each) + bytes(26), 0x8892) for each in messages]
    ops = heard(path, frames)
    theirs = tshark(path, "pn_dcp.service_id", "pn_dcp.xid")
    assert [(op.code, op.transaction) for op in ops] == [(int(each[0]), int(each[1], 0)) for each in theirs]


def test_opcua(tmp_path: Path) -> None:
    path = tmp_path / "opcua.pcap"
    item = "030200 06000000 56616c766531 0d000000"
    asked = "09000000 01000000 02000000 02000000 0100a102 0000" + "00" * 16 + "ffffffff 00000000 000000 01000000" + item
    asked += "ffffffff 01 06 fdffffff"
    answered = "09000000 01000000 02000000 02000000 0100a402" + "00" * 12 + "00000000 00 00000000 000000"
    answered += "01000000 00003b80 00000000"

    def chunk(content: str) -> str:
        raw = bytes.fromhex(content)
        return (b"MSGF" + (len(raw) + 8).to_bytes(4, "little") + raw).hex()

    ops = heard(path, over_tcp(4840, [chunk(asked)], [chunk(answered)]))
    theirs = tshark(path, "opcua.servicenodeid.numeric", "opcua.nodeid.string", "opcua.Int32", "opcua.StatusCode")
    assert [op.code for op in ops] == [int(each[0].split(",")[0]) for each in theirs]
    assert ops[0].name == f"ns=2;s={theirs[0][1]}"
    assert ops[0].value == int(theirs[0][2])
    assert ops[1].result == "bad_not_writable"


def over_udp(port: int, said: list[str], answered: list[str]) -> list[bytes]:
    frames = []
    for question, answer in zip(said, answered, strict=True):
        frames.append(build.datagram(bytes.fromhex(question), port))
        frames.append(
            build.datagram(bytes.fromhex(answer), 40_000, source="10.0.0.2", target="10.0.0.1", source_port=port)
        )
    return frames


def test_fins(tmp_path: Path) -> None:
    path = tmp_path / "fins.pcap"
    frames = over_udp(
        9600,
        ["80000200010000020001 0101 82 0064 00 0002", "80000200010000020002 0402 ffff"],
        ["c0000200020000010001 0101 0000 12340001", "c0000200020000010002 0402 2206"],
    )
    ops = heard(path, frames)
    theirs = tshark(path, "omron.command", "omron.sid", "omron.memory.address", "omron.response.code")
    assert [(op.code, op.transaction) for op in ops] == [(int(each[0], 16), int(each[1], 16)) for each in theirs]
    assert ops[0].first == int(theirs[0][2], 16)
    assert [op.result for op in ops] == ["", "ok", "", "wrong_plc_mode_run"]
    assert [int(each[3], 16) for each in theirs if each[3]] == [0, 0x2206]


def test_ads(tmp_path: Path) -> None:
    path = tmp_path / "ads.pcap"
    ends, back = "c0a801020101 5303 c0a801030101 8480", "c0a801030101 8480 c0a801020101 5303"
    frames = over_tcp(
        48_898,
        [
            f"0000 2c000000 {ends} 0200 0400 0c000000 00000000 01000000 20400000 04000000 02000000",
            f"0000 28000000 {ends} 0500 0400 08000000 00000000 02000000 06000000 00000000",
        ],
        [
            f"0000 2a000000 {back} 0200 0500 0a000000 00000000 01000000 00000000 02000000 3412",
            f"0000 24000000 {back} 0500 0500 04000000 00000000 02000000 01070000",
        ],
    )
    ops = heard(path, frames)
    theirs = tshark(path, "ams.cmdid", "ams.invokeid", "ams.ads_indexgroup", "ams.ads_indexoffset", "ams.adsresult")
    assert [(op.code, op.transaction) for op in ops] == [(int(each[0], 0), int(each[1], 0)) for each in theirs]
    assert (ops[0].area, int(theirs[0][2], 0), ops[0].first) == ("memory", 0x4020, int(theirs[0][3], 0))
    assert [op.result for op in ops] == ["", "ok", "", "service_not_supported"]
    assert int(theirs[3][4], 0) == 0x701


def test_goose_and_sampled_values(tmp_path: Path) -> None:
    path = tmp_path / "goose.pcap"
    content = bytes.fromhex(
        "8009 4c442f4c4c4e3024 67 810207d0 8203534431 8303676f31 8408 0000000000000000"
        "850102 860107 870100 880101 890100 8a0102 ab0a 830101 8705 0841200000"
    )
    goose = bytes((0x61, len(content))) + content
    sample = bytes.fromhex("601f 800101 a21a 3018 8004 4d553031 82020007 830400000001 850101 8703000001")
    frames = [
        build.ethernet(bytes.fromhex("0001") + (len(goose) + 8).to_bytes(2, "big") + bytes(4) + goose, 0x88B8),
        build.ethernet(bytes.fromhex("4000") + (len(sample) + 8).to_bytes(2, "big") + bytes(4) + sample, 0x88BA),
    ]
    published, sampled = heard(path, frames)
    ((control, state, sequence, entry),) = tshark(
        path, "goose.gocbRef", "goose.stNum", "goose.sqNum", "goose.float_value"
    )
    assert (published.name, published.first, published.transaction) == (control, int(state), int(sequence))
    assert published.value == (True, float(entry))
    ((name, count),) = tshark(path, "sv.svID", "sv.smpCnt")
    assert (sampled.name, sampled.transaction) == (name, int(count))


def test_mms(tmp_path: Path) -> None:
    def ber(tag: int, content: bytes) -> bytes:
        return bytes((tag, len(content))) + content

    def packet(content: bytes) -> str:
        return (b"\x03\0" + (len(content) + 7).to_bytes(2, "big") + b"\x02\xf0\x80" + content).hex()

    def unit(pdu: bytes) -> str:
        return packet(b"\1\0\1\0" + ber(0x61, ber(0x30, b"\2\1\3" + ber(0xA0, pdu))))

    syntax = bytes.fromhex("3004 06025101")
    contexts = ber(0x30, bytes.fromhex("020101 060452010001") + syntax) + ber(
        0x30, bytes.fromhex("020103 060528ca220201") + syntax
    )
    presentation = ber(0x31, bytes.fromhex("a003800101") + ber(0xA2, ber(0xA4, contexts)))
    item = ber(0x30, ber(0xA0, ber(0xA1, ber(0x1A, b"LD0") + ber(0x1A, b"XCBR1$CO$Pos$Oper"))))
    path = tmp_path / "mms.pcap"
    frames = over_tcp(
        102,
        [
            "03000016 11e00000000100 c0010a c1020001 c2020001",
            packet(b"\x0d" + bytes((len(presentation) + 2,)) + ber(0xC1, presentation)),
            unit(ber(0xA0, b"\2\1\7" + ber(0xA4, ber(0xA1, ber(0xA0, item))))),
            unit(ber(0xA0, b"\2\1\x08" + ber(0xA5, ber(0xA0, item) + ber(0xA0, b"\x83\1\1")))),
        ],
        [
            "03000016 11d00001000200 c0010a c1020001 c2020001",
            "",
            unit(ber(0xA1, b"\2\1\7" + ber(0xA4, ber(0xA1, b"\x85\1\x05")))),
            unit(ber(0xA1, b"\2\1\x08" + ber(0xA5, b"\x80\1\3"))),
        ],
    )
    ops = [op for op in heard(path, frames) if op.service != "initiate"]
    theirs = tshark(path, "mms.invokeID", "mms.domainId", "mms.itemId", "mms.confirmedServiceRequest", "mms.failure")
    assert [op.transaction for op in ops] == [int(each[0]) for each in theirs]
    assert [op.name for op in ops[::2]] == [f"{each[1]}/{each[2]}" for each in theirs[::2]]
    assert [op.code for op in ops[::2]] == [int(each[3]) for each in theirs[::2]]
    assert (ops[3].result, theirs[3][4]) == ("object_access_denied", "3")


def test_ethercat(tmp_path: Path) -> None:
    path = tmp_path / "ethercat.pcap"
    raw = bytes.fromhex("1c10 0701 0000 3001 0280 0000 0000 0000 0502 e903 2001 0200 0000 0400 0000")
    ops = heard(path, [build.ethernet(raw, 0x88A4)])
    (theirs,) = tshark(path, "ecat.sub1.cmd", "ecat.sub2.cmd", "ecat.sub2.adp", "ecat.sub2.ado", "ecat.sub2.idx")
    assert [op.code for op in ops] == [int(theirs[0], 0), int(theirs[1], 0)]
    assert (ops[1].unit, ops[1].first, ops[1].transaction) == tuple(int(each, 0) for each in theirs[2:])
    assert (ops[1].kind, ops[1].name) == ("control", "safe_operational")


def test_knx(tmp_path: Path) -> None:
    path = tmp_path / "knx.pcap"
    frames = over_udp(
        3671,
        [
            "0610 0420 0015 04010000 11 00 bce0 0000 0901 01 0081",
            "0610 0420 0015 04010100 11 00 bc60 1101 1102 01 0380",
        ],
        ["0610 0421 000a 04010000", "0610 0421 000a 04010100"],
    )
    ops = heard(path, frames)
    theirs = tshark(path, "knxip.service", "cemi.da", "cemi.ac")
    assert len(ops) == len(theirs)
    assert [op.first for op in ops[::2]] == [int(each[1], 16) for each in theirs[::2]]
    assert [(op.service, op.kind) for op in ops[::2]] == [("group_value_write", "write"), ("restart", "control")]


def test_hart_ip(tmp_path: Path) -> None:
    path = tmp_path / "hart.pcap"
    frames = over_udp(
        5094,
        ["01 00 00 00 0001 000d 01 00007530", "01 00 03 00 0002 000d 02 80 03 00 81"],
        ["01 01 00 00 0001 000d 01 00007530", "01 01 03 00 0002 000f 06 80 03 02 0700 80"],
    )
    ops = heard(path, frames)
    theirs = tshark(
        path, "hart_ip.transaction_id", "hart_ip.message_id", "hart_ip.pt.command", "hart_ip.pt.response_code"
    )
    assert [op.transaction for op in ops] == [int(each[0]) for each in theirs]
    assert [op.code for op in ops[:2]] == [int(each[1]) for each in theirs[:2]]
    assert [op.code for op in ops[2:]] == [int(each[2]) for each in theirs[2:]]
    assert (ops[3].result, int(theirs[3][3], 0)) == ("in_write_protect_mode", 7)


def test_c37118(tmp_path: Path) -> None:
    from binascii import crc_hqx

    def grid(head: str, content: str) -> str:
        raw = bytes.fromhex(content)
        frame = bytes.fromhex(head) + (len(raw) + 16).to_bytes(2, "big") + bytes.fromhex("0007 00000064 00000000") + raw
        return (frame + crc_hqx(frame, 0xFFFF).to_bytes(2, "big")).hex()

    path = tmp_path / "grid.pcap"
    ops = heard(path, over_tcp(4712, [grid("aa41", "0005"), grid("aa41", "0002")], ["", ""]))
    theirs = tshark(path, "synphasor.command", "synphasor.idcode_stream_source", "synphasor.soc")
    assert [(op.code, op.unit) for op in ops] == [(int(each[0], 0), int(each[1])) for each in theirs]


def test_profinet_cm(tmp_path: Path) -> None:
    head = "dea000006c9711d182710000000000000100a0de976cd111827100a02442df7d" + "11" * 16 + "00000000 01000000 05000000"
    record = "0100 0001" + "00" * 16 + "00000000 0001 0001 0000 aff0 00000040" + "00" * 24
    body = "0f270000 40000000 0f270000 00000000 40000000 0009 003c" + record
    status = "00000000 00000000 00000000 00000000 00000000"
    path = tmp_path / "cm.pcap"
    frames = over_udp(
        34_964,
        ["04002000 100000 00" + head + "0200 ffff ffff 5400 0000 0000" + body],
        ["04022000 100000 00" + head + "0200 ffff ffff 1400 0000 0000" + status],
    )
    ops = heard(path, frames)
    theirs = tshark(path, "dcerpc.dg_seqnum", "dcerpc.opnum", "pn_io.index", "pn_io.slot_nr", "pn_io.subslot_nr")
    assert [(op.transaction, op.code) for op in ops] == [(int(each[0]), int(each[1])) for each in theirs]
    assert (ops[0].first, ops[0].unit) == (int(theirs[0][2], 0), f"{int(theirs[0][3], 0)}.{int(theirs[0][4], 0):x}")


def test_c1222(tmp_path: Path) -> None:
    path = tmp_path / "c1222.pcap"
    frames = over_tcp(
        1153,
        ["6021 a206 0604 2b060104 a803 020101 be12 2810 810e 80 03300001 08 4f 0007 000001 0101"],
        ["6017 a403 020101 a803 020109 be0b 2809 8107 80 0400 0000 00 00"],
    )
    ops = [op for op in heard(path, frames) if op.direction.name == "REQUEST"]
    theirs = tshark(path, "c1222.cmd", "c1222.read.table", "c1222.write.table")
    codes = [int(each, 16) for each in theirs[0][0].split(",")]
    assert [op.code for op in ops] == codes
    assert ops[0].first == int(theirs[0][1].split(",")[0], 0)
