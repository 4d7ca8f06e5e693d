"""Scores and vectors of the Common Vulnerability Scoring System, and what they say of an attack. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_VECTOR: Final = re.compile(r"(?:CVSS:[34]\.[01]/)?[A-Za-z]{1,3}:[A-Za-z]{1,6}(?:/[A-Za-z]{1,3}:[A-Za-z]{1,6}){3,40}")
_SCORE_MAX: Final = 10.0
_REACH: Final = {"N": "network", "A": "adjacent", "L": "local", "P": "physical"}


@dataclass(frozen=True, slots=True)
class Attack:
    """What an attack needs, as a vector tells.

    Attributes:
        reach: ``network``, ``adjacent``, ``local``, ``physical``, or empty if it is not told.
    """

    reach: str = ""
    needs_login: bool | None = None
    needs_person: bool | None = None
    is_simple: bool | None = None


def score_of(told: Iterable[tuple[Mapping[str, Any] | None, ...]]) -> tuple[float | None, str]:  # Any: JSON values
    """Return the highest base score of those told, and its vector; within one, the newest version of the system."""
    best: tuple[float | None, str] = (None, "")
    for versions in told:
        newest = next((each for each in versions if each), None)
        if newest is None:
            continue
        score, vector = newest.get("baseScore"), newest.get("vectorString")
        if isinstance(score, bool) or not isinstance(score, (int, float)) or not 0 <= score <= _SCORE_MAX:
            continue
        if best[0] is None or score > best[0]:
            best = float(score), vector if isinstance(vector, str) and _VECTOR.fullmatch(vector) else ""
    return best


def read_vector(vector: str) -> Attack:
    """Return what a vector of any version says of the attack; what it does not say stays open."""
    if not _VECTOR.fullmatch(vector):
        return Attack()
    metrics = dict(piece.split(":", 1) for piece in vector.split("/") if not piece.startswith("CVSS:"))
    login = metrics.get("PR") or metrics.get("Au")
    person = metrics.get("UI")
    complexity = metrics.get("AC")
    return Attack(
        reach=_REACH.get(metrics.get("AV", ""), ""),
        needs_login=None if login is None else login != "N",
        needs_person=None if person is None else person != "N",
        is_simple=None if complexity is None else complexity == "L",
    )
