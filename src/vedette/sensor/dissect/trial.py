"""Try a dissector on bytes: for tests, fuzzers, and whoever writes one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vedette.sensor.dissect.framing import Datagrams, StreamPair, Unparsed
from vedette.sensor.dissect.interface import Dissector, StreamDissector
from vedette.sensor.flows import Flow
from vedette.sensor.model import Sink

FROM_CLIENT: Final = True
FROM_SERVER: Final = False


class Trial:
    """One conversation with a dissector, 1 ms between messages, from 10.0.0.1 to 10.0.0.2.

    Args:
        dissector: The class to try; made for a flow over TCP if it reads streams, over UDP otherwise.
        port: The server's.
    """

    def __init__(self, dissector: type[Dissector], *, port: int = 0, as_datagrams: bool = False) -> None:
        self.is_stream: Final = issubclass(dissector, StreamDissector) and not as_datagrams
        self.flow: Final = Flow(None, "tcp" if self.is_stream else "udp", "10.0.0.1", 40_000, "10.0.0.2", port)
        self.sink: Final = Sink()
        self.unparsed: Final = Unparsed()
        self.dissector: Final = dissector(self.flow, self.sink)
        self.streams: Final = (
            StreamPair(self.dissector, self.unparsed)
            if self.is_stream and isinstance(self.dissector, StreamDissector)
            else None
        )
        self._datagrams: Final = {
            side: Datagrams(self.dissector, is_from_client=side, unparsed=self.unparsed) for side in (True, False)
        }
        self.now_ns = 1_700_000_000_000_000_000

    def say(self, payload: bytes, *, is_from_client: bool = True) -> None:
        """Hand over a piece of a stream, or a datagram."""
        self.now_ns += 1_000_000
        if self.streams is None:
            self._datagrams[is_from_client].feed(payload, self.now_ns)
        else:
            stream = self.streams.from_client if is_from_client else self.streams.from_server
            stream.feed(payload, self.now_ns)

    def answer(self, payload: bytes) -> None:
        """Hand over what the server says."""
        self.say(payload, is_from_client=False)

    def lose(self, count: int, *, is_from_client: bool = True) -> None:
        """Lose bytes of a stream."""
        if self.streams is not None:
            (self.streams.from_client if is_from_client else self.streams.from_server).lose(count)


def converse(
    dissector: type[Dissector],
    said: Iterable[tuple[bool, bytes]],
    *,
    port: int = 0,
    as_datagrams: bool = False,
) -> Sink:
    """Let a dissector read a conversation, given as (is from client, bytes); return what it found."""
    trial = Trial(dissector, port=port, as_datagrams=as_datagrams)
    for is_from_client, payload in said:
        trial.say(payload, is_from_client=is_from_client)
    return trial.sink


def torture(dissector: type[Dissector], data: bytes, *, as_datagrams: bool = False) -> None:
    """Feed hostile bytes, both ways, whole and in pieces, with a gap; for fuzz entries.

    Raises:
        AssertionError: A bound does not hold, or a stream is read differently when it is cut differently.
    """
    whole = Trial(dissector, as_datagrams=as_datagrams)
    for is_from_client in (True, False):
        whole.say(data, is_from_client=is_from_client)
    _check_bounds(whole)
    pieces = Trial(dissector, as_datagrams=as_datagrams)
    size = len(data) % 7 + 1
    for start in range(0, len(data), size):
        pieces.say(data[start : start + size], is_from_client=bool(start % 3))
    pieces.lose(10)
    pieces.say(data)
    _check_bounds(pieces)


def _check_bounds(trial: Trial) -> None:
    if trial.unparsed.failed:
        raise AssertionError("the dissector raised what no bytes should raise; the log says where")
    if trial.streams is not None and isinstance(trial.dissector, StreamDissector):
        limit = trial.dissector.max_message_bytes
        for stream in (trial.streams.from_client, trial.streams.from_server):
            if stream.held_bytes > limit:
                raise AssertionError(f"{stream.held_bytes} bytes held, {limit} allowed")
    for anomaly in trial.sink.anomalies:
        if len(anomaly.detail) > 200:
            raise AssertionError("an anomaly quotes too much")
    for piece in trial.sink.evidence:
        if len(piece.value) > 256 or not piece.value.isprintable():
            raise AssertionError("evidence is too long or not printable")
