"""The commands of the inventory, against a real platform."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from network_house import HMI, PLC
from running_platform import RunningPlatform, wait_for
from told_plant import PLANT, ToldPlant

from vedette.cli.program import run

Command = Callable[..., tuple[int, str]]
SITE = "plant-b"


@pytest.fixture
def command(platform: RunningPlatform, capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: str) -> tuple[int, str]:
        token = platform.data / "secrets" / "operator.token"
        code = run([*arguments, "--url", platform.url, "--token-file", str(token)])
        return code, capsys.readouterr().out

    return call


@pytest.fixture(scope="module")
def plant(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToldPlant]:
    with platform.client() as api:
        yield ToldPlant(platform, api, tmp_path_factory.mktemp("plant"), name="probe-b", site=SITE)


def _json(command: Command, *arguments: str) -> Any:
    code, out = command(*arguments, "--output", "json")
    assert code == 0, out
    return json.loads(out)


def test_a_sensor_is_registered_heard_and_retired(command: Command, plant: ToldPlant) -> None:
    assert command("sensor", "show", "probe-b")[0] == 4
    assert command("sensor", "register", "probe-b")[0] == 2  # the registry knows no site of it
    assert "Would" in command("sensor", "register", "probe-b", "--site", SITE, "--dry-run")[1]
    code, out = command("sensor", "register", "probe-b", "--site", SITE, "--note", "port 24")
    assert (code, SITE in out) == (0, True)
    plant.tell(*PLANT)
    wait_for(lambda: len(plant.assets()) == 3, "the plant")
    assert "probe-b" in command("sensor", "list", "--state", "active")[1]
    assert "port 24" in command("sensor", "show", "probe-b")[1]
    assert _json(command, "sensor", "show", "probe-b")["batches"] == 1
    assert command("sensor", "retire", "probe-b", "--reason", "sold")[0] == 0
    assert _json(command, "sensor", "show", "probe-b")["state"] == "retired"
    assert command("sensor", "register", "probe-b", "--site", SITE)[0] == 0


def test_assets_are_listed_described_merged_and_parted(command: Command, plant: ToldPlant) -> None:
    found = _json(command, "asset", "list", "--site", SITE)["items"]
    by_ip = {each["ips"][0]: each["asset_id"] for each in found}
    plc, hmi = by_ip[PLC], by_ip[HMI]
    code, out = command("asset", "list", "s7", "--site", SITE, "--state", "new", "--unmanaged")
    assert (code, "plc-1" in out) == (0, True)
    code, out = command("asset", "show", plc)
    assert (code, "its role is controller" in out, "S7-1200" in out) == (0, True, True)
    assert command("asset", "acknowledge", plc, hmi)[0] == 0
    assert command("asset", "update", plc)[0] == 2
    assert command("asset", "update", plc, "--level", "0", "--criticality", "high", "--note", "press 4")[0] == 0
    assert _json(command, "asset", "show", plc)["asset"]["level"] == "0"
    assert command("asset", "merge", hmi, plc, "--reason", "two cards")[0] == 0
    assert len(_json(command, "asset", "list", "--site", SITE)["items"]) == 2
    assert command("asset", "part", hmi)[0] == 0
    assert command("asset", "split", plc, PLC)[0] == 0
    assert len(_json(command, "asset", "list", "--site", SITE)["items"]) == 4
    assert command("asset", "show", "ast_nobody")[0] == 4


def test_the_inventory_is_written_whole(command: Command, plant: ToldPlant) -> None:
    code, out = command("asset", "export", "--site", SITE)
    assert code == 0
    assert {row["site"] for row in csv.DictReader(io.StringIO(out))} == {SITE}
    code, out = command("asset", "export", "--site", SITE, "--role", "controller")
    assert {row["role"] for row in csv.DictReader(io.StringIO(out))} == {"controller"}
    assert command("asset", "export", "links", "--role", "controller")[0] == 2
    code, out = command("asset", "export", "links", "--format", "json", "--site", SITE)
    assert (code, len(json.loads(out)["items"])) == (0, 2)


def test_links_operations_and_the_outside_are_listed_and_judged(command: Command, plant: ToldPlant) -> None:
    code, out = command("link", "list", "--site", SITE, "--internal")
    assert (code, "modbus" in out) == (0, True)
    code, out = command("link", "operations", "--site", SITE, "--kind", "write")
    assert (code, "write_single_register" in out) == (0, True)
    (found,) = _json(command, "link", "external", "--site", SITE)["items"]
    assert command("link", "decide", found["external_id"], "approved", "--reason", "updates")[0] == 2
    code, out = command("link", "decide", found["external_id"], "approved", "--owner", "Ada", "--reason", "updates")
    assert (code, "approved" in out) == (0, True)
    twice = (found["external_id"], found["external_id"])
    code, out = command("link", "decide", *twice, "undecided", "--dry-run")
    assert (code, "approved" in out, "Would decide" in out) == (0, True, True)
    assert command("link", "decide", found["external_id"], "0123456789abcdef", "undecided")[0] == 4
    assert _json(command, "link", "external", "--site", SITE)["items"][0]["verdict"] == "approved"


def test_snapshots_are_taken_compared_and_deleted(command: Command, plant: ToldPlant) -> None:
    taken = _json(command, "snapshot", "take", "--note", "before the overhaul")["snapshot_id"]
    assert taken in command("snapshot", "list")[1]
    code, out = command("snapshot", "changes", taken)
    assert (code, "0 links are new" in out) == (0, True)
    assert command("snapshot", "delete", taken)[0] == 0
    assert command("snapshot", "changes", taken)[0] == 4
