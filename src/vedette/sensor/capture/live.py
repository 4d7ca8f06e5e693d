"""Live capture on Linux: a ring that the kernel fills and this process only reads; nothing is ever sent.

Source:
    Linux ``Documentation/networking/packet_mmap.rst`` (TPACKET_V3), ``linux/if_packet.h``.
"""

from __future__ import annotations

import errno
import mmap
import os
import select
import socket
from collections.abc import Iterator
from struct import Struct
from types import TracebackType
from typing import Final, NamedTuple, Self

from vedette.kernel import Clock
from vedette.sensor.capture.packets import NS, CaptureProblem, Packet

_ETH_P_ALL: Final = 0x0003
_SOL_PACKET: Final = 263
_ADD_MEMBERSHIP: Final = 1
_RX_RING: Final = 5
_STATISTICS: Final = 6
_VERSION: Final = 10
_TPACKET_V3: Final = 2
_PROMISCUOUS: Final = 1
_IGNORE_OUTGOING: Final = 23

_KERNEL: Final = 0
_USER: Final = 1
_VLAN_VALID: Final = 1 << 4
_VLAN_TPID_VALID: Final = 1 << 6

BLOCK_BYTES: Final = 1024 * 1024
_FRAME_BYTES: Final = 2048
_RETIRE_MS: Final = 20

# Version, offset of private data, status, packets in the block, offset of the first.
_BLOCK: Final = Struct("=IIIII")
# Next offset, s, ns, captured, on the wire, status, MAC offset, network offset, rx hash, VLAN TCI, VLAN TPID.
_FRAME: Final = Struct("=IIIIIIHHIIH")
_STATUS_AT: Final = 8
_WORD: Final = Struct("=I")

_LOOPBACK: Final = 772
_ARPHRD: Final = {1: 1, 772: 1, 65534: 101, 768: 101, 776: 101, 778: 101}
"""Kinds of interface → link types: Ethernet and loopback; tunnels and ``tun`` have no header."""


class Drops(NamedTuple):
    """What the kernel counted since the capture began."""

    received: int
    dropped: int


class LiveCapture:
    """Listens on an interface; a context manager.

    Args:
        interface: Its name.
        ring_bytes: Memory that the kernel fills while this process is busy.
        is_promiscuous: Whether to take frames for others too, as on a mirror port.

    Raises:
        CaptureProblem: No such interface, or no right to listen.
    """

    def __init__(self, interface: str, *, ring_bytes: int = 64 * 1024 * 1024, is_promiscuous: bool = True) -> None:
        self.interface: Final = interface
        self.is_over = False
        self.damage = ""
        self._blocks: Final = max(4, ring_bytes // BLOCK_BYTES)
        self._received = 0
        self._dropped = 0
        self._next = 0
        try:
            self._index: Final = socket.if_nametoindex(interface)
        except OSError:
            raise CaptureProblem(
                f"{interface}: there is no interface of this name",
                hint="ip link shows the interfaces; files are read by: vedette sensor read FILE",
            ) from None
        try:
            self._socket: Final = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError:
            raise CaptureProblem(
                f"{interface}: this process may not listen",
                hint="run as root, or give it the capability cap_net_raw",
            ) from None
        try:
            self._ring: Final = self._prepare(is_promiscuous=is_promiscuous)
        except OSError as error:
            self._socket.close()
            raise CaptureProblem(
                f"{interface}: {error.strerror}", hint="ip link shows the interfaces; is it up?"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._ring.close()
        self._socket.close()

    def drops(self) -> Drops:
        """Return how many frames came and how many were lost, since the beginning."""
        counted = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12)
        received, dropped, _ = Struct("=III").unpack(counted)
        self._received += received
        self._dropped += dropped
        return Drops(self._received, self._dropped)

    def now_ns(self, clock: Clock) -> int:
        """Return the time: packets come as they happen."""
        return int(clock.now().timestamp() * NS)

    def batch(self, timeout_s: float) -> Iterator[Packet]:
        """Yield the packets of the next filled block; nothing if none fills in time."""
        offset = self._next * BLOCK_BYTES
        ring = self._ring
        if not _WORD.unpack_from(ring, offset + _STATUS_AT)[0] & _USER:
            poller = select.poll()
            poller.register(self._socket, select.POLLIN | select.POLLERR)
            if any(told & select.POLLERR for _, told in poller.poll(timeout_s * 1_000)):
                self._look()
            if not _WORD.unpack_from(ring, offset + _STATUS_AT)[0] & _USER:
                return
        _, _, _, count, first = _BLOCK.unpack_from(ring, offset)
        position = offset + first
        link = self._link
        for _ in range(count):
            following, seconds, ns, captured, original, status, mac, _, _, tci, tpid = _FRAME.unpack_from(
                ring, position
            )
            start = position + mac
            data = ring[start : start + captured]
            if status & _VLAN_VALID and link == 1:
                # The kernel took the tag out; put it back, so that a file and the wire look the same.
                tag = (tpid if status & _VLAN_TPID_VALID else 0x8100) << 16 | (tci & 0xFFFF)
                data = data[:12] + tag.to_bytes(4, "big") + data[12:]
            yield seconds * NS + ns, link, data, original
            position += following
        _WORD.pack_into(ring, offset + _STATUS_AT, _KERNEL)
        self._next = (self._next + 1) % self._blocks

    def _look(self) -> None:
        """See what went wrong: one that was shut is heard again when it is up, one that is gone never."""
        wrong = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # and it is said once
        try:
            is_gone = socket.if_nametoindex(self.interface) != self._index
        except OSError:
            is_gone = True
        if is_gone or wrong not in {0, errno.ENETDOWN}:
            self.is_over = True
            self.damage = "the interface is gone" if is_gone else os.strerror(wrong)

    def _prepare(self, *, is_promiscuous: bool) -> mmap.mmap:
        listener = self._socket
        listener.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
        size = self._blocks * BLOCK_BYTES
        ring = Struct("=IIIIIII").pack(BLOCK_BYTES, self._blocks, _FRAME_BYTES, size // _FRAME_BYTES, _RETIRE_MS, 0, 0)
        listener.setsockopt(_SOL_PACKET, _RX_RING, ring)
        memory = mmap.mmap(listener.fileno(), size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        if is_promiscuous:
            listener.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, Struct("=iHH8s").pack(self._index, _PROMISCUOUS, 0, b""))
        listener.bind((self.interface, _ETH_P_ALL))
        hardware = listener.getsockname()[3]
        self._link = _ARPHRD.get(hardware, 1)
        if hardware == _LOOPBACK:  # every frame passes twice, out and in
            listener.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
        return memory
