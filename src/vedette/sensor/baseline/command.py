"""``vedette sensor baseline``: see what is known, allow a key, forget one, take a baseline elsewhere."""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from pathlib import Path
from typing import Final

import msgspec

from vedette.kernel import escape_terminal
from vedette.sensor.baseline.keeper import Keeper, Verb, read_order
from vedette.sensor.baseline.model import DAY_S, KeyClass, Muted, Settings
from vedette.sensor.baseline.state import (
    STATE_BYTES_MAX,
    BaselineProblem,
    Saved,
    SavedList,
    learned_from,
    read_json,
    write_json,
)

ACTIONS: Final = ("show", "learn", "forget", "export", "import")
_MAX_FILE_BYTES: Final = 1024 * 1024
_MAX_EXCEPTIONS: Final = 10_000
_MAX_SHOWN: Final = 6


class Asked(msgspec.Struct, frozen=True):
    """One call of the command."""

    action: str
    state: Path
    keys: tuple[str, ...] = ()
    """What to learn or to forget, as alerts say it; for ``import``, the file."""
    scope: str = ""
    """Show only scopes that hold this text."""
    key_class: str = ""
    learn_for_s: float = DAY_S
    is_json: bool = False


def baseline(asked: Asked) -> int:
    """Do it; answer the exit code.

    Raises:
        BaselineProblem: The state or a key can't be used.
    """
    keeper = Keeper(asked.state)
    if asked.action in {"learn", "forget"}:
        orders = [read_order(Verb(asked.action), key) for key in asked.keys]
        if not orders:
            raise BaselineProblem(f"nothing to {asked.action}", hint="give class|scope|key, as an alert says")
        for order in orders:
            keeper.order(order)
        _tell(f"{len(orders)} orders wait in {asked.state}.orders; the sensor that keeps this baseline takes them in.")
        return 0
    if asked.action == "import":
        return _import(keeper, asked.keys)
    saved = keeper.load()
    if saved is None:
        raise BaselineProblem(f"{asked.state}: no baseline yet", hint="run a sensor with --baseline first")
    if asked.action == "export":
        sys.stdout.write(write_json(saved).decode() + "\n")
        return 0
    sys.stdout.write(_shown(saved, asked, waiting=len(keeper.waiting())))
    return 0


def read_exceptions(path: Path) -> tuple[Muted, ...]:
    """Read a file of exceptions: ``[[exception]]`` with ``rule``, ``source``, ``target``, ``key``.

    Raises:
        BaselineProblem: It can't be read, or says something that is not understood.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BaselineProblem(f"{path}: {error.strerror}", hint="give the path of a TOML file") from None
    if len(data) > _MAX_FILE_BYTES:
        raise BaselineProblem(f"{path}: more than {_MAX_FILE_BYTES} bytes", hint="join exceptions with wildcards")
    try:
        document = tomllib.loads(data.decode())
        found = msgspec.convert(document.pop("exception", []), tuple[Muted, ...])
    except (ValueError, msgspec.ValidationError) as error:
        raise BaselineProblem(f"{path}: {error}", hint="docs/detection.md shows a file") from None
    if document:
        raise BaselineProblem(f"{path}: unknown {min(document)!r}", hint="known: [[exception]]")
    if len(found) > _MAX_EXCEPTIONS:
        raise BaselineProblem(f"{path}: {len(found)} exceptions; {_MAX_EXCEPTIONS} allowed", hint="join some")
    for each in found:
        if each == Muted():
            raise BaselineProblem(f"{path}: an exception that matches everything", hint="name a rule or an address")
    return found


def add_baseline(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to a parser."""
    parser = verbs.add_parser("baseline", help="what was learned as usual: show, learn, forget, export, import")
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("state", type=Path)
    parser.add_argument("keys", nargs="*", metavar="KEY", help="class|scope|key, as an alert says; for import, a file")
    parser.add_argument("--scope", default="", help="show only scopes that hold this text")
    parser.add_argument("--class", dest="key_class", default="", choices=("", *KeyClass))
    parser.add_argument("--learn-for", dest="learn_for_s", type=float, default=DAY_S, help="seconds, as the sensor has")
    parser.add_argument("--output", choices=("table", "json"), default="table")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of whoever learns."""
    parser.add_argument("--baseline", type=Path, metavar="FILE", help="learn what is usual, and keep it there")
    parser.add_argument(
        "--learn-for", dest="learn_for_s", type=float, default=DAY_S, help="seconds until it is learned"
    )
    parser.add_argument("--enforce", action="store_true", help="learn nothing more: what is new raises alerts")
    parser.add_argument("--exceptions", type=Path, metavar="FILE", help="what is not to be raised")


def settings_of(
    path: Path | None, *, learn_for_s: float = DAY_S, is_enforced: bool = False, exceptions: Path | None = None
) -> Settings:
    """Return the settings that options ask for.

    Raises:
        BaselineProblem: They contradict each other, or a file can't be used.
    """
    if is_enforced and path is None:
        raise BaselineProblem("--enforce without a baseline", hint="give --baseline FILE with what was learned")
    if not 1 <= learn_for_s <= 366 * DAY_S:
        raise BaselineProblem(f"--learn-for {learn_for_s:g}", hint="1 second to a year")
    muted = read_exceptions(exceptions) if exceptions is not None else ()
    return Settings(learn_for_s=learn_for_s, path=path, is_enforced=is_enforced, exceptions=muted)


def _import(keeper: Keeper, files: tuple[str, ...]) -> int:
    if len(files) != 1:
        raise BaselineProblem("import takes one file", hint="vedette sensor baseline import STATE FILE")
    path = Path(files[0])
    try:
        with path.open("rb") as file:
            data = file.read(STATE_BYTES_MAX + 1)
    except OSError as error:
        raise BaselineProblem(f"{path}: {error.strerror}", hint="give a file that export wrote") from None
    saved = read_json(data)
    keeper.save(saved)
    _tell(f"{len(saved.lists)} allow-lists are in {keeper.path}; a sensor that runs would replace them.")
    return 0


def _shown(saved: Saved, asked: Asked, *, waiting: int) -> str:
    settings = Settings(learn_for_s=asked.learn_for_s)
    chosen = [
        each
        for each in saved.lists
        if asked.scope in each.scope and asked.key_class in {"", each.key_class}
    ]  # fmt: skip
    chosen.sort(key=lambda each: (each.scope, each.key_class))
    rows = [_row(each, settings, saved.saved_ns) for each in chosen]
    if asked.is_json:
        return json.dumps({"lists": rows, "orders_waiting": waiting}, indent=2) + "\n"
    lines = [f"{len(rows)} allow-lists, {len(saved.periods)} periods; {waiting} orders wait"]
    for row in rows:
        keys = [str(key) for key in row["keys"]] if isinstance(row["keys"], list) else []
        more = f" and {len(keys) - _MAX_SHOWN} more" if len(keys) > _MAX_SHOWN else ""
        lines.append(f"{row['class']:<10} {row['state']:<9} {row['scope']}: {', '.join(keys[:_MAX_SHOWN])}{more}")
        lines.append(f"{'':<21}{row['reason']}")
    return "".join(escape_terminal(line) + "\n" for line in lines)


def _row(saved: SavedList, settings: Settings, at_ns: int) -> dict[str, str | list[str]]:
    learned = learned_from(saved)
    learned.settle(saved.key_class, settings, at_ns)
    keys = list(learned.keys) if learned.ranges is None else [f"{a}-{b}" for a, b in learned.ranges.intervals()]
    return {
        "class": str(saved.key_class),
        "scope": saved.scope,
        "state": str(learned.state),
        "reason": learned.reason(saved.key_class, settings),
        "keys": keys,
    }


def _tell(text: str) -> None:
    sys.stderr.write(escape_terminal(text) + "\n")
    sys.stderr.flush()


def main(chosen: argparse.Namespace) -> int:
    """Run what ``add_baseline`` parsed; answer the exit code.

    Raises:
        BaselineProblem: See ``baseline``.
    """
    return baseline(
        Asked(
            chosen.action, chosen.state, tuple(chosen.keys), chosen.scope, chosen.key_class, chosen.learn_for_s,
            chosen.output == "json",
        )
    )  # fmt: skip
