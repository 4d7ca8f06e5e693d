"""Simulators for demo and tests: a clock, ids, a device maker, and devices that speak the real protocols.

Users may import them too, to try their own rules against a fleet that costs nothing.
"""

from __future__ import annotations

from vedette.simulation.clock import ManualClock
from vedette.simulation.connection import Cut, DeviceConnection, Endpoint, Refused
from vedette.simulation.demo import DemoSettings, run_demo
from vedette.simulation.device import CredentialKind, DeviceSettings, RegistrationFailed, SimulatedDevice, register
from vedette.simulation.factory import Factory, Identity, make_request
from vedette.simulation.hub_dialog import Behaviour, HubDialog, HubRefused
from vedette.simulation.ids import SequentialIds
from vedette.simulation.operator import DemoFailed, Operator

__all__ = [
    "Behaviour",
    "CredentialKind",
    "Cut",
    "DemoFailed",
    "DemoSettings",
    "DeviceConnection",
    "DeviceSettings",
    "Endpoint",
    "Factory",
    "HubDialog",
    "HubRefused",
    "Identity",
    "ManualClock",
    "Operator",
    "Refused",
    "RegistrationFailed",
    "SequentialIds",
    "SimulatedDevice",
    "make_request",
    "register",
    "run_demo",
]
