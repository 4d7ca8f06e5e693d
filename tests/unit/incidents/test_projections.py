"""Alerts as other systems read them: by the names and numbers that those systems publish."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from made_alert import NOW, alert

from vedette.incidents import (
    ALARM,
    NOTICE,
    AlertState,
    End,
    Engine,
    Severity,
    Verdict,
    signal_class,
    to_ecs,
    to_ocsf,
    to_stix,
)

# Attributes of the class Detection Finding, with what it inherits and the profile Incident, as OCSF 1.8 lists them.
HOUR = timedelta(hours=1)
OCSF = {
    *("activity_id", "activity_name", "category_name", "category_uid", "class_name", "class_uid", "count"),
    *("end_time", "evidences", "finding_info", "is_alert", "message", "metadata", "resources", "severity"),
    *("severity_id", "start_time", "status", "status_id", "tickets", "time", "type_name", "type_uid", "unmapped"),
    *("verdict", "verdict_id"),
}
FINDING_INFO = {
    *("analytic", "attacks", "created_time", "first_seen_time", "last_seen_time", "modified_time"),
    *("title", "types", "uid", "uid_alt"),
}
STIX_ID = re.compile(r"[a-z0-9-]+--[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
SEEN = alert(
    source=End(address="10.0.0.9", name="station", asset_id="ast_1"),
    target=End(address="02:aa:00:00:00:01"),
    times=7,
    first_at=NOW - HOUR,
)


def test_ocsf_holds_only_attributes_that_are_published_and_all_that_are_required() -> None:
    for each in (SEEN, alert(ticket_id="tkt_1", is_loud=False), alert(source=End(), target=End(), technique="")):
        found = to_ocsf(each)
        assert set(found) <= OCSF
        assert set(found["finding_info"]) <= FINDING_INFO
        assert {"activity_id", "class_uid", "metadata", "severity_id", "time", "type_uid"} <= set(found)
        assert (found["class_uid"], found["category_uid"]) == (2004, 2)
        assert found["type_uid"] == 200_400 + found["activity_id"]
        assert json.dumps(found)


def test_ocsf_tells_who_did_what_to_whom() -> None:
    found = to_ocsf(SEEN)
    assert found["evidences"] == [
        {
            "src_endpoint": {"ip": "10.0.0.9", "name": "station", "uid": "ast_1"},
            "dst_endpoint": {"mac": "02:aa:00:00:00:01"},
        }
    ]
    technique = {"uid": "T0858", "name": "Change Operating Mode"}
    assert found["finding_info"]["attacks"] == [{"version": "18.1", "technique": technique}]
    assert (found["severity_id"], found["severity"]) == (4, "High")
    assert found["count"] == 7
    assert found["end_time"] - found["start_time"] == 3_600_000


@pytest.mark.parametrize(
    ("name", "changes", "activity", "status", "verdict"),
    [
        ("new", {}, 1, 1, 0),
        ("acknowledged", {"state": AlertState.ACKNOWLEDGED, "revision": 2}, 2, 2, 0),
        ("muted", {"is_loud": False, "exception_id": "exc_1"}, 1, 3, 0),
        ("real", {"state": AlertState.CLOSED, "verdict": Verdict.TRUE_POSITIVE}, 3, 4, 2),
        ("false", {"state": AlertState.CLOSED, "verdict": Verdict.FALSE_POSITIVE}, 3, 4, 1),
        ("benign", {"state": AlertState.CLOSED, "verdict": Verdict.BENIGN}, 3, 4, 5),
    ],
)
def test_ocsf_tells_how_far_people_have_come(
    name: str, changes: dict[str, Any], activity: int, status: int, verdict: int
) -> None:
    found = to_ocsf(alert(**changes))
    assert (found["activity_id"], found["status_id"], found["verdict_id"]) == (activity, status, verdict), name


def test_ecs_names_fields_as_the_schema_does() -> None:
    found = to_ecs(SEEN)
    assert found["event"]["kind"] == "alert"
    assert found["event"]["category"] == ["intrusion_detection"]
    assert found["source"] == {"address": "10.0.0.9", "ip": "10.0.0.9"}
    assert found["destination"] == {"address": "02:aa:00:00:00:01", "mac": "02-AA-00-00-00-01"}
    assert found["threat"]["technique"]["id"] == ["T0858"]
    assert found["rule"]["id"] == "ot.controller_stop"
    assert found["@timestamp"] == "2026-03-01T12:00:00.000Z"
    assert to_ecs(alert(engine=Engine.MALWARE))["event"]["category"] == ["malware"]
    assert to_ecs(alert(ticket_id="tkt_1", reason="planned"))["event"]["type"] == ["allowed"]


def test_stix_sightings_refer_to_what_is_in_the_bundle_and_keep_their_ids() -> None:
    other = alert(alert_id="alr_2", technique="", target=End(address="fe80::1"))
    bundle = to_stix([SEEN, other])
    assert bundle == to_stix([SEEN, other])
    ids = {each["id"] for each in bundle["objects"]}
    assert all(STIX_ID.fullmatch(each) for each in (bundle["id"], *ids))
    sightings = [each for each in bundle["objects"] if each["type"] == "sighting"]
    assert len(sightings) == 2
    for each in bundle["objects"]:
        named = [each[key] for key in ("sighting_of_ref",) if key in each]
        for key in ("where_sighted_refs", "observed_data_refs", "object_refs"):
            named += each.get(key, [])
        assert set(named) <= ids
        assert each["spec_version"] == "2.1"
    kinds = {each["type"] for each in bundle["objects"]}
    assert {"identity", "attack-pattern", "observed-data", "ipv4-addr", "ipv6-addr", "mac-addr"} <= kinds
    assert (sightings[0]["count"], sightings[0]["first_seen"]) == (7, "2026-03-01T11:00:00.000Z")


def test_the_id_of_an_address_is_the_one_that_everybody_derives() -> None:
    """STIX 2.1 §2.9: UUIDv5 of the canonical JSON of what contributes to it."""
    bundle = to_stix([alert(source=End(address="198.51.100.3"), target=End())])
    [address] = [each for each in bundle["objects"] if each["type"] == "ipv4-addr"]
    assert address["id"] == "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4"


@pytest.mark.parametrize(
    ("name", "changes", "of_source", "of_target"),
    [
        ("a stopped controller", {}, ALARM, ALARM),
        ("a stopped controller, less grave", {"severity": Severity.MEDIUM}, NOTICE, NOTICE),
        ("a scan", {"technique": "T0846"}, ALARM, ""),
        ("malware", {"technique": "", "engine": Engine.MALWARE}, ALARM, ALARM),
        ("a trifle", {"severity": Severity.LOW}, "", ""),
    ],
)
def test_which_end_is_under_suspicion(name: str, changes: dict[str, Any], of_source: str, of_target: str) -> None:
    found = alert(**changes)
    assert (signal_class(found, found.source), signal_class(found, found.target)) == (of_source, of_target), name
