"""How a sensor is set up to send: one TOML file, read once; every problem of it is named."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import msgspec

from vedette.kernel import InvalidId, Problem, parse_registration_id
from vedette.sensor.capture import is_stream

_MAX_BYTES: Final = 1024 * 1024
_MIB: Final = 1024 * 1024
_MAX_INTERFACES: Final = 16
_MAX_INTERFACE_CHARS: Final = 15
_MAX_PATH_CHARS: Final = 1_024

Part = TypeVar("Part", bound=msgspec.Struct)


class SettingsProblem(Problem):
    """The file of settings can't be read, or says something that can't be."""

    code: ClassVar[str] = "sensor.settings"


class PlatformSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the platform is, and whom to trust there.

    Attributes:
        host: Its name; its certificate must carry it.
        id_scope: The ID scope under which devices register.
        root: PEM file of its root certificate, the only one that is trusted.
    """

    host: str
    id_scope: str
    root: Path
    port: int = 8883


class BaselineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether and how long the sensor learns what is usual; see ``docs/detection.md``.

    Attributes:
        is_on: Whether it learns at all.
        learn_for_s: How long what repeats daily needs; the rest follows from it.
        is_enforced: Learn nothing any more: what is not known raises alerts.
    """

    is_on: bool = True
    learn_for_s: float = 86_400.0
    is_enforced: bool = False


class SensorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a sensor sends, as whom, and what it keeps meanwhile; paths are relative to the file's folder.

    Attributes:
        name: Its registration id.
        interfaces: Where to listen, if the command line does not say.
        state: Folder for its keys, certificates and what waits to be sent.
        buffer_mib: How much may wait on disk; then the oldest leaves.
        has_evidence: Whether alerts carry packets.
        rules: File of rules, as ``docs/detection.md`` shows one; none: the catalogue as it is.
        types: A model of types of devices that ``vedette sensor train`` wrote; none: what is built in decides.
        baseline: What is learned at this site.
    """

    name: str
    platform: PlatformSettings
    interfaces: tuple[str, ...] = ()
    state: Path = Path("sensor")
    buffer_mib: int = 256
    has_evidence: bool = msgspec.field(default=True, name="evidence")
    rules: Path | None = None
    types: Path | None = None
    baseline: BaselineSettings = BaselineSettings()

    @property
    def buffer_bytes(self) -> int:
        """How much may wait on disk."""
        return self.buffer_mib * _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolling:
    """What ``vedette sensor enroll`` was told.

    Attributes:
        config: The sensor's settings; made from the rest if they are not there.
        name: Registration id.
        anchor: The platform's public file of facts; the others say the same one by one.
        certificate: Onboarding certificate from its maker; one is made here without.
        key: Its private key.
        key_file: Holds the enrollment's symmetric key, where there is no certificate.
        must_wait: Ask again until the platform lets it in.
    """

    config: Path
    name: str = ""
    anchor: Path | None = None
    host: str = ""
    port: int = 8883
    id_scope: str = ""
    root: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_file: Path | None = None
    must_wait: bool = False


def read_settings(path: Path) -> SensorSettings:
    """Read a file of settings.

    Raises:
        SettingsProblem: It can't be read, is no TOML, or says something unknown or impossible.
    """
    try:
        raw = path.read_bytes()
        if len(raw) > _MAX_BYTES:
            raise SettingsProblem(f"{path}: over {_MAX_BYTES} bytes", hint="this is no file of settings")
        read = tomllib.loads(raw.decode())
    except OSError as error:
        raise SettingsProblem(
            f"{path}: {error.strerror}", hint="vedette sensor enroll --help tells how to make one"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsProblem(f"{path}: {error}", hint="it must be TOML") from None
    _check_names(path, read, SensorSettings, "")
    if isinstance(read.get("platform"), dict):
        _check_names(path, read["platform"], PlatformSettings, "platform.")
    if isinstance(read.get("baseline"), dict):
        _check_names(path, read["baseline"], BaselineSettings, "baseline.")
    try:
        found = msgspec.convert(read, SensorSettings, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsProblem(f"{path}: {error}") from None
    return _checked(path, found)


def write_settings(path: Path, settings: SensorSettings) -> None:
    """Write a first file of settings, for a person to go on with; one that is there stays.

    Raises:
        SettingsProblem: It is there already, or can't be written.
    """
    platform = settings.platform
    text = (
        "# How this sensor sends; see docs/sensor.md. Paths are relative to this file's folder.\n"
        f"name = {_quoted(settings.name)}\n"
        f"interfaces = [{', '.join(map(_quoted, settings.interfaces))}]\n"
        f"state = {_quoted(str(settings.state))}\n"
        f"buffer_mib = {settings.buffer_mib}\n"
        f"evidence = {str(settings.has_evidence).lower()}\n"
        "\n[platform]\n"
        f"host = {_quoted(platform.host)}\n"
        f"port = {platform.port}\n"
        f"id_scope = {_quoted(platform.id_scope)}\n"
        f"root = {_quoted(str(platform.root))}\n"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise SettingsProblem(f"{path}: {error.strerror}") from None


def is_interface(name: str) -> bool:
    """Tell whether a text can be an interface's name, the path of a named pipe, or ``-`` for standard input."""
    if is_stream(name):
        return name.isprintable() and len(name) <= _MAX_PATH_CHARS and not name.endswith("/")
    return 0 < len(name) <= _MAX_INTERFACE_CHARS and name.isprintable() and not set("/ ") & set(name) and name[0] != "."


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError


def _check_names(path: Path, read: dict[str, Any], kind: type[msgspec.Struct], where: str) -> None:
    known = [field.encode_name for field in msgspec.structs.fields(kind)]
    for name in read:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {where}{near[0]}?" if near else f"known are {', '.join(known)}"
            raise SettingsProblem(f"{path}: {where}{name} is no setting", hint=hint)


def _checked(path: Path, settings: SensorSettings) -> SensorSettings:
    platform, folder = settings.platform, path.absolute().parent
    try:
        parse_registration_id(settings.name)
    except InvalidId as problem:
        raise SettingsProblem(f"{path}: name: {problem.detail}", hint=problem.hint) from None
    wrong = {
        "platform.host is empty or has a character that no name has": not platform.host
        or not platform.host.isprintable()
        or bool(set("/ ") & set(platform.host)),
        "platform.id_scope is empty or over 64 characters": not 0 < len(platform.id_scope) <= 64,
        "platform.port is not between 1 and 65535": not 0 < platform.port < 65_536,
        "buffer_mib is not between 1 and 1048576": not 1 <= settings.buffer_mib <= 1_048_576,
        f"more than {_MAX_INTERFACES} interfaces": len(settings.interfaces) > _MAX_INTERFACES,
        "an interface's name is empty or too long": not all(map(is_interface, settings.interfaces)),
        "baseline.learn_for_s is not between 1 s and 90 days": not 1 <= settings.baseline.learn_for_s <= 7_776_000,
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            raise SettingsProblem(f"{path}: {what}")
    return msgspec.structs.replace(
        settings,
        state=folder / settings.state,
        rules=folder / settings.rules if settings.rules is not None else None,
        types=folder / settings.types if settings.types is not None else None,
        platform=msgspec.structs.replace(platform, root=folder / platform.root),
    )


def _quoted(text: str) -> str:
    """Write a TOML basic string; JSON's form is one, but for DEL."""
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")
