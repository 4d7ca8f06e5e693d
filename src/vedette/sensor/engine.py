"""From packets to findings: link, network, transport, reassembly, identification, dissection.

This is the path of every packet, so it is flat: one look-up finds the side of a flow, a segment that comes when it is
expected goes straight to its reader, and everything unusual stands in functions of its own.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Sequence
from itertools import chain
from struct import Struct
from typing import Final

import msgspec

from vedette.sensor import link as links
from vedette.sensor import tunnels
from vedette.sensor.capture import Packet
from vedette.sensor.dissect import (
    BAD_BYTES,
    PROTOCOLS,
    Datagrams,
    Protocol,
    StreamDissector,
    StreamPair,
    Unparsed,
    proof_of,
)
from vedette.sensor.doubles import Doubles
from vedette.sensor.flow_table import MANY, FlowTable
from vedette.sensor.flows import SYN, Flow, Side, ignore
from vedette.sensor.fragments import Fragments
from vedette.sensor.identify import MAX_TRIES, Identifier
from vedette.sensor.listener import Listener
from vedette.sensor.model import Sink
from vedette.sensor.reassembly import Reassembly
from vedette.sensor.shards import MASK
from vedette.sensor.taps import NOT_KNOWN, Taps

_TCP: Final = 6
_UDP: Final = 17
_TUNNELS: Final = frozenset({4, 41, 47})
_MAX_DEPTH: Final = 4
_EXTENSIONS: Final = frozenset({0, 43, 60, 135})
_FRAGMENT: Final = 44
_MAX_EXTENSIONS: Final = 8
_AUTHENTICATION: Final = 51

_IPV4_WORDS: Final = Struct(">2xHHHxB").unpack_from
_TCP_WORDS: Final = Struct(">I4xBB").unpack_from
_WORD: Final = Struct(">H").unpack_from
_IPV4: Final = b"\x08\x00"
_MASK: Final = 0xFFFF_FFFF
_MAX_HELD_BYTES: Final = 256
_FEW_BYTES: Final = 24
_DRAIN_AT: Final = 32
_DRAIN_CLOSED: Final = 32
_SWEEP_EVERY: Final = 16
_COLLECT_EVERY: Final = 32
_TICK_NS: Final = 1_000_000_000
_IDLE_SWEEPS: Final = 256


class Counters(msgspec.Struct):
    """What came, and what could not be read."""

    packets: int = 0
    bytes: int = 0
    first_ns: int = 0
    last_ns: int = 0
    undecodable: int = 0
    """Packets that end within a header, or have one that makes no sense."""
    unknown_link: int = 0
    truncated: int = 0
    """Packets of which the capture kept a part only."""
    deep: int = 0
    """Tunnels within tunnels beyond the limit."""


class Limits(msgspec.Struct, frozen=True):
    """Bounds on what the sensor keeps."""

    max_flows: int = MANY
    max_assets: int = 20_000
    max_waiting_bytes: int = 32 * 1024 * 1024
    max_fragment_bytes: int = 8 * 1024 * 1024
    max_held_bytes: int = 64 * 1024 * 1024
    """Of unfinished messages."""


class Engine:
    """Reads packets and tells listeners what it found.

    Args:
        listeners: Are told in this order.
        protocols: The catalogue.
        limits: Bounds on memory.
    """

    def __init__(
        self,
        listeners: Sequence[Listener] = (),
        *,
        protocols: Iterable[Protocol] = PROTOCOLS,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        self.listeners: Final = tuple(listeners)
        self.counters: Final = Counters()
        self.unparsed: Final = Unparsed(limits.max_held_bytes)
        self.sink: Final = Sink()
        self.identifier: Final = Identifier(protocols)
        self.table: Final = FlowTable(self.identifier.ports, limits.max_flows)
        self.reassembly: Final = Reassembly(limits.max_waiting_bytes)
        self.fragments: Final = Fragments(max_bytes=limits.max_fragment_bytes)
        self.doubles: Final = Doubles()
        self._tcp: Final = self.table.sides["tcp"].parts
        self._udp: Final = self.table.sides["udp"].parts
        self._layer: links.Layer | None = None
        self._next_tick_ns = 0
        self._taps: Final = Taps(self.listeners)

    def read(self, packets: Iterable[Packet]) -> None:
        """Read packets; nothing that they hold raises.

        Where Python's collector is off, cycles among what is new are looked for here, after every few packets: it
        would look once more was made than was dropped, and a flood drops as much as it makes.
        """
        counters, sink = self.counters, self.sink
        operations, closed = sink.operations, self.table.closed
        is_collecting = not gc.isenabled()
        count, size, at_ns = 0, 0, counters.last_ns
        if not counters.packets:
            packets = iter(packets)
            for first in packets:
                counters.first_ns = first[0]
                packets = chain((first,), packets)
                break
        for at_ns, link, data, original in packets:
            count += 1
            size += original
            try:
                if link == 1 and data[12:14] == _IPV4:
                    self._ipv4(at_ns, data, 14, 0)
                else:
                    self._other(at_ns, link, data)
            except BAD_BYTES:
                counters.undecodable += 1
                self._layer = None
            if not count % _SWEEP_EVERY:
                self.table.sweep(at_ns)
                if is_collecting and not count % _COLLECT_EVERY:
                    gc.collect(0)
                if len(closed) > _DRAIN_CLOSED:  # a flood ends as many as it begins: told at once they take long
                    self._drain()
                if not 0 < self._next_tick_ns - at_ns <= _TICK_NS:
                    self._tick(at_ns)
            if len(operations) > _DRAIN_AT or sink.evidence or sink.anomalies:
                self._drain()
        counters.packets += count
        counters.bytes += size
        counters.last_ns = at_ns
        self._drain()

    def idle(self, now_ns: int) -> None:
        """Let time pass while no packets come, so that flows end and listeners may notice the silence."""
        for _ in range(_IDLE_SWEEPS):
            self.table.sweep(now_ns)
        self._tick(now_ns)
        if not gc.isenabled():
            gc.collect(0)
        for listener in self.listeners:
            listener.silent(now_ns, self.counters.last_ns)

    def finish(self) -> None:
        """Close every flow and tell what is left to tell."""
        self.table.close_all()
        self._drain()

    def _drain(self) -> None:
        sink = self.sink
        for flow in self.table.closed:
            self._end(flow)
        for listener in self.listeners:
            if sink.evidence:
                listener.evidence(sink.evidence)
            if sink.operations:
                listener.operations(sink.operations)
            if sink.anomalies:
                listener.anomalies(sink.anomalies)
            for flow in self.table.closed:
                listener.flow_closed(flow)
        for flow in self.table.closed:
            flow.release()
        self.table.closed.clear()
        sink.evidence.clear()
        sink.operations.clear()
        sink.anomalies.clear()

    def _tick(self, at_ns: int) -> None:
        self._drain()
        self._next_tick_ns = at_ns + _TICK_NS
        for listener in self.listeners:
            listener.tick(at_ns)

    def _other(self, at_ns: int, link: int, data: bytes) -> None:
        if link not in links.LINKS:
            self.counters.unknown_link += 1
            return
        self._beneath(at_ns, data, links.lower(link, data), 0)

    def _beneath(self, at_ns: int, data: bytes, layer: links.Layer, depth: int) -> None:
        """Read what a link layer carries."""
        kind, start, end, _, macs = layer
        self._layer = layer
        try:
            if kind == links.E_IPV4:
                self._ipv4(at_ns, data, start, depth)
            elif kind == links.E_IPV6:
                self._ipv6(at_ns, data, start, depth)
            elif macs:
                content = links.without_prp_trailer(data, start, end)
                if not self.doubles.is_double(macs + content, at_ns):
                    self._plain("ethernet", macs + kind.to_bytes(3, "big"), content, at_ns, end, kind, data)
        finally:
            self._layer = None

    def _ipv4(self, at_ns: int, data: bytes, start: int, depth: int) -> None:
        total, _, fragment, protocol = _IPV4_WORDS(data, start)
        end = start + total if total else len(data)
        if data[start] != 0x45 or fragment & 0x3FFF:
            self._ipv4_rare(at_ns, data, start, end, depth)
        elif protocol == _TCP:
            self._tcp_segment(at_ns, data, data[start + 12 : start + 24], start + 20, end, end - start)
        elif protocol == _UDP:
            self._udp_datagram(at_ns, data, data[start + 12 : start + 24], start + 20, end, end - start)
        else:
            self._ip(at_ns, data, data[start + 12 : start + 20], protocol, start + 20, end, depth)

    def _tcp_segment(self, at_ns: int, data: bytes, key: bytes, start: int, end: int, size: int) -> None:
        seq, offset, flags = _TCP_WORDS(data, start + 4)
        if offset < 0x50:
            raise links.NotUnderstood("a TCP header of a length that can't be")
        side = self._tcp[hash(key) & MASK].get(key)
        if side is None or flags & SYN:
            side = self._opening(side, key, seq, flags, at_ns)
        if not side.packets:
            self._first_of(side, data, at_ns)
        before_ns = side.last_ns
        side.packets += 1
        side.bytes += size
        side.last_ns = at_ns
        side.flags |= flags
        start += offset >> 2 & 0x3C
        if start < end:
            payload = data[start:end]
            if seq == side.next_seq and not side.waiting and len(payload) == end - start:
                side.next_seq = seq + end - start & _MASK
                side.payload_bytes += end - start
                feed = side.feed
                if feed is not None:
                    feed(payload, at_ns)
                else:
                    self._identify(side, payload, at_ns)
            else:
                self._unexpected(side, seq, payload, end - start, at_ns, before_ns)

    def _opening(self, side: Side | None, key: bytes, seq: int, flags: int, at_ns: int) -> Side:
        vlan = self._layer[3] if self._layer else None
        if side is None:
            side = self.table.open("tcp", key, at_ns, flags=flags, vlan=vlan)
        elif side.first_seq not in {-1, seq} or (side.first_seq < 0 and side.payload_bytes):
            side = self.table.renew(side, key, at_ns, flags, vlan)
        if flags & SYN and not side.payload_bytes:
            side.first_seq = seq
            side.next_seq = seq + 1 & _MASK
        return side

    def _unexpected(self, side: Side, seq: int, payload: bytes, size: int, at_ns: int, before_ns: int) -> None:
        if not payload:
            self.counters.truncated += 1
            return
        lost = size - len(payload)
        for piece, when_ns, missing in self.reassembly.take(side, seq, payload, at_ns, before_ns):
            if missing and side.flow.streams is not None:
                side.flow.streams.lose(missing, is_from_client=side.is_client)
            side.payload_bytes += len(piece)
            if side.feed is not None:
                side.feed(piece, when_ns)
            else:
                self._identify(side, piece, when_ns)
        if lost > 0:  # the capture kept a part of the packet only
            self.counters.truncated += 1
            side.missed_bytes += lost
            side.next_seq = seq + size & _MASK
            if side.flow.streams is not None:
                side.flow.streams.lose(lost, is_from_client=side.is_client)

    def _udp_datagram(self, at_ns: int, data: bytes, key: bytes, start: int, end: int, size: int) -> None:
        stop = start + _WORD(data, start + 4)[0]
        payload = data[start + 8 : stop if start + 8 <= stop < end else end]
        if self.doubles.is_double(key + payload, at_ns):
            return
        side = self._udp[hash(key) & MASK].get(key)
        if side is None:
            side = self.table.open("udp", key, at_ns, vlan=self._layer[3] if self._layer else None)
        if not side.packets:
            self._first_of(side, data, at_ns)
        side.packets += 1
        side.bytes += size
        side.last_ns = at_ns
        if stop > len(data):
            self.counters.truncated += 1
        elif payload:
            side.payload_bytes += len(payload)
            feed = side.feed
            if feed is not None:
                feed(payload, at_ns)
            else:
                self._identify(side, payload, at_ns)

    def _plain(self, transport: str, key: bytes, content: bytes, at_ns: int, size: int, port: int, data: bytes) -> None:
        """Read what has no ports: layer-2 protocols, ICMP and its like."""
        side = self.table.sides[transport].get(key)
        if side is None:
            side = self.table.open(transport, key, at_ns, vlan=self._layer[3] if self._layer else None)
            side.flow.server_port = port
        if not side.packets:
            self._first_of(side, data, at_ns)
        side.packets += 1
        side.bytes += size
        side.payload_bytes += len(content)
        side.last_ns = at_ns
        if side.feed is not None:
            side.feed(content, at_ns)
        else:
            self._identify(side, content, at_ns)

    def _first_of(self, side: Side, data: bytes, at_ns: int) -> None:
        layer = self._layer
        side.mac = layer[4][6:12] if layer is not None else data[6:12]
        for listener in self.listeners:
            listener.side_heard(side, at_ns)

    def _identify(self, side: Side, payload: bytes, at_ns: int) -> None:
        flow = side.flow
        entry = flow.entry
        side.tries += 1
        if entry is None:
            self._taps.hear_unknown(side, payload, at_ns)
        if len(payload) == 1 and side.payload_bytes == 1 and side.first_seq < 0 and flow.transport == "tcp":
            return  # a keep-alive, where the capture begins in the middle of the conversation
        alone = payload
        if side.held:  # some send a header and its content in two segments
            payload = side.held + payload
            side.held = b""
        if entry is None:
            found = self.identifier.find(flow, payload, is_from_client=side.is_client)
            if found is None and payload is not alone:  # what was held may be the end of a message
                found = self.identifier.find(flow, alone, is_from_client=side.is_client)
                payload = alone if found is not None else payload
            if found is None:
                is_stream = flow.transport == "tcp"
                if is_stream and len(payload) < _FEW_BYTES:
                    side.tries -= 1
                    side.held = payload
                elif side.tries >= MAX_TRIES:
                    side.feed = self._taps.on(side, ignore, NOT_KNOWN)
                elif is_stream and len(payload) <= _MAX_HELD_BYTES:
                    side.held = payload
                return
            entry, flow.proofs = found
            flow.entry, flow.protocol = entry, entry.name
        else:
            port = flow.server_port if flow.server_port in entry.ports else flow.client_port
            proofs = proof_of(entry, payload, side.is_client, port in entry.ports)
            flow.proofs |= proofs
            if not proofs and flow.reader is None and side.tries < MAX_TRIES:
                return
        self._attach(flow, side, entry)
        if side.feed is not None:
            side.feed(payload, at_ns)

    def _attach(self, flow: Flow, side: Side, entry: Protocol) -> None:
        """Give a direction its reader; the other one gets it with its first payload, which is looked at before."""
        if entry.dissector is None:
            side.feed = self._taps.on(side, ignore, entry.name)
            return
        if flow.reader is None:
            flow.reader = entry.dissector(flow, self.sink)
        reader = flow.reader
        if flow.transport != "tcp":
            side.feed = Datagrams(reader, is_from_client=side.is_client, unparsed=self.unparsed).feed
        elif isinstance(reader, StreamDissector):
            if flow.streams is None:
                flow.streams = StreamPair(reader, self.unparsed)
            side.feed = (flow.streams.from_client if side.is_client else flow.streams.from_server).feed
        else:
            side.feed = ignore
        side.feed = self._taps.on(side, side.feed, entry.name)

    def _end(self, flow: Flow) -> None:
        """Read what still waits behind holes."""
        for side in (flow.from_client, flow.from_server):
            if side.waiting:
                for piece, at_ns, missing in self.reassembly.flush(side):
                    if missing and flow.streams is not None:
                        flow.streams.lose(missing, is_from_client=side.is_client)
                    if side.feed is not None:
                        side.feed(piece, at_ns)

    def _ipv4_rare(self, at_ns: int, data: bytes, start: int, end: int, depth: int) -> None:
        """Read a packet with options, or a fragment."""
        if data[start] >> 4 != 4:
            raise links.NotUnderstood("another version where IPv4 was announced")
        _, identification, fragment, protocol = _IPV4_WORDS(data, start)
        header = (data[start] & 15) * 4
        content = start + header
        if header < 20 or content > end:
            raise links.NotUnderstood("an IPv4 header of a length that can't be")
        addresses = data[start + 12 : start + 20]
        if fragment & 0x3FFF:
            key, piece = (addresses, protocol, identification), data[content:end]
            whole = self.fragments.add(key, (fragment & 0x1FFF) * 8, piece, at_ns, is_last=not fragment & 0x2000)
            if whole is not None:
                self._whole(at_ns, data, whole, addresses, protocol, depth)
        else:
            self._transport(at_ns, data, addresses, protocol, content, end, depth, content - start)

    def _whole(self, at_ns: int, data: bytes, whole: bytes, addresses: bytes, protocol: int, depth: int) -> None:
        """Read a datagram that came in fragments; ``data`` is the frame of the last."""
        before = self._layer
        self._layer = before or (links.E_IPV4, 0, 0, None, data[:12])
        try:
            self._transport(at_ns, whole, addresses, protocol, 0, len(whole), depth)
        finally:
            self._layer = before

    def _ipv6(self, at_ns: int, data: bytes, start: int, depth: int) -> None:
        if data[start] >> 4 != 6:
            raise links.NotUnderstood("another version where IPv6 was announced")
        (length,) = _WORD(data, start + 4)
        protocol = data[start + 6]
        addresses = data[start + 8 : start + 40]
        position = start + 40
        end = position + length if length else len(data)
        for _ in range(_MAX_EXTENSIONS):
            if protocol in _EXTENSIONS:
                protocol, position = data[position], position + 8 + data[position + 1] * 8
            elif protocol == _AUTHENTICATION:
                protocol, position = data[position], position + 8 + data[position + 1] * 4
            elif protocol == _FRAGMENT:
                following, (word,) = data[position], _WORD(data, position + 2)
                key, piece = (addresses, data[position + 4 : position + 8]), data[position + 8 : end]
                whole = self.fragments.add(key, word & 0xFFF8, piece, at_ns, is_last=not word & 1)
                if whole is not None:
                    self._whole(at_ns, data, whole, addresses, following, depth)
                return
            else:
                break
        self._transport(at_ns, data, addresses, protocol, position, end, depth, position - start)

    def _transport(
        self,
        at_ns: int,
        data: bytes,
        addresses: bytes,
        protocol: int,
        start: int,
        end: int,
        depth: int,
        header: int = 20,
    ) -> None:
        """Read what IP carries, wherever it stands."""
        if protocol == _TCP:
            key = addresses + data[start : start + 4]
            self._tcp_segment(at_ns, data, key, start, end, end - start + header)
        elif protocol == _UDP:
            key = addresses + data[start : start + 4]
            self._udp_datagram(at_ns, data, key, start, end, end - start + header)
        else:
            self._ip(at_ns, data, addresses, protocol, start, end, depth)

    def _ip(self, at_ns: int, data: bytes, addresses: bytes, protocol: int, start: int, end: int, depth: int) -> None:
        """Read tunnels, ICMP and all other protocols over IP."""
        if protocol in _TUNNELS:
            if depth >= _MAX_DEPTH:
                self.counters.deep += 1
                return
            inner = tunnels.unpack(protocol, data, start, end)
            if inner is not None:
                content, layer = inner
                self._beneath(at_ns, content, layer, depth + 1)
                return
        content = data[start:end]
        if not self.doubles.is_double(addresses + content, at_ns):
            key = addresses + bytes((protocol,))
            self._plain("ip", key, content, at_ns, end - start, protocol, data)
