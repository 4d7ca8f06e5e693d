"""ATT&CK for ICS: the words by which everybody names what attackers do to industrial devices.

Facts of one version of the matrix, so that no alert names a technique that is gone.
"""

from __future__ import annotations

from vedette.protocols.attack.techniques import TECHNIQUES, VERSION, Technique

__all__ = [
    "TECHNIQUES",
    "VERSION",
    "Technique",
]
