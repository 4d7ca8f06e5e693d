"""The ground floor: ids, time, errors, configuration and text from outside.

Imports nothing of vedette. Time and randomness enter the program here and nowhere else, so that every
rule above can be tested with a clock and an id source that stand still.
"""

from __future__ import annotations

from vedette.kernel.clock import Clock, SystemClock, to_rfc3339
from vedette.kernel.deadline import Deadline
from vedette.kernel.errors import Problem
from vedette.kernel.ids import (
    AuthorityId,
    DeviceId,
    EnrollmentId,
    EventId,
    GenerationId,
    IdSource,
    InvalidId,
    ModuleId,
    OrganizationId,
    RandomIds,
    RegistrationId,
    encode_uuid7,
    parse_device_id,
    parse_generation_id,
    parse_module_id,
    parse_organization_id,
    parse_registration_id,
)
from vedette.kernel.networks import NetworkList, is_private_bind, parse_address, parse_network
from vedette.kernel.text import (
    escape_csv,
    escape_html,
    escape_shell,
    escape_terminal,
)

__all__ = [
    "AuthorityId",
    "Clock",
    "Deadline",
    "DeviceId",
    "EnrollmentId",
    "EventId",
    "GenerationId",
    "IdSource",
    "InvalidId",
    "ModuleId",
    "NetworkList",
    "OrganizationId",
    "Problem",
    "RandomIds",
    "RegistrationId",
    "SystemClock",
    "encode_uuid7",
    "escape_csv",
    "escape_html",
    "escape_shell",
    "escape_terminal",
    "is_private_bind",
    "parse_address",
    "parse_device_id",
    "parse_generation_id",
    "parse_module_id",
    "parse_network",
    "parse_organization_id",
    "parse_registration_id",
    "to_rfc3339",
]
