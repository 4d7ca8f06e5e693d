from __future__ import annotations

import contextlib
import hashlib
import ssl
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import AnomalyKind, Attribute, Direction
from vedette.sensor.dissect import NO, SURE, Trial, tls, torture
from vedette.sensor.dissect.ja4 import ja4
from vedette.sensor.dissect.tls import Tls

CIPHERS = (
    0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D, 0x002F,
    0x0035,
)  # fmt: skip
EXTENSIONS = (
    0x001B, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002D, 0x000D, 0x0005, 0x0023, 0x0012, 0x002B, 0xFF01, 0x000B,
    0x000A, 0x0015,
)  # fmt: skip
SIGNATURES = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)


def words(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}H", *numbers)


def extension(kind: int, content: bytes = b"") -> bytes:
    return words(kind, len(content)) + content


def handshake(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def record(content: bytes, kind: int = 22) -> bytes:
    return bytes((kind, 3, 1)) + words(len(content)) + content


def hello(
    name: str = "plc.example", *, ciphers: tuple[int, ...] = (0x0A0A, *CIPHERS), version: int = 0x0303,
    extensions: tuple[int, ...] = (0x1A1A, *EXTENSIONS, 0x2A2A),
) -> bytes:  # fmt: skip
    contents = {
        0x0000: words(len(name) + 3) + b"\0" + words(len(name)) + name.encode(),
        0x0010: words(12) + b"\2h2\x08http/1.1",
        0x000D: words(2 * len(SIGNATURES), *SIGNATURES),
        0x002B: b"\6" + words(0x3A3A, 0x0304, 0x0303),
    }
    tail = b"".join(extension(each, contents.get(each, b"")) for each in extensions)
    body = words(version) + bytes(32) + b"\0" + words(2 * len(ciphers), *ciphers) + b"\1\0" + words(len(tail)) + tail
    return record(handshake(1, body))


def test_the_published_example_has_its_fingerprint() -> None:
    trial = Trial(Tls)
    trial.say(hello())
    (op,) = trial.sink.operations
    assert (op.service, op.name, op.area, op.value) == ("client_hello", "plc.example", "TLSv13", ("h2", "http/1.1"))
    assert op.detail is not None
    assert op.detail["ja4"] == "t13d1516h2_8daaf6152771_e5627efa2ab1"
    told = {(piece.address, piece.attribute, piece.value) for piece in trial.sink.evidence}
    assert ("10.0.0.1", Attribute.FINGERPRINT, "ja4:t13d1516h2_8daaf6152771_e5627efa2ab1") in told


def short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ja4(0x0303, (), (), (), b""), "t12i000000_000000000000_000000000000"),
        (ja4(0x0301, (5,), (0, 16), (), b"h"), f"t10d0102hh_{short('0005')}_000000000000"),
        (ja4(0x0300, (5, 4), (10,), (), b""), f"ts3i020100_{short('0004,0005')}_{short('000a')}"),
        (
            ja4(0x0304, (5,), (10, 13), (0x0804,), b"\xabhttp\xcd"),
            f"t13i0102ad_{short('0005')}_{short('000a,000d_0804')}",
        ),
        (ja4(0x0304, tuple(range(1, 121)), (), (), b"", transport="q")[:10], "q13i990000"),
        (ja4(0x7F1C, (5,), (), (), b"")[:3], "t00"),
        (ja4(0xFEFD, (5,), (), (), b"", transport="d")[:3], "dd2"),
    ],
    ids=["empty", "names only", "ssl 3", "alpn of odd bytes", "capped counts", "draft", "dtls"],
)  # fmt: skip
def test_the_rare_cases_follow_the_definition(given: str, expected: str) -> None:
    assert given == expected


def test_shuffled_extensions_and_grease_change_nothing() -> None:
    seen = set()
    for extensions in (EXTENSIONS, tuple(reversed(EXTENSIONS)), (0xFAFA, *EXTENSIONS)):
        trial = Trial(Tls)
        trial.say(hello(extensions=extensions))
        seen |= {piece.value for piece in trial.sink.evidence}
    assert len(seen) == 1


@given(st.integers(1, 60))
def test_cut_anywhere_it_reads_the_same(size: int) -> None:
    trial = Trial(Tls)
    stream = hello() + record(b"\1", 20) + record(b"secret" * 9, 22) + record(b"more" * 30, 23)
    for start in range(0, len(stream), size):
        trial.say(stream[start : start + size])
    assert [op.service for op in trial.sink.operations] == ["client_hello"]
    assert not trial.sink.anomalies


def test_a_hello_over_several_records_is_one() -> None:
    content = hello()[5:]
    trial = Trial(Tls)
    trial.say(record(content[:50]) + record(content[50:]))
    assert trial.sink.operations[0].name == "plc.example"


def certificate(bits: int, *, days: int = 30, start: datetime | None = None) -> tuple[bytes, bytes]:
    key = rsa.generate_private_key(65_537, bits)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gate.plant")])
    first = start or datetime(2023, 11, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(77)
        .not_valid_before(first).not_valid_after(first + timedelta(days=days)).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(pem) + private, made.public_bytes(serialization.Encoding.DER)


def converse(folder: Path, version: ssl.TLSVersion) -> Trial:
    """Let two real TLS ends shake hands, and a dissector listen."""
    path = folder / "server.pem"
    path.write_bytes(certificate(2048)[0])
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(path)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.maximum_version = version
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = {
        True: client.wrap_bio(to_client, to_server, server_hostname="gate.plant"),
        False: server.wrap_bio(to_server, to_client, server_side=True),
    }
    trial = Trial(Tls)
    for _ in range(4):
        for is_client, end in ends.items():
            outgoing, target = (to_server, False) if is_client else (to_client, True)
            before = outgoing.read()
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
            said = outgoing.read()
            assert target is not is_client
            if said:
                trial.say(said, is_from_client=is_client)
            outgoing.write(before + said)
    return trial


def test_a_real_handshake_of_tls_1_2_shows_the_certificate(tmp_path: Path) -> None:
    trial = converse(tmp_path, ssl.TLSVersion.TLSv1_2)
    asked, chosen, shown = trial.sink.operations[:3]
    assert (asked.name, chosen.area, chosen.direction) == ("gate.plant", "TLSv12", Direction.RESPONSE)
    assert (shown.service, shown.name, shown.area, shown.count) == ("certificate", "CN=gate.plant", "rsa", 2048)
    assert shown.detail is not None
    assert shown.detail["self_signed"] is True
    assert ("10.0.0.2", Attribute.NAME, "gate.plant") in {
        (piece.address, piece.attribute, piece.value) for piece in trial.sink.evidence
    }
    assert not trial.sink.anomalies
    assert not trial.unparsed.malformed


def test_a_real_handshake_of_tls_1_3_hides_it(tmp_path: Path) -> None:
    trial = converse(tmp_path, ssl.TLSVersion.TLSv1_3)
    assert [(op.service, op.area) for op in trial.sink.operations] == [
        ("client_hello", "TLSv13"),
        ("server_hello", "TLSv13"),
    ]


def shown(content: bytes) -> bytes:
    chain = len(content).to_bytes(3, "big") + content
    return record(handshake(11, len(chain).to_bytes(3, "big") + chain))


@pytest.mark.parametrize(
    ("bits", "start", "kinds"),
    [
        (2048, datetime(2023, 11, 1, tzinfo=UTC), 0),
        (1024, datetime(2023, 11, 1, tzinfo=UTC), 1),
        (2048, datetime(2019, 1, 1, tzinfo=UTC), 1),
        (2048, datetime(2029, 1, 1, tzinfo=UTC), 1),
    ],
    ids=["sound", "short key", "expired", "of the future"],
)
def test_certificates_that_are_not_sound_are_noted(bits: int, start: datetime, kinds: int) -> None:
    trial = Trial(Tls)
    trial.answer(shown(certificate(bits, start=start)[1]))
    assert len(trial.sink.anomalies) == kinds


def test_a_certificate_that_is_none_is_noted() -> None:
    trial = Trial(Tls)
    trial.answer(shown(b"\x30\x03abc"))
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.MALFORMED]


def test_retired_versions_and_alerts_are_noted() -> None:
    trial = Trial(Tls)
    trial.say(hello(version=0x0301, extensions=(0x0000,)))
    trial.answer(record(b"\2\x46", 21))
    assert [each.kind for each in trial.sink.anomalies] == [AnomalyKind.ILLEGAL_VALUE]
    assert trial.sink.operations[1].result == "protocol_version"


def test_the_check_wants_a_hello() -> None:
    assert tls.check(hello(), True) == SURE
    assert tls.check(hello(), False) == NO
    assert tls.check(record(b"\2\x46", 21), False) == SURE
    assert tls.check(b"GET / HTTP/1.1\r\n", True) == NO


@given(st.binary(max_size=200))
def test_hostile_bytes_are_survived(content: bytes) -> None:
    torture(Tls, hello()[:9] + content)
    torture(Tls, record(handshake(2, words(0x0303) + bytes(32) + content)))
    torture(Tls, shown(content))
