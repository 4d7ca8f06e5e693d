"""What can go wrong in the life of a policy bundle."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class PolicyBundleNotFound(Problem):
    """There is no such bundle."""

    code: ClassVar[str] = "access.policy_bundle_not_found"
    status: ClassVar[int] = 404


class PolicyBundleFlawed(Problem):
    """A bundle that does not check, or whose own unit cases fail; it is not stored."""

    code: ClassVar[str] = "access.policy_bundle_flawed"
    status: ClassVar[int] = 422


class PolicyBundleInUse(Problem):
    """A bundle that decides, is looked at, or is what a rollback returns to; it stays."""

    code: ClassVar[str] = "access.policy_bundle_in_use"
    status: ClassVar[int] = 409


class PolicyBundleDamaged(Problem):
    """A stored bundle is not what was signed when it was stored; it is not handed out."""

    code: ClassVar[str] = "access.policy_bundle_damaged"
    status: ClassVar[int] = 500


class TooManyPolicyBundles(Problem):
    """The store holds as many bundles as it may."""

    code: ClassVar[str] = "access.too_many_policy_bundles"
    status: ClassVar[int] = 409


class SimulationMissing(Problem):
    """A bundle goes nowhere before somebody knows what it would do to this fleet."""

    code: ClassVar[str] = "access.simulation_missing"
    status: ClassVar[int] = 409


class SimulationNotFound(Problem):
    """There is no such simulation."""

    code: ClassVar[str] = "access.simulation_not_found"
    status: ClassVar[int] = 404


class SimulationBusy(Problem):
    """One simulation runs at a time."""

    code: ClassVar[str] = "access.simulation_busy"
    status: ClassVar[int] = 409


class SimulationEnded(Problem):
    """A simulation that is done, or has failed, cannot be stopped."""

    code: ClassVar[str] = "access.simulation_ended"
    status: ClassVar[int] = 409


class ApprovalMissing(Problem):
    """A change that newly allows something needs a second person."""

    code: ClassVar[str] = "access.approval_missing"
    status: ClassVar[int] = 409


class ApprovalRefused(Problem):
    """This word counts for nothing: one's own bundle, or the host's token while there is another person."""

    code: ClassVar[str] = "access.approval_refused"
    status: ClassVar[int] = 409


class StageRefused(Problem):
    """A bundle cannot go to this stage from where it is."""

    code: ClassVar[str] = "access.stage_refused"
    status: ClassVar[int] = 409


class PoliciesMovedOn(Problem):
    """The manifest asked for is no longer, or not yet, in force."""

    code: ClassVar[str] = "access.policies_moved_on"
    status: ClassVar[int] = 409
