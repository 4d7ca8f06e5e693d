"""The fault matrix as data: what each part can suffer, what each door does then, and which test says so."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "tests" / "faults" / "matrix.toml"
PAGE: Final = ROOT / "docs" / "fault-matrix.md"

COMPONENTS: Final = ("store", "bus", "administrator", "signer", "ledger", "clock")
KINDS: Final = ("down", "slow", "stale", "lying", "replayed")
DOORS: Final[Mapping[str, str]] = {
    "connect": "connect",
    "session": "live session",
    "person": "person, REST",
    "token": "service token",
    "enrollment": "enrollment",
    "renewal": "renewal",
    "outside": "AuthZEN",
    "hook": "broker's hook",
    "callout": "auth callout",
    "policy": "policy change",
}
WORDS: Final = ("goes on", "waits", "either")
BEGIN: Final = "<!-- written from tests/faults/matrix.toml by: make docs -->"
END: Final = "<!-- end of what is written -->"


@dataclass(frozen=True)
class Fault:
    """One fault of one part.

    Attributes:
        how: What the test does to the part.
        test: That plays it, as ``file::name`` below ``tests``; empty where the fault cannot be.
        reason: Why it cannot be.
        alarm: What is told.
        doors: A word for each door; other words than ``WORDS`` are the reason why there is no such cell.
    """

    component: str
    kind: str
    how: str = ""
    test: str = ""
    reason: str = ""
    alarm: str = ""
    doors: Mapping[str, str] = field(default_factory=dict)


def read_matrix() -> dict[tuple[str, str], Fault]:
    """Return the faults by component and kind."""
    found: dict[str, Any] = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    faults = [Fault(**each) for each in found["fault"]]
    return {(each.component, each.kind): each for each in faults}


def flaws(matrix: Mapping[tuple[str, str], Fault]) -> Iterator[str]:
    """Yield what is missing: a cell without a test or a reason, a test that is not there."""
    for component in COMPONENTS:
        for kind in KINDS:
            fault = matrix.get((component, kind))
            if fault is None:
                yield f"{component} {kind}: no such row"
            elif not fault.test:
                if not fault.reason:
                    yield f"{component} {kind}: neither a test nor a reason"
            else:
                yield from _flaws_of(fault)


def _flaws_of(fault: Fault) -> Iterator[str]:
    name = f"{fault.component} {fault.kind}"
    path, _, function = fault.test.partition("::")
    file = ROOT / "tests" / path
    if not file.is_file() or f"def {function}(" not in file.read_text(encoding="utf-8"):
        yield f"{name}: no test {fault.test}"
    if not fault.how or not fault.alarm:
        yield f"{name}: how it is done, or what is told, is missing"
    for door in DOORS:
        if not fault.doors.get(door):
            yield f"{name}: the door {door!r} has neither a word nor a reason"
    for door in fault.doors.keys() - DOORS.keys():
        yield f"{name}: no door is called {door!r}"


def render(matrix: Mapping[tuple[str, str], Fault]) -> str:
    """Return the tables of the page."""
    lines = [BEGIN]
    for component in COMPONENTS:
        lines += ["", f"### {component.capitalize()}", ""]
        lines += ["| | " + " | ".join(DOORS.values()) + " | told by |", "|---" * (len(DOORS) + 2) + "|"]
        notes = []
        for kind in KINDS:
            fault = matrix[component, kind]
            if fault.test:
                cells = [_cell(fault.doors[door]) for door in DOORS]
                lines.append(f"| **{kind}** | {' | '.join(cells)} | {fault.alarm} |")
                notes.append(f"- **{kind}**: {fault.how} `{fault.test}`")
            else:
                lines.append(f"| **{kind}** |{' |' * len(DOORS)} |")
                notes.append(f"- **{kind}**: no cell. {fault.reason}")
            for door, word in fault.doors.items():
                if word not in WORDS:
                    notes.append(f"  - {DOORS[door]}: {word}")
        lines += ["", *notes]
    return "\n".join([*lines, "", END])


def write_page() -> bool:
    """Bring the page up to date; return whether it changed."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    new = f"{before}{render(read_matrix())}{after}"
    if new != page:
        PAGE.write_text(new, encoding="utf-8")
    return new != page


def _cell(word: str) -> str:
    return word if word in WORDS else "see below"


if __name__ == "__main__":
    write_page()
