from __future__ import annotations

import base64
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from vedette.ledger import InvalidCheckpoint
from vedette.ledger.note import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Checkpoint,
    CheckpointSigner,
    NoteSignature,
    VerifierKey,
    cosign,
    origin_of,
    parse_checkpoint,
    verify_checkpoint,
)

# The example of c2sp.org/tlog-checkpoint and c2sp.org/tlog-cosignature.
LOG_LINE = (
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8="
)
WITNESS_LINE = (
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
)
TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
EXAMPLE = f"{TEXT}\n{LOG_LINE}\n{WITNESS_LINE}\n"
# The verifier key in the documentation of golang.org/x/mod/sumdb/note.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
SIGNER = CheckpointSigner(KEY)
ORIGIN = origin_of("org_a")
AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def signed() -> Checkpoint:
    return SIGNER.sign(ORIGIN, 7, bytes(range(32)))


def witness_key(name: str = "witness.example/w1") -> VerifierKey:
    return VerifierKey(name, WITNESS.public_key().public_bytes_raw(), 4)


def test_the_published_example_is_read_and_written_unchanged() -> None:
    checkpoint = parse_checkpoint(EXAMPLE)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert [signature.name for signature in checkpoint.signatures] == [
        "example.com/behind-the-sofa",
        "witness.example.com/w1",
    ]
    assert checkpoint.note() == EXAMPLE
    # The cosignature's time stands in its first eight bytes.
    assert int.from_bytes(checkpoint.signatures[1].signature[:8], "big") == 1679315147


def test_a_verifier_key_in_the_go_form_is_read_and_its_hash_checked() -> None:
    key = VerifierKey.parse(GO_KEY)
    assert (key.name, key.signature_type, key.key_id().hex()) == ("PeterNeumann", 1, "c74f20a3")
    assert str(key) == GO_KEY


def test_the_go_documentation_s_signature_verifies() -> None:
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    raw = base64.b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    key = VerifierKey.parse(GO_KEY)
    signature = NoteSignature("PeterNeumann", raw[:4], raw[4:])
    assert key.matches(signature)

    class Quoted(Checkpoint):
        def text(self) -> str:
            return text

    assert key.verifies(Quoted("", 0, b""), signature)


def test_a_signed_checkpoint_is_verified_by_its_key() -> None:
    note = signed().note()
    assert verify_checkpoint(parse_checkpoint(note), (SIGNER.verifier_key(ORIGIN),)) == (SIGNER.verifier_key(ORIGIN),)
    assert note.startswith("vedette/org_a\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— vedette/org_a ")


def test_a_witness_s_cosignature_counts_and_an_unknown_one_is_kept_but_passed_over() -> None:
    own = SIGNER.verifier_key(ORIGIN)
    checkpoint = signed().with_signatures([cosign(signed(), "witness.example/w1", WITNESS, AT)])
    again = parse_checkpoint(checkpoint.note())
    assert again == checkpoint
    assert verify_checkpoint(again, (own, witness_key())) == (own, witness_key())
    assert verify_checkpoint(again, (own, witness_key("other.example/w2"))) == (own,)
    assert again.with_signatures(again.signatures) == again


@pytest.mark.parametrize("changed", ["origin", "size", "root", "extension"])
def test_a_signature_does_not_cover_a_changed_text(changed: str) -> None:
    good = signed().with_signatures([cosign(signed(), "witness.example/w1", WITNESS, AT)])
    bad = Checkpoint(
        ORIGIN if changed != "origin" else origin_of("org_b"),
        7 if changed != "size" else 8,
        good.root if changed != "root" else bytes(32),
        () if changed != "extension" else ("more",),
        good.signatures,
    )
    for key in (SIGNER.verifier_key(ORIGIN), witness_key()):
        assert verify_checkpoint(good, (key,))
        with pytest.raises(InvalidCheckpoint):
            verify_checkpoint(bad, (key,))


def test_a_checkpoint_without_a_signature_by_a_known_key_is_refused() -> None:
    stranger = CheckpointSigner(WITNESS)
    with pytest.raises(InvalidCheckpoint):
        verify_checkpoint(signed(), (stranger.verifier_key(ORIGIN),))
    with pytest.raises(InvalidCheckpoint):
        verify_checkpoint(signed(), ())


def test_one_bad_signature_by_a_known_key_spoils_the_note() -> None:
    own = SIGNER.verifier_key(ORIGIN)
    good = signed().signatures[0]
    bad = NoteSignature(good.name, good.key_id, bytes(64))
    with pytest.raises(InvalidCheckpoint):
        verify_checkpoint(signed().with_signatures([bad]), (own,))


def test_a_cosignature_too_short_for_its_time_is_not_valid() -> None:
    key = witness_key()
    short = NoteSignature(key.name, key.key_id(), b"1234567")
    assert not key.verifies(signed(), short)


NOT_NOTES = {
    "empty": "",
    "no signatures": "a\n1\n" + base64.b64encode(bytes(32)).decode() + "\n",
    "no blank line": EXAMPLE.replace("\n\n", "\n"),
    "no last newline": EXAMPLE[:-1],
    "two lines": "a\n1\n\n— a AAAAAAA=\n",
    "leading zero": EXAMPLE.replace("20852163", "020852163"),
    "negative size": EXAMPLE.replace("20852163", "-1"),
    "huge size": EXAMPLE.replace("20852163", "1" * 20),
    "size in other digits": EXAMPLE.replace("20852163", "٣"),
    "short root": EXAMPLE.replace("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "CsUY"),
    "no base64 root": EXAMPLE.replace("CsUY", "!!!!"),
    "empty origin": EXAMPLE.replace("example.com/behind-the-sofa\n2", "\n2"),
    "carriage return": EXAMPLE.replace("\n", "\r\n"),
    "control character": EXAMPLE.replace("example.com/behind", "exa\x07mple.com/behind", 1),
    "hyphen for a dash": EXAMPLE.replace("—", "-"),
    "signature too short": EXAMPLE.split("— w", 1)[0] + "— w AAAA\n",
    "signature no base64": EXAMPLE.split("— w", 1)[0] + "— w AAAAA\n",
    "plus in the name": EXAMPLE.replace("— w", "— w+"),
}


@pytest.mark.parametrize("note", NOT_NOTES.values(), ids=NOT_NOTES.keys())
def test_what_is_no_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(InvalidCheckpoint):
        parse_checkpoint(note)


def test_limits_hold_at_the_limit_and_one_beyond() -> None:
    many = [NoteSignature(f"w{number}", bytes(4), bytes(64)) for number in range(SIGNATURES_MAX)]
    full = Checkpoint(ORIGIN, 1, bytes(32), (), tuple(many))
    assert len(parse_checkpoint(full.note()).signatures) == SIGNATURES_MAX
    with pytest.raises(InvalidCheckpoint):
        parse_checkpoint(full.with_signatures([NoteSignature("w", bytes(4), bytes(64))]).note())
    size = NOTE_BYTES_MAX - len(Checkpoint(ORIGIN, 1, bytes(32), ("",), (many[0],)).note())
    for extra, is_good in ((0, True), (1, False)):
        note = Checkpoint(ORIGIN, 1, bytes(32), ("x" * (size + extra),), (many[0],)).note()
        assert len(note) == NOTE_BYTES_MAX + extra
        if is_good:
            assert parse_checkpoint(note).extensions
        else:
            with pytest.raises(InvalidCheckpoint):
                parse_checkpoint(note)


BAD_KEYS = [
    "",
    "name",
    "name+abcd",
    GO_KEY.replace("c7", "c8"),
    "n+00000000+!",
    "n+00000000+\u00e4",
    "n+00000000+AAAA",
    "n+00000000+",
]


@pytest.mark.parametrize("text", BAD_KEYS)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidCheckpoint):
        VerifierKey.parse(text)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    for candidate in (text, EXAMPLE + text, text + EXAMPLE):
        with suppress(InvalidCheckpoint):
            assert parse_checkpoint(candidate).note() == candidate
