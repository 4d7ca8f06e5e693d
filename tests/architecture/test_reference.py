"""The reference pages say what the code does, and a page that does not is found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import reference
import typer

ROOT = Path(__file__).resolve().parents[2]
PAGES = reference.pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_the_code_does(name: str) -> None:
    page = ROOT / "docs" / "reference" / name
    assert page.is_file(), f"{name} is missing: run make docs"
    assert page.read_text(encoding="utf-8") == PAGES[name], f"{name} is not what the code says: run make docs"


def test_every_page_has_its_source() -> None:
    generated = {path.name for path in (ROOT / "docs" / "reference").iterdir()} - {"README.md"}
    assert generated == set(PAGES)


@dataclass(frozen=True)
class ListenerConfiguration:
    """The listener.

    Attributes:
        port: TCP port.
    """

    port: int = 8883


@dataclass(frozen=True)
class SilentConfiguration:
    """Says nothing of its option."""

    port: int = 8883


def test_a_changed_default_changes_the_configuration_page() -> None:
    @dataclass(frozen=True)
    class Changed(ListenerConfiguration):
        __doc__ = ListenerConfiguration.__doc__
        port: int = 8884

    before = reference.configuration_page({"listener": ListenerConfiguration})
    assert "| `port`<br>`VEDETTE_LISTENER__PORT` | `8883` | whole number | TCP port. |" in before
    assert reference.configuration_page({"listener": Changed}) != before


def test_an_option_without_a_description_is_refused() -> None:
    with pytest.raises(ValueError, match=r"silent\.port has no description"):
        reference.configuration_page({"silent": SilentConfiguration})


def program() -> typer.Typer:
    """Return a program of one noun and two verbs."""
    app, device = typer.Typer(), typer.Typer()

    @device.command("list", help="List devices.")
    def _list(limit: Annotated[int, typer.Option(help="At most so many.")] = 50) -> None: ...

    @device.command("show", help="Show one device.")
    def _show(device_id: Annotated[str, typer.Argument(help="Its id.")]) -> None: ...

    app.add_typer(device, name="device", help="Devices.")
    return app


def test_the_page_of_commands_has_each_verb_with_its_parameters() -> None:
    page = reference.commands_page(typer.main.get_command(program()))
    assert "## vedette device list\n\nList devices.\n\n    vedette device list [OPTIONS]\n" in page
    assert "| `--limit` | `50` | At most so many. |" in page
    assert "    vedette device show DEVICE_ID\n" in page


def test_a_command_without_help_is_refused() -> None:
    app = program()

    @app.command("silent")
    def _silent() -> None: ...

    with pytest.raises(ValueError, match="vedette silent has no help text"):
        reference.commands_page(typer.main.get_command(app))


def test_each_schema_has_a_name_of_its_own() -> None:
    schemas = json.loads(PAGES["openapi.json"])["components"]["schemas"]
    doubled = sorted(name for name in schemas if "__" in name)
    assert not doubled, f"two classes of these names are shown; rename one of each: {', '.join(doubled)}"


def test_a_changed_operation_changes_the_openapi_file() -> None:
    document = {"openapi": "3.1.0", "paths": {"/v1/devices": {"get": {"summary": "List devices"}}}}
    changed = {**document, "paths": {"/v1/devices": {"get": {"summary": "List all devices"}}}}
    assert reference.openapi_file(document) != reference.openapi_file(changed)
