"""A batch of records: MessagePack with a version, read with limits."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import msgspec

from vedette.kernel import Problem
from vedette.protocols.sensor.records import Record

BATCH_BYTES_MAX: Final = 192 * 1024
"""Below the 256 KB that the hub takes as one message."""
CONTENT_TYPE: Final = "application/vnd.vedette.sensor+msgpack"
"""Of a telemetry message that is a batch."""
_VERSION: Final = 1


class InvalidBatch(Problem):
    """Not a batch, too large, or of a version that is not known."""

    code: ClassVar[str] = "protocols.invalid_batch"
    status: ClassVar[int] = 400


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a sensor."""

    version: int = _VERSION
    boot: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    sequence: Annotated[int, msgspec.Meta(ge=1, le=2**62)]
    records: Annotated[tuple[Record, ...], msgspec.Meta(max_length=4096)]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Batch)


def write_batch(batch: Batch) -> bytes:
    """Return the bytes of a batch.

    Raises:
        InvalidBatch: Larger than ``BATCH_BYTES_MAX``: split it.
    """
    written = _encoder.encode(batch)
    if len(written) > BATCH_BYTES_MAX:
        raise InvalidBatch(f"a batch of {len(written)} bytes; {BATCH_BYTES_MAX} is the most")
    return written


def read_batch(data: bytes) -> Batch:
    """Read a batch.

    Raises:
        InvalidBatch: Not one, too large, or of another version.
    """
    if len(data) > BATCH_BYTES_MAX:
        raise InvalidBatch(f"a batch of {len(data)} bytes; {BATCH_BYTES_MAX} is the most")
    try:
        batch = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidBatch(f"not a batch of a sensor: {str(error)[:200]}") from None
    if batch.version != _VERSION:
        raise InvalidBatch(f"a batch of version {batch.version}; this platform reads {_VERSION}")
    return batch
