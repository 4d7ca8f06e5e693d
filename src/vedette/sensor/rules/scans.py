"""Who looks around: many addresses, many ports, many controllers, many questions of identity."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import PROTOCOLS
from vedette.sensor.flows import SYN, Flow, Side
from vedette.sensor.model import Direction, OpKind, OtOp
from vedette.sensor.rules.desk import Desk, Distinct, Memory, Recent
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood, ends_of

_REQUEST: Final = Direction.REQUEST
_OT: Final = frozenset(protocol.name for protocol in PROTOCOLS if protocol.family == "ot") | {"cip", "umas"}
_OT_PORTS: Final = frozenset(
    port
    for protocol in PROTOCOLS
    if protocol.family == "ot" and protocol.transport in {"tcp", "udp"}
    for port in protocol.ports
)
# What Havex looks for: RSLinx, Modbus, S7, ScadaPro, IGSS (F-Secure and FireEye, 2014).
_HAVEX: Final = frozenset({44818, 502, 102, 11234, 12401})
_HAVEX_OWN: Final = frozenset({11234, 12401})
_HAVEX_PORTS: Final = 4
_HAVEX_NS: Final = 600_000_000_000
_GROUPS: Final = ("224.", "239.", "255.", "ff0", "225.", "226.", "232.")
_COUNTED: Final = {
    "scan.address": "targets", "scan.address_slow": "targets", "scan.port": "ports", "scan.controllers": "targets",
}  # fmt: skip
_ANSWER_NS: Final = 1_000_000_000
_SHORT_PACKETS: Final = 10
_AGAIN: Final = 3
_MAX_PENDING: Final = 64
_PING: Final = 8
_PING_6: Final = 128

Key = tuple[str, str]


class Scans(Detector):
    """Counts the different things that one source touches; talk that really is talk does not count.

    What a counter finds is looked at again a little later, when there was time to answer.
    """

    __slots__ = ("_arp", "_counters", "_havex", "_identities", "_pending", "_sources", "_targets", "_wait_ns")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        settings = desk.settings
        limit, window_ns = settings.limit, settings.window_ns
        self._counters: Final[dict[str, Distinct[Key, Flow]]] = {
            rule: Distinct(limit(rule, name), window_ns(rule)) for rule, name in _COUNTED.items()
        }
        self._identities: Final[Distinct[str, str]] = Distinct(
            limit("scan.identity", "targets"), window_ns("scan.identity")
        )
        self._arp: Final[Distinct[str, str]] = Distinct(limit("scan.arp", "targets"), window_ns("scan.arp"))
        self._havex: Final[Distinct[str, int]] = Distinct(_HAVEX_PORTS, _HAVEX_NS)
        # Who was already counted, so that a second connection does not count again. Hashes of 64 bits stand for what
        # was touched: a flood makes a million of them, and the collector need not look at numbers.
        self._targets: Final[Recent[int, int]] = Recent(65_536)
        self._pending: Final[Memory[tuple[str, Key], int]] = Memory(_MAX_PENDING)
        self._sources: Final[set[str]] = set()
        """Whose verdict is pending."""
        self._wait_ns: Final = dict.fromkeys(_COUNTED, _ANSWER_NS) | {
            "scan.controllers": window_ns("scan.controllers", "wait_s")
        }

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:
        """Hear questions of identity, ARP and pings."""
        if protocol == "arp":
            return self._hear_arp
        if protocol in {"icmp", "icmpv6"} and kind is OpKind.DIAGNOSE:
            return self._ping
        return self._identity if protocol in _OT and kind is OpKind.IDENTIFY else None

    def side_heard(self, side: Side, at_ns: int) -> None:
        """Hear the first packet of who opened a conversation."""
        flow = side.flow
        if not side.is_client or flow.transport not in {"tcp", "udp"} or flow.server.startswith(_GROUPS):
            return
        source, target, port = flow.client, flow.server, flow.server_port
        if self._is_new("address", source, target, 0):
            self._address(source, target, flow, at_ns)
        if self._is_new("port", source, target, port):
            self._count("scan.port", (source, target), flow, at_ns)
        if port in _OT_PORTS and self._is_new("controller", source, target, 1):
            self._count("scan.controllers", (source, ""), flow, at_ns)
        if port in _HAVEX and self._havex.hit(source, port, at_ns) and _HAVEX_OWN & set(self._havex.items(source)):
            self.desk.report("malware.havex", at_ns, source, "", flow=flow)

    def tick(self, now_ns: int) -> None:
        """Look again at who touched many things."""
        for rule, key in [
            found for found, since_ns in self._pending.known.items() if now_ns - since_ns >= self._wait_ns[found[0]]
        ]:
            self._judge(rule, key, now_ns)

    def flow_closed(self, flow: Flow) -> None:
        """Look again at who opened what is over now."""
        if flow.client in self._sources:
            for rule, key in [found for found in self._pending.known if found[1][0] == flow.client]:
                self._judge(rule, key, flow.last_ns)

    def _address(self, source: str, target: str, flow: Flow, at_ns: int) -> None:
        key = (source, _network(target))
        self._count("scan.address", key, flow, at_ns)
        if ("scan.address", key) not in self._pending.known:
            self._count("scan.address_slow", key, flow, at_ns)

    def _is_new(self, counter: str, source: str, target: str, port: int) -> bool:
        """Tell whether this source had not touched this thing yet; how often it did is remembered."""
        key = hash((counter, source, target, port))
        times = self._targets.get(key) or 0
        self._targets.put(key, times + 1)
        return not times

    def _count(self, rule: str, key: Key, flow: Flow, at_ns: int) -> None:
        if self._counters[rule].hit(key, flow, at_ns) and (rule, key) not in self._pending.known:
            self._pending.put((rule, key), at_ns)
            self._sources.add(key[0])

    def _judge(self, rule: str, key: Key, at_ns: int) -> None:
        """Report a source unless most of its conversations are talk."""
        # Without its SYN a connection is older than what was heard of it.
        flows = [
            flow for flow in self._counters[rule].items(key) if flow.transport != "tcp" or flow.from_client.flags & SYN
        ]
        limit = self.desk.settings.limit(rule, _COUNTED[rule])
        ripe = [flow for flow in flows if flow.key is None or at_ns - flow.first_ns >= self._wait_ns[rule]]
        if len(ripe) < limit <= len(flows):
            return  # the others have only just begun
        self._pending.drop((rule, key))
        self._sources.clear()
        self._sources.update(each[0] for _, each in self._pending.known)
        if len(flows) < limit:
            return
        flows = ripe
        is_empty = self._is_short if rule == "scan.controllers" else _is_silent
        if sum(map(is_empty, flows)) * 2 <= len(flows):
            return
        source, where = key
        if rule == "scan.address_slow" and self.desk.ongoing("scan.address", source, "", where) is not None:
            return
        is_port = rule == "scan.port"
        what = f"{len(flows)} {'ports' if is_port else 'addresses'}" + (f" in {where}" if where and not is_port else "")
        self.desk.report(
            rule, at_ns, source, where if is_port else "", what, key="" if is_port else where, flow=flows[-1],
            detail={"targets": len(flows)},
        )  # fmt: skip

    def _is_short(self, flow: Flow) -> bool:
        """Tell whether a conversation was a look only: soon over, or without an answer, and not had again and again."""
        if (self._targets.get(hash(("controller", flow.client, flow.server, 1))) or 0) >= _AGAIN:
            return False
        return flow.from_client.packets <= _SHORT_PACKETS and (flow.has_ended or _is_silent(flow))

    def _identity(self, op: OtOp) -> None:
        source, target = ends_of(op)
        if op.direction is not _REQUEST or target.startswith(_GROUPS) or target.endswith(".255") or target[2:3] == ":":
            return
        if not self._is_new("identity", source, target, 2):
            return
        count = self._identities.hit(source, target, op.at_ns)
        if count:
            self.desk.report(
                "scan.identity", op.at_ns, source, "", f"{count} devices by {op.protocol}", key=op.protocol,
                protocol=op.protocol, flow=op.flow, detail={"targets": count},
            )  # fmt: skip

    def _ping(self, op: OtOp) -> None:
        if op.code in {_PING, _PING_6}:
            source, target = ends_of(op)
            if not target.startswith(_GROUPS) and self._is_new("address", source, target, 0):
                self._address(source, target, op.flow, op.at_ns)

    def _hear_arp(self, op: OtOp) -> None:
        if op.service not in {"request", "probe"}:
            return
        source = op.flow.client if op.is_from_client else op.flow.server
        count = self._arp.hit(source, op.name, op.at_ns)
        if count:
            find = self.place.assets.find
            nobody = sum(1 for address in self._arp.items(source) if find(address) is None)
            if nobody * 2 > count:
                self.desk.report(
                    "scan.arp", op.at_ns, source, "", f"{count} addresses", protocol="arp", flow=op.flow,
                    detail={"targets": count},
                )  # fmt: skip


def _is_silent(flow: Flow) -> bool:
    return not (flow.from_client.payload_bytes and flow.from_server.payload_bytes)


def _network(address: str) -> str:
    """Return an address's /16, or the first 64 bits of an IPv6 one."""
    if ":" in address:
        return ":".join(address.split(":")[:4]) + "::/64"
    first, _, rest = address.partition(".")
    return f"{first}.{rest.partition('.')[0]}.0.0/16"
