from __future__ import annotations

import base64
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from vedette.cli.files import (
    FILE_MAX_BYTES,
    describe_certificate,
    new_file,
    read_certificate_file,
    read_small_file,
)
from vedette.cli.problems import Usage
from vedette.simulation import Factory, ManualClock
from vedette.trust import certificate_sha256


@pytest.fixture(scope="module")
def leaf() -> x509.Certificate:
    return Factory("Acme", ManualClock(datetime(2026, 11, 22, tzinfo=UTC))).make_device("pump-7").chain[0]


def test_pem_is_handed_over_as_it_is_and_der_in_base64(leaf: x509.Certificate, tmp_path: Path) -> None:
    pem, der = tmp_path / "a.pem", tmp_path / "a.der"
    pem.write_bytes(leaf.public_bytes(Encoding.PEM))
    der.write_bytes(leaf.public_bytes(Encoding.DER))
    assert read_certificate_file(pem, "the certificate") == leaf.public_bytes(Encoding.PEM).decode()
    assert base64.b64decode(read_certificate_file(der, "the certificate")) == leaf.public_bytes(Encoding.DER)


def test_a_certificate_is_described_by_name_and_digest(leaf: x509.Certificate, tmp_path: Path) -> None:
    expected = ("pump-7", certificate_sha256(leaf.public_bytes(Encoding.DER)))
    for encoding in (Encoding.PEM, Encoding.DER):
        path = tmp_path / str(encoding)
        path.write_bytes(leaf.public_bytes(encoding))
        assert describe_certificate(read_certificate_file(path, "the certificate"), path) == expected


@pytest.mark.parametrize("text", ["hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "AAAA"])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="not a certificate"):
        describe_certificate(text, Path("x.pem"))


def test_a_file_at_the_limit_is_read_and_one_beyond_is_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * FILE_MAX_BYTES)
    assert len(read_small_file(path, "the proof")) == FILE_MAX_BYTES
    path.write_bytes(b"x" * (FILE_MAX_BYTES + 1))
    with pytest.raises(Usage, match=str(FILE_MAX_BYTES)):
        read_small_file(path, "the proof")


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Usage, match="empty"):
        read_small_file(path, "the proof")


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(Usage, match=str(path)):
            read_small_file(path, "the proof")


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))
    assert read_small_file(Path("-"), "the request") == b"from a pipe"


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "chain.pem"
    with new_file(path) as file:
        file.write("first")
    with pytest.raises(Usage, match="there already"), new_file(path):
        pytest.fail("not reached")
    assert path.read_text() == "first"
    with pytest.raises(Usage), new_file(tmp_path / "no" / "such" / "folder"):
        pytest.fail("not reached")


def test_what_fails_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "chain.pem"
    with pytest.raises(Usage, match="refused"), new_file(path):
        raise Usage("refused")
    assert not path.exists()
