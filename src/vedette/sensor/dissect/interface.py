"""What a dissector is, and what it may lean on. ``docs/sensor-dissectors.md`` shows how to write one."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import ClassVar, Final

import msgspec

from vedette.sensor.flows import CLIENT_FITS, ONE_WAY, PORT, SERVER_FITS, STRONG, Flow
from vedette.sensor.model import CERTAIN, Anomaly, AnomalyKind, AssetEvidence, Attribute, OtOp, Sink

NO: Final = 0
WEAK: Final = 1
"""Fits, but so would other bytes: counts on the protocol's own port only."""
SURE: Final = 2
"""A magic number, a checksum, or so many lengths and constants that chance is out of the question."""

INCOMPLETE: Final = 0
NOT_A_MESSAGE: Final = -1

Check = Callable[[bytes, bool], int]
"""``check(payload, is_from_client)`` → ``NO``, ``WEAK`` or ``SURE``; must not raise on any bytes but for reading
beyond their end, which counts as ``NO``."""

ZeekRow = tuple[str, dict[str, object]]
"""Name of a log, and the columns beside ``ts``, ``uid`` and ``id``."""

BAD_BYTES: Final = (LookupError, ValueError, ArithmeticError, struct.error, RecursionError)
"""What reading bytes that are not what they seem may raise."""

_SEVERAL: Final = frozenset({Attribute.SERVICE, Attribute.MODULE, Attribute.USER, Attribute.FINGERPRINT, Attribute.IP})
_MAX_TOLD: Final = 256
_MAX_VALUE_CHARS: Final = 256


class Malformed(ValueError):  # noqa: N818 - what the message is
    """The message contradicts itself; the text is kept, so it names numbers and never quotes bytes."""


class Dissector:
    """Reads one conversation: made when its protocol is recognised, dropped when it ends.

    A subclass keeps what it must remember between messages in ``__slots__`` attributes, each with a bound. It may read
    beyond the end of its bytes or raise ``Malformed``: the sensor notes a malformed message and goes on.

    Args:
        flow: The conversation; ``flow.client`` is who opened it.
        sink: Where findings go.
    """

    __slots__ = ("_told", "emit", "flow", "sink")

    name: ClassVar[str] = ""

    def __init__(self, flow: Flow, sink: Sink) -> None:
        self.flow: Final = flow
        self.sink: Final = sink
        self.emit: Final[Callable[[OtOp], None]] = sink.operations.append
        self._told: dict[tuple[str, str], str] = {}

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one UDP payload, or what follows an EtherType."""
        raise NotImplementedError

    def tell(
        self,
        at_ns: int,
        attribute: Attribute,
        value: object,
        *,
        is_of_client: bool = False,
        address: str = "",
        confidence: int = CERTAIN,
        source: str = "",
    ) -> None:
        """Say something about the server, the client or another address; a repetition is not told again.

        Text is stripped of padding and control characters, and cut at 256 characters; nothing is told of an empty one.
        """
        text = str(value) if not isinstance(value, bytes) else value.decode("latin-1")
        text = "".join(c if c.isprintable() else " " for c in text[: _MAX_VALUE_CHARS * 2]).strip()[:_MAX_VALUE_CHARS]
        if not text:
            return
        if not address:
            address = self.flow.client if is_of_client else self.flow.server
        key = (address, f"{attribute}={text}" if attribute in _SEVERAL else attribute)
        if self._told.get(key) == text:
            return
        if len(self._told) >= _MAX_TOLD:
            self._told.clear()
        self._told[key] = text
        self.sink.evidence.append(AssetEvidence(at_ns, address, attribute, text, confidence, source or self.name))

    def complain(
        self,
        at_ns: int,
        is_from_client: bool,
        kind: AnomalyKind,
        detail: str = "",
        code: int | None = None,
    ) -> None:
        """Note that a message broke the rules; never quote it."""
        self.sink.anomalies.append(Anomaly(at_ns, self.flow, is_from_client, self.name, kind, detail, code))

    def call_it(self, protocol: str) -> None:
        """Name the protocol more closely than the catalogue could: what is carried within COTP, say."""
        self.flow.protocol = protocol


class StreamDissector(Dissector):
    """Reads a conversation over TCP, cut into messages first."""

    __slots__ = ()

    max_message_bytes: ClassVar[int] = 65_536
    """Of a longer one the sensor assumes that it lost its place."""

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:
        """Return the length of the message that begins at ``start``.

        ``INCOMPLETE``: its length can't be told yet. ``NOT_A_MESSAGE``: none begins here; the sensor has lost its place
        and looks for the next with ``find``. The rest of the message need not be there.
        """
        raise NotImplementedError

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one whole message."""
        raise NotImplementedError

    def find(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - in subclasses
        """Return where, from ``start`` on, the next message may begin, or ``-1``.

        For protocols with a start mark; without one the sensor tries again with the next segment.
        """
        return -1


class Protocol(msgspec.Struct, frozen=True, gc=False):
    """An entry of the catalogue: how a protocol is recognised, and who reads it.

    A protocol over several transports has an entry for each, with the same name.
    """

    name: str
    title: str
    family: str
    """``ot``, ``iot`` or ``it``."""
    transport: str
    """``tcp``, ``udp``, ``ethernet`` or ``ip``."""
    ports: tuple[int, ...] = ()
    """TCP or UDP ports; EtherTypes for ``ethernet`` (LLC: ``0x10000 | dsap << 8 | ssap``); IP protocols."""
    check: Check | None = None
    """None: the port is all there is, and the identification stays a guess (at ``ethernet`` and ``ip``: is sure)."""
    dissector: type[Dissector] | None = None
    """None: identified only."""
    is_one_way: bool = False
    """Whether nobody answers: publications, reports, broadcasts."""
    is_found_anywhere: bool = False
    """Whether a ``SURE`` check is believed on any port."""
    zeek: Callable[[OtOp], list[ZeekRow]] | None = None
    """How its operations look in Zeek's and ICSNPP's logs; None: in a log of the sensor's own form."""


def proof_of(protocol: Protocol, payload: bytes, is_from_client: bool, is_on_port: bool) -> int:
    """Weigh whether a payload belongs to a protocol.

    Returns:
        Bits for ``Flow.proofs``; 0 if the payload speaks against it.
    """
    check = protocol.check
    proofs = (PORT if is_on_port else 0) | (ONE_WAY if protocol.is_one_way else 0)
    if check is None:
        if protocol.transport in {"ethernet", "ip"}:
            return proofs | CLIENT_FITS | SERVER_FITS | STRONG
        return proofs
    try:
        verdict = check(payload, is_from_client)
    except BAD_BYTES:
        return 0
    if verdict == NO or (verdict == WEAK and not is_on_port):
        return 0
    return proofs | (CLIENT_FITS if is_from_client else SERVER_FITS) | (STRONG if verdict == SURE else 0)
