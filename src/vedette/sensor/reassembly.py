"""TCP reassembly with bounds."""

from __future__ import annotations


class Connection:
    """State of one TCP connection."""
