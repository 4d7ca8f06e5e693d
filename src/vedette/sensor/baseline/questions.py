"""Names that are asked for: those that an industrial device never asked for, and those that carry data.

Data in names shows as many different, long and random first parts beneath one registered domain. Questions for
addresses and for services of this network never count.
"""

from __future__ import annotations

from collections import Counter
from math import log2
from typing import Final

from vedette.sensor.baseline.alarms import Alarms
from vedette.sensor.baseline.judge import Judge, learn_id
from vedette.sensor.baseline.learned import AllowLists, Verdict
from vedette.sensor.baseline.model import KeyClass, Settings
from vedette.sensor.baseline.names import domain_of
from vedette.sensor.model import OtOp

_MAX_TABLE: Final = 1_000
_MAX_DIFFERENT: Final = 128
_MAX_LABELS: Final = 256
_WINDOW_NS: Final = 600_000_000_000
_DIFFERENT: Final = 50
_LONG: Final = 20
_ENTROPY: Final = 3.3
_LOCAL: Final = ("arpa", "local", "lan", "internal", "home", "localdomain", "corp")


class _Domain:
    """What one client asked for beneath one domain in one window."""

    __slots__ = ("asked", "bits", "chars", "different", "labels", "since_ns")

    def __init__(self, at_ns: int) -> None:
        self.since_ns = at_ns
        self.asked = 0
        self.different: set[int] = set()
        self.labels: set[int] = set()
        """Hashes of the labels that were in any of them."""
        self.chars = 0
        self.bits = 0.0


class Questions:
    """Judges questions of DNS.

    Args:
        lists: What is known.
        alarms: Where it reports.
        judge: Knows who is industrial.
        settings: Whether tunnels are looked for.
    """

    __slots__ = ("_alarms", "_domains", "_judge", "_lists", "_settings")

    def __init__(self, lists: AllowLists, alarms: Alarms, judge: Judge, settings: Settings) -> None:
        self._lists: Final = lists
        self._alarms: Final = alarms
        self._judge: Final = judge
        self._settings: Final = settings
        self._domains: Final[dict[tuple[str, str], _Domain]] = {}

    def ask(self, op: OtOp) -> None:
        """Judge one question."""
        name, client = op.name, op.flow.client
        if not name or name.endswith(_LOCAL) or "." not in name:
            return
        domain = domain_of(name)
        if client in self._judge.industrial:
            verdict = self._lists.judge(KeyClass.NAME, client, domain, op.at_ns, is_grave=False)
            if verdict is Verdict.NEW:
                self._alarms.report(
                    "baseline.new_name", op.at_ns, client, op.flow.server, domain, key=f"name {domain}",
                    learn=learn_id(KeyClass.NAME, client, domain), protocol="dns", flow=op.flow,
                    detail={"name": name[:256]},
                )  # fmt: skip
        if self._settings.is_beacon_on and len(name) - len(domain) > _LONG:
            self._count(op, client, domain, name[: -len(domain) - 1])

    def _count(self, op: OtOp, client: str, domain: str, beneath: str) -> None:
        key = (client, domain)
        found = self._domains.get(key)
        if found is None or op.at_ns - found.since_ns > _WINDOW_NS:
            if len(self._domains) >= _MAX_TABLE:
                del self._domains[next(iter(self._domains))]
            self._domains.pop(key, None)
            found = self._domains[key] = _Domain(op.at_ns)
        found.asked += 1
        digest = hash(beneath)
        if digest in found.different or len(found.different) >= _MAX_DIFFERENT:
            return
        found.different.add(digest)
        # What names share tells nothing: only labels that were not there before can carry data.
        text = "".join(each for each in beneath.split(".") if hash(each) not in found.labels)
        if len(found.labels) < _MAX_LABELS:
            found.labels.update(map(hash, beneath.split(".")))
        found.chars += len(text)
        found.bits += entropy_of(text)
        count = len(found.different)
        if count < _DIFFERENT or count * 10 < found.asked * 8:
            return
        mean_chars, mean_entropy = found.chars / count, found.bits / count
        if mean_chars >= _LONG and mean_entropy >= _ENTROPY:
            self._alarms.report(
                "baseline.dns_tunnel", op.at_ns, client, op.flow.server,
                f"{count} different names of {mean_chars:.0f} characters beneath {domain}",
                key=f"tunnel {domain}", protocol="dns", flow=op.flow,
                detail={"domain": domain, "names": count, "entropy": f"{mean_entropy:.2f}"},
            )  # fmt: skip


def entropy_of(text: str) -> float:
    """Return the Shannon entropy of a text's characters, in bits for each."""
    size = len(text)
    return -sum(n / size * log2(n / size) for n in Counter(text).values()) if size else 0.0
