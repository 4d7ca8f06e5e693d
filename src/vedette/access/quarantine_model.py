"""Quarantine: a state with a way to be repaired in, a reason, a date to look at it again, and a way back. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from vedette.access.errors import InvalidQuarantine
from vedette.kernel import DeviceId, GenerationId, OrganizationId
from vedette.trust import Lifecycle

REVIEW_AFTER: Final = timedelta(days=7)
REVIEW_MAX: Final = timedelta(days=365)
_SOURCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}")


class QuarantineMode(StrEnum):
    """How much a quarantined device may do.

    ``limited``: renew, report health and properties, read its twin, fetch updates. ``probation``: that, and send
    telemetry; nothing acts on it yet. ``cut``: nothing, it may not connect.
    """

    LIMITED = "limited"
    PROBATION = "probation"
    CUT = "cut"


# How much each leaves; a change to a lower one restricts.
FREEDOM: Final = {QuarantineMode.CUT: 0, QuarantineMode.LIMITED: 1, QuarantineMode.PROBATION: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A device in quarantine.

    Attributes:
        asked_mode: What was asked for; ``mode`` is less where the blast radius narrowed it.
        narrowed_because: Why it was narrowed; empty: it was not.
        source: What asked: a person, a playbook, a signal's source. Budgets are counted by it.
        review_at: When somebody should look at it again; nothing ends by it.
        mode_since: When the present mode began.
        former_lifecycle: Where it goes back to.
        started_by: Who put it there, ``kind:id``.
        asked_by: Who asked for a cut that waits for a second person; empty: nobody.
        rechecked_by: Who let it on probation.
    """

    organization_id: OrganizationId
    generation_id: GenerationId
    device_id: DeviceId
    mode: QuarantineMode
    asked_mode: QuarantineMode
    narrowed_because: str
    reason: str
    source: str
    since: datetime
    review_at: datetime
    mode_since: datetime
    former_lifecycle: Lifecycle
    started_by: str
    asked_by: str = ""
    rechecked_by: str = ""

    @property
    def waits_for_second_person(self) -> bool:
        """Whether a cut was asked for that another person has to approve."""
        return bool(self.asked_by)


def check_source(source: str) -> str:
    """Check what asks for a quarantine.

    Raises:
        InvalidQuarantine: It is no name.
    """
    if not _SOURCE.fullmatch(source):
        raise InvalidQuarantine(f"{source[:80]!r} is no source", hint="1 to 128 of A-Z a-z 0-9 . _ : / @ -")
    return source


def check_review(review_at: datetime | None, now: datetime) -> datetime:
    """Check when a quarantine is to be looked at again; a week from now unless somebody says otherwise.

    Raises:
        InvalidQuarantine: It lies in the past, or beyond a year.
    """
    if review_at is None:
        return now + REVIEW_AFTER
    if review_at.tzinfo is None or not now < review_at <= now + REVIEW_MAX:
        raise InvalidQuarantine(f"review_at lies within the next {REVIEW_MAX.days} days", limit=REVIEW_MAX.days)
    return review_at


def deepen(known: Quarantined | None, asked: Quarantined) -> Quarantined:
    """Return what holds after a quarantine that comes on top of another; it never leaves more than that one did."""
    if known is None:
        return asked
    is_deeper = FREEDOM[asked.mode] < FREEDOM[known.mode]
    is_asking = bool(asked.asked_by) and not known.asked_by and known.mode is not QuarantineMode.CUT
    if not is_deeper and not is_asking:
        return known
    return replace(
        known,
        mode=asked.mode if is_deeper else known.mode,
        mode_since=asked.since if is_deeper else known.mode_since,
        asked_mode=asked.asked_mode,
        narrowed_because=asked.narrowed_because,
        reason=asked.reason,
        source=asked.source,
        review_at=asked.review_at,
        asked_by=asked.asked_by or known.asked_by,
        rechecked_by="",
    )
