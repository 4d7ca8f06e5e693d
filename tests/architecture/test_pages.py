"""Pages and tables beside the code keep their rules, and each rule can fail."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest
from cases import FIXTURES
from rules import changes, committed, decisions, glossary, links, requirements
from rules.source import Violation

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
HERE = Path(__file__).parent
TEXT = {".css", ".html", ".json", ".md", ".py", ".sh", ".toml", ".ts", ".tsx", ".txt", ".yaml", ".yml"}


@cache
def ours() -> list[Path]:
    """Return what is committed, or would be: every file that git does not ignore."""
    names = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


def pages() -> list[Path]:
    """Return our Markdown pages, fixtures left out."""
    return [path for path in ours() if path.suffix == ".md" and FIXTURES not in path.parents]


def none_of(found: list[Violation]) -> None:
    """Fail with every violation on a line of its own."""
    assert not found, "\n" + "\n".join(map(str, found))


def test_links_lead_somewhere() -> None:
    none_of([violation for page in pages() for violation in links.check(page, root=ROOT)])


def test_links_to_missing_files_and_headings_are_refused() -> None:
    folder = FIXTURES / "links"
    found = links.check(folder / "page.md", root=folder)
    assert [violation.line for violation in found] == [5, 6, 7, 8, 9]


def test_the_glossary_decides() -> None:
    words = glossary.forbidden_words(GLOSSARY)
    paths = [path for path in ours() if path.suffix in TEXT and HERE not in path.parents and path != GLOSSARY]
    none_of([violation for path in paths for violation in glossary.check(path, words)])


@pytest.mark.parametrize("word", sorted(glossary.forbidden_words(GLOSSARY)))
def test_a_word_set_aside_is_refused_in_prose_and_in_names(word: str, tmp_path: Path) -> None:
    words = glossary.forbidden_words(GLOSSARY)
    path = tmp_path / "example.py"
    path.write_text(f"# A {word.capitalize()} here.\nfind_{word.replace(' ', '_')} = 1\nx{word}x = 2\n")
    assert [violation.line for violation in glossary.check(path, words)] == [1, 2]


def test_no_address_or_path_of_a_machine_is_committed() -> None:
    none_of([violation for path in ours() if HERE not in path.parents for violation in committed.check(path)])


@pytest.mark.parametrize(
    "line",
    [
        "https://" + "pypi.org/simple",
        "pip install --" + "index-url https://mirror.example x",
        '"resolved": ' + '"https://mirror.example/x.tgz"',
        "see /" + "work/main/x",
        "see /" + "home/someone/x",
        "see /" + "root/x",
    ],
)
def test_an_address_or_path_of_a_machine_is_refused(line: str, tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"fine\n{line}\n")
    assert [violation.line for violation in committed.check(path)] == [2]


def test_a_lock_with_addresses_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "uv.lock"
    path.touch()
    assert committed.check(path)


def test_change_notes_are_named_and_written_as_agreed() -> None:
    none_of(changes.check(ROOT / "changes"))


def test_misnamed_and_long_change_notes_are_refused() -> None:
    refused = {violation.path.name for violation in changes.check(FIXTURES / "changes")}
    assert refused == {"Renewal.added.md", "renewal.md", "renewal.improved.md", "two-sentences.fixed.md"}


def test_decision_records_are_numbered_and_built_alike() -> None:
    none_of(decisions.check(ROOT / "docs" / "decisions"))


def test_decision_records_that_are_not_are_refused() -> None:
    assert [violation.path.name for violation in decisions.check(FIXTURES / "decisions")] == [
        "0002-other-headings.md",
        "0002-same-number.md",
        "0002-same-number.md",
        "Some-Thoughts.md",
    ]


def test_the_requirements_table_covers_the_checklist_and_claims_what_holds() -> None:
    none_of(requirements.check(ROOT / "docs" / "requirements.toml", root=ROOT))


def test_the_checklist_has_213_rows_and_14_that_came_later() -> None:
    later = [each for each in requirements.checklist() if each.startswith("X-")]
    assert (len(requirements.checklist()) - len(later), len(later)) == (213, 14)


def row(**changed: str) -> str:
    """Return a planned row with some values changed, as TOML."""
    values = {"id": '"SI-04"', "title": '"T"', "kind": '"P"', "state": '"planned"', "where": '""', "tests": "[]"}
    return "[[requirement]]\n" + "\n".join(f"{key} = {value}" for key, value in (values | changed).items()) + "\n"


SELF = "tests/architecture/test_pages.py"


@pytest.mark.parametrize(
    ("claim", "complaint"),
    [
        (row(id='"SI-99"'), "SI-99: not an id of the checklist"),
        (row() + row(), "SI-04: 2 rows"),
        (row(state='"done"'), "SI-04: state is one of"),
        (row(kind='"Z"'), "SI-04: needs a title and kinds"),
        (row(where='"src/vedette"'), "SI-04: planned, yet it names a place"),
        (row(state='"verified"', where='"src/vedette"'), "SI-04: verified without a test"),
        (row(state='"verified"', tests=f'["{SELF}::test_links_lead_somewhere"]'), "SI-04: verified without a place"),
        (row(state='"verified"', where='"src/attic"', tests=f'["{SELF}"]'), "src/attic: there is no such place"),
        (row(state='"verified"', where='"src"', tests=f'["{SELF}::test_x"]'), "test_x: there is no such test"),
        (row(state='"verified"', where='"src"', tests='["src/vedette/__init__.py"]'), "there is no such test"),
        (row(state='"partly"', where='"src"', tests=f'["{SELF}"]'), "the note says what is still missing"),
        (row(owner='"me"'), "a row has id, title"),
    ],
)
def test_a_row_that_does_not_hold_is_refused(claim: str, complaint: str, tmp_path: Path) -> None:
    table = tmp_path / "requirements.toml"
    table.write_text(claim)
    assert any(complaint in violation.message for violation in requirements.check(table, root=ROOT))


def test_a_missing_row_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "requirements.toml"
    table.write_text(row())
    assert any("SI-05: no row" in violation.message for violation in requirements.check(table, root=ROOT))


def test_a_row_that_holds_is_accepted(tmp_path: Path) -> None:
    table = tmp_path / "requirements.toml"
    table.write_text(
        row(state='"verified"', where='"src/vedette docs"', tests=f'["{SELF}::test_links_lead_somewhere"]')
    )
    assert not [each for each in requirements.check(table, root=ROOT) if "no row" not in each.message]
