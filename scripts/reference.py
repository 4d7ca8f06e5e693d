"""Write the reference pages from the code: configuration, commands, protocols, alerts, and the OpenAPI file.

``make docs`` runs it. ``make check`` fails when a committed page no longer says what the code does.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
REFERENCE: Final = ROOT / "docs" / "reference"


def configuration_page(sections: Mapping[str, type]) -> str:
    """Return the page of every option, section by section.

    Args:
        sections: Section name → its frozen dataclass, whose docstring describes each attribute.

    Raises:
        ValueError: An option without a description.
    """
    from vedette.app.options import options_of  # noqa: PLC0415 - the other pages need no app

    lines = [
        "# Configuration",
        "",
        "<!-- Written by `make docs` from the dataclasses in src/vedette/app/configuration.py. -->",
        "",
        "One TOML file, read once at start: `vedette up --config FILE`. Every option has a default that is safe on",
        "loopback, so no file is needed. The environment variable beside an option overrides it; lists are",
        "separated by commas. Unknown options are errors. `vedette config check` explains every problem at once.",
    ]
    for section, kind in sections.items():
        summary = _first_part(kind.__doc__ or "")
        lines += ["", f"## [{section}]", "", summary, "", "| option | default | allowed | |", "|---|---|---|---|"]
        for option in options_of(section, kind):
            if not option.summary:
                raise ValueError(f"{section}.{option.key} has no description in its section's docstring")
            name = f"`{option.key}`<br>`{option.environment}`"
            lines.append(f"| {name} | {_default(option)} | {_allowed(option)} | {_cell(option.summary)} |")
    return "\n".join(lines) + "\n"


def _first_part(docstring: str) -> str:
    return " ".join(docstring.partition("Attributes:")[0].split())


def _cell(text: str) -> str:
    """Write a docstring's text as a cell of a Markdown table."""
    return text.replace("``", "`").replace("|", "\\|")


def _default(option: Any) -> str:
    if option.default is None:
        return "empty"
    value = list(option.default) if option.kind == "list" else option.default
    return f"`{json.dumps(str(value) if option.kind == 'path' else value)}`"


def _allowed(option: Any) -> str:
    if option.choices:
        return ", ".join(f"`{choice}`" for choice in option.choices)
    words = {"str": "text", "int": "whole number", "bool": "`true`, `false`", "list": "list of texts"}
    allowed = words.get(option.kind, str(option.kind))
    return f"{option.limits.least:,.0f} to {option.limits.most:,.0f}" if option.limits else allowed


def commands_page(program: Any) -> str:
    """Return the page of every command of the program, its arguments and options.

    Args:
        program: The root command, as ``typer.main.get_command`` makes it.

    Raises:
        ValueError: A command or an option without a help text.
    """
    lines = [
        "# Commands",
        "",
        "<!-- Written by `make docs` from the help texts in src/vedette/cli/. -->",
        "",
        "`vedette <noun> <verb>`. Exit codes: 0 done, 1 failed, 2 usage, 3 denied, 4 not found.",
    ]
    for path, command in _walk("vedette", program):
        if not command.help:
            raise ValueError(f"{path} has no help text")
        lines += ["", f"## {path}", "", *_help(command.help)]
        parameters = [each for each in command.params if not getattr(each, "hidden", False) and each.name != "help"]
        usage = " ".join([path, *(_usage(each) for each in parameters if each.param_type_name == "argument")])
        lines += ["", f"    {usage}{' [OPTIONS]' if any(_is_option(each) for each in parameters) else ''}"]
        if parameters:
            lines += ["", "| | default | |", "|---|---|---|"]
        for each in parameters:
            text = getattr(each, "help", None)
            if not text:
                raise ValueError(f"{path}: {each.name} has no help text")
            lines.append(f"| {_spelled(each)} | {_shown_default(each)} | {_cell(' '.join(text.split()))} |")
    return "\n".join(lines) + "\n"


def _walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield every visible command with its path; a group stands for its commands."""
    inner = getattr(command, "commands", None)
    if not inner:
        yield path, command
        return
    for name, each in sorted(inner.items()):
        if not each.hidden:
            yield from _walk(f"{path} {name}", each)


def _help(text: str) -> list[str]:
    return [_cell(line.strip()) for line in text.replace("\b", "").replace("\f", "").strip().splitlines()]


def _is_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option")


def _usage(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name).upper()
    return name if parameter.required else f"[{name}]"


def _spelled(parameter: Any) -> str:
    if not _is_option(parameter):
        return f"`{_usage(parameter)}`"
    return ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])


def _shown_default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    is_plain = isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
    return f"`{default}`" if is_plain else ""


def protocols_page(protocols: Iterable[Any]) -> str:
    """Return the page of every protocol that the sensor knows.

    Args:
        protocols: The sensor's catalogue.
    """
    lines = [
        "# Protocols of the sensor",
        "",
        "<!-- Written by `make docs` from src/vedette/sensor/dissect/catalogue.py. -->",
        "",
        "What is *read* is told operation by operation; what is *told* is recognised by its bytes; a *guess* goes by",
        "the port alone. What has a mark is found on other ports too. How sure an identification is, and what it",
        "rests on, stands in [The sensor](../sensor.md).",
    ]
    families = {"ot": "Plants, grids and buildings", "iot": "Things", "it": "Everything else"}
    entries = sorted(protocols, key=lambda each: (each.name, each.transport))
    for family, title in families.items():
        lines += ["", f"## {title}", "", "| protocol | | over | how | any port |", "|---|---|---|---|---|"]
        for each in entries:
            if each.family != family:
                continue
            depth = "read" if each.dissector else "told" if each.check or each.transport == "ethernet" else "guess"
            anywhere = "yes" if each.is_found_anywhere else ""
            lines.append(f"| `{each.name}` | {each.title} | {_places(each)} | {depth} | {anywhere} |")
    return "\n".join(lines) + "\n"


def alerts_page(rules: Iterable[Any], meanings: Iterable[Any], techniques: Mapping[str, str]) -> str:
    """Return the page of every rule of the sensor, and of what a well-known monitor alerts on.

    Args:
        rules: The catalogue of rules that hold from the first packet.
        meanings: What to compare with, and which rules say the same.
        techniques: ATT&CK for ICS id → its name.
    """
    meanings = list(meanings)
    covered = sum(bool(each.rules) for each in meanings)
    lines = [
        "# Alerts of the sensor",
        "",
        "<!-- Written by `make docs` from src/vedette/sensor/rules/. -->",
        "",
        "Rules that hold from the first packet, while a baseline is still learned as well. What they do, and how to",
        "change them: [Detection](../detection.md). Thresholds that end in `_s` are seconds, in `_bytes` bytes, all",
        "others counts. *Learnable* alerts may be declared normal by a person.",
    ]
    engines = {
        "policy": "Policy", "anomaly": "Anomalies", "protocol": "Protocol violations", "malware": "Malware",
        "operational": "Operations",
    }  # fmt: skip
    catalogue = sorted(rules, key=lambda each: each.id)
    for engine, title in engines.items():
        head = "| rule | | severity | technique | thresholds | learnable |"
        lines += ["", f"## {title}", "", head, "|---|---|---|---|---|---|"]
        for each in catalogue:
            if each.engine == engine:
                technique = f"{each.technique} {techniques[each.technique]}" if each.technique else ""
                thresholds = ", ".join(f"`{name}` {value:,}" for name, value in each.thresholds.items())
                learnable = "yes" if each.is_learnable else ""
                severity = each.severity if each.is_on else f"{each.severity} (off)"
                lines.append(f"| `{each.id}` | {each.title} | {severity} | {technique} | {thresholds} | {learnable} |")
    lines += [
        "",
        "## What a well-known monitor alerts on",
        "",
        "The alert reference of Microsoft Defender for IoT of November 2022 names 202 alerts. Beside each name stands",
        f"what it means in our words, and which rule says the same: {covered} of {len(meanings)}. Each of these is",
        "raised in a test by traffic that is built for it, and not raised by like traffic.",
    ]
    for engine, title in engines.items():
        of_engine = [each for each in meanings if each.engine == engine]
        count = sum(bool(each.rules) for each in of_engine)
        lines += ["", f"### {title}: {count} of {len(of_engine)}", "", "| its name | meaning | rule |", "|---|---|---|"]
        for each in of_engine:
            names = ", ".join(f"`{name}`" for name in each.rules)
            lines.append(f"| {each.name} | {each.words} | {names} |")
    return "\n".join(lines) + "\n"


def _places(protocol: Any) -> str:
    """Write the ports of an entry, or its EtherTypes."""
    if protocol.transport == "ethernet":
        llc = 0x10000
        words = [f"LLC {port - llc:04x}" if port >= llc else f"EtherType {port:04x}" for port in protocol.ports]
        return ", ".join(words)
    return f"{protocol.transport} {', '.join(map(str, protocol.ports))}".strip()


def learned_section(rules: Mapping[str, Any], techniques: Mapping[str, str]) -> str:
    """Return the section of what baselines raise.

    Args:
        rules: Id → text.
        techniques: ATT&CK for ICS id → its name.
    """
    lines = [
        "## Baselines",
        "",
        "What is told because it was not learned as usual:",
        "[how it is learned](../detection.md#baselines-what-is-usual-here).",
        "",
        "| rule | | engine | severity | technique |",
        "|---|---|---|---|---|",
    ]
    for name, rule in sorted(rules.items()):
        technique = f"{rule.technique} {techniques[rule.technique]}" if rule.technique else ""
        lines.append(f"| `{name}` | {rule.title} | {rule.engine} | {rule.severity} | {technique} |")
    return "\n".join(lines) + "\n\n"


def openapi_file(document: Mapping[str, Any]) -> str:
    """Return the OpenAPI document as it is committed: readable in a diff."""
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _exported(module: str, name: str) -> Any:
    """Return what a room exports, None while the room is not built yet."""
    spec = importlib.util.find_spec(module)
    return getattr(importlib.import_module(module), name, None) if spec and spec.origin else None


def pages() -> dict[str, str]:
    """Return the name and text of every reference page."""
    found = {}
    if sections := _exported("vedette.app.configuration", "SECTIONS"):
        found["configuration.md"] = configuration_page(sections)
    if build_cli := _exported("vedette.cli", "build_cli"):
        import typer.main  # noqa: PLC0415 - the other pages need no Typer

        found["commands.md"] = commands_page(typer.main.get_command(build_cli()))
    if protocols := _exported("vedette.sensor.dissect", "PROTOCOLS"):
        found["protocols.md"] = protocols_page(protocols)
    if rules := _exported("vedette.sensor.rules", "RULES"):
        from vedette.sensor.baseline import RULES as LEARNED  # noqa: PLC0415 - the other pages need none of it
        from vedette.sensor.rules import MEANINGS, TECHNIQUES  # noqa: PLC0415 - same

        page = alerts_page(rules, MEANINGS, TECHNIQUES)
        before, head, after = page.partition("## What a well-known monitor alerts on")
        found["alerts.md"] = before + learned_section(LEARNED, TECHNIQUES) + head + after
    if build_openapi := _exported("vedette.api", "build_openapi"):
        found["openapi.json"] = openapi_file(build_openapi())
    return found


def main() -> int:
    """Write every page; tell which changed."""
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, after in pages().items():
        page = REFERENCE / name
        before = page.read_text(encoding="utf-8") if page.exists() else ""
        page.write_text(after, encoding="utf-8")
        print(f"docs: {page.relative_to(ROOT)} {'unchanged' if before == after else 'written'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
