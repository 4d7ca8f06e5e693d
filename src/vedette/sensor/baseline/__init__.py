"""Baselines: what is usual at a site, learned from traffic, and alerts about what is not.

Terms: a *key* is one thing that is learned (a client of a server, a function code of a pair, a range of addresses), a
*class* its kind, a *scope* whose it is. Each class of each scope is ready by itself: *learning*, then *dynamic*, then
*enforced*. Invariants: what works a controller itself (control, program, firmware) is never learned by itself; every
table has a bound, and what had to leave is counted; what a person allowed stays.
"""

from __future__ import annotations

from vedette.sensor.baseline.learned import AllowLists, Learned, Verdict
from vedette.sensor.baseline.listener import Baseline
from vedette.sensor.baseline.model import READINESS, RULES, KeyClass, Muted, RuleText, Settings, State

__all__ = [
    "READINESS",
    "RULES",
    "AllowLists",
    "Baseline",
    "KeyClass",
    "Learned",
    "Muted",
    "RuleText",
    "Settings",
    "State",
    "Verdict",
]
