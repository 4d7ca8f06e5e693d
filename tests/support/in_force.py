"""Acts whose answer tells whether gateways have applied them; control waits for a quarter of a second, no longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from running_platform import wait_for


def in_force(act: Callable[[], httpx.Response]) -> dict[str, Any]:
    """Do an act, again where a gateway was late, until its answer tells that it is in force; return that answer.

    An answer that came too early has to say whom it did not wait for.
    """
    answers: list[dict[str, Any]] = []

    def is_enforced() -> bool:
        answers.append(act().raise_for_status().json())
        told = answers[-1]["enforcement"]
        assert (told["enforced_at"] is None) is bool(told["pending"]), told
        return not told["pending"]

    wait_for(is_enforced, "an answer that tells of an act in force")
    return answers[-1]
