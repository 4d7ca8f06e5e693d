"""Rules that hold from the first packet, and what they are compared with."""

from __future__ import annotations

from vedette.sensor.rules.meanings import MEANINGS, Meaning

__all__ = ["MEANINGS", "Meaning"]
