"""Simulators for demo and tests: a clock, ids, a device maker, and devices that speak the real protocols.

Users may import them too, to try their own rules against a fleet that costs nothing.
"""

from __future__ import annotations

from vedette.simulation.clock import ManualClock
from vedette.simulation.connection import Cut, DeviceConnection, Endpoint, Refused
from vedette.simulation.demo import DemoFailed, DemoSettings, run_demo
from vedette.simulation.device import DeviceSettings, RegistrationFailed, SimulatedDevice, register
from vedette.simulation.factory import Factory, Identity, make_request
from vedette.simulation.ids import SequentialIds

__all__ = [
    "Cut",
    "DemoFailed",
    "DemoSettings",
    "DeviceConnection",
    "DeviceSettings",
    "Endpoint",
    "Factory",
    "Identity",
    "ManualClock",
    "Refused",
    "RegistrationFailed",
    "SequentialIds",
    "SimulatedDevice",
    "make_request",
    "register",
    "run_demo",
]
