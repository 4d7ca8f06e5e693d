"""What the engine tells, and to whom: assets, reports, logs, and whatever rules come later."""

from __future__ import annotations

from typing import ClassVar

from vedette.sensor.flows import Flow, Side
from vedette.sensor.model import Anomaly, AssetEvidence, OtOp


class Listener:
    """Is told what the engine finds; a subclass overrides what it needs. Lists are only lent: copy what is kept."""

    __slots__ = ()

    reads: ClassVar[frozenset[str]] = frozenset()
    """Protocols whose payloads ``payload_heard`` gets; the empty name: those of flows that nobody understands (yet)."""

    def side_heard(self, side: Side, at_ns: int) -> None:
        """Hear that an endpoint of a flow sent its first packet; ``side.mac`` is the sender's, or empty."""

    def operations(self, operations: list[OtOp]) -> None:
        """Hear of operations, in the order of their packets."""

    def evidence(self, evidence: list[AssetEvidence]) -> None:
        """Hear what messages tell of assets."""

    def anomalies(self, anomalies: list[Anomaly]) -> None:
        """Hear of messages that broke their protocol's rules."""

    def flow_closed(self, flow: Flow) -> None:
        """Hear that a flow ended, went quiet or had to leave."""

    def tick(self, now_ns: int) -> None:
        """Hear that about a second of the packets' time has passed."""

    def silent(self, now_ns: int, last_ns: int) -> None:
        """Hear, while no packets come, what time it is and when the last one came; 0: none ever did."""

    def payload_heard(self, side: Side, payload: bytes, at_ns: int) -> None:
        """Hear a piece of a stream or a datagram, of the protocols in ``reads``."""
