"""The health of identities: signals, what they come to, and for how long.

Terms: a *signal* is anything that bears on trust, with its provenance; a *finding* is a condition that signals tell of;
the *risk level* is CAEP's. Invariants: a self-report never raises trust; spoofable signals alone never raise the risk
above medium; what follows from a signal is composed into the posture record in the transaction that accepts it; an
unknown state is neither good nor bad.
"""

from __future__ import annotations

from vedette.health.errors import InvalidSignal, SignalNotFound, TooManySignals
from vedette.health.events import PostureChanged
from vedette.health.model import (
    POSITION,
    SIGNAL_CLASSES,
    Acceptance,
    NewSignal,
    Position,
    Signal,
    SignalStamps,
    check_signal,
)
from vedette.health.repository import Posture, find_postures
from vedette.health.risk import Appraisal, appraise, distance_m, effective_level, merge_signal
from vedette.health.service import HealthReport, SignalService
from vedette.health.traffic import TrafficWatch
from vedette.health.upkeep import SignalUpkeep

__all__ = [
    "POSITION",
    "SIGNAL_CLASSES",
    "Acceptance",
    "Appraisal",
    "HealthReport",
    "InvalidSignal",
    "NewSignal",
    "Position",
    "Posture",
    "PostureChanged",
    "Signal",
    "SignalNotFound",
    "SignalService",
    "SignalStamps",
    "SignalUpkeep",
    "TooManySignals",
    "TrafficWatch",
    "appraise",
    "check_signal",
    "distance_m",
    "effective_level",
    "find_postures",
    "merge_signal",
]
