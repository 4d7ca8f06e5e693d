"""What an operation is compared with, from who talks with whom down to addresses; the first that is new is told."""

from __future__ import annotations

from typing import Final

from vedette.sensor.alerts import Alert
from vedette.sensor.assets import Assets
from vedette.sensor.baseline.alarms import Alarms
from vedette.sensor.baseline.keys import (
    ends_of,
    facts_of,
    is_never_learned,
    is_writing,
    object_of,
    pair_of,
    range_of,
    words_of,
)
from vedette.sensor.baseline.learned import AllowLists, Verdict
from vedette.sensor.baseline.model import KeyClass
from vedette.sensor.model import OpKind, OtOp
from vedette.sensor.shards import OrderedShards

_MAX_STRANGERS: Final = 10_000
_MAX_INDUSTRIAL: Final = 20_000
_MAX_SCOPE: Final = 400
_WRITES: Final = "writes"
_READS: Final = "reads"
_ASKING: Final = frozenset({OpKind.READ, OpKind.WRITE, OpKind.CONTROL, OpKind.IDENTIFY, OpKind.DIAGNOSE, OpKind.FILE})


class Judge:
    """Compares with the allow-lists, and reports.

    Args:
        lists: What is known.
        alarms: Where it reports.
        assets: Tells when an address is only another one of somebody who is known.
    """

    __slots__ = ("_alarms", "_assets", "_lists", "industrial", "strangers")

    def __init__(self, lists: AllowLists, alarms: Alarms, assets: Assets) -> None:
        self._lists: Final = lists
        self._alarms: Final = alarms
        self._assets: Final = assets
        self.industrial: Final[dict[str, bool]] = {}
        """Addresses that speak industrial protocols; True: they answer in one."""
        self.strangers: Final[OrderedShards[str, bool]] = OrderedShards()
        """Pairs that were told and that nobody has allowed; True: that they write was told too."""

    def operation(self, op: OtOp) -> Alert | None:
        """Judge an industrial operation that asks or reports; return the alert that it belongs to."""
        client, server = ends_of(op)
        self.mark(client, server)
        pair = pair_of(client, server)
        writes = is_writing(op)
        is_grave = writes or op.kind is OpKind.FILE or is_never_learned(op)
        alert = self.link(op, client, server, pair, is_grave=is_grave)
        if alert is not None:
            return alert
        if pair in self.strangers:
            return self._stranger(op, client, server, pair, is_grave=is_grave)
        if is_never_learned(op):
            return None
        return self._within(op, client, server, pair, writes=writes, is_grave=is_grave)

    def carried(self, op: OtOp) -> Alert | None:
        """Judge an operation of an ordinary protocol at an industrial device that this client is known to."""
        flow = op.flow
        client, server = flow.client, flow.server
        link = self._lists.find(KeyClass.LINK, server)
        if not self.industrial.get(server) or link is None or client not in link.keys:
            return None
        scope = f"{pair_of(client, server)} {op.protocol}"
        writes = op.kind is OpKind.WRITE
        key = f"{_WRITES} {op.service}" if writes else op.service
        verdict = self._lists.judge(KeyClass.OPERATION, scope, key, op.at_ns, is_grave=writes)
        if verdict is not Verdict.NEW:
            return None
        return self._tell(
            "baseline.new_operation", op, client, server, f"{op.protocol} {op.service}",
            learn_id(KeyClass.OPERATION, scope, key),
        )  # fmt: skip

    def mark(self, client: str, server: str) -> None:
        """Note that two addresses are industrial."""
        known = self.industrial
        if not known.get(server) and len(known) < _MAX_INDUSTRIAL:
            known[server] = True
        if client not in known and len(known) < _MAX_INDUSTRIAL:
            known[client] = False

    def link(self, op: OtOp, client: str, server: str, pair: str, *, is_grave: bool) -> Alert | None:
        """Judge that these two talk."""
        is_asking = op.kind in _ASKING
        verdict = self.allow(
            KeyClass.LINK, server, client, op.at_ns, is_grave=is_asking, may_learn=not is_never_learned(op)
        )
        if verdict is not Verdict.NEW:
            if verdict is Verdict.KNOWN:
                self.strangers.pop(pair, None)
            return None
        if pair in self.strangers:
            return None
        if len(self.strangers) >= _MAX_STRANGERS:
            self.strangers.take_old()
        self.strangers[pair] = is_grave
        return self._alarms.report(
            "baseline.new_master" if is_asking or is_grave else "baseline.new_link",
            op.at_ns, client, server, words_of(op), key=f"link {op.protocol}",
            learn=learn_id(KeyClass.LINK, server, client), protocol=op.protocol, flow=op.flow, detail=facts_of(op),
        )  # fmt: skip

    def allow(
        self, key_class: KeyClass, scope: str, key: str, at_ns: int, *, is_grave: bool, may_learn: bool = True
    ) -> Verdict:
        """Look an address up as a key; a known device that moved to another address is learned, while anything is.

        Two addresses that are in use at the same time are two: a router may stand before them.
        """
        lists = self._lists
        verdict = lists.judge(key_class, scope, key, at_ns, is_grave=is_grave, may_learn=may_learn)
        if verdict is Verdict.NEW:
            asset = self._assets.find(key)
            learned = lists.find(key_class, scope)
            if asset is not None and learned is not None and not lists.is_enforced:
                now = at_ns // lists.slice_ns
                seen = [learned.keys[ip] for ip in asset.ips if ip != key and ip in learned.keys]
                if seen and max(seen) < now - 1:
                    lists.teach(key_class, scope, key, at_ns)
                    return Verdict.LEARNED
        return verdict

    def _stranger(self, op: OtOp, client: str, server: str, pair: str, *, is_grave: bool) -> Alert | None:
        """Count what a pair does that was told before; when it begins to write, that is told as well."""
        if is_grave and not self.strangers[pair]:
            self.strangers[pair] = True
            if is_never_learned(op):  # rules tell it, each time
                return None
            return self._tell("baseline.new_writer", op, client, server, f"writes {op.protocol}", "")
        return self._alarms.go_on(
            ("baseline.new_writer", "baseline.new_master", "baseline.new_link"), client, server, op.at_ns
        )

    def _within(self, op: OtOp, client: str, server: str, pair: str, *, writes: bool, is_grave: bool) -> Alert | None:
        lists, at_ns = self._lists, op.at_ns
        scope = f"{pair} {op.protocol}"
        known = lists.find(KeyClass.OPERATION, scope)
        key = f"{_WRITES} {op.service}" if writes else op.service
        is_report = op.kind is OpKind.REPORT
        verdict = lists.judge(KeyClass.OPERATION, scope, key, at_ns, is_grave=is_grave)
        if verdict is Verdict.NEW:
            never_wrote = known is None or not any(each.startswith(_WRITES) for each in known.keys)
            rule = "baseline.new_writer" if writes and never_wrote else "baseline.new_operation"
            return self._tell(
                rule, op, client, server, f"{op.protocol} {op.service}", learn_id(KeyClass.OPERATION, scope, key)
            )
        if is_report:  # what is reported, and when, is up to the process
            return None
        if op.unit is not None and op.unit != "":
            unit = str(op.unit)
            if lists.judge(KeyClass.UNIT, scope, unit, at_ns, is_grave=is_grave) is Verdict.NEW:
                return self._tell(
                    "baseline.new_unit",
                    op,
                    client,
                    server,
                    f"{op.protocol} unit {unit}",
                    learn_id(KeyClass.UNIT, scope, unit),
                )
        return self._objects(op, client, server, f"{scope} {_WRITES if writes else _READS}", writes=writes)

    def _objects(self, op: OtOp, client: str, server: str, scope: str, *, writes: bool) -> Alert | None:
        lists, at_ns = self._lists, op.at_ns
        suffix = "_write" if writes else ""
        about = object_of(op)
        if about and lists.judge(KeyClass.OBJECT, scope, about, at_ns, is_grave=writes) is Verdict.NEW:
            return self._tell(
                f"baseline.new_object{suffix}", op, client, server, f"{op.protocol} {about}",
                learn_id(KeyClass.OBJECT, scope, about),
            )  # fmt: skip
        asked = range_of(op)
        if asked is None:
            return None
        place = (f"{scope} {op.unit} {about}" if op.unit is not None else f"{scope} {about}")[:_MAX_SCOPE]
        if lists.judge_range(place, *asked, at_ns, is_grave=writes) is Verdict.NEW:
            span = f"{asked[0]}-{asked[1]}"
            return self._tell(
                f"baseline.new_range{suffix}", op, client, server, f"{op.protocol} {about} {span}",
                learn_id(KeyClass.RANGE, place, span),
            )  # fmt: skip
        return None

    def _tell(self, rule: str, op: OtOp, client: str, server: str, key: str, learn: str) -> Alert | None:
        return self._alarms.report(
            rule, op.at_ns, client, server, words_of(op), key=key, learn=learn, protocol=op.protocol, flow=op.flow,
            detail=facts_of(op),
        )  # fmt: skip


def learn_id(key_class: KeyClass, scope: str, key: str) -> str:
    """Return what a person gives back to allow this."""
    return f"{key_class}|{scope}|{key}"
