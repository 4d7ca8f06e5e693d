"""Vulnerabilities of assets on real databases: imported, compared, ranked, told, accepted, and back again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from advisory_cases import catalog, document, encoded, product, scores, zipped
from identity_house import ACTOR
from network_house import HMI, PLC, NetworkHouse, asset, link

from vedette.health import HealthReport, SignalService
from vedette.health.advisories import AdvisoryNotFound, AdvisoryService, Certainty, InvalidAdvisory, InvalidFeed
from vedette.network import AssetService, NetworkAsset, NetworkReader, SensorEntry
from vedette.network.exposure import (
    EvidenceChanged,
    ExposureAssessor,
    ExposureService,
    ExposureSignals,
    InvalidAcceptance,
    Vulnerability,
    VulnerabilityNotFound,
    VulnerabilitySearch,
    VulnerabilityState,
)
from vedette.registry import ReasonMissing
from vedette.simulation import ManualClock
from vedette.trust import RiskLevel

pytestmark = pytest.mark.anyio

CVE = "CVE-2026-10001"
FACTS: dict[str, Any] = {"vendor": "Ostwind Controls", "model": "Tern 500", "firmware": "V2.3"}


class ExposureHouse:
    """An inventory with advisories about it."""

    def __init__(self, network: NetworkHouse, clock: ManualClock) -> None:
        self.network = network
        self.organization_id = network.organization_id
        store, ledger = network.store, network.ledger
        self.signals = SignalService(store, ledger, network.guard, clock=clock, ids=network.ids)
        ledger.project("signals", self.signals.project)
        self.advisories = AdvisoryService(store, ledger, clock=clock)
        self.assets = AssetService(store, ledger, clock=clock, ids=network.ids)
        told = ExposureSignals(self.organization_id, store, self.signals, clock=clock)
        self.assessor = ExposureAssessor(
            self.organization_id, store, NetworkReader(store), self.advisories, told, clock=clock
        )
        self.exposure = ExposureService(store, ledger, self.advisories, self.assessor, clock=clock)

    async def imported(self, *documents: dict[str, Any]) -> Any:
        packed = zipped(*((f"{n}.json", encoded(each)) for n, each in enumerate(documents)))
        return await self.advisories.import_advisories(self.organization_id, packed, actor=ACTOR)

    async def tern(self, sensor: SensorEntry | None = None, **changes: str) -> NetworkAsset:
        await self.network.tell(sensor or await self.network.sensor(), asset(PLC, **FACTS | changes))
        return await self.network.only(address=PLC)

    async def found(self, **search: Any) -> list[Vulnerability]:
        return (await self.exposure.list(self.organization_id, VulnerabilitySearch(**search))).items

    async def managed(self, asset_id: str) -> None:
        await self.network.device("pump-7")
        await self.assets.change(self.organization_id, asset_id, {"device_id": "pump-7"}, actor=ACTOR)

    async def health(self) -> HealthReport:
        return await self.signals.report(self.organization_id, "pump-7")


@pytest.fixture
def terns(house: NetworkHouse, clock: ManualClock) -> ExposureHouse:
    return ExposureHouse(house, clock)


async def test_to_import_twice_changes_nothing(terns: ExposureHouse) -> None:
    first = await terns.imported(document(), document(advisory_id="OCA-26-002"))
    assert (first.added, first.unchanged, first.refused) == (2, 0, ())
    state = await terns.advisories.state(terns.organization_id)
    again = await terns.imported(document(), document(advisory_id="OCA-26-002"))
    assert (again.added, again.updated, again.unchanged) == (0, 0, 2)
    assert await terns.advisories.state(terns.organization_id) == state
    newer = await terns.imported(document(released="2026-06-01T00:00:00Z"))
    assert newer.updated == 1
    assert (await terns.imported(document())).older == 1
    (feed,) = await terns.advisories.feeds(terns.organization_id)
    assert (feed.name, feed.count) == ("csaf:Ostwind PSIRT", 2)
    assert feed.data_at is not None
    assert feed.data_at.isoformat().startswith("2026-06-01")
    acts = [each.action for each in await terns.network.acts()]
    assert acts.count("health.import_advisories") == 2


async def test_what_cannot_be_read_is_told_and_the_rest_is_taken(terns: ExposureHouse) -> None:
    packed = zipped(("a.json", encoded(document())), ("b.json", b"{}"))
    report = await terns.advisories.import_advisories(terns.organization_id, packed, actor=ACTOR)
    assert (report.added, [each.name for each in report.refused]) == (1, ["b.json"])
    with pytest.raises(InvalidAdvisory):
        await terns.advisories.import_advisories(terns.organization_id, b"{}", actor=ACTOR)
    with pytest.raises(InvalidFeed, match="digest"):
        await terns.advisories.import_advisories(terns.organization_id, packed, actor=ACTOR, sha256="0" * 64)


async def test_advisories_are_found_and_taken_away(terns: ExposureHouse) -> None:
    other = document(product("Heron_1", "1.0"), advisory_id="OCA-26-002", cve="CVE-2026-10002")
    await terns.imported(document(), other)
    found, following = await terns.advisories.list(terns.organization_id, limit=1)
    assert following == found[0].key
    (rest,), end = await terns.advisories.list(terns.organization_id, after=following or "")
    assert end is None
    assert {found[0].advisory_id, rest.advisory_id} == {"OCA-26-001", "OCA-26-002"}
    (about,), _ = await terns.advisories.list(terns.organization_id, name="CVE-2026-10002")
    (named,), _ = await terns.advisories.list(terns.organization_id, text="26-002")
    assert about == named
    assert (await terns.advisories.list(terns.organization_id, text="26%002"))[0] == []
    _, whole = await terns.advisories.show(terns.organization_id, about.key)
    assert whole.products[0].name == "Heron_1"
    with pytest.raises(ReasonMissing):
        await terns.advisories.remove(terns.organization_id, about.key, actor=ACTOR, reason="")
    await terns.advisories.remove(terns.organization_id, about.key, actor=ACTOR, reason="not ours")
    with pytest.raises(AdvisoryNotFound):
        await terns.advisories.show(terns.organization_id, about.key)


async def test_proven_maybe_and_unknown_are_kept_apart(terns: ExposureHouse) -> None:
    sensor = await terns.network.sensor()
    await terns.imported(document())
    told = (
        asset(PLC, number=1, **FACTS),
        asset("10.0.0.6", number=2, vendor="Ostwind Controls", model="Tern 500"),
        asset("10.0.0.7", number=3, vendor="Ostwind Controls"),
        asset("10.0.0.8", number=4, vendor="Ostwind Controls", model="Tern 500", firmware="V2.4"),
    )
    await terns.network.tell(sensor, *told)
    run = await terns.assessor.assess()
    assert (run.assets, run.assessed, run.changed) == (4, 4, 2)
    assert [each.certainty for each in await terns.found()] == [Certainty.PROVEN, Certainty.MAYBE]
    (maybe,) = await terns.found(certainty=Certainty.MAYBE)
    assert any("version was not seen" in reason for reason in maybe.reasons)
    page = await terns.exposure.exposures(terns.organization_id, is_unknown=True)
    (unknown,) = page.items
    assert (unknown.proven, unknown.maybe, unknown.unknown_advisories) == (0, 0, 1)
    assert "model was not" in unknown.unknown_reason
    total = await terns.exposure.summary(terns.organization_id)
    assert (total.assets, total.proven, total.maybe, total.unknown) == (4, 1, 1, 1)
    assert await terns.found(sites=frozenset({"elsewhere"})) == []
    assert (await terns.exposure.summary(terns.organization_id, sites=frozenset())).assets == 0


async def test_only_what_changed_is_compared_anew(terns: ExposureHouse) -> None:
    sensor = await terns.network.sensor()
    await terns.imported(document())
    await terns.tern(sensor)
    await terns.network.tell(sensor, asset("10.0.0.6", number=2, vendor="Westwind", model="Gull 1", firmware="1.0"))
    assert (await terns.assessor.assess()).assessed == 2
    assert (await terns.assessor.assess()).assessed == 0
    await terns.imported(document(advisory_id="OCA-26-002", cve="CVE-2026-10002"))
    run = await terns.assessor.assess()
    assert (run.assessed, run.changed) == (1, 1)
    await terns.network.tell(sensor, asset("10.0.0.6", number=2, vendor="Westwind", model="Gull 1", firmware="1.1"))
    assert (await terns.assessor.assess()).assessed == 1
    about, _ = await terns.advisories.list(terns.organization_id, name="CVE-2026-10002")
    await terns.advisories.remove(terns.organization_id, about[0].key, actor=ACTOR, reason="withdrawn")
    await terns.assessor.assess()
    assert [each.name for each in await terns.found()] == [CVE]


async def test_priority_follows_exploitation_exposure_and_criticality(terns: ExposureHouse) -> None:
    sensor = await terns.network.sensor()
    await terns.imported(document())
    plc = await terns.tern(sensor)
    await terns.assessor.assess()
    (plain,) = await terns.found()
    assert {each.name for each in plain.factors} >= {"certainty", "severity", "likelihood", "reach", "exposure"}
    await terns.advisories.import_scores(terns.organization_id, scores((CVE, 0.9, 0.99)), actor=ACTOR)
    await terns.assessor.assess()
    (scored,) = await terns.found()
    assert scored.priority > plain.priority
    assert (scored.probability, scored.percentile) == (0.9, 0.99)
    await terns.advisories.import_known_exploited(terns.organization_id, catalog(CVE), actor=ACTOR)
    await terns.assessor.assess()
    (known,) = await terns.found(is_known_exploited=True)
    assert known.priority >= scored.priority
    await terns.assets.change(terns.organization_id, plc.asset_id, {"criticality": "critical"}, actor=ACTOR)
    await terns.assessor.assess()
    (critical,) = await terns.found()
    assert critical.priority > known.priority
    report = await terns.exposure.show(terns.organization_id, plc.asset_id, CVE)
    assert [each.kind for each in report.advice][:2] == ["vendor_fix", "mitigation"]
    assert report.advice[-1].kind == "segment"


async def test_who_reaches_an_asset_counts(terns: ExposureHouse, clock: ManualClock) -> None:
    sensor = await terns.network.sensor()
    await terns.imported(document())
    plc = await terns.tern(sensor)
    await terns.assessor.assess()
    (alone,) = await terns.found()
    outside = link("203.0.113.9", PLC, port=80, protocol="http", is_external=True)
    await terns.network.tell(sensor, asset(HMI, number=2), link(), outside)
    clock.advance(timedelta(minutes=11))
    await terns.assessor.assess()
    (reached,) = await terns.found()
    assert reached.priority > alone.priority
    report = await terns.exposure.show(terns.organization_id, plc.asset_id, CVE)
    assert (report.surroundings.inbound, report.surroundings.clients) == (1, 1)
    assert {"close_outside", "disable_service", "segment"} <= {each.kind for each in report.advice}


async def test_a_feed_that_is_older_than_the_known_one_is_refused(terns: ExposureHouse) -> None:
    await terns.advisories.import_scores(terns.organization_id, scores((CVE, 0.5, 0.5)), actor=ACTOR)
    await terns.advisories.import_scores(terns.organization_id, scores(("CVE-2026-10002", 0.5, 0.5)), actor=ACTOR)
    with pytest.raises(InvalidFeed, match="is known"):
        await terns.advisories.import_scores(
            terns.organization_id, scores((CVE, 0.1, 0.1), day="2026-06-01"), actor=ACTOR
        )
    await terns.advisories.import_known_exploited(terns.organization_id, catalog(CVE), actor=ACTOR)
    older = catalog(released="2026-01-01T00:00:00Z")
    with pytest.raises(InvalidFeed, match="is known"):
        await terns.advisories.import_known_exploited(terns.organization_id, older, actor=ACTOR)
    ages = {each.name: each.count for each in await terns.advisories.feeds(terns.organization_id)}
    assert ages == {"epss": 2, "kev": 1}


async def test_an_acceptance_has_an_owner_and_an_end_and_returns(terns: ExposureHouse, clock: ManualClock) -> None:
    sensor = await terns.network.sensor()
    await terns.imported(document())
    plc = await terns.tern(sensor)
    await terns.assessor.assess()
    (found,) = await terns.found()
    until = clock.now() + timedelta(days=30)
    given: dict[str, Any] = {"owner": "plant manager", "until": until, "actor": ACTOR, "reason": "stops in June"}

    async def accept(**changes: Any) -> Vulnerability:
        return await terns.exposure.accept(terns.organization_id, plc.asset_id, CVE, **given | changes)

    for changes in ({"until": clock.now() + timedelta(days=366)}, {"until": clock.now()}, {"owner": " "}):
        with pytest.raises(InvalidAcceptance):
            await accept(**changes)
    with pytest.raises(ReasonMissing):
        await accept(reason="")
    with pytest.raises(EvidenceChanged):
        await accept(evidence_id="0" * 32)
    accepted = await accept(evidence_id=found.evidence_id)
    assert accepted.state is VulnerabilityState.ACCEPTED
    assert await terns.found(state=VulnerabilityState.OPEN) == []
    assert (await terns.exposure.summary(terns.organization_id)).accepted == 1
    clock.advance(timedelta(days=31))
    (over,) = await terns.found(state=VulnerabilityState.OPEN)
    assert "time is over" in over.ended_because
    await accept(until=clock.now() + timedelta(days=30))
    await terns.network.tell(sensor, asset(PLC, **FACTS | {"firmware": "V2.2"}))
    await terns.assessor.assess()
    (changed,) = await terns.found(state=VulnerabilityState.OPEN)
    assert "has changed" in changed.ended_because
    await accept(until=clock.now() + timedelta(days=30))
    reopened = await terns.exposure.reopen(terns.organization_id, plc.asset_id, CVE, actor=ACTOR, reason="no more")
    assert (reopened.state, reopened.acceptance) == (VulnerabilityState.OPEN, None)
    with pytest.raises(VulnerabilityNotFound):
        await terns.exposure.reopen(terns.organization_id, plc.asset_id, CVE, actor=ACTOR, reason="again")
    acts = [each.action for each in await terns.network.acts()]
    assert acts.count("network.accept_vulnerability") == 3
    assert acts.count("network.reopen_vulnerability") == 1


async def test_what_sensors_saw_of_a_managed_device_narrows_at_most(terns: ExposureHouse, clock: ManualClock) -> None:
    sensor = await terns.network.sensor()
    await terns.imported(document())
    plc = await terns.tern(sensor)
    await terns.managed(plc.asset_id)
    await terns.assessor.assess()
    told = await terns.health()
    assert told.appraisal.risk_level is RiskLevel.MEDIUM
    (signal,) = told.signals
    assert (signal.signal_class, signal.provenance.value, signal.detail["worst"]) == (
        "vulnerable-software",
        "spoofable",
        CVE,
    )
    clock.advance(timedelta(hours=7))
    await terns.assessor.assess()
    assert (await terns.health()).signals[0].observed_at > signal.observed_at
    until = clock.now() + timedelta(days=1)
    given: dict[str, Any] = {"owner": "plant manager", "until": until, "actor": ACTOR, "reason": "for a day"}
    await terns.exposure.accept(terns.organization_id, plc.asset_id, CVE, **given)
    assert (await terns.health()).signals == ()
    clock.advance(timedelta(days=2))
    await terns.assessor.assess()
    assert len((await terns.health()).signals) == 1
    await terns.network.tell(sensor, asset(PLC, at=9_000, **FACTS | {"firmware": "V2.4"}))
    about, _ = await terns.advisories.list(terns.organization_id, name=CVE)
    await terns.advisories.remove(terns.organization_id, about[0].key, actor=ACTOR, reason="withdrawn")
    await terns.assessor.assess()
    assert (await terns.health()).signals == ()


async def test_what_a_device_says_of_itself_counts_against_it(terns: ExposureHouse) -> None:
    await terns.imported(document())
    plc = await terns.tern(firmware="V9.9")
    await terns.managed(plc.asset_id)
    device = await terns.network.devices.get(terns.organization_id, "pump-7")
    own = b'{"deviceInformation": {"manufacturer": "Ostwind Controls", "model": "Tern 500", "swVersion": "V2.3"}}'
    await terns.network.twins.report(terns.organization_id, device.generation_id, own)
    await terns.assessor.assess()
    (found,) = await terns.found()
    assert (found.certainty, {each.source for each in found.evidence}) == (Certainty.PROVEN, {"twin"})
    told = await terns.health()
    assert told.appraisal.risk_level is RiskLevel.HIGH
    assert [each.provenance.value for each in told.signals] == ["self-reported"]


async def test_a_device_that_no_sensor_saw_is_compared_by_what_it_reports(
    terns: ExposureHouse, clock: ManualClock
) -> None:
    await terns.imported(document())
    device = await terns.network.device("pump-7")
    await terns.network.device("pump-8")  # it tells nothing
    own = b'{"deviceInformation": {"manufacturer": "Ostwind Controls", "model": "Tern 500", "swVersion": "V2.3"}}'
    await terns.network.twins.report(terns.organization_id, device.generation_id, own)
    await terns.assessor.assess()
    (found,) = await terns.found()
    assert (found.asset_id, found.asset_name, found.certainty) == (device.generation_id, "pump-7", Certainty.PROVEN)
    assert [each.because for each in found.factors if each.name == "exposure"] == ["no sensor sees who reaches it"]
    assert [each.provenance.value for each in (await terns.health()).signals] == ["self-reported"]
    report = await terns.exposure.show(terns.organization_id, device.generation_id, CVE)
    assert report.surroundings.is_seen is False
    until = clock.now() + timedelta(days=9)
    accepted = await terns.exposure.accept(
        terns.organization_id, device.generation_id, CVE, owner="jo", until=until, actor=ACTOR, reason="in stock"
    )
    assert accepted.state is VulnerabilityState.ACCEPTED
    assert (await terns.health()).signals == ()
    fixed = b'{"deviceInformation": {"manufacturer": "Ostwind Controls", "model": "Tern 500", "swVersion": "V9.9"}}'
    await terns.network.twins.report(terns.organization_id, device.generation_id, fixed)
    assert len(await terns.found()) == 1
    clock.advance(timedelta(minutes=11))
    await terns.assessor.assess()
    assert await terns.found() == []


async def test_a_device_leaves_the_list_once_a_sensor_sees_it_or_it_is_deleted(terns: ExposureHouse) -> None:
    await terns.imported(document())
    for name in ("pump-7", "pump-8"):
        device = await terns.network.device(name)
        own = b'{"deviceInformation": {"manufacturer": "Ostwind Controls", "model": "Tern 500", "swVersion": "V2.3"}}'
        await terns.network.twins.report(terns.organization_id, device.generation_id, own)
    await terns.assessor.assess()
    assert {each.asset_name for each in await terns.found()} == {"pump-7", "pump-8"}
    plc = await terns.tern()
    await terns.assets.change(terns.organization_id, plc.asset_id, {"device_id": "pump-7"}, actor=ACTOR)
    await terns.network.devices.delete(terns.organization_id, "pump-8", actor=ACTOR, reason="scrapped")
    terns.assessor.nudge()
    await terns.assessor.assess()
    assert {each.asset_id for each in await terns.found()} == {plc.asset_id}


@pytest.mark.parametrize(("score_from", "is_told"), [(8.0, False), (7.5, True)])
async def test_from_which_score_policies_hear_of_it_is_set(
    terns: ExposureHouse, clock: ManualClock, *, score_from: float, is_told: bool
) -> None:
    network = terns.network
    told = ExposureSignals(terns.organization_id, network.store, terns.signals, score_from=score_from, clock=clock)
    assessor = ExposureAssessor(
        terns.organization_id, network.store, network.reader, terns.advisories, told, clock=clock
    )
    await terns.imported(document(score=7.5))
    plc = await terns.tern()
    await terns.managed(plc.asset_id)
    await assessor.assess()
    assert bool((await terns.health()).signals) is is_told


async def test_a_signal_goes_with_its_device(terns: ExposureHouse) -> None:
    await terns.imported(document())
    plc = await terns.tern()
    await terns.managed(plc.asset_id)
    await terns.assessor.assess()
    await terns.network.devices.delete(terns.organization_id, "pump-7", actor=ACTOR, reason="scrapped")
    await terns.assets.change(terns.organization_id, plc.asset_id, {"device_id": None}, actor=ACTOR)
    await terns.assessor.assess()
    exposure = await terns.exposure.exposure(terns.organization_id, plc.asset_id)
    assert exposure is not None
    assert (exposure.proven, exposure.signal_id) == (1, "")


async def test_a_vulnerability_of_little_weight_is_no_signal(terns: ExposureHouse) -> None:
    await terns.imported(document(score=4.0))
    plc = await terns.tern()
    await terns.managed(plc.asset_id)
    await terns.assessor.assess()
    assert (await terns.health()).signals == ()
    await terns.advisories.import_known_exploited(terns.organization_id, catalog(CVE), actor=ACTOR)
    await terns.assessor.assess()
    assert len((await terns.health()).signals) == 1


async def test_lists_read_on_where_they_ended(terns: ExposureHouse) -> None:
    await terns.imported(*(document(advisory_id=f"A{n}", cve=f"CVE-2026-2000{n}", score=5.0 + n % 3) for n in range(7)))
    await terns.tern()
    await terns.assessor.assess()
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await terns.exposure.list(terns.organization_id, after=after, limit=2)
        seen += [each.name for each in page.items]
        after = page.next
    assert sorted(seen) == [f"CVE-2026-2000{n}" for n in range(7)]
    with pytest.raises(InvalidAcceptance):
        await terns.exposure.list(terns.organization_id, after="x")
