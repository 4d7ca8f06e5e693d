"""Rules that hold from the first packet, while a baseline is still learned as well.

Terms: a *rule* is a line of the catalogue (``RULES``): what it says, how grave it is, its thresholds; a *detector*
hears traffic and reports at the *desk*, which makes one alert of one episode. A *meaning* is what a well-known monitor
alerts on. Invariants: every memory has a bound; nothing raises on what the wire brings; a rule that is off says
nothing.
"""

from __future__ import annotations

from vedette.sensor.rules.catalogue import RULES
from vedette.sensor.rules.indicator_files import Indicators, read_indicators, texts_of
from vedette.sensor.rules.meanings import MEANINGS, Meaning
from vedette.sensor.rules.model import OwnRule, RuleSpec, RulesProblem, Settings, read_settings
from vedette.sensor.rules.rules import Rules
from vedette.sensor.rules.techniques import TECHNIQUES

__all__ = [
    "MEANINGS",
    "RULES",
    "TECHNIQUES",
    "Indicators",
    "Meaning",
    "OwnRule",
    "RuleSpec",
    "Rules",
    "RulesProblem",
    "Settings",
    "read_indicators",
    "read_settings",
    "texts_of",
]
