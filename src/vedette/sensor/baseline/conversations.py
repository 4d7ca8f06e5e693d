"""What conversations tell without a dissector: who is there, which ports answer, and who talks with the outside."""

from __future__ import annotations

from typing import Final

from vedette.sensor.assets import Assets, is_public
from vedette.sensor.baseline.alarms import Alarms
from vedette.sensor.baseline.judge import Judge, learn_id
from vedette.sensor.baseline.keys import PAIR, pair_of
from vedette.sensor.baseline.learned import AllowLists, Verdict
from vedette.sensor.baseline.model import KeyClass, State
from vedette.sensor.baseline.names import Names
from vedette.sensor.flows import Flow, Side

_SITE: Final = "site"
_MAX_PENDING: Final = 20_000
_MAX_ARRIVALS: Final = 1_000
_LOOKS: Final = 1_000
_SETTLE_NS: Final = 500_000_000
_GIVE_UP_NS: Final = 60_000_000_000
_DYNAMIC: Final = 49_152
_UNNAMED: Final = 32_768
_NOBODY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - an address, not a binding
_GROUPS: Final = 224


class Conversations:
    """Judges flows once something was said in them, and senders when they are first heard.

    Args:
        lists: What is known.
        alarms: Where it reports.
        judge: Knows who is industrial.
        assets: The inventory.
        names: What outside addresses are called.
    """

    __slots__ = ("_alarms", "_arrivals", "_assets", "_judge", "_lists", "_names", "_pending", "not_looked_at")

    def __init__(self, lists: AllowLists, alarms: Alarms, judge: Judge, assets: Assets, names: Names) -> None:
        self._lists: Final = lists
        self._alarms: Final = alarms
        self._judge: Final = judge
        self._assets: Final = assets
        self._names: Final = names
        self._pending: Final[dict[Flow, int]] = {}
        self._arrivals: Final[dict[str, int]] = {}
        self.not_looked_at = 0

    def heard(self, side: Side, at_ns: int) -> None:
        """Hear the first packet of an endpoint."""
        flow = side.flow
        address = flow.client if side.is_client else flow.server
        if _may_be_asset(address) and (flow.transport == "ethernet" or not is_public(address)):
            self._arrive(address, at_ns)
        if not side.is_client and flow.transport in {"tcp", "udp"}:
            if len(self._pending) < _MAX_PENDING:
                self._pending[flow] = at_ns
            else:
                self.not_looked_at += 1

    def closed(self, flow: Flow) -> None:
        """Look at a flow for the last time."""
        if self._pending.pop(flow, None) is not None and flow.from_server.payload_bytes:
            self._look(flow, flow.last_ns)

    def tick(self, now_ns: int) -> None:
        """Look at flows in which something was said by now, and tell who is new."""
        done: list[Flow] = []
        for looked, (flow, since_ns) in enumerate(self._pending.items()):
            if looked >= _LOOKS:
                break
            if flow.from_server.payload_bytes and now_ns - since_ns >= _SETTLE_NS:
                self._look(flow, now_ns)
                done.append(flow)
            elif now_ns - since_ns > _GIVE_UP_NS:
                done.append(flow)
        for flow in done:
            del self._pending[flow]
        if self._arrivals:
            self._tell_arrivals(now_ns)

    def _arrive(self, address: str, at_ns: int) -> None:
        verdict = self._judge.allow(KeyClass.ASSET, _SITE, address, at_ns, is_grave=False)
        if verdict is not Verdict.NEW or len(self._arrivals) >= _MAX_ARRIVALS:
            return
        asset = self._assets.find(address)
        learned = self._lists.find(KeyClass.ASSET, _SITE)
        known = learned.keys if learned is not None else {}
        if asset is not None and any(each in known for each in asset.macs):
            self._lists.teach(KeyClass.ASSET, _SITE, address, at_ns)  # it was heard beneath IP before
            return
        self._arrivals.setdefault(address, at_ns)

    def _tell_arrivals(self, now_ns: int) -> None:
        """Tell of new devices; of one that was told for what it did meanwhile, nothing more is said."""
        strangers = {pair.partition(PAIR)[0] for pair in self._judge.strangers}
        for address, since_ns in tuple(self._arrivals.items()):
            if now_ns - since_ns < 2 * _SETTLE_NS:
                continue
            del self._arrivals[address]
            if address in strangers:
                continue
            asset = self._assets.find(address)
            mac = next(iter(sorted(asset.macs)), "") if asset is not None else ""
            self._alarms.report(
                "baseline.new_asset", since_ns, address, "", address, key="asset",
                learn=learn_id(KeyClass.ASSET, _SITE, address), detail={"mac": mac} if mac else {},
            )  # fmt: skip

    def _look(self, flow: Flow, at_ns: int) -> None:
        client, server = flow.client, flow.server
        is_out = is_public(server) and not self._assets.is_inside(server)
        if is_out:
            if not is_public(client):
                self._outside(flow, client, at_ns)
            return
        industrial = self._judge.industrial
        is_server, is_client = server in industrial, client in industrial
        if not (is_server or is_client) or not _may_be_asset(server):
            return
        service = _service_of(flow)
        entry = flow.entry
        if is_server and industrial[server]:
            verdict = self._lists.judge(KeyClass.SERVICE, server, service, at_ns, is_grave=True)
            if verdict is Verdict.NEW:
                self._tell("baseline.new_service", flow, at_ns, service, learn_id(KeyClass.SERVICE, server, service))
                return
        if entry is not None and entry.family == "ot" and entry.dissector is not None:
            return  # its operations are judged
        scope, key = (server, client) if is_server else (f"{client} asks", server)
        verdict = self._judge.allow(KeyClass.LINK, scope, key, at_ns, is_grave=is_server)
        if verdict is Verdict.NEW:
            self._tell("baseline.new_link", flow, at_ns, service, learn_id(KeyClass.LINK, scope, key))
            return
        pair = pair_of(client, server)
        what = f"{service} {flow.protocol}".strip()
        if self._lists.judge(KeyClass.PROTOCOL, pair, what, at_ns, is_grave=is_server) is Verdict.NEW:
            self._tell("baseline.new_protocol", flow, at_ns, what, learn_id(KeyClass.PROTOCOL, pair, what))

    def _outside(self, flow: Flow, client: str, at_ns: int) -> None:
        key = outside_key(flow, self._names)
        is_grave = client in self._judge.industrial
        if self._lists.judge(KeyClass.EXTERNAL, client, key, at_ns, is_grave=is_grave) is Verdict.NEW:
            self._tell("baseline.new_external", flow, at_ns, key, learn_id(KeyClass.EXTERNAL, client, key))

    def is_unusual(self, client: str, key: str) -> bool:
        """Tell whether somebody outside is not usual for a device; of an industrial one, whoever is not yet."""
        learned = self._lists.find(KeyClass.EXTERNAL, client)
        if learned is None or learned.is_full:
            return client in self._judge.industrial
        if learned.state is State.LEARNING:
            return client in self._judge.industrial
        return key not in learned.keys

    def _tell(self, rule: str, flow: Flow, at_ns: int, what: str, learn: str) -> None:
        self._alarms.report(
            rule, at_ns, flow.client, flow.server, what, key=what, learn=learn, protocol=flow.protocol, flow=flow,
            detail={"port": flow.server_port, "transport": flow.transport},
        )  # fmt: skip


def outside_key(flow: Flow, names: Names) -> str:
    """Name a service outside: by domain if one is known, since addresses of large services change."""
    name = names.of(flow.server) or _network_of(flow.server)
    return f"{name} {flow.transport}/{flow.server_port}"


def _service_of(flow: Flow) -> str:
    """Name a service; ports that are given out by chance are one."""
    port = flow.server_port
    if port >= _DYNAMIC or (port >= _UNNAMED and not flow.protocol):
        return f"{flow.transport}/dynamic"
    return f"{flow.transport}/{port}"


def _network_of(address: str) -> str:
    if ":" in address:
        return ":".join(address.split(":")[:3]) + "::/48"
    return address.rpartition(".")[0] + ".0/24"


def _may_be_asset(address: str) -> bool:
    if address in _NOBODY or address.startswith("ff") or address.endswith("255"):
        return False
    if len(address) == 17 and address[2] == ":":
        return not int(address[:2], 16) & 1
    first, dot, _ = address.partition(".")
    return not (dot and first.isdecimal() and int(first) >= _GROUPS)
