"""Which alerts tell of one event, and which belong together. Pure.

Two rules may tell of the same event from two sides: what is new to the sensor's baseline, and what the inventory does
not know. Such alerts are one, whichever comes first; the second is further evidence of it. What one doer does within
half an hour belongs together: the new station, its scan, its program download and the controller that stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vedette.incidents.model import Alert, End

INCIDENT_PAUSE: Final = timedelta(minutes=30)
"""What the same doer does after a longer pause is another incident."""


@dataclass(frozen=True, slots=True)
class OneEvent:
    """Rules that tell of one event.

    Attributes:
        is_of_pair: Whether both ends must be the same, and not only who did it.
        within: How far apart the beginnings may be.
    """

    rules: frozenset[str]
    is_of_pair: bool
    within: timedelta


_EVENTS: Final = (
    OneEvent(
        frozenset({"baseline.new_asset", "network.unknown_asset"}), is_of_pair=False, within=timedelta(minutes=30)
    ),
    OneEvent(
        frozenset({"ot.new_writer", "baseline.new_writer", "baseline.new_master"}),
        is_of_pair=True,
        within=timedelta(minutes=2),
    ),
)


def event_of(rule: str) -> OneEvent | None:
    """Return the event that a rule tells of together with others."""
    return next((each for each in _EVENTS if rule in each.rules), None)


def tell_of_one_event(one: Alert, other: Alert) -> bool:
    """Tell whether two alerts are the same event, told by two rules."""
    event = event_of(one.rule)
    return (
        event is not None
        and other.rule in event.rules
        and one.rule != other.rule
        and one.site == other.site
        and abs(one.first_at - other.first_at) <= event.within
        and _are_same(one.source, other.source)
        and (not event.is_of_pair or _are_same(one.target, other.target))
    )


def belong_together(new: Alert, known: Alert) -> bool:
    """Tell whether an alert is part of the incident that another one belongs to.

    Who did it decides; an alert that names nobody is told of whom it was done to.
    """
    if new.site != known.site or not known.is_loud:
        return False
    if new.first_at - known.last_at > INCIDENT_PAUSE or known.first_at - new.last_at > INCIDENT_PAUSE:
        return False
    if new.source.address:
        return _are_same(new.source, known.source)
    return _are_same(new.target, known.target)


def _are_same(one: End, other: End) -> bool:
    return (one.address != "" and one.address == other.address) or (
        one.asset_id != "" and one.asset_id == other.asset_id
    )
