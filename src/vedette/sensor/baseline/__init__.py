"""Baselines: what is usual at a site, learned from traffic, and alerts about what is not.

Terms: a *key* is one thing that is learned (a client of a server, a function code of a pair, a range of addresses), a
*class* its kind, a *scope* whose it is. Each class of each scope is ready by itself: *learning*, then *dynamic*, then
*enforced*. Invariants: what works a controller itself (control, program, firmware) is never learned by itself; every
table has a bound, and what had to leave is counted; what a person allowed stays.
"""

from __future__ import annotations

from vedette.sensor.baseline.alarms import Told
from vedette.sensor.baseline.command import (
    ACTIONS,
    Asked,
    add_baseline,
    add_options,
    baseline,
    read_exceptions,
    settings_of,
)
from vedette.sensor.baseline.command import main as run_baseline
from vedette.sensor.baseline.keeper import Keeper, Order, Verb, carry_out, read_order, read_orders
from vedette.sensor.baseline.learned import AllowLists, Learned, Verdict
from vedette.sensor.baseline.listener import Baseline
from vedette.sensor.baseline.model import READINESS, RULES, KeyClass, Muted, RuleText, Settings, State
from vedette.sensor.baseline.state import (
    BaselineProblem,
    Saved,
    SavedList,
    learned_from,
    read_json,
    read_state,
    write_json,
    write_state,
)

__all__ = [
    "ACTIONS",
    "READINESS",
    "RULES",
    "AllowLists",
    "Asked",
    "Baseline",
    "BaselineProblem",
    "Keeper",
    "KeyClass",
    "Learned",
    "Muted",
    "Order",
    "RuleText",
    "Saved",
    "SavedList",
    "Settings",
    "State",
    "Told",
    "Verb",
    "Verdict",
    "add_baseline",
    "add_options",
    "baseline",
    "carry_out",
    "learned_from",
    "read_exceptions",
    "read_json",
    "read_order",
    "read_orders",
    "read_state",
    "run_baseline",
    "settings_of",
    "write_json",
    "write_state",
]
