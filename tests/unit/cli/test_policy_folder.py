"""Policies as files: what is read, what is refused, and where a flaw is."""

from __future__ import annotations

from pathlib import Path

import pytest

from vedette.cli.policy_folder import read_policy_folder, write_policy_folder
from vedette.cli.problems import Usage
from vedette.cli.program import run

GOOD = """@id("all")
@owner("t") @why("t") @guidance("t")
permit (principal, action == Action::"connect", resource is Hub) when { principal.isEnabled };
"""
CASE = '[[case]]\nname = "in"\naction = "connect"\nexpect = "allow"\npolicy = "all"\n'
SITES = {"north side": {"time_zone": "Europe/Berlin", "networks": ["10.0.0.0/8"], "latitude": 1.5, "radius_m": None}}


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "b.cedar").write_text("second;")
    (tmp_path / "a.cedar").write_text("first;\n\n")
    (tmp_path / "cases.toml").write_text(CASE)
    (tmp_path / "b-cases.toml").write_text(CASE)
    folder = read_policy_folder(tmp_path)
    assert folder.policies == "first;\nsecond;\n"
    assert folder.cases.count("[[case]]") == 2
    assert folder.place(1) == f"{tmp_path}/a.cedar:1"
    assert folder.place(2) == f"{tmp_path}/b.cedar:1"
    assert folder.place(0) == f"{tmp_path}/a.cedar"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    content = {"policies": GOOD, "sites": SITES, "cases": CASE}
    write_policy_folder(tmp_path / "new", content)
    folder = read_policy_folder(tmp_path / "new")
    assert folder.policies == GOOD
    assert folder.cases.strip() == CASE.strip()
    assert folder.sites == {"north side": {"time_zone": "Europe/Berlin", "networks": ["10.0.0.0/8"], "latitude": 1.5}}


def test_one_file_is_the_policies_alone(tmp_path: Path) -> None:
    file = tmp_path / "one.cedar"
    file.write_text(GOOD)
    assert read_policy_folder(file).body == {"policies": GOOD, "sites": {}, "cases": ""}


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("nothing", {}),
        ("an empty file", {"a.cedar": b" "}),
        ("another encoding", {"a.cedar": b"\xff"}),
        ("sites that are no TOML", {"a.cedar": b"x", "sites.toml": b"="}),
        ("sites beside something else", {"a.cedar": b"x", "sites.toml": b"x = 1"}),
    ],
)
def test_a_folder_that_holds_no_policies_is_refused(name: str, files: dict[str, bytes], tmp_path: Path) -> None:
    for file, raw in files.items():
        (tmp_path / file).write_bytes(raw)
    with pytest.raises(Usage):
        read_policy_folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "policies", "cases", "codes"),
    [
        ("good", GOOD, CASE, (0, 0)),
        ("no case", GOOD, "", (0, 1)),
        ("a failing case", GOOD, CASE.replace("allow", "deny"), (0, 1)),
        ("cases that are none", GOOD, "[[case]]\nname = 1", (0, 1)),
        ("a flaw", GOOD.replace("isEnabled", "isPurple"), CASE, (1, 1)),
        ("no Cedar", "permit (", CASE, (1, 1)),
    ],
)
def test_exit_codes_tell_a_pipeline_what_is_wrong(
    name: str, policies: str, cases: str, codes: tuple[int, int], tmp_path: Path
) -> None:
    (tmp_path / "a.cedar").write_text(policies)
    (tmp_path / "cases.toml").write_text(cases)
    assert (run(["policy", "check", str(tmp_path)]), run(["policy", "test", str(tmp_path)])) == codes
    assert run(["policy", "check", str(tmp_path / "nowhere")]) == 2
