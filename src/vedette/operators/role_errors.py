"""What is refused about roles, elevations, confirmations, approvals, reviews and command schemas."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class InvalidGrant(Problem):
    """A grant, an elevation or its places are outside their limits."""

    code: ClassVar[str] = "operators.invalid_grant"
    status: ClassVar[int] = 422


class GrantNotFound(Problem):
    """There is no such grant."""

    code: ClassVar[str] = "operators.grant_not_found"
    status: ClassVar[int] = 404


class LastAdministrator(Problem):
    """Without this grant nobody would administer the platform any more."""

    code: ClassVar[str] = "operators.last_administrator"
    status: ClassVar[int] = 409


class ElevationNotFound(Problem):
    """There is no such elevation, or it is over."""

    code: ClassVar[str] = "operators.elevation_not_found"
    status: ClassVar[int] = 404


class NotEligible(Problem):
    """The person may not elevate themselves to this."""

    code: ClassVar[str] = "operators.not_eligible"
    status: ClassVar[int] = 403


class ActRefused(Problem):
    """None of the asker's roles gives this act, here."""

    code: ClassVar[str] = "operators.act_refused"
    status: ClassVar[int] = 403


class StepUpNeeded(Problem):
    """The act asks for a fresh proof, by passkey, that the person is there."""

    code: ClassVar[str] = "operators.step_up_needed"
    status: ClassVar[int] = 403


class SignatureNeeded(Problem):
    """The act asks for a passkey's signature over its own hash."""

    code: ClassVar[str] = "operators.signature_needed"
    status: ClassVar[int] = 403


class ApprovalNeeded(Problem):
    """The act waits for another person's approval."""

    code: ClassVar[str] = "operators.approval_needed"
    status: ClassVar[int] = 403


class ConfirmationFailed(Problem):
    """A passkey's answer does not confirm this: it is not valid, too old, of somebody else or for another act."""

    code: ClassVar[str] = "operators.confirmation_failed"
    status: ClassVar[int] = 403


class ApprovalNotFound(Problem):
    """There is no such act that waits, or its time is over."""

    code: ClassVar[str] = "operators.approval_not_found"
    status: ClassVar[int] = 404


class OwnApproval(Problem):
    """Nobody approves what they asked for themselves."""

    code: ClassVar[str] = "operators.own_approval"
    status: ClassVar[int] = 403


class ReviewNotFound(Problem):
    """There is no such review, or no such entry in it."""

    code: ClassVar[str] = "operators.review_not_found"
    status: ClassVar[int] = 404


class ReviewClosed(Problem):
    """The review is closed, or the entry is signed off already."""

    code: ClassVar[str] = "operators.review_closed"
    status: ClassVar[int] = 409


class InvalidReview(Problem):
    """A review's name or due date is outside its limits, or too many are open."""

    code: ClassVar[str] = "operators.invalid_review"
    status: ClassVar[int] = 422


class InvalidCommandSchema(Problem):
    """A command schema, or what it is for, is outside its limits."""

    code: ClassVar[str] = "operators.invalid_command_schema"
    status: ClassVar[int] = 422


class CommandSchemaExists(Problem):
    """There is a schema for this already."""

    code: ClassVar[str] = "operators.command_schema_exists"
    status: ClassVar[int] = 409


class CommandSchemaNotFound(Problem):
    """There is no such command schema."""

    code: ClassVar[str] = "operators.command_schema_not_found"
    status: ClassVar[int] = 404


class CommandNotListed(Problem):
    """The device takes listed commands only, and this one is not listed or does not fit its schema."""

    code: ClassVar[str] = "operators.command_not_listed"
    status: ClassVar[int] = 403


class BulkReadLimited(Problem):
    """More was read at a stretch than anybody should."""

    code: ClassVar[str] = "operators.bulk_read_limited"
    status: ClassVar[int] = 429
