"""``python -m vedette.sensor``: the sensor where only the bare distribution is installed."""

from __future__ import annotations

import sys

from vedette.sensor.command import main

sys.exit(main())
