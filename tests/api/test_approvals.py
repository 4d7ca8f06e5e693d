"""A platform that asks for a second person, listed commands, reviews, and marks of bulk reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from console_client import ConsoleClient
from people_at_the_door import PeopleAtTheDoor, signed
from running_platform import RunningPlatform

from vedette.kernel import SystemClock, to_rfc3339

# Thirty steps of two each: checking anything against it would take hours.
DOUBLING = {str(at): {"allOf": [{"$ref": f"#/$defs/{at + 1}"}] * 2} for at in range(30)} | {"30": {"type": "object"}}
_CONFIGURATION = """
access.second_approver = ["managePeople", "enroll"]
access.bulk_read_alarm_mb = 1
access.bulk_read_limit_mb = 2
access.cut_percent = 29
access.cut_always = 1
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    running = RunningPlatform(tmp_path_factory.mktemp("strict"), configuration=_CONFIGURATION)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def host(strict: RunningPlatform) -> Iterator[httpx.Client]:
    with strict.client() as client:
        yield client


@pytest.fixture(scope="module")
def people(strict: RunningPlatform, host: httpx.Client) -> Iterator[PeopleAtTheDoor]:
    found = PeopleAtTheDoor(strict.url, host)
    yield found
    found.close()


def _in_days(days: int) -> str:
    return to_rfc3339(SystemClock().now() + timedelta(days=days))


def test_an_act_waits_for_another_person_and_is_done_once(people: PeopleAtTheDoor, host: httpx.Client) -> None:
    asker, other, auditor = people.come("admin"), people.come("admin"), people.come("auditor")
    whom = auditor.who()["person_id"]
    path, body = f"/v1/people/{whom}/grants", {"role": "analyst"}
    waiting = asker.http.post(path, json=body)
    assert (waiting.status_code, waiting.json()["code"]) == (403, "operators.approval_needed")
    act = waiting.json()["context"]["approval_id"]
    assert asker.http.post(path, json=body).json()["context"]["approval_id"] == act
    own = asker.http.post(f"/v1/approvals/{act}/approve", json={})
    assert (own.status_code, own.json()["code"]) == (403, "operators.own_approval")
    weak = auditor.http.post(f"/v1/approvals/{act}/approve", json={})
    assert (weak.status_code, weak.json()["code"]) == (403, "operators.act_refused")
    shown = other.http.get(f"/v1/approvals/{act}").json()
    assert (shown["state"], shown["path"], '"analyst"' in shown["body"]) == ("waiting", path, True)
    assert other.http.post(f"/v1/approvals/{act}/approve", json={"note": "fine"}).json()["state"] == "approved"
    changed = asker.http.post(path, json={"role": "admin"})
    assert changed.json()["code"] == "operators.approval_needed"
    assert other.http.post(path, json=body).json()["code"] == "operators.approval_needed"
    assert asker.http.post(path, json=body).status_code == 201
    assert asker.http.post(path, json=body).json()["code"] == "operators.approval_needed"
    entries = host.get("/v1/ledger/entries", params={"target": act, "limit": 100}).json()["items"]
    assert [each["action"] for each in entries] == [
        "operators.ask_approval",
        "operators.approve_act",
        "operators.use_approval",
    ]


def test_nobody_approves_by_a_program_or_a_link_of_their_own(
    people: PeopleAtTheDoor, host: httpx.Client, strict: RunningPlatform
) -> None:
    asker = people.come("admin")
    act = asker.http.post("/v1/enrollments", json={"name": "mine"}).json()["context"]["approval_id"]
    made = signed(asker, "POST", "/v1/service-tokens", {"name": "my own helper", "roles": ["operator"]})
    program = {"Authorization": f"Bearer {made.json()['secret']}"}
    link = asker.http.post("/v1/login-links", json={"role": "admin"}).raise_for_status().json()["url"]
    other_window = ConsoleClient(strict.url).follow(link)
    for headers in (program, None):
        refused = (other_window.http if headers is None else host).post(
            f"/v1/approvals/{act}/approve", json={}, headers=headers
        )
        assert (refused.status_code, refused.json()["code"]) == (403, "operators.person_needed")
    other_window.close()
    assert asker.http.get(f"/v1/approvals/{act}").json()["state"] == "waiting"


def test_the_word_of_who_was_kept_out_since_counts_no_more(people: PeopleAtTheDoor, host: httpx.Client) -> None:
    asker, other = people.come("deployer"), people.come("operator")
    body = {"name": "gone", "kind": "individual", "registration_id": "gone", "primary_sha256": "ef" * 32}
    act = asker.http.post("/v1/enrollments", json=body).json()["context"]["approval_id"]
    whom = other.who()["person_id"]
    other.http.post(f"/v1/approvals/{act}/approve", json={}).raise_for_status()
    host.post(f"/v1/people/{whom}/disable", json={"reason": "left"}).raise_for_status()
    assert asker.http.post("/v1/enrollments", json=body).json()["code"] == "operators.approval_needed"
    host.post(f"/v1/people/{whom}/enable", json={}).raise_for_status()
    assert asker.http.post("/v1/enrollments", json=body).status_code == 201


def test_a_request_that_is_refused_leaves_the_approval_to_be_used(people: PeopleAtTheDoor, host: httpx.Client) -> None:
    asker, other = people.come("deployer"), people.come("operator")
    body = {"name": "twice", "kind": "individual", "registration_id": "twice", "primary_sha256": "ab" * 32}
    act = asker.http.post("/v1/enrollments", json=body).json()["context"]["approval_id"]
    other.http.post(f"/v1/approvals/{act}/approve", json={}).raise_for_status()
    in_the_way = host.post("/v1/enrollments", json=body).raise_for_status().json()
    refused = asker.http.post("/v1/enrollments", json=body)
    assert refused.status_code == 409, refused.text
    assert other.http.get(f"/v1/approvals/{act}").json()["state"] == "approved"
    host.delete(f"/v1/enrollments/{in_the_way['enrollment_id']}", params={"reason": "in the way"}).raise_for_status()
    assert asker.http.post("/v1/enrollments", json=body).status_code == 201
    assert other.http.get(f"/v1/approvals/{act}").json()["state"] == "used"
    assert asker.http.post("/v1/enrollments", json=body).json()["code"] == "operators.approval_needed"
    entries = host.get("/v1/ledger/entries", params={"target": act, "limit": 100}).json()["items"]
    assert [each["action"].partition(".")[2] for each in entries][2:] == [
        "use_approval",
        "give_back_approval",
        "use_approval",
    ]


def test_one_approval_lets_one_of_many_requests_through(people: PeopleAtTheDoor) -> None:
    asker, other = people.come("deployer"), people.come("operator")
    body = {"name": "many", "kind": "individual", "registration_id": "many", "primary_sha256": "cd" * 32}
    act = asker.http.post("/v1/enrollments", json=body).json()["context"]["approval_id"]
    other.http.post(f"/v1/approvals/{act}/approve", json={}).raise_for_status()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: asker.http.post("/v1/enrollments", json=body).status_code, range(8)))
    assert sorted(answers) == [201] + [403] * 7


def test_a_refused_act_is_not_done(people: PeopleAtTheDoor) -> None:
    asker, other = people.come("deployer"), people.come("operator")
    waiting = asker.http.post("/v1/enrollments", json={})
    act = waiting.json()["context"]["approval_id"]
    assert other.http.post(f"/v1/approvals/{act}/refuse", json={"note": "no"}).json()["state"] == "refused"
    again = asker.http.post("/v1/enrollments", json={})
    assert again.json()["context"]["approval_id"] != act
    assert other.http.post(f"/v1/approvals/{act}/approve", json={}).status_code == 404


def test_what_waits_is_hidden_from_who_may_neither_do_nor_audit_it(people: PeopleAtTheDoor) -> None:
    asker, stranger = people.come("deployer"), people.come("developer")
    act = asker.http.post("/v1/enrollments", json={"name": "x"}).json()["context"]["approval_id"]
    assert stranger.http.get(f"/v1/approvals/{act}").status_code == 403
    assert stranger.http.get("/v1/approvals").json()["items"] == []
    assert act in {each["approval_id"] for each in asker.http.get("/v1/approvals").json()["items"]}


def test_how_many_a_quarantine_cuts_off_is_configured(host: httpx.Client) -> None:
    names = [f"cut-{number}" for number in range(3)]
    for name in names:
        host.post("/v1/devices", json={"device_id": name, "site": "quarry"}).raise_for_status()
    cut = {"reason": "we were told", "mode": "cut"}
    first = host.post(f"/v1/devices/{names[0]}/quarantine", json=cut).json()["quarantine"]
    second = host.post(f"/v1/devices/{names[1]}/quarantine", json=cut).json()["quarantine"]
    assert (first["mode"], second["mode"]) == ("cut", "limited")
    assert "1 of the 3 devices of quarry" in second["narrowed_because"]


def test_the_hosts_token_waits_for_nobody(host: httpx.Client) -> None:
    assert host.post("/v1/enrollments", json={}).status_code == 422


def test_a_review_lists_who_may_what_and_withdraws_what_is_not_needed(
    people: PeopleAtTheDoor, host: httpx.Client
) -> None:
    auditor, leaver = people.come("auditor"), people.come("operator", name="=Leaver")
    begun = auditor.http.post("/v1/reviews", json={"name": "Q4", "due_at": _in_days(14)})
    assert begun.status_code == 201, begun.text
    path = f"/v1/reviews/{begun.json()['review_id']}"
    items = auditor.http.get(f"{path}/entries", params={"limit": 1000}).json()["items"]
    assert len(items) == begun.json()["total_entries"]
    by_subject = {each["subject_id"]: each for each in items}
    own, theirs = by_subject[auditor.who()["person_id"]], by_subject[leaver.who()["person_id"]]
    mine = auditor.http.post(f"{path}/entries/{own['entry_id']}/sign", json={"outcome": "kept"})
    assert (mine.status_code, mine.json()["code"]) == (403, "operators.own_approval")
    withdraw = {"outcome": "withdrawn", "note": "left the company"}
    assert auditor.http.post(f"{path}/entries/{theirs['entry_id']}/sign", json=withdraw).status_code == 403
    assert leaver.http.get("/v1/devices").status_code == 200
    done = host.post(f"{path}/entries/{theirs['entry_id']}/sign", json=withdraw)
    assert (done.status_code, done.json()["outcome"]) == (200, "withdrawn"), done.text
    assert leaver.http.get("/v1/devices").status_code == 403
    assert host.post(f"{path}/entries/{theirs['entry_id']}/sign", json=withdraw).status_code == 409
    table = list(csv.DictReader(io.StringIO(auditor.http.get(f"{path}/export").text)))
    assert len(table) == len(items)
    (line,) = [each for each in table if each["subject_id"] == theirs["subject_id"]]
    assert (line["subject_name"], line["outcome"], line["note"]) == ("'=Leaver", "withdrawn", "left the company")
    shown = auditor.http.get(path).json()
    assert (shown["open_entries"], shown["is_overdue"]) == (len(items) - 1, False)
    assert host.post(f"{path}/close", json={"reason": "enough"}).json()["closed_at"]
    assert host.post(f"{path}/entries/{own['entry_id']}/sign", json={"outcome": "kept"}).status_code == 409


def test_a_review_ends_by_itself_with_its_last_line(people: PeopleAtTheDoor, host: httpx.Client) -> None:
    people.come("auditor")
    path = f"/v1/reviews/{host.post('/v1/reviews', json={'name': 'all', 'due_at': _in_days(1)}).json()['review_id']}"
    for each in host.get(f"{path}/entries", params={"limit": 1000}).json()["items"]:
        assert host.get(path).json()["closed_at"] is None
        host.post(f"{path}/entries/{each['entry_id']}/sign", json={"outcome": "kept"}).raise_for_status()
    assert host.get(path).json()["closed_at"]


@pytest.mark.parametrize("due", ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"])
def test_a_review_is_due_within_a_year(host: httpx.Client, due: str) -> None:
    assert host.post("/v1/reviews", json={"name": "x", "due_at": due}).status_code == 422


_SPEED = {
    "type": "object",
    "properties": {"rpm": {"type": "integer", "minimum": 0, "maximum": 1500}},
    "required": ["rpm"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def press(host: httpx.Client) -> str:
    """Return a device whose class takes listed methods only."""
    host.post("/v1/devices", json={"device_id": "press-1", "device_class": "press"}).raise_for_status()
    new = {"kind": "method", "command": "set_speed", "device_class": "press", "json_schema": _SPEED}
    host.post("/v1/command-schemas", json=new).raise_for_status()
    return "press-1"


@pytest.mark.parametrize(
    ("name", "content", "is_listed"),
    [
        pytest.param("set_speed", '{"payload": {"rpm": 1500}}', True, id="at the limit"),
        pytest.param("set_speed", '{"payload": {"rpm": 1501}}', False, id="over the limit"),
        pytest.param("set_speed", '{"payload": {"rpm": "fast"}}', False, id="another type"),
        pytest.param("set_speed", '{"payload": {"rpm": 1, "now": true}}', False, id="one member more"),
        pytest.param("set_speed", '{"payload": {"rpm": 9999, "rpm": 1}}', False, id="a member twice"),
        pytest.param("set_speed", '{"payload": {"rpm": 9999}, "payload": {"rpm": 1}}', False, id="two payloads"),
        pytest.param("set_speed", "{}", False, id="no payload"),
        pytest.param("reboot", '{"payload": {"rpm": 1}}', False, id="another method"),
        pytest.param("set%5Fspeed", '{"payload": {"rpm": 9999}}', False, id="encoded name"),
    ],
)
def test_a_device_takes_what_is_listed_and_nothing_else(
    host: httpx.Client, press: str, name: str, content: str, *, is_listed: bool
) -> None:
    answer = host.post(
        f"/v1/devices/{press}/methods/{name}", content=content, headers={"Content-Type": "application/json"}
    )
    expected = (404, "messaging.device_not_online") if is_listed else (403, "operators.command_not_listed")
    assert (answer.status_code, answer.json()["code"]) == expected, answer.text


def test_what_is_restricted_by_method_takes_messages_as_before_and_others_everything(
    host: httpx.Client, press: str
) -> None:
    assert host.post(f"/v1/devices/{press}/commands", json={"body": "anything"}).status_code == 201
    host.post("/v1/devices", json={"device_id": "free-1"}).raise_for_status()
    free = host.post("/v1/devices/free-1/methods/whatever", json={"payload": 1})
    assert free.json()["code"] == "messaging.device_not_online"


def test_messages_to_a_group_are_restricted_too(host: httpx.Client) -> None:
    host.post("/v1/devices", json={"device_id": "valve-1"}).raise_for_status()
    host.post("/v1/groups", json={"name": "valves"}).raise_for_status()
    host.post("/v1/groups/valves/add", json={"device_ids": ["valve-1"]}).raise_for_status()
    new = {"kind": "command", "group": "valves", "json_schema": {"enum": ["open", "close"]}}
    made = host.post("/v1/command-schemas", json=new).raise_for_status().json()
    assert host.post("/v1/command-schemas", json=new).status_code == 409
    path = "/v1/devices/valve-1/commands"
    assert host.post(path, json={"body": '"open"'}).status_code == 201
    assert host.post(path, json={"body": '"explode"'}).json()["code"] == "operators.command_not_listed"
    assert host.post(path, json={"body": "open"}).json()["code"] == "operators.command_not_listed"
    assert host.post(path, json={"body": "ImV4cGxvZGUi", "encoding": "base64"}).status_code == 403
    assert host.delete(f"/v1/command-schemas/{made['schema_id']}", params={"reason": "x"}).status_code == 204
    assert host.post(path, json={"body": "open"}).status_code == 201


@pytest.mark.parametrize(
    "new",
    [
        {"json_schema": {}},
        {"device_class": "x", "json_schema": {"type": "nonsense"}},
        {"device_class": "x", "json_schema": {"$ref": "http://evil.example/schema"}},
        {"device_class": "x", "json_schema": {"$ref": "file:///etc/passwd"}},
        {"device_class": "x", "json_schema": {"$ref": "#"}},
        {"device_class": "x", "json_schema": {"$ref": "#name", "$defs": {"a": {"$anchor": "name"}}}},
        {"device_class": "x", "json_schema": {"$ref": "#/$defs/none"}},
        {"device_class": "x", "json_schema": {"$ref": "#/$defs/0", "$defs": DOUBLING}},
        {"device_class": "X Y", "json_schema": {}},
        {"group": "never-was", "json_schema": {}},
        {"device_class": "x", "kind": "command", "command": "named", "json_schema": {}},
        {"device_class": "x", "json_schema": {"description": "x" * 40_000}},
    ],
)
def test_what_is_no_command_schema_is_refused(host: httpx.Client, new: dict[str, object]) -> None:
    assert host.post("/v1/command-schemas", json=new).status_code == 422


def test_a_schema_may_point_to_its_own_parts(host: httpx.Client) -> None:
    schema = {"properties": {"rpm": {"$ref": "#/$defs/a~1b"}}, "$defs": {"a/b": {"type": "integer"}}}
    made = host.post("/v1/command-schemas", json={"device_class": "fan", "json_schema": schema})
    assert made.status_code == 201, made.text


def test_who_registers_a_schema_signs_it(people: PeopleAtTheDoor) -> None:
    admin = people.come("admin")
    new = {"device_class": "lathe", "json_schema": {}}
    assert admin.http.post("/v1/command-schemas", json=new).json()["code"] == "operators.signature_needed"
    assert signed(admin, "POST", "/v1/command-schemas", new).status_code == 201


def test_who_reads_very_much_is_noticed_and_then_held_back(people: PeopleAtTheDoor, host: httpx.Client) -> None:
    tags = {f"note{number}": "x" * 400 for number in range(8)}
    for number in range(90):
        host.post("/v1/devices", json={"device_id": f"big-{number}", "tags": tags}).raise_for_status()
    reader = people.come("auditor")
    codes = [reader.http.get("/v1/devices", params={"limit": 1000}).status_code for _ in range(9)]
    assert codes[0] == 200
    assert codes[-1] == 429
    assert reader.http.get("/v1/devices/big-1").status_code == 200
    notes = host.get("/v1/ledger/entries", params={"actor": reader.who()["person_id"], "limit": 1000}).json()["items"]
    assert [each["action"] for each in notes].count("operators.note_bulk_read") == 1
    assert all(host.get("/v1/devices", params={"limit": 1000}).status_code == 200 for _ in range(9))


def test_a_secret_in_what_waits_is_hidden() -> None:
    from vedette.operators.approval_service import shown_body

    body = b'{"authentication": {"primary_key": "c2VjcmV0", "type": "symmetric_key"}, "list": [{"token": "t"}]}'
    shown = shown_body(body)
    assert "c2VjcmV0" not in shown
    assert '"t"' not in shown
    assert "symmetric_key" in shown
    assert shown_body(b"") == ""
    assert "no JSON" in shown_body(b"\xff")
