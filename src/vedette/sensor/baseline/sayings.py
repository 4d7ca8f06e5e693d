"""What devices say of themselves and as whom they log in; another value than the usual one is told."""

from __future__ import annotations

from typing import Final

from vedette.sensor.baseline.alarms import Alarms
from vedette.sensor.baseline.judge import learn_id
from vedette.sensor.baseline.learned import AllowLists, Verdict
from vedette.sensor.baseline.model import KeyClass
from vedette.sensor.model import CERTAIN, AssetEvidence, Attribute

_RULES: Final = {
    Attribute.FIRMWARE: "baseline.firmware_changed",
    Attribute.SOFTWARE: "baseline.firmware_changed",
    Attribute.PROJECT: "baseline.project_changed",
    Attribute.SERIAL: "baseline.identity_changed",
    Attribute.MODEL: "baseline.identity_changed",
    Attribute.PRODUCT_CODE: "baseline.identity_changed",
    Attribute.HARDWARE: "baseline.identity_changed",
}


class Sayings:
    """Judges evidence.

    Args:
        lists: What is known.
        alarms: Where it reports.
    """

    __slots__ = ("_alarms", "_lists")

    def __init__(self, lists: AllowLists, alarms: Alarms) -> None:
        self._lists: Final = lists
        self._alarms: Final = alarms

    def hear(self, piece: AssetEvidence) -> None:
        """Judge one piece of evidence."""
        attribute = piece.attribute
        if attribute is Attribute.USER:
            if self._lists.judge(KeyClass.USER, piece.address, piece.value, piece.at_ns, is_grave=False) is Verdict.NEW:
                self._alarms.report(
                    "baseline.new_user", piece.at_ns, piece.address, "", f"{piece.value} ({piece.source})",
                    key=f"user {piece.value}", learn=learn_id(KeyClass.USER, piece.address, piece.value),
                )  # fmt: skip
            return
        rule = _RULES.get(attribute)
        if rule is None or piece.confidence < CERTAIN:
            return
        scope = f"{piece.address} {attribute} {piece.source}"
        if self._lists.judge(KeyClass.FACT, scope, piece.value, piece.at_ns, is_grave=True) is not Verdict.NEW:
            return
        learned = self._lists.find(KeyClass.FACT, scope)
        before = next(reversed(learned.keys), "") if learned is not None else ""
        if not before:  # the first that it ever said
            self._lists.teach(KeyClass.FACT, scope, piece.value, piece.at_ns)
            return
        self._alarms.report(
            rule, piece.at_ns, "", piece.address, f"{attribute} {piece.value}, was {before}",
            key=f"{attribute} {piece.value}", learn=learn_id(KeyClass.FACT, scope, piece.value),
            protocol=piece.source.partition(" ")[0],
            detail={"attribute": str(attribute), "value": piece.value, "before": before, "evidence": piece.source},
        )  # fmt: skip
