"""All live flows, found by what their packets carry; bounded, and idle ones leave."""

from __future__ import annotations

import socket
from collections import deque
from typing import Final, NamedTuple

from vedette.sensor.flows import ACK, SYN, Flow, Side
from vedette.sensor.shards import Shards

_S: Final = 1_000_000_000
MANY: Final = 65_536

IDLE_NS: Final[dict[str, int]] = {"tcp": 3_600 * _S, "udp": 180 * _S, "ip": 180 * _S, "ethernet": 600 * _S}
ENDED_NS: Final = 5 * _S
"""A connection that ended stays for retransmissions and late packets."""
UNANSWERED_NS: Final = 60 * _S

_SWEEP_FLOWS: Final = 4
_EVICTION_LOOKS: Final = 8


class Ends(NamedTuple):
    """A directional key's two endpoints, as text."""

    source: str
    source_port: int
    target: str
    target_port: int


class FlowTable:
    """Finds the side of a flow by a packet's addresses: ``sides[transport][key]``.

    Each flow has two keys, one for each direction, so that a packet costs one look-up.

    Args:
        ports: Well-known ports by transport; they tell server from client where no SYN was seen.
        max_flows: The oldest leaves for a new one.
    """

    __slots__ = ("_flows", "_max_flows", "_ports", "closed", "evicted", "opened", "sides")

    def __init__(self, ports: dict[str, set[int]], max_flows: int = MANY) -> None:
        self.sides: Final[dict[str, Shards[bytes, Side]]] = {
            transport: Shards() for transport in ("tcp", "udp", "ip", "ethernet")
        }
        self._ports: Final = ports
        self._max_flows: Final = max_flows
        self._flows: Final[deque[Flow]] = deque()
        self.opened = 0
        self.evicted = 0
        self.closed: Final[list[Flow]] = []
        """Flows that left and wait to be told; whoever drives the table empties it."""

    def __len__(self) -> int:
        return len(self._flows)

    def flows(self) -> list[Flow]:
        """Return the live ones, in no useful order."""
        return [flow for flow in self._flows if flow.key is not None]

    def open(self, transport: str, key: bytes, at_ns: int, *, flags: int = 0, vlan: int | None = None) -> Side:
        """Make a flow for a packet that belongs to none; return the sender's side.

        Args:
            transport: ``tcp``, ``udp``, ``ip`` or ``ethernet``.
            key: The packet's addresses and ports, as they stand in it.
            at_ns: When it came.
            flags: Of TCP.
            vlan: The outermost.
        """
        while len(self._flows) >= self._max_flows:
            self._evict()
        ends, back = read_key(transport, key)
        is_from_client = self._is_from_client(transport, ends, flags)
        if is_from_client:
            flow = Flow(key, transport, *ends, at_ns=at_ns, vlan=vlan)
        else:
            flow = Flow(back, transport, *ends[2:], *ends[:2], at_ns=at_ns, vlan=vlan)
        sender, other = (flow.from_client, flow.from_server) if is_from_client else (flow.from_server, flow.from_client)
        sides = self.sides[transport]
        sides[key] = sender
        if back != key:
            sides[back] = other
        self._flows.append(flow)
        self.opened += 1
        return sender

    def renew(self, side: Side, key: bytes, at_ns: int, flags: int, vlan: int | None) -> Side:
        """Close a flow whose ports are used again, and open the next."""
        self._close(side.flow)  # its place in the queue is freed when its turn comes
        return self.open("tcp", key, at_ns, flags=flags, vlan=vlan)

    def sweep(self, now_ns: int) -> None:
        """Look at the few flows whose turn it is; call it often."""
        flows = self._flows
        for _ in range(min(_SWEEP_FLOWS, len(flows))):
            flow = flows.popleft()
            if flow.key is None:
                continue
            if _has_left(flow, now_ns):
                self._close(flow)
            else:
                flows.append(flow)

    def close_all(self) -> None:
        """Close every flow."""
        while self._flows:
            flow = self._flows.popleft()
            if flow.key is not None:
                self._close(flow)

    def _evict(self) -> None:
        """Let an old flow leave, preferably one without an answer: a flood must not push out who really talks."""
        flows = self._flows
        for turn in range(_EVICTION_LOOKS):
            flow = flows.popleft()
            if flow.key is None:
                return
            is_talk = flow.from_client.packets and flow.from_server.packets
            if not is_talk or turn == _EVICTION_LOOKS - 1:
                self.evicted += 1
                self._close(flow)
                return
            flows.append(flow)

    def _close(self, flow: Flow) -> None:
        sides = self.sides[flow.transport]
        if flow.key is not None:
            for key in (flow.key, read_key(flow.transport, flow.key)[1]):
                if (side := sides.get(key)) is not None and side.flow is flow:
                    del sides[key]
        flow.key = None
        self.closed.append(flow)

    def _is_from_client(self, transport: str, ends: Ends, flags: int) -> bool:
        if flags & SYN:
            return not flags & ACK
        known = self._ports.get(transport)
        if not known or ends.source_port == ends.target_port:
            return True
        is_source_known, is_target_known = ends.source_port in known, ends.target_port in known
        if is_source_known != is_target_known:
            return is_target_known
        return transport != "tcp" or ends.target_port < ends.source_port


def read_key(transport: str, key: bytes) -> tuple[Ends, bytes]:
    """Return a directional key's endpoints, and the key of the other direction."""
    if transport == "ethernet":
        return Ends(mac_text(key[6:12]), 0, mac_text(key[:6]), 0), key[6:12] + key[:6] + key[12:]
    if transport == "ip":
        size = len(key) - 1 >> 1
        source, target = key[:size], key[size : 2 * size]
        kind = key[-1]
        return Ends(ip_text(source), kind, ip_text(target), kind), target + source + key[-1:]
    size = len(key) - 4 >> 1
    source, target, ports = key[:size], key[size : 2 * size], key[2 * size :]
    ends = Ends(ip_text(source), ports[0] << 8 | ports[1], ip_text(target), ports[2] << 8 | ports[3])
    return ends, target + source + ports[2:] + ports[:2]


def ip_text(address: bytes) -> str:
    """Write an IPv4 or IPv6 address."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def mac_text(address: bytes) -> str:
    """Write a MAC address in lower case with colons."""
    return address.hex(":")


def _has_left(flow: Flow, now_ns: int) -> bool:
    quiet_ns = now_ns - flow.last_ns
    if quiet_ns < ENDED_NS:
        return False
    if flow.transport == "tcp":
        if flow.has_ended:
            return True
        if not (flow.from_client.packets and flow.from_server.packets):
            return quiet_ns > UNANSWERED_NS
    return quiet_ns > IDLE_NS[flow.transport]
