"""What the room refuses, and what can go wrong on the way to a device."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class InvalidCursor(Problem):
    """A cursor is not one that an earlier page returned."""

    code: ClassVar[str] = "messaging.invalid_cursor"
    status: ClassVar[int] = 400


class DecisionNotFound(Problem):
    """The log holds no decision there: it was kept as long as configured, or never made."""

    code: ClassVar[str] = "messaging.decision_not_found"
    status: ClassVar[int] = 404


class HubProblem(Problem):
    """A problem that hub clients know by a number.

    Attributes:
        contract_code: The hub's own error code (``reference/iot-hub-wire-contract.md`` §1.12).
    """

    contract_code: ClassVar[int] = 400_004


class InvalidRequest(HubProblem):
    """A request of a gateway names something malformed, or more of it than is taken."""

    code: ClassVar[str] = "messaging.invalid_request"
    status: ClassVar[int] = 422


class UnknownOrganization(HubProblem):
    """The organization is not the one served here."""

    code: ClassVar[str] = "messaging.unknown_organization"
    status: ClassVar[int] = 404
    contract_code: ClassVar[int] = 404_001


class IdentityNotFound(HubProblem):
    """No device or module has this generation, or its life is over."""

    code: ClassVar[str] = "messaging.identity_not_found"
    status: ClassVar[int] = 404
    contract_code: ClassVar[int] = 404_001


class InvalidCommand(HubProblem):
    """A command is outside its limits."""

    code: ClassVar[str] = "messaging.invalid_command"
    status: ClassVar[int] = 422


class CommandTooLarge(HubProblem):
    """A command's body and properties are over the limit."""

    code: ClassVar[str] = "messaging.command_too_large"
    status: ClassVar[int] = 413
    contract_code: ClassVar[int] = 413_001


class CommandQueueFull(HubProblem):
    """As many commands wait for the device as its queue holds."""

    code: ClassVar[str] = "messaging.queue_full"
    status: ClassVar[int] = 403
    contract_code: ClassVar[int] = 403_004


class ModuleHasNoQueue(HubProblem):
    """Commands are sent to devices; modules have methods and twins."""

    code: ClassVar[str] = "messaging.module_has_no_queue"
    status: ClassVar[int] = 422


class DeviceIsRetired(HubProblem):
    """The device has come to the end of its life: nobody will ever take what is sent to it."""

    code: ClassVar[str] = "messaging.device_retired"
    status: ClassVar[int] = 409


class FeedbackLockLost(HubProblem):
    """The lock on a batch of feedback has run out, or there never was one."""

    code: ClassVar[str] = "messaging.feedback_lock_lost"
    status: ClassVar[int] = 412
    contract_code: ClassVar[int] = 412_002


class SessionIsElsewhere(HubProblem):
    """Another gateway holds the identity now."""

    code: ClassVar[str] = "messaging.session_elsewhere"
    status: ClassVar[int] = 409
    contract_code: ClassVar[int] = 409_002


class InvalidMethodCall(HubProblem):
    """A method's name, payload or timeout is outside its limits."""

    code: ClassVar[str] = "messaging.invalid_method_call"
    status: ClassVar[int] = 422


class MethodPayloadTooLarge(HubProblem):
    """The payload of a method call is over the limit."""

    code: ClassVar[str] = "messaging.method_payload_too_large"
    status: ClassVar[int] = 413
    contract_code: ClassVar[int] = 413_001


class DeviceNotOnline(HubProblem):
    """The identity is not connected, or does not listen for methods."""

    code: ClassVar[str] = "messaging.device_not_online"
    status: ClassVar[int] = 404
    contract_code: ClassVar[int] = 404_103


class DeviceConnectionClosed(HubProblem):
    """The connection ended while the device was at work; whether it did what was asked is not known."""

    code: ClassVar[str] = "messaging.device_connection_closed"
    status: ClassVar[int] = 404
    contract_code: ClassVar[int] = 404_104


class MethodTimedOut(HubProblem):
    """The device did not answer in time; whether it did what was asked is not known."""

    code: ClassVar[str] = "messaging.method_timed_out"
    status: ClassVar[int] = 504
    contract_code: ClassVar[int] = 504_101


class TooManyCalls(HubProblem):
    """As many method calls are under way as are taken, for this identity or in all."""

    code: ClassVar[str] = "messaging.too_many_calls"
    status: ClassVar[int] = 429
    contract_code: ClassVar[int] = 429_001


class MethodNotPermitted(HubProblem):
    """The policy does not let the identity receive methods."""

    code: ClassVar[str] = "messaging.method_not_permitted"
    status: ClassVar[int] = 403
    contract_code: ClassVar[int] = 401_003


class InvalidMethodAnswer(HubProblem):
    """The device answered with something that is no JSON, or with too much of it."""

    code: ClassVar[str] = "messaging.invalid_method_answer"
    status: ClassVar[int] = 502
    contract_code: ClassVar[int] = 500_001


class GatewayUnreachable(HubProblem):
    """The bus is away, so nothing can be said to the gateway that holds the identity."""

    code: ClassVar[str] = "messaging.gateway_unreachable"
    status: ClassVar[int] = 503
    contract_code: ClassVar[int] = 503_001


class CloneAlertNotFound(HubProblem):
    """There is no clone alert of this id."""

    code: ClassVar[str] = "messaging.clone_alert_not_found"
    status: ClassVar[int] = 404
    contract_code: ClassVar[int] = 404_001
