"""The policies in force for devices and modules: an identity, an action and a session make one verdict.

Slow facts, those of the identity, stand in an entity handle that is built once per record; a request carries a handful
of context values, and of those that are optional only the ones some policy reads.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from vedette.trust.bundle import BadPolicyBundle, PolicyBundle, check_size, device_schema, find_site_flaws
from vedette.trust.cedar import BadEntity, ParsedPolicies, Uid, Verdict
from vedette.trust.entities import HUB, EntitySlice, describe_identity, hours_of, list_entities, uid_of
from vedette.trust.facts import (
    AGE_FACT,
    HOURS_FACT,
    PLACE_FACTS,
    REQUIRED_FACTS,
    TIME_FACTS,
    FactValue,
    SessionFacts,
    SiteMap,
    is_within_hours,
    time_facts,
)
from vedette.trust.model import PostureRecord

if TYPE_CHECKING:
    import cedarpy

_CONTEXT_TYPE: Final = "Session"
VERDICTS_MAX: Final = 50_000
PRINCIPALS_MAX: Final = 256
ACTIONS: Final = (
    "connect",
    "enroll",
    "renewCertificate",
    "sendTelemetry",
    "reportProperties",
    "readTwin",
    "receiveCommand",
    "receiveMethod",
    "downloadUpdate",
    "uploadFile",
    "releaseKey",
    "reportHealth",
)


@dataclass(frozen=True, slots=True)
class Principal:
    """An identity as the policies see it: its uid and a parsed entity handle, built with the schema.

    Attributes:
        applicable: Policies that can bear on it; ``None``: all.
    """

    uid: Uid
    entities: cedarpy.Entities
    applicable: frozenset[str] | None = None


class PolicyEngine:
    """The policies of one bundle, parsed once.

    The schema is this release's own: the bundle's policies are checked against what is really asked here.

    Raises:
        BadPolicyBundle: The bundle is too large, does not parse, a policy does not fit the schema, or a site is flawed.
    """

    def __init__(self, bundle: PolicyBundle) -> None:
        check_size(bundle)
        flaws = find_site_flaws(bundle.sites.items())
        if flaws:
            raise BadPolicyBundle(f"site {flaws[0][0]!r}: {flaws[0][1]}")
        schema = device_schema()
        if bundle.schema_text != schema:
            ParsedPolicies(bundle.schema_text, "")  # of an older or newer release: it must be a schema at all
        self._cedar = ParsedPolicies(schema, bundle.policies_text, _CONTEXT_TYPE)
        self._sites = SiteMap(bundle.sites)
        self.sha256 = bundle.sha256
        reads = self._cedar.reads
        self._reads_time = reads is None or bool(reads & TIME_FACTS)
        self._reads_hours = reads is None or HOURS_FACT in reads
        self._reads_age = reads is None or AGE_FACT in reads
        self._reads_place = reads is None or bool(reads & PLACE_FACTS)
        # Equal input gives an equal answer: a fleet that comes back after a restart is decided from memory.
        self._verdicts: OrderedDict[tuple[object, ...], Verdict] = OrderedDict()
        self._principals: OrderedDict[tuple[object, ...], Principal] = OrderedDict()

    def is_time_bound(self, record: PostureRecord, now: datetime) -> bool:
        """Tell whether the answers about an identity may change with the hour: then ask again at each minute's start.

        Args:
            record: Of the identity.
            now: For sections that end.
        """
        return self._reads_time or self._reads_age or (self._reads_hours and hours_of(record, now) is not None)

    @property
    def is_ever_time_bound(self) -> bool:
        """Whether the answers about any identity may change with the hour."""
        return self._reads_time or self._reads_age or self._reads_hours

    def decide(self, record: PostureRecord, now: datetime, action: str, facts: SessionFacts) -> Verdict:
        """Decide one action of one session; the record's sequence names all that is read of the identity.

        Args:
            record: Believed by the caller.
            now: For sections that end and for conditions of time.
            action: A Cedar action id such as ``connect``.
            facts: Of the session.

        Raises:
            BadEntity: A section that policies need is unknown, or the schema refuses the entity.
        """
        moment = self._moment_facts(record, now, facts)
        key = (record.generation_id, record.epoch, record.sequence, action, facts, tuple(moment.values()))
        known = self._verdicts.get(key)
        if known is not None:
            self._verdicts.move_to_end(key)
            return known
        place = self._locate(record, now, facts) if self._reads_place else {}
        context = {**facts.to_context(), **place, **moment}
        verdict = self.evaluate(self.principal(record, now), action, context)
        # With a section that ends, time is an input too; an error may be of the moment.
        if not verdict.errors and not _ends(record):
            self._verdicts[key] = verdict
            if len(self._verdicts) > VERDICTS_MAX:
                self._verdicts.popitem(last=False)
        return verdict

    def context(self, record: PostureRecord, now: datetime, facts: SessionFacts) -> dict[str, FactValue]:
        """Return all that any policies could read of a session, as it goes on record beside the decision."""
        placement = record.placement.known(now)
        local = self._sites.local_time(None if placement is None else placement.site, now)
        context = {**facts.to_context(), **self._locate(record, now, facts), **time_facts(local)}
        hours, age = hours_of(record, now), facts.age_hours(now)
        within = None if hours is None else is_within_hours(hours, local)
        if within is not None:
            context[HOURS_FACT] = within
        if age is not None:
            context[AGE_FACT] = age
        return context

    def principal(self, record: PostureRecord, now: datetime) -> Principal:
        """Return the entity handle of an identity, built anew when the record changes or a section may expire.

        Raises:
            BadEntity: A section that policies need is unknown, a module names no device, or the schema refuses the
                entity.
        """
        if _ends(record):
            return self._build(record, now)
        key = (record.generation_id, record.epoch, record.sequence)
        known = self._principals.get(key)
        if known is None:
            known = self._principals[key] = self._build(record, now)
            if len(self._principals) > PRINCIPALS_MAX:
                self._principals.popitem(last=False)
        return known

    def principal_of(self, identity: EntitySlice, generation_id: str, organization_id: str) -> Principal:
        """Build the entity handle of an identity as it once was, for replay and unit cases.

        Raises:
            BadEntity: The schema refuses the entity.
        """
        entities = self._cedar.parse_entities(list_entities(identity, generation_id, organization_id))
        return Principal(uid_of(identity, generation_id), entities, self._cedar.find_applicable(identity.attributes))

    def evaluate(self, principal: Principal, action: str, context: Mapping[str, FactValue]) -> Verdict:
        """Ask the policies; any error, unknown attribute or third outcome is a deny.

        Args:
            principal: From ``principal`` or ``principal_of``.
            action: A Cedar action id such as ``connect``; ours, never text from outside.
            context: By the names of the Cedar context; one that is required and missing denies.
        """
        if not (context.keys() >= REQUIRED_FACTS and context["address"]):
            missing = min(REQUIRED_FACTS - context.keys(), default="address")
            return Verdict(is_permitted=False, policies=(), errors=(f"the fact {missing} of the session is missing",))
        reads = self._cedar.reads_for(action)
        typed: dict[str, object] = {name: value for name, value in context.items() if reads is None or name in reads}
        if "address" in typed:
            typed["address"] = {"__extn": {"fn": "ip", "arg": typed["address"]}}
        return self._cedar.ask(principal.uid, action, HUB, typed, principal.entities, applicable=principal.applicable)

    def _build(self, record: PostureRecord, now: datetime) -> Principal:
        try:
            return self.principal_of(describe_identity(record, now), record.generation_id, record.organization_id)
        except BadEntity as error:
            raise BadEntity(f"the record of {record.generation_id}: {error.detail}", hint=error.hint) from error

    def _locate(self, record: PostureRecord, now: datetime, facts: SessionFacts) -> dict[str, FactValue]:
        placement = record.placement.known(now)
        location = None if record.location is None else record.location.known(now)
        return self._sites.place_facts(None if placement is None else placement.site, location, facts.address)

    def _moment_facts(self, record: PostureRecord, now: datetime, facts: SessionFacts) -> dict[str, FactValue]:
        """Return those facts that change with the time, as far as any policy reads them."""
        moment: dict[str, FactValue] = {}
        hours = hours_of(record, now) if self._reads_hours else None
        if self._reads_time or hours is not None:
            placement = record.placement.known(now)
            local = self._sites.local_time(None if placement is None else placement.site, now)
            if self._reads_time:
                moment.update(time_facts(local))
            within = None if hours is None else is_within_hours(hours, local)
            if within is not None:
                moment[HOURS_FACT] = within
        if self._reads_age:
            age = facts.age_hours(now)
            if age is not None:
                moment[AGE_FACT] = age
        return moment


def _ends(record: PostureRecord) -> bool:
    sections = (record.registration, record.credentials, record.placement, record.health, record.quarantine)
    has_end = any(section.expires_at is not None for section in sections)
    return has_end or (record.location is not None and record.location.expires_at is not None)
