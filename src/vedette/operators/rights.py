"""What is known of rights at the operators' door, in one place: who holds what, and what acts ask for."""

from __future__ import annotations

from dataclasses import dataclass

from vedette.operators.approval_service import ApprovalService
from vedette.operators.authorization import AuthorizationService
from vedette.operators.bulk_reads import BulkReads
from vedette.operators.command_schemas import CommandSchemaService
from vedette.operators.confirmation_service import ConfirmationService
from vedette.operators.elevation_service import ElevationService
from vedette.operators.review_service import ReviewService
from vedette.operators.role_service import RoleService


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """The services that decide, and those that people change it by."""

    roles: RoleService
    elevations: ElevationService
    authorization: AuthorizationService
    confirmations: ConfirmationService
    reads: BulkReads
    approvals: ApprovalService
    reviews: ReviewService
    command_schemas: CommandSchemaService
