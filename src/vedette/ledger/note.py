"""Signed notes and the checkpoints they carry: parse, sign, verify. Pure.

Source:
    c2sp.org/signed-note (format, key ids, verifier keys), c2sp.org/tlog-checkpoint (note text),
    c2sp.org/tlog-cosignature (signature type 0x04).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vedette.ledger.errors import InvalidCheckpoint
from vedette.ledger.merkle import HASH_BYTES

NOTE_BYTES_MAX: Final = 64 * 1024
SIGNATURES_MAX: Final = 64

_ED25519: Final = 0x01
_COSIGNATURE: Final = 0x04
_KEY_ID_BYTES: Final = 4
_TIMESTAMP_BYTES: Final = 8
_SIGNATURE_LINE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: a key's name, its id, and the signature, known or not."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """Return the line as it stands in the note."""
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode('ascii')}\n"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log commits to: its origin, its size and its root, with the signatures on it.

    Attributes:
        origin: The log's name.
        size: How many entries the tree has.
        root: The root hash of that tree.
        extensions: Further lines of the text, opaque.
        signatures: Every signature line, those of unknown keys included.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()
    signatures: tuple[NoteSignature, ...] = ()

    def text(self) -> str:
        """Return the signed text."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode("ascii"), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    def note(self) -> str:
        """Return the text with its signatures."""
        return self.text() + "\n" + "".join(signature.line() for signature in self.signatures)

    def with_signatures(self, more: Iterable[NoteSignature]) -> Checkpoint:
        """Return the checkpoint with further signatures, each once."""
        return replace(self, signatures=tuple(dict.fromkeys((*self.signatures, *more))))


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key that may have signed a note: the log's own (type 0x01) or a witness's (type 0x04)."""

    name: str
    public_key: bytes
    signature_type: int = _ED25519

    def __post_init__(self) -> None:
        if not _is_key_name(self.name) or self.signature_type not in (_ED25519, _COSIGNATURE):
            raise InvalidCheckpoint("a verifier key has a name without spaces and plus, and type 1 or 4")
        if len(self.public_key) != HASH_BYTES:
            raise InvalidCheckpoint(f"an Ed25519 public key has 32 bytes, not {len(self.public_key)}")

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read ``name+hash+base64(type, key)``.

        Raises:
            InvalidCheckpoint: It is not of that form, of another type, or the hash does not match.
        """
        name, key_id, encoded = [*text.strip().split("+", 2), "", ""][:3]
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise InvalidCheckpoint("a verifier key is NAME+HASH+BASE64") from error
        if not raw:
            raise InvalidCheckpoint("a verifier key is NAME+HASH+BASE64")
        key = cls(name, raw[1:], raw[0])
        if key.key_id().hex() != key_id:
            raise InvalidCheckpoint(f"the hash of verifier key {name[:80]!r} does not match its key")
        return key

    def key_id(self) -> bytes:
        """Return the four bytes that name the key in a signature line."""
        return _key_id(self.name, self.signature_type, self.public_key)

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([self.signature_type]) + self.public_key).decode("ascii")
        return f"{self.name}+{self.key_id().hex()}+{encoded}"

    def matches(self, signature: NoteSignature) -> bool:
        """Tell whether a signature line claims to be by this key."""
        return signature.name == self.name and signature.key_id == self.key_id()

    def verifies(self, checkpoint: Checkpoint, signature: NoteSignature) -> bool:
        """Tell whether a signature by this key is valid for a checkpoint."""
        message, raw = checkpoint.text().encode(), signature.signature
        if self.signature_type == _COSIGNATURE:
            if len(raw) < _TIMESTAMP_BYTES:
                return False
            unix_s, raw = int.from_bytes(raw[:_TIMESTAMP_BYTES], "big"), raw[_TIMESTAMP_BYTES:]
            message = _cosigned_message(message, unix_s)
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(raw, message)
        except InvalidSignature:
            return False
        return True


class CheckpointSigner:
    """Signs checkpoints with the log's own Ed25519 key; the key's name is the log's origin."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def verifier_key(self, origin: str) -> VerifierKey:
        """Return the public key under the name of a log."""
        return VerifierKey(origin, self._key.public_key().public_bytes_raw())

    def sign(self, origin: str, size: int, root: bytes) -> Checkpoint:
        """Return a signed checkpoint of a log."""
        checkpoint = Checkpoint(origin, size, root)
        signature = self._key.sign(checkpoint.text().encode())
        return checkpoint.with_signatures((NoteSignature(origin, self.verifier_key(origin).key_id(), signature),))


def origin_of(organization_id: str) -> str:
    """Return the origin of an organization's log."""
    return f"vedette/{organization_id}"


def cosign(checkpoint: Checkpoint, name: str, key: Ed25519PrivateKey, at: datetime) -> NoteSignature:
    """Sign a checkpoint as a witness, which vouches that the log only grew up to it.

    Source:
        c2sp.org/tlog-cosignature, "Ed25519 signed message".
    """
    unix_s = int(at.timestamp())
    signature = key.sign(_cosigned_message(checkpoint.text().encode(), unix_s))
    key_id = _key_id(name, _COSIGNATURE, key.public_key().public_bytes_raw())
    return NoteSignature(name, key_id, unix_s.to_bytes(_TIMESTAMP_BYTES, "big") + signature)


def parse_checkpoint(note: str) -> Checkpoint:
    """Read a checkpoint; its signatures are not verified yet.

    Raises:
        InvalidCheckpoint: The text is too long, or is not a signed note with a checkpoint in it.
    """
    if len(note) > NOTE_BYTES_MAX:
        raise InvalidCheckpoint(f"a checkpoint has at most {NOTE_BYTES_MAX} characters")
    if any(char < " " and char != "\n" for char in note):
        raise InvalidCheckpoint("a checkpoint holds no control characters")
    text, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise InvalidCheckpoint("a checkpoint ends in a blank line and signature lines")
    lines = text.split("\n")
    if len(lines) < 3 or not all(lines):  # noqa: PLR2004 - origin, size, root
        raise InvalidCheckpoint("a checkpoint has an origin, a size and a root, each on its own line")
    if not _SIZE.fullmatch(lines[1]):
        raise InvalidCheckpoint("the size of a checkpoint is a decimal number without leading zeroes")
    root = _decode_root(lines[2])
    signatures = tuple(_parse_signature(line) for line in tail[:-1].split("\n"))
    if len(signatures) > SIGNATURES_MAX:
        raise InvalidCheckpoint(f"a checkpoint has at most {SIGNATURES_MAX} signatures")
    return Checkpoint(lines[0], int(lines[1]), root, tuple(lines[3:]), signatures)


def verify_checkpoint(checkpoint: Checkpoint, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Return which keys signed a checkpoint; lines by unknown keys are passed over.

    Raises:
        InvalidCheckpoint: No given key signed it, or a line by a given key does not verify.
    """
    found = []
    for key in keys:
        mine = [signature for signature in checkpoint.signatures if key.matches(signature)]
        if not all(key.verifies(checkpoint, signature) for signature in mine):
            raise InvalidCheckpoint(f"the signature of {key.name} on the checkpoint is not valid")
        if mine:
            found.append(key)
    if not found:
        raise InvalidCheckpoint(
            f"the checkpoint of {checkpoint.origin[:160]} is not signed by a known key",
            hint="give the log's own public key, or a witness's",
        )
    return tuple(found)


def _cosigned_message(text: bytes, unix_s: int) -> bytes:
    return f"cosignature/v1\ntime {unix_s}\n".encode("ascii") + text


def _key_id(name: str, signature_type: int, public_key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([signature_type]) + public_key).digest()[:_KEY_ID_BYTES]


def _is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(char.isspace() for char in name)


def _decode_root(text: str) -> bytes:
    try:
        root = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidCheckpoint("the root of a checkpoint is base64") from error
    if len(root) != HASH_BYTES:
        raise InvalidCheckpoint(f"the root of a checkpoint has 32 bytes, not {len(root)}")
    return root


def _parse_signature(line: str) -> NoteSignature:
    match = _SIGNATURE_LINE.fullmatch(line)
    if match is None:
        raise InvalidCheckpoint("a signature line is an em dash, a key name and base64")
    try:
        raw = base64.b64decode(match[2], validate=True)
    except ValueError as error:
        raise InvalidCheckpoint("a signature line is an em dash, a key name and base64") from error
    if len(raw) <= _KEY_ID_BYTES:
        raise InvalidCheckpoint("a signature line holds a key id and a signature")
    return NoteSignature(match[1], raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:])
