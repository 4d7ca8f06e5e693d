"""What pages and hints tell people to do can be done: commands, options, reasons and tests that they name exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from vedette.app import all_options
from vedette.cli import build_cli
from vedette.enrollment.decision import RegistrationReason
from vedette.gateway.refusals import HINTS
from vedette.trust import Reason

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "SECURITY.md"])
SOURCES = sorted((ROOT / "src" / "vedette").rglob("*.py"))

_WORD = re.compile(r"[a-z][a-z-]*")
_COMMAND = re.compile(r"(?<![\w/.-])(?<!the )(?<!other )vedette ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)*)((?: [^`\n|;&]*)?)")
_FLAG = re.compile(r"(?<!\S)--[a-z][a-z-]*")
_SECTIONS = "|".join(sorted({option.section for option in all_options()} | {"keys", "bus", "tls"}))
_OPTION = re.compile(rf"(?<![\w/.$-])((?:{_SECTIONS})\.[a-z][a-z_]*(?:\.[a-z_]+)*)(?![\w(/.])")
_ROW = re.compile(r"^\| `([a-z_0-9]+)` \| [crst, ]+ \|", re.MULTILINE)
NO_OPTIONS = {"ledger.jsonl", "service.py"}
_TEST = re.compile(r"`([a-z_/]+\.py)::(test_\w+)`")


@cache
def tree() -> Any:  # Any: Typer brings a Click of its own
    return typer.main.get_command(build_cli())


def flaws_of(command_line: str) -> Iterator[str]:
    """Say what is wrong with ``noun verb --flag …``; a noun may stand alone, and words of a sentence may follow."""
    command, words = tree(), command_line.split()
    while words and hasattr(command, "commands") and _WORD.fullmatch(words[0]):
        if words[0] not in command.commands:
            yield f"there is no command: vedette {command_line}"
            return
        command, words = command.commands[words[0]], words[1:]
    known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    for flag in _FLAG.findall(" ".join(words)):
        if flag not in known:
            yield f"there is no option {flag}: vedette {command_line}"


def code_of(page: Path) -> Iterator[str]:
    """Yield what stands in fences, indented blocks and backticks, long lines joined."""
    text = page.read_text().replace("\\\n", " ")
    for fence in re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield from fence.splitlines()
    rest = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"^ {4}(.*)$", rest, re.MULTILINE)
    yield from (" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", rest))


def commands_in(text: str) -> Iterator[str]:
    for found in _COMMAND.finditer(text):
        yield (found[1] + found[2]).split(" #")[0]


def hints() -> Iterator[tuple[str, str]]:
    """Yield where and what each hint in the code says."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            values: list[ast.expr] = []
            if isinstance(node, ast.Call):
                values = [keyword.value for keyword in node.keywords if keyword.arg == "hint"]
            elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Name) and target.id == "HINTS":
                    values = list(node.value.values)
            for value in values:
                texts = [each.value for each in ast.walk(value) if isinstance(each, ast.Constant)]
                yield f"{path.relative_to(ROOT)}:{value.lineno}", "…".join(str(each) for each in texts)


@cache
def codes() -> frozenset[str]:
    """Return the names of events, acts and problems, which look like options."""
    trees = [ast.parse(path.read_text()) for path in SOURCES]
    texts = {node.value for each in trees for node in ast.walk(each) if isinstance(node, ast.Constant)}
    return frozenset(text for text in texts if isinstance(text, str) and _OPTION.fullmatch(text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_on_a_page_exist(page: Path) -> None:
    flaws = [flaw for code in code_of(page) for line in commands_in(code) for flaw in flaws_of(line)]
    assert not flaws, "\n" + "\n".join(flaws)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_on_a_page_exist(page: Path) -> None:
    known = {f"{option.section}.{option.key}" for option in all_options()}
    named = {name for code in code_of(page) for name in _OPTION.findall(code)}
    assert named - known - codes() - NO_OPTIONS == set()


def test_hints_name_commands_and_options_that_exist() -> None:
    known = {f"{option.section}.{option.key}" for option in all_options()}
    flaws = []
    for where, text in hints():
        for line in commands_in(text):
            flaws += [f"{where}: {flaw}" for flaw in flaws_of(line)]
        flaws += [f"{where}: there is no option {name}" for name in _OPTION.findall(text) if name not in known]
    assert not flaws, "\n" + "\n".join(flaws)


def test_a_wrong_command_and_a_wrong_option_would_be_seen() -> None:
    assert list(flaws_of("device explode"))
    assert list(flaws_of("device list --colour"))
    assert not list(flaws_of("device list --site north"))
    assert _OPTION.findall("raise gateway.tls.connects_per_source_s") == ["gateway.tls.connects_per_source_s"]


def test_troubleshooting_has_a_row_for_each_reason() -> None:
    text = (DOCS / "operations.md").read_text()
    rows = _ROW.findall(text[text.index("## Troubleshooting") :])
    reasons = {each.value for each in (*Reason, *RegistrationReason)} | HINTS.keys()
    assert sorted(rows) == sorted(reasons - {Reason.PERMITTED})


def test_the_security_model_names_tests_that_exist() -> None:
    named = _TEST.findall((DOCS / "security-model.md").read_text())
    assert len(named) > 50
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / "tests" / path).is_file()
        or not re.search(rf"^(?:async )?def {name}\(", (ROOT / "tests" / path).read_text(), re.MULTILINE)
    ]
    assert missing == []
