"""Devices: who they are, how they authenticate, where they belong, where in their life they are, and who may not enter.

Terms: a *generation* is one life of a device under its name; *lifecycle* the states from made to retired; the *access
lists* allow and block by device, prefix, certificate, authority or enrollment.

Invariants: a name belongs to one living generation; a new one inherits nothing. Every change is in the ledger with its
actor, in the same transaction. Block wins over allow. A device is blocked or not by the lists alone, never by hand. No
private key of a device is stored.
"""

from __future__ import annotations

from vedette.registry.access_list import (
    AccessEffect,
    AccessKind,
    AccessListEntry,
    AccessRules,
    AccessSubject,
    AccessVerdict,
)
from vedette.registry.access_list_service import AccessListService
from vedette.registry.census_repository import count_connected, count_members, count_of_site
from vedette.registry.clock_guard import ClockGuard, ClockReading
from vedette.registry.clock_records import accept_clock, observe_records
from vedette.registry.credentials import CredentialRecords, Holder
from vedette.registry.device_list import DeviceLists
from vedette.registry.errors import (
    AccessListEntryExists,
    AccessListEntryNotFound,
    AccessListFull,
    ClockJumped,
    DeviceExists,
    DeviceNotFound,
    GroupExists,
    GroupIsDynamic,
    GroupNotFound,
    IdentityNotFound,
    InvalidAccessListEntry,
    InvalidDevice,
    InvalidFilter,
    InvalidGroup,
    InvalidModule,
    InvalidTags,
    InvalidThumbprint,
    InvalidTwin,
    ModuleExists,
    ModuleNotFound,
    ReasonMissing,
    RevisionMismatch,
    TooManyDevices,
    TooManyGroups,
    TooManyModules,
    TransitionNotAllowed,
    TwinTooLarge,
)
from vedette.registry.events import (
    AccessListApplied,
    AccessListChanged,
    DesiredPropertiesChanged,
    DeviceChanged,
    DeviceDeleted,
    DeviceDisabled,
    DeviceEnabled,
    DeviceRegistered,
    DeviceRetired,
    DeviceRevoked,
    GroupChanged,
    GroupMembershipChanged,
    LifecycleChanged,
    ModuleChanged,
    ModuleDeleted,
    ModuleRegistered,
)
from vedette.registry.group import Group, GroupKind, GroupMember, GroupProgress, GroupState, NewGroup
from vedette.registry.group_computation import GroupComputation
from vedette.registry.group_membership import GroupMembership
from vedette.registry.group_repository import groups_of, policy_groups_of
from vedette.registry.group_service import GroupService
from vedette.registry.lifecycle import TRANSITIONS, Cause
from vedette.registry.model import (
    PURDUE_LEVELS,
    Authentication,
    AuthenticationType,
    Device,
    DeviceCounts,
    DeviceFilter,
    DevicePage,
    IdentityClass,
    NewDevice,
    Origin,
    check_new,
    check_reason,
    parse_thumbprint,
)
from vedette.registry.module import MODULES_MAX, Module, NewModule
from vedette.registry.module_register import ModuleRegister
from vedette.registry.module_repository import (
    find_module,
    find_module_by_name,
    find_module_generations,
    find_modules_of,
    list_authenticated_by,
)
from vedette.registry.module_service import ModuleService, ModuleWithKeys
from vedette.registry.places import Area, Areas, DevicePlace, PlaceService
from vedette.registry.presence import Presence, PresenceChange
from vedette.registry.presence_repository import find_connected_from, presence_of
from vedette.registry.presence_service import PresenceService
from vedette.registry.query import (
    Completion,
    InvalidCursor,
    InvalidQuery,
    QueryPage,
    QueryService,
    QueryTooBroad,
    complete,
)
from vedette.registry.register import Register
from vedette.registry.repository import find_by_name, find_generation, find_generations
from vedette.registry.service import BulkChange, CredentialHistory, DeviceService, DeviceWithKeys, RevokedDevice
from vedette.registry.tags import Tags, apply_merge_patch, check_tags, flatten_tags
from vedette.registry.twin import BAG_MAX_BYTES, Bag, Twin, check_desired
from vedette.registry.twin_repository import find_many as find_twins
from vedette.registry.twin_service import TwinService

__all__ = [
    "BAG_MAX_BYTES",
    "MODULES_MAX",
    "PURDUE_LEVELS",
    "TRANSITIONS",
    "AccessEffect",
    "AccessKind",
    "AccessListApplied",
    "AccessListChanged",
    "AccessListEntry",
    "AccessListEntryExists",
    "AccessListEntryNotFound",
    "AccessListFull",
    "AccessListService",
    "AccessRules",
    "AccessSubject",
    "AccessVerdict",
    "Area",
    "Areas",
    "Authentication",
    "AuthenticationType",
    "Bag",
    "BulkChange",
    "Cause",
    "ClockGuard",
    "ClockJumped",
    "ClockReading",
    "Completion",
    "CredentialHistory",
    "CredentialRecords",
    "DesiredPropertiesChanged",
    "Device",
    "DeviceChanged",
    "DeviceCounts",
    "DeviceDeleted",
    "DeviceDisabled",
    "DeviceEnabled",
    "DeviceExists",
    "DeviceFilter",
    "DeviceLists",
    "DeviceNotFound",
    "DevicePage",
    "DevicePlace",
    "DeviceRegistered",
    "DeviceRetired",
    "DeviceRevoked",
    "DeviceService",
    "DeviceWithKeys",
    "Group",
    "GroupChanged",
    "GroupComputation",
    "GroupExists",
    "GroupIsDynamic",
    "GroupKind",
    "GroupMember",
    "GroupMembership",
    "GroupMembershipChanged",
    "GroupNotFound",
    "GroupProgress",
    "GroupService",
    "GroupState",
    "Holder",
    "IdentityClass",
    "IdentityNotFound",
    "InvalidAccessListEntry",
    "InvalidCursor",
    "InvalidDevice",
    "InvalidFilter",
    "InvalidGroup",
    "InvalidModule",
    "InvalidQuery",
    "InvalidTags",
    "InvalidThumbprint",
    "InvalidTwin",
    "LifecycleChanged",
    "Module",
    "ModuleChanged",
    "ModuleDeleted",
    "ModuleExists",
    "ModuleNotFound",
    "ModuleRegister",
    "ModuleRegistered",
    "ModuleService",
    "ModuleWithKeys",
    "NewDevice",
    "NewGroup",
    "NewModule",
    "Origin",
    "PlaceService",
    "Presence",
    "PresenceChange",
    "PresenceService",
    "QueryPage",
    "QueryService",
    "QueryTooBroad",
    "ReasonMissing",
    "Register",
    "RevisionMismatch",
    "RevokedDevice",
    "Tags",
    "TooManyDevices",
    "TooManyGroups",
    "TooManyModules",
    "TransitionNotAllowed",
    "Twin",
    "TwinService",
    "TwinTooLarge",
    "accept_clock",
    "apply_merge_patch",
    "check_desired",
    "check_new",
    "check_reason",
    "check_tags",
    "complete",
    "count_connected",
    "count_members",
    "count_of_site",
    "find_by_name",
    "find_connected_from",
    "find_generation",
    "find_generations",
    "find_module",
    "find_module_by_name",
    "find_module_generations",
    "find_modules_of",
    "find_twins",
    "flatten_tags",
    "groups_of",
    "list_authenticated_by",
    "observe_records",
    "parse_thumbprint",
    "policy_groups_of",
    "presence_of",
]
