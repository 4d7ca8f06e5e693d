"""What the process that reads captures may answer: it has parsed a stranger's file, so nothing is believed unseen."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Word = Annotated[str, msgspec.Meta(max_length=64)]
Text = Annotated[str, msgspec.Meta(max_length=4_096)]


class Progress(msgspec.Struct, frozen=True):
    """How far it is."""

    read_bytes: Count
    packets: Count


class ProductFact(msgspec.Struct, frozen=True):
    """One thing that tells which product an asset is."""

    attribute: Word
    value: Text
    confidence: Annotated[int, msgspec.Meta(ge=0, le=100)]
    source: Text


class SeenProduct(msgspec.Struct, frozen=True):
    """What tells which product an asset is."""

    number: Count
    address: Text
    name: Text
    facts: Annotated[tuple[ProductFact, ...], msgspec.Meta(max_length=64)]


class CaptureFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The capture itself."""

    packets: Count
    bytes: Count
    first_at: Word
    last_at: Word
    packets_dropped: Count
    damage: Text
    file_bytes: Count
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class ReadSummary(msgspec.Struct, frozen=True):
    """What is known of a capture without its report: counts by section, and alerts by severity."""

    capture: CaptureFacts
    counts: Annotated[dict[Word, Count], msgspec.Meta(max_length=32)]
    severities: Annotated[dict[Word, Count], msgspec.Meta(max_length=16)]


class Failure(msgspec.Struct, frozen=True):
    """Why there is no report."""

    detail: Text
    hint: Text = ""


progress_of: Final = msgspec.json.Decoder(Progress).decode
products_of: Final = msgspec.json.Decoder(Annotated[tuple[SeenProduct, ...], msgspec.Meta(max_length=1_000)]).decode
summary_of: Final = msgspec.json.Decoder(ReadSummary).decode
failure_of: Final = msgspec.json.Decoder(Failure).decode
