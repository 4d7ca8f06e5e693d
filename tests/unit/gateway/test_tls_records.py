"""Both ways of moving bytes through TLS, against the standard library's client, without a socket."""

from __future__ import annotations

import contextlib
import itertools
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL

from vedette.gateway.tls_context import TlsContextHolder
from vedette.gateway.tls_records import (
    DirectRecords,
    PlainRecords,
    Records,
    TlsFailure,
    begins_with_whole_record,
    new_records,
)


def make_pair() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


CHAIN, KEY = make_pair()
OTHER_CHAIN, OTHER_KEY = make_pair()


class Client:
    """The standard library's TLS in memory."""

    def __init__(self, version: ssl.TLSVersion, pair: Path | None = None) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if pair is not None:
            context.load_cert_chain(pair)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing)

    def shake_hands(self, records: Records) -> None:
        for _ in range(4):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
            if data := self.outgoing.read():
                records.shake_hands(data)
            self.incoming.write(records.drain())

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += self.tls.read(size - len(data))
        return data


@pytest.fixture(params=["direct", "plain"])
def records(request: pytest.FixtureRequest) -> Records:
    connection = SSL.Connection(TlsContextHolder(CHAIN, KEY).context, None)
    connection.set_accept_state()
    made = new_records(connection, must_be_plain=request.param == "plain")
    assert isinstance(made, PlainRecords if request.param == "plain" else DirectRecords)
    return made


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def client(request: pytest.FixtureRequest) -> Client:
    version: ssl.TLSVersion = request.param
    return Client(version)


@pytest.mark.parametrize("size", [1, 200, 16_383, 16_384, 16_385, 100_000])
def test_bytes_survive_both_directions(records: Records, client: Client, size: int) -> None:
    client.shake_hands(records)
    sent = bytes(number % 251 for number in range(size))
    client.tls.write(sent)
    assert records.decrypt(client.outgoing.read()) == sent
    client.incoming.write(records.encrypt(sent))
    assert client.read(size) == sent
    assert not records.is_ended


def test_single_records_are_read_whole_and_then_owe_nothing(records: Records, client: Client) -> None:
    client.shake_hands(records)
    for size in (200, 200, 4, 200, 16_384):
        client.tls.write(b"x" * size)
        assert records.decrypt(client.outgoing.read()) == b"x" * size
    assert records.may_owe is isinstance(records, PlainRecords)


def test_records_that_come_in_other_pieces_than_they_were_sent_lose_nothing(records: Records, client: Client) -> None:
    client.shake_hands(records)
    sent = [bytes([number]) * 100 for number in range(40)]
    stream = b""
    for part in sent:
        client.tls.write(part)
        stream += client.outgoing.read()
    whole = len(stream) // len(sent)
    # Whole records teach it their overhead; pieces of the same size, but not of the same bounds, must not mislead it.
    cuts = [0, whole, 2 * whole, *range(2 * whole + 7, len(stream), whole), len(stream)]
    plain = [records.decrypt(stream[begin:end]) for begin, end in itertools.pairwise(cuts)]
    assert b"".join(plain) == b"".join(sent)
    client.tls.write(b"two")
    client.tls.write(b"records")
    assert records.decrypt(client.outgoing.read()) == b"tworecords"


def test_a_record_cut_anywhere_is_put_together(records: Records, client: Client) -> None:
    client.shake_hands(records)
    client.tls.write(b"a" * 50)
    client.tls.write(b"b" * 50)
    data = client.outgoing.read()
    plain = b"".join(records.decrypt(data[place : place + 1]) for place in range(len(data)))
    assert plain == b"a" * 50 + b"b" * 50


def test_the_end_comes_after_the_last_bytes(records: Records, client: Client) -> None:
    client.shake_hands(records)
    client.tls.write(b"last words")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.tls.unwrap()
    assert records.decrypt(client.outgoing.read()) == b"last words"
    assert records.is_ended
    assert records.decrypt(b"more") == b""


def test_a_broken_record_ends_the_connection(records: Records, client: Client) -> None:
    client.shake_hands(records)
    client.tls.write(b"x" * 100)
    data = bytearray(client.outgoing.read())
    data[-1] ^= 1
    assert records.decrypt(bytes(data)) == b""
    assert records.is_ended


def test_our_end_is_heard(records: Records, client: Client) -> None:
    client.shake_hands(records)
    client.incoming.write(records.end())
    assert client.tls.read(1) == b""


def test_what_the_client_sent_is_told_leaf_first_whoever_issued_it(records: Records, tmp_path: Path) -> None:
    sent = [x509.load_pem_x509_certificate(each).public_bytes(Encoding.DER) for each in (OTHER_CHAIN, CHAIN)]
    pair = tmp_path / "client.pem"
    pair.write_bytes(OTHER_KEY + OTHER_CHAIN + CHAIN)
    Client(ssl.TLSVersion.TLSv1_3, pair).shake_hands(records)
    assert records.peer_chain() == tuple(sent)


def test_a_client_without_certificate_has_no_chain(records: Records, client: Client) -> None:
    client.shake_hands(records)
    assert records.peer_chain() == ()


def test_a_handshake_that_cannot_be_says_why_and_leaves_an_alert(records: Records) -> None:
    with pytest.raises(TlsFailure) as failure:
        records.shake_hands(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
    assert failure.value.reason == "http request"
    with pytest.raises(TlsFailure):
        records.shake_hands(b"\x16\x03\x01\x00\x04\x01\x00\x00\x00")


def test_another_key_than_the_certificates_is_refused_and_the_old_pair_stays() -> None:
    holder = TlsContextHolder(CHAIN, KEY)
    before = holder.context
    with pytest.raises(ValueError, match="private key"):
        holder.reload(CHAIN, OTHER_KEY)
    assert holder.context is before
    holder.reload(OTHER_CHAIN, OTHER_KEY)
    assert holder.context is not before


def test_nothing_of_openssl_that_the_fast_way_needs_is_missing(tmp_path: Path) -> None:
    del tmp_path
    connection = SSL.Connection(TlsContextHolder(CHAIN, KEY).context, None)
    assert isinstance(new_records(connection), DirectRecords)


@pytest.mark.parametrize(
    ("data", "is_whole"),
    [
        (b"\x16", False),
        (b"\x16\x03\x01\x00", False),
        (b"\x16\x03\x01\x00\x02\x01", False),
        (b"\x16\x03\x01\x00\x02\x01\x00", True),
        (b"\x16\x03\x01\x00\x02\x01\x00\x16", True),
        (b"\x16\x03\x01\x40\x01", True),
        (b"GET", True),
    ],
    ids=["type", "cut header", "cut body", "whole", "more behind it", "longer than any record", "no handshake"],
)
def test_a_hello_is_begun_only_when_its_record_is_there(data: bytes, *, is_whole: bool) -> None:
    assert begins_with_whole_record(data) is is_whole
