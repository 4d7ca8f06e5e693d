"""What is answered and taken about zones and conduits."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Path, Query
from pydantic import Field

from vedette.api.schema import Moment, Timestamp, View
from vedette.network.segmentation import (
    Conduit,
    MemberRule,
    PlanState,
    PlanVersion,
    Service,
    Zone,
    ZoneKind,
)

_TEXT: Final = 1024
_NAME: Final = 128
_LIST: Final = 256

ZonePath = Annotated[str, Path(max_length=64, description="Generated id of the zone.", examples=["zon_06h0"])]
ConduitPath = Annotated[str, Path(max_length=64, description="Generated id of the conduit.", examples=["cdt_06h0"])]
Which = Annotated[
    str,
    Query(
        alias="plan",
        pattern=r"^(approved|draft|[1-9][0-9]{0,8})$",
        description="`approved`, `draft`, or the number of a version.",
    ),
]
_Texts = Annotated[list[Annotated[str, Field(max_length=_NAME)]], Field(max_length=_LIST)]


def which_of(text: str) -> PlanState | int:
    """Return which version a parameter names."""
    return int(text) if text.isdigit() else PlanState(text)


class ServiceView(View):
    """A service, or a range of them."""

    transport: str = Field(max_length=16, description="`tcp`, `udp`, `sctp` or `icmp`.", examples=["tcp"])
    port: int = Field(default=0, ge=0, le=65_535)
    port_last: int = Field(default=0, ge=0, le=65_535, description="End of a range; 0: there is none.")
    protocol: str = Field(default="", max_length=_NAME, description="What is spoken there; says nothing to firewalls.")

    def to_service(self) -> Service:
        """Return it as the plan has it."""
        return Service(self.transport, self.port, self.port_last or self.port, self.protocol)


class MemberRuleView(View):
    """Which assets a zone takes: all that is said must hold."""

    sites: _Texts = Field(default=[])
    levels: _Texts = Field(default=[])
    roles: _Texts = Field(default=[])
    vendors: _Texts = Field(default=[])
    networks: _Texts = Field(default=[], examples=[["10.1.2.0/24"]])

    def to_rule(self) -> MemberRule:
        """Return it as the plan has it."""
        return MemberRule(**{name: tuple(getattr(self, name)) for name in MemberRuleView.model_fields})


class NewZone(View):
    """A zone to be put into the draft."""

    name: str = Field(min_length=1, max_length=_NAME, examples=["north filling line"])
    kind: ZoneKind = Field(default=ZoneKind.ZONE, description="`micro` holds its members apart from each other too.")
    site: str = Field(default="", max_length=_NAME)
    level: str = Field(default="", max_length=8, description="Purdue level, `0` to `5` or `3.5`; empty: none.")
    rules: list[MemberRuleView] = Field(default=[], max_length=64)
    risk: int = Field(default=0, ge=0, le=100)
    is_critical: bool = False
    interface: str = Field(default="", max_length=15, description="Of the firewall, where its members are.")

    def to_zone(self) -> Zone:
        """Return it as the plan has it, without an id."""
        plain = self.model_dump(exclude={"rules"})
        return Zone(zone_id="", rules=tuple(rule.to_rule() for rule in self.rules), **plain)


class ZonePatch(View):
    """A merge patch (RFC 7396): an absent member stays as it is."""

    name: str | None = Field(default=None, min_length=1, max_length=_NAME)
    kind: ZoneKind | None = None
    site: str | None = Field(default=None, max_length=_NAME)
    level: str | None = Field(default=None, max_length=8)
    rules: list[MemberRuleView] | None = Field(default=None, max_length=64)
    risk: int | None = Field(default=None, ge=0, le=100)
    is_critical: bool | None = None
    interface: str | None = Field(default=None, max_length=15)

    def to_changes(self) -> dict[str, Any]:  # Any: values of the fields of a zone
        """Return the members that were sent; null puts a member back to what it is by default."""
        defaults = Zone(zone_id="", name="")
        found: dict[str, Any] = {}
        for name in self.model_fields_set:
            value = getattr(self, name)
            if value is None:
                found[name] = getattr(defaults, name)
            else:
                found[name] = tuple(rule.to_rule() for rule in value) if name == "rules" else value
        return found


class ZoneView(View):
    """A zone of a version of the plan."""

    zone_id: str
    name: str
    kind: ZoneKind
    site: str
    level: str
    risk: int
    is_critical: bool
    interface: str
    rules: list[MemberRuleView]
    named_members: int = Field(description="Assets that it names; rules may take more.")
    reasons: list[str] = Field(description="Why it was proposed like this.")
    plan_number: int
    plan_revision: int = Field(description="Of the version; the `ETag` is this number in quotes.")


class ZoneMember(View):
    """An asset in a zone."""

    asset_id: str
    name: str
    addresses: list[str]
    level: str
    role: str
    vendor: str
    risk: int


class MovedMembers(View):
    """Assets to be put into a zone by hand."""

    asset_ids: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=1000)


class NewConduit(View):
    """A conduit to be put into the draft."""

    source: str = Field(max_length=64, description="Zone of the clients, or `external`.")
    target: str = Field(max_length=64, description="Zone of the servers, or `external`.")
    services: list[ServiceView] = Field(min_length=1, max_length=_LIST)
    operations: _Texts = Field(default=[], description="Classes of operations; empty: all.", examples=[["read"]])
    networks: _Texts = Field(default=[], description="Where the external end must be; empty: anywhere.")
    owner: str = Field(default="", max_length=_TEXT, description="Who answers for it.")
    why: str = Field(default="", max_length=_TEXT, description="Why it is needed.")
    expires_at: Moment | None = Field(default=None, description="From then on it allows nothing; null: it stays.")

    def to_conduit(self) -> Conduit:
        """Return it as the plan has it, without an id."""
        return Conduit(conduit_id="", **to_fields({name: getattr(self, name) for name in NewConduit.model_fields}))


class ConduitPatch(View):
    """A merge patch (RFC 7396): an absent member stays as it is."""

    services: list[ServiceView] | None = Field(default=None, min_length=1, max_length=_LIST)
    operations: _Texts | None = None
    networks: _Texts | None = None
    owner: str | None = Field(default=None, max_length=_TEXT)
    why: str | None = Field(default=None, max_length=_TEXT)
    expires_at: Moment | None = Field(default=None, description="Null: it stays.")

    def to_changes(self) -> dict[str, Any]:  # Any: values of the fields of a conduit
        """Return the members that were sent; null puts a member back to what it is by default."""
        defaults = Conduit(conduit_id="", source="", target="", services=())
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        return to_fields({name: getattr(defaults, name) if value is None else value for name, value in sent.items()})


class ConduitView(View):
    """A conduit of a version of the plan."""

    conduit_id: str
    source: str
    source_name: str
    target: str
    target_name: str
    services: list[ServiceView]
    operations: list[str]
    networks: list[str]
    owner: str
    why: str
    expires_at: Timestamp | None
    links: int = Field(description="Observed links that it was proposed from.")
    reasons: list[str]
    plan_number: int
    plan_revision: int


def to_fields(sent: dict[str, Any]) -> dict[str, Any]:  # Any: values of the fields of a conduit
    """Return fields of a conduit as the plan has them."""
    found = dict(sent)
    for name in ("operations", "networks"):
        if name in found:
            found[name] = tuple(found[name])
    if "services" in found:
        found["services"] = tuple(
            each.to_service() if isinstance(each, ServiceView) else each for each in found["services"]
        )
    expires_at = found.get("expires_at")
    if isinstance(expires_at, datetime):
        found["expires_at"] = expires_at.replace(microsecond=0)
    return found


def show_zone(zone: Zone, version: PlanVersion) -> ZoneView:
    """Return a zone as it is answered."""
    taken = {"rules", "named_members", "reasons", "plan_number", "plan_revision"}
    return ZoneView(
        rules=[
            MemberRuleView(**{name: list(getattr(rule, name)) for name in MemberRuleView.model_fields})
            for rule in zone.rules
        ],
        named_members=len(zone.members),
        reasons=list(zone.reasons),
        plan_number=version.number,
        plan_revision=version.revision,
        **{name: getattr(zone, name) for name in ZoneView.model_fields.keys() - taken},
    )


def show_service(service: Service) -> ServiceView:
    """Return a service as it is answered."""
    last = service.port_last if service.port_last > service.port else 0
    return ServiceView(transport=service.transport, port=service.port, port_last=last, protocol=service.protocol)


def show_conduit(conduit: Conduit, version: PlanVersion, names: dict[str, str]) -> ConduitView:
    """Return a conduit as it is answered."""
    return ConduitView(
        conduit_id=conduit.conduit_id,
        source=conduit.source,
        source_name=names.get(conduit.source, conduit.source),
        target=conduit.target,
        target_name=names.get(conduit.target, conduit.target),
        services=[show_service(each) for each in conduit.services],
        operations=list(conduit.operations),
        networks=list(conduit.networks),
        owner=conduit.owner,
        why=conduit.why,
        expires_at=conduit.expires_at,
        links=conduit.links,
        reasons=list(conduit.reasons),
        plan_number=version.number,
        plan_revision=version.revision,
    )


def names_of(version: PlanVersion) -> dict[str, str]:
    """Return what the zones of a version are called."""
    return {zone.zone_id: zone.name for zone in version.plan.zones}
