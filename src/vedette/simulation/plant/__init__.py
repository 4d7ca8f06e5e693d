"""A simulated plant beside the demo's fleet: what its sensor hears on any day, and a takeover.

Packets are made here, from the standards, and played into a pipe; nothing is sent on any network.
"""

from __future__ import annotations

from vedette.simulation.plant.advisory import advisory
from vedette.simulation.plant.day import habits
from vedette.simulation.plant.feed import Feed
from vedette.simulation.plant.frames import Connection, Frame
from vedette.simulation.plant.stage import PlantSettings, Stage
from vedette.simulation.plant.stations import STATIONS, Station
from vedette.simulation.plant.takeover import Act, story

__all__ = [
    "STATIONS",
    "Act",
    "Connection",
    "Feed",
    "Frame",
    "PlantSettings",
    "Stage",
    "Station",
    "advisory",
    "habits",
    "story",
]
