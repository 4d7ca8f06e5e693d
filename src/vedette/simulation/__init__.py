"""Simulators for demo and tests: a clock, an id source, devices and fleets that speak the real protocols."""

from __future__ import annotations

from vedette.simulation.clock import ManualClock
from vedette.simulation.factory import Factory, Identity, make_request
from vedette.simulation.ids import SequentialIds

__all__ = ["Factory", "Identity", "ManualClock", "SequentialIds", "make_request"]
