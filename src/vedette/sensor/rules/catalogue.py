"""Every rule that holds from the first packet."""

from __future__ import annotations

from typing import Final

from vedette.sensor.rules.catalogue_industrial import CONTROLLERS, OUTSTATIONS, PROCESS_BUS, REFUSALS, VIOLATIONS
from vedette.sensor.rules.catalogue_network import LOGINS, MALWARE, SCANS, TALK, WEB
from vedette.sensor.rules.catalogue_windows import WINDOWS
from vedette.sensor.rules.model import RuleSpec

RULES: Final[tuple[RuleSpec, ...]] = (
    *CONTROLLERS,
    *REFUSALS,
    *VIOLATIONS,
    *OUTSTATIONS,
    *PROCESS_BUS,
    *SCANS,
    *LOGINS,
    *TALK,
    *WEB,
    *MALWARE,
    *WINDOWS,
)
