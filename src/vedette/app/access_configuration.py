"""The section ``access`` of the configuration: what acts of people and programs ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from vedette.app.options import Between, OneOf

Demand = Literal["off", "passkeys", "everybody"]
# Acts that take access away are not among them: nobody waits to keep a bad device out.
_APPROVABLE = (
    "command",
    "changeMany",
    "enroll",
    "manageKeys",
    "managePolicies",
    "managePeople",
    "managePlatform",
    "rollOut",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessConfiguration:
    """What people confirm, who else approves, and how much anybody reads at a stretch.

    Attributes:
        step_up: Of whom weighty acts (commands, quarantine, policies, keys, people) ask for a passkey that was shown
            within five minutes. ``passkeys``: of people who have one. ``everybody``: of sessions without a passkey,
            too, which then cannot do them. The host's own token is never asked.
        signed_acts: Of whom momentous acts (keys, policies, enabling many devices) ask for a passkey's signature over
            that very act; the same choices.
        second_approver: Acts that wait until another person has approved them. One of ``command``, ``changeMany``,
            ``enroll``, ``manageKeys``, ``managePolicies``, ``managePeople``, ``managePlatform``, ``rollOut``.
        approval_hours: How long an act waits for that.
        elevation_hours: The longest time that anybody elevates themselves for.
        bulk_read_alarm_mb: Lists, queries and streams of so many megabytes within an hour are put on record; 0: never.
        bulk_read_limit_mb: Beyond so many, further ones are refused until the hour is over; 0: never.
        cut_percent: So many of a hundred devices of a site, or of a group, may be cut off by quarantine within an hour;
            a cut beyond it only narrows. People may override it, with a reason.
        cut_always: So many of them may be in any case, however small the site or the group is.
        cut_per_source: So many one source of automation may cut off within an hour; 0: automation only narrows.
    """

    step_up: Demand = "passkeys"
    signed_acts: Demand = "passkeys"
    second_approver: Annotated[tuple[str, ...], OneOf(_APPROVABLE)] = ()
    approval_hours: Annotated[int, Between(1, 168)] = 24
    elevation_hours: Annotated[int, Between(1, 24)] = 8
    bulk_read_alarm_mb: Annotated[int, Between(0, 1_000_000)] = 256
    bulk_read_limit_mb: Annotated[int, Between(0, 1_000_000)] = 2_048
    cut_percent: Annotated[int, Between(0, 100)] = 10
    cut_always: Annotated[int, Between(0, 1_000_000)] = 3
    cut_per_source: Annotated[int, Between(0, 1_000_000)] = 20
