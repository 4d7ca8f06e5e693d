"""Capture files and streams: which format, compressed or not, in chunks so that memory stays flat."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from vedette.sensor.capture.packets import CaptureParser, CaptureProblem, Packet
from vedette.sensor.capture.pcap import PcapParser, is_pcap
from vedette.sensor.capture.pcapng import PcapngParser, is_pcapng

CHUNK_BYTES: Final = 1024 * 1024
_GZIP: Final = b"\x1f\x8b"
_START_BYTES: Final = 4
_PACKED: Final = {
    b"\x28\xb5\x2f\xfd": ("zstd", "zstdcat"),
    b"\xfd7zX": ("xz", "xzcat"),
    b"BZh": ("bzip2", "bzcat"),
    b"\x04\x22\x4d\x18": ("lz4", "lz4cat"),
    b"PK\x03\x04": ("zip", "unzip -p"),
}
"""First bytes → whose they are, and what unpacks it."""


def parser_for(start: bytes) -> CaptureParser:
    """Return the parser of the format that a file begins with.

    Raises:
        CaptureProblem: Neither pcap nor pcapng.
    """
    if is_pcap(start):
        return PcapParser()
    if is_pcapng(start):
        return PcapngParser()
    for magic, (name, unpack) in _PACKED.items():
        if start.startswith(magic):
            raise CaptureProblem(
                f"this is packed with {name}; gzip alone is read",
                hint=f"unpack it, or: {unpack} FILE | vedette sensor run -i -",
            )
    raise CaptureProblem("this is neither pcap nor pcapng", hint="convert it, with editcap for example")


class CaptureFile:
    """Reads packets from an open file or stream; reading decompresses chunk by chunk, so no bomb fills the memory.

    Args:
        source: Open for reading bytes.
        max_bytes: Of the capture, decompressed; more is not read, and is damage. None: no limit.
        is_over: Asked before each chunk: whether to end here, which counts as damage.
    """

    def __init__(
        self, source: BinaryIO, *, max_bytes: int | None = None, is_over: Callable[[], bool] | None = None
    ) -> None:
        self._source: Final = source
        self._is_over: Final = is_over
        self._max_bytes: Final = max_bytes
        self._parser: CaptureParser | None = None
        self._damage = ""
        self._is_cut = False

    @property
    def damage(self) -> str:
        """Why reading ended before the end; empty while all is well."""
        return self._damage or (self._parser.damage if self._parser else "")

    @property
    def packets_dropped(self) -> int:
        """How many packets the capturing machine lost, as far as the file tells."""
        return self._parser.packets_dropped if self._parser else 0

    def __iter__(self) -> Iterator[Packet]:
        """Yield all packets up to the end, or to the first damage.

        Raises:
            CaptureProblem: Neither pcap nor pcapng.
        """
        held = b""
        read = 0
        for piece in self._chunks():
            if self._is_over is not None and self._is_over():
                self._damage = "interrupted"
                return
            read += len(piece)
            chunk = piece
            if self._parser is None:
                chunk = held + piece
                if len(chunk) < _START_BYTES:
                    held = chunk
                    continue
                self._parser = parser_for(chunk)
            yield from self._parser.packets(chunk)
            if self._parser.damage:
                return
            if self._max_bytes is not None and read > self._max_bytes:
                self._damage = f"longer than {self._max_bytes} bytes"
                return
        if self._parser is None:
            raise CaptureProblem("the file is empty", hint="was anything captured?")
        self._parser.finish()
        if self._is_cut and not self.damage:
            self._damage = "the compressed data ends too early"

    def _chunks(self) -> Iterator[bytes]:
        chunk = self._source.read(CHUNK_BYTES)
        if chunk[:2] != _GZIP:
            while chunk:
                yield chunk
                chunk = self._source.read(CHUNK_BYTES)
            return
        inflate = zlib.decompressobj(wbits=31)
        self._is_cut = True
        try:
            while chunk:
                while chunk and not inflate.eof:
                    yield inflate.decompress(chunk, CHUNK_BYTES)
                    chunk = inflate.unconsumed_tail
                if inflate.eof and (chunk := inflate.unused_data):
                    inflate = zlib.decompressobj(wbits=31)
                    continue
                chunk = self._source.read(CHUNK_BYTES)
            self._is_cut = not inflate.eof
        except zlib.error:
            self._damage = "the compressed data is damaged"


def read_capture(path: Path) -> Iterator[Packet]:
    """Yield the packets of a file, up to its end or first damage.

    Raises:
        CaptureProblem: The file can't be opened, or is no capture.
    """
    try:
        source = path.open("rb")
    except OSError as error:
        raise CaptureProblem(f"{path}: {error.strerror}") from None
    with source:
        yield from CaptureFile(source)
