"""The lifecycle as a table: which step leads where, and who may cause it. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from vedette.registry.errors import TransitionNotAllowed
from vedette.trust import Lifecycle


class Cause(StrEnum):
    """Who moves a device along its lifecycle."""

    OPERATOR = "operator"
    ENROLLMENT = "enrollment"
    FIRST_USE = "first_use"
    AUTOMATION = "automation"
    RELEASE = "release"


_OPERATOR: Final = frozenset({Cause.OPERATOR})
_ENROLLING: Final = frozenset({Cause.OPERATOR, Cause.ENROLLMENT})
_RESTRICTING: Final = frozenset({Cause.OPERATOR, Cause.AUTOMATION})
# The end of a quarantine leads back to where the device was, which no other step does.
_RELEASING: Final = frozenset({Cause.RELEASE})
_LEAVING: Final = _OPERATOR | _RELEASING

# Automation may only narrow. Quarantine ends by an owner's sign-off, never by a clock or a program.
TRANSITIONS: Final[dict[Lifecycle, dict[Lifecycle, frozenset[Cause]]]] = {
    Lifecycle.MADE: {
        Lifecycle.SHIPPED: _OPERATOR,
        Lifecycle.ONBOARDED: _ENROLLING,
        Lifecycle.QUARANTINED: _RESTRICTING,
        Lifecycle.RETIRED: _OPERATOR,
    },
    Lifecycle.SHIPPED: {
        Lifecycle.ONBOARDED: _ENROLLING,
        Lifecycle.QUARANTINED: _RESTRICTING,
        Lifecycle.RETIRED: _OPERATOR,
    },
    Lifecycle.ONBOARDED: {
        Lifecycle.ACTIVE: frozenset({Cause.OPERATOR, Cause.FIRST_USE}),
        Lifecycle.QUARANTINED: _RESTRICTING,
        Lifecycle.RETIRED: _OPERATOR,
    },
    Lifecycle.ACTIVE: {
        Lifecycle.ONBOARDED: _ENROLLING,
        Lifecycle.QUARANTINED: _RESTRICTING,
        Lifecycle.RETIRED: _OPERATOR,
    },
    Lifecycle.QUARANTINED: {
        Lifecycle.MADE: _RELEASING,
        Lifecycle.SHIPPED: _RELEASING,
        Lifecycle.ONBOARDED: _LEAVING,
        Lifecycle.ACTIVE: _LEAVING,
        Lifecycle.RETIRED: _OPERATOR,
    },
    Lifecycle.RETIRED: {},
}

# States a device may be created in; the others are reached by steps that are on record.
INITIAL: Final = frozenset({Lifecycle.MADE, Lifecycle.SHIPPED, Lifecycle.ONBOARDED})


def check_transition(current: Lifecycle, target: Lifecycle, cause: Cause) -> None:
    """Check one step.

    Raises:
        TransitionNotAllowed: The table has no such step, or not for this cause.
    """
    steps = TRANSITIONS[current]
    if target not in steps:
        known = ", ".join(steps) or "none: register the device anew"
        raise TransitionNotAllowed(f"a device that is {current} cannot become {target}", hint=f"next states: {known}")
    if cause not in steps[target]:
        allowed = ", ".join(sorted(steps[target]))
        raise TransitionNotAllowed(
            f"{cause} may not move a device from {current} to {target}", hint=f"this step takes: {allowed}"
        )


def is_restricting(target: Lifecycle) -> bool:
    """Tell whether arriving in a state only takes access away."""
    return target in {Lifecycle.QUARANTINED, Lifecycle.RETIRED}
