"""``/v1/reports``: inventory, alerts and vulnerabilities on paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from vedette.api.alert_filter import AlertScope, Wanted
from vedette.api.network_sight import narrow
from vedette.api.schema import api_router, refusals
from vedette.api.sight import Seen
from vedette.incidents import Alert, AlertService
from vedette.kernel import Clock, OrganizationId, to_rfc3339
from vedette.network import AssetSearch, NetworkAsset, NetworkReader
from vedette.network.exposure import ExposureService, Vulnerability, VulnerabilitySearch
from vedette.paper import Column, Paper, Printer, Section, Table

PDF: Final = "application/pdf"
_ROWS: Final = 1_000
_VALUES: Final = 12
_SiteQuery = Annotated[str | None, Query(max_length=128, description="Only at this site.")]
_ASSETS: Final = [
    Column("name", 1.6),
    Column("addresses", 2.2),
    Column("site", 1.1),
    Column("type", 1.1),
    Column("role", 1.1),
    Column("level", 0.5),
    Column("vendor", 1.5),
    Column("model", 1.6),
    Column("firmware", 1.0),
    Column("managed as", 1.2),
    Column("last seen", 1.4),
]
_ALERTS: Final = [
    Column("last seen", 1.4),
    Column("severity", 0.8),
    Column("state", 1.0),
    Column("what", 4.2),
    Column("source", 1.4),
    Column("target", 1.4),
    Column("technique", 0.8),
    Column("times", 0.5),
]
_VULNERABILITIES: Final = [
    Column("priority", 0.6),
    Column("asset", 1.4),
    Column("name", 1.3),
    Column("certainty", 0.8),
    Column("score", 0.5),
    Column("exploited", 0.7),
    Column("title", 3.0),
    Column("product", 2.0),
    Column("versions", 1.2),
    Column("state", 0.9),
]


class ReportRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self,
        organization_id: OrganizationId,
        reader: NetworkReader,
        alerts: AlertService,
        scope: AlertScope,
        *,
        exposure: ExposureService,
        printer: Printer,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._reader = reader
        self._alerts = alerts
        self._scope = scope
        self._exposure = exposure
        self._printer = printer
        self._clock = clock

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("reports", "/v1/reports")
        binary = {"schema": {"type": "string", "format": "binary"}}
        for path, answer, summary in (
            ("/inventory", self.inventory, "Print the inventory"),
            ("/alerts", self.alerts, "Print alerts"),
            ("/vulnerabilities", self.vulnerabilities, "Print vulnerabilities"),
        ):
            router.add_api_route(
                path,
                answer,
                methods=["GET"],
                summary=summary,
                response_class=Response,
                responses={200: {"content": {PDF: binary}}, **refusals(404, 422)},
            )
        return router

    async def inventory(self, sight: Seen, site: _SiteQuery = None) -> Response:
        """As PDF: how many assets of what kinds, and the first thousand; the export holds all of them."""
        search, now = AssetSearch(sites=narrow(sight, site), with_ignored=False), self._clock.now()
        counts = await self._reader.counts(self._organization_id, search, today=now.date())
        page = await self._reader.assets(self._organization_id, search, limit=_ROWS)
        facts = [("Site", site or "all"), ("Assets", str(counts.total)), ("Without an agent", str(counts.unmanaged))]
        kinds = [
            (heading, [(value or "unknown", count) for value, count in counts.by[name]])
            for heading, name in (
                ("Types", "device_type"),
                ("Roles", "role"),
                ("Makers", "vendor"),
                ("Purdue levels", "level"),
            )
        ]
        rows = [_asset(each) for each in page.items]
        sections = [
            *(_kinds(heading, found) for heading, found in kinds),
            Section("Assets", table=Table(_ASSETS, rows, counts.total - len(rows))),
        ]
        return await self._print("inventory", Paper("Network inventory", to_rfc3339(now), facts, sections, _EXPORT))

    async def alerts(self, asked: Wanted, sight: Seen) -> Response:
        """As PDF: how many alerts there are, and the youngest thousand that a filter means."""
        wanted, now = await self._scope.limit(asked, sight), self._clock.now()
        counts = await self._alerts.count(self._organization_id, wanted)
        page = await self._alerts.search(self._organization_id, wanted, limit=_ROWS)
        total = sum(counts.by_state.values())
        facts = [
            ("Alerts", str(total)),
            ("To be looked at", _counted(counts.open_by_severity)),
            ("By state", _counted(counts.by_state)),
            ("Quiet", _counted(counts.quiet)),
        ]
        rows = [_alert(each) for each in page.items]
        left_out = max(total - len(rows), 0) if page.next else 0
        sections = [
            _kinds("Open, by rule", sorted(counts.open_by_rule.items(), key=lambda each: -each[1])),
            Section("Alerts", table=Table(_ALERTS, rows, left_out)),
        ]
        hint = "All of them: vedette alert export"
        return await self._print("alerts", Paper("Alerts", to_rfc3339(now), facts, sections, hint))

    async def vulnerabilities(self, sight: Seen, site: _SiteQuery = None) -> Response:
        """As PDF: what all vulnerabilities come to, and the thousand that matter most."""
        sites, now = narrow(sight, site), self._clock.now()
        summary = await self._exposure.summary(self._organization_id, sites=sites)
        page = await self._exposure.list(self._organization_id, VulnerabilitySearch(sites=sites), limit=_ROWS)
        facts = [
            ("Site", site or "all"),
            ("Compared", f"{summary.assets} assets with the advisories that were imported"),
            ("Proven", str(summary.proven)),
            ("Maybe", str(summary.maybe)),
            ("Cannot be told", f"of {summary.unknown} assets: their product or version is not known well enough"),
        ]
        rows = [_vulnerability(each) for each in page.items]
        empty = "No advisory that was imported speaks of what is known of these assets."
        left_out = max(summary.proven + summary.maybe - len(rows), 1) if page.next else 0
        sections = [Section("Vulnerabilities", table=Table(_VULNERABILITIES, rows, left_out, empty))]
        hint = "All of them: vedette vulnerability list --all"
        return await self._print("vulnerabilities", Paper("Vulnerabilities", to_rfc3339(now), facts, sections, hint))

    async def _print(self, name: str, paper: Paper) -> Response:
        headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
        return Response(await self._printer.paper(paper), media_type=PDF, headers=headers)


_EXPORT: Final = "All of them: vedette asset export"


def _kinds(heading: str, counts: Iterable[tuple[str, int]]) -> Section:
    told = list(counts)
    words = ", ".join(f"{value} {count}" for value, count in told[:_VALUES])
    more = f", and {len(told) - _VALUES} others" if len(told) > _VALUES else ""
    return Section(heading, lines=[f"{words}{more}" if words else "None."])


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "none"


def _asset(asset: NetworkAsset) -> list[str]:
    return [
        asset.name,
        "; ".join((*asset.ips, *asset.macs)),
        asset.site,
        asset.device_type,
        asset.role,
        asset.level,
        asset.vendor,
        asset.model,
        asset.firmware,
        asset.management.device_id if asset.management else "",
        to_rfc3339(asset.last_at)[:16].replace("T", " "),
    ]


def _alert(alert: Alert) -> list[str]:
    return [
        to_rfc3339(alert.last_at)[:16].replace("T", " "),
        alert.severity.value,
        alert.verdict.value or alert.state.value,
        alert.title,
        alert.source.name or alert.source.address,
        alert.target.name or alert.target.address,
        alert.technique,
        str(alert.times),
    ]


def _vulnerability(found: Vulnerability) -> list[str]:
    return [
        str(found.priority),
        found.asset_name,
        found.name,
        found.certainty.value,
        "" if found.score is None else f"{found.score:.1f}",
        "yes" if found.is_known_exploited else "",
        found.title,
        found.product,
        found.versions,
        found.state.value,
    ]
