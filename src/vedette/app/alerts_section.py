"""The section ``alerts`` of the configuration: how many are taken, and how long what is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from vedette.app.options import Between


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsConfiguration:
    """How many alerts of sensors are taken, and how long they and their packets are kept.

    Attributes:
        keep_days: How long after it was last seen an alert is kept that calls for nobody any more.
        packets_days: How long the packets behind alerts are kept.
        packets_mb: So many megabytes of packets are kept in all; beyond that the oldest leave.
        per_sensor_hour: New alerts of one sensor within an hour; further ones are only counted.
    """

    keep_days: Annotated[int, Between(1, 3_650)] = 365
    packets_days: Annotated[int, Between(1, 365)] = 30
    packets_mb: Annotated[int, Between(1, 65_536)] = 512
    per_sensor_hour: Annotated[int, Between(10, 100_000)] = 2_000
