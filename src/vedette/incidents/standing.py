"""Exceptions and tickets: what makes an alert quiet, for how long, and on whose word. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final, Literal

from vedette.incidents.errors import InvalidPattern
from vedette.incidents.model import RANKS, Alert, Engine, Severity, storable
from vedette.incidents.pattern import Matcher, Pattern, check_pattern
from vedette.kernel import OrganizationId

MUTED_MAX: Final = timedelta(days=366)
TICKET_MAX: Final = timedelta(days=92)
TEXT_MAX: Final = 256
PEOPLE_MAX: Final = 32


class Effect(StrEnum):
    """What an exception says of the alerts that it matches."""

    MUTE = "mute"
    """Nobody needs to look at them until it ends."""
    LEARN = "learn"
    """This is normal here; it ends when somebody ends it."""


@dataclass(frozen=True, kw_only=True)
class AlertException:
    """Alerts that nobody needs to look at; hidden, never dropped.

    Attributes:
        ends_at: When they are loud again; ``None``: it was learned as normal.
        hides_up_to: A graver alert stays loud.
        owner: Who answers for it.
        is_at_sensors: Sensors hold such alerts back themselves, and only count them.
        matched: How many alerts it has hidden; what sensors held back is not among them.
    """

    organization_id: OrganizationId
    exception_id: str
    effect: Effect
    pattern: Pattern
    reason: str
    owner: str
    created_at: datetime
    created_by: str
    ends_at: datetime | None
    hides_up_to: Severity = Severity.HIGH
    is_at_sensors: bool = False
    matched: int = 0
    last_matched_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""

    @cached_property
    def matcher(self) -> Matcher:
        """Its pattern, ready to be asked."""
        return Matcher(self.pattern)

    def is_in_force(self, now: datetime) -> bool:
        """Tell whether it hides anything now."""
        return self.ended_at is None and (self.ends_at is None or now < self.ends_at)

    def hides(self, alert: Alert) -> bool:
        """Tell whether it is about an alert; malware is only hidden by its rule's own name."""
        if RANKS[alert.severity] > RANKS[self.hides_up_to]:
            return False
        if alert.engine is Engine.MALWARE and alert.rule not in self.pattern.rules:
            return False
        return self.matcher.matches(alert)


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """A change that was announced: who does what to which assets, from when to when.

    Attributes:
        reference: What the change is called where it was approved: ``CHG-1042``.
        people: Who does it, for people who read it.
        pattern: Its rules are the operations, its sources where they are done from, its targets the assets.
        matched: How many alerts it has authorized.
    """

    organization_id: OrganizationId
    ticket_id: str
    reference: str
    summary: str
    people: tuple[str, ...]
    pattern: Pattern
    begins_at: datetime
    ends_at: datetime
    created_at: datetime
    created_by: str
    matched: int = 0
    last_matched_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""

    @cached_property
    def matcher(self) -> Matcher:
        """Its pattern, ready to be asked."""
        return Matcher(self.pattern)

    def state(self, now: datetime) -> Literal["planned", "running", "over"]:
        """Tell whether it is to come, goes on, or is over."""
        if self.ended_at is not None or now >= self.ends_at:
            return "over"
        return "planned" if now < self.begins_at else "running"

    def authorizes(self, alert: Alert) -> bool:
        """Tell whether what an alert tells of was announced; malware never is."""
        if alert.engine is Engine.MALWARE or alert.first_at < self.begins_at:
            return False
        until = self.ends_at if self.ended_at is None else min(self.ends_at, self.ended_at)
        return alert.last_at <= until and self.matcher.matches(alert)


@dataclass(frozen=True, slots=True)
class Quiet:
    """What makes alerts quiet at a moment."""

    exceptions: Sequence[AlertException] = field(default_factory=tuple)
    tickets: Sequence[Ticket] = field(default_factory=tuple)

    def ticket_for(self, alert: Alert) -> Ticket | None:
        """Return the ticket that authorizes an alert."""
        return next((each for each in self.tickets if each.authorizes(alert)), None)

    def exception_for(self, alert: Alert) -> AlertException | None:
        """Return the exception that hides an alert."""
        return next((each for each in self.exceptions if each.hides(alert)), None)


def check_exception(
    pattern: Pattern, effect: Effect, ends_at: datetime | None, *, learnable: Alert | None, now: datetime
) -> Pattern:
    """Check an exception; return its pattern in one form.

    Args:
        pattern: What it is about.
        effect: What it says.
        ends_at: When it ends.
        learnable: The alert that it comes from, if that may be learned.
        now: Wall clock.

    Raises:
        InvalidPattern: It would hide too much, for too long, or what may not be learned.
    """
    checked = check_pattern(pattern)
    if not checked.rules and not (checked.sources and checked.targets):
        raise InvalidPattern(
            "an exception names a rule, or both ends of what happens: else it would hide an attack",
            hint="add a rule, such as ot.controller_stop",
        )
    if checked.rules == ("*",) and not (checked.sources or checked.targets or checked.keys):
        raise InvalidPattern("every rule, everywhere: this would hide all alerts", hint="name rules, or an end")
    if effect is Effect.LEARN:
        if ends_at is not None:
            raise InvalidPattern("what is normal has no end date; end it when it is no longer", hint="or mute it")
        if not checked.is_exact:
            raise InvalidPattern("only one rule between named ends can be learned as normal", hint="or mute it")
        if learnable is None or not learnable.is_learnable or not Matcher(checked).matches(learnable):
            raise InvalidPattern(
                "it is learned from an alert that may be, and that it matches", hint="name the alert, or mute it"
            )
        return checked
    if ends_at is None or not now < ends_at <= now + MUTED_MAX:
        raise InvalidPattern(
            f"say until when it is muted: within {MUTED_MAX.days} days", limit=MUTED_MAX.days, hint="set ends_at"
        )
    return checked


def check_ticket(pattern: Pattern, begins_at: datetime, ends_at: datetime, *, now: datetime) -> Pattern:
    """Check what a ticket announces; return its pattern in one form.

    Raises:
        InvalidPattern: It names no asset, or a time that cannot be.
    """
    checked = check_pattern(pattern)
    if not checked.targets:
        raise InvalidPattern("a ticket names the assets that are changed", hint="addresses, or networks")
    if not begins_at < ends_at:
        raise InvalidPattern("a ticket ends after it begins")
    if ends_at <= now:
        raise InvalidPattern(
            "it is over already: a change that nobody announced is judged alert by alert",
            hint="close the alerts with the verdict authorized",
        )
    if begins_at < now - timedelta(minutes=5):
        raise InvalidPattern(
            "it begins in the past", hint="let it begin now, and close earlier alerts with the verdict authorized"
        )
    if ends_at - begins_at > TICKET_MAX:
        raise InvalidPattern(f"a ticket lasts {TICKET_MAX.days} days at most", limit=TICKET_MAX.days)
    return checked


def check_text(text: str, what: str, *, is_required: bool = True) -> str:
    """Check a short text that people write.

    Raises:
        InvalidPattern: It is missing, too long, or cannot be stored.
    """
    if (is_required and not text.strip()) or len(text) > TEXT_MAX or storable(text) != text:
        raise InvalidPattern(f"{what} has 1 to {TEXT_MAX} characters, without NUL", limit=TEXT_MAX)
    return text


def check_people(people: Iterable[str]) -> tuple[str, ...]:
    """Check who does a change.

    Raises:
        InvalidPattern: There are too many, or one is no name.
    """
    found = tuple(check_text(each, "a name") for each in people)
    if len(found) > PEOPLE_MAX:
        raise InvalidPattern(f"a ticket names at most {PEOPLE_MAX} people", limit=PEOPLE_MAX)
    return found
