"""Read the configuration from a TOML file and the environment, and say everything that is wrong with it at once."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar, Final

from vedette.app.configuration import SECTIONS, Configuration
from vedette.app.oidc_section import oidc_contradictions
from vedette.app.options import BadValueError, Option, convert, from_text, options_of
from vedette.kernel import Problem, is_private_bind

CONFIGURATION_MAX_BYTES: Final = 1_048_576
# Former "section.key" → present one; accepted with a warning for one minor version.
RENAMED_KEYS: Final[Mapping[str, str]] = {}

_PREFIX: Final = "VEDETTE_"
_TABLE: Final = re.compile(r"\s*\[\s*([A-Za-z0-9_.\"' -]+?)\s*\]\s*(#.*)?")
_KEY: Final = re.compile(r"\s*([A-Za-z0-9_\"'-]+(?:\s*\.\s*[A-Za-z0-9_\"'-]+)*)\s*=")
_POSITION: Final = re.compile(r"at line (\d+), column \d+")


class BadConfiguration(Problem):
    """The configuration cannot be used; ``findings`` lists every reason."""

    code: ClassVar[str] = "app.bad_configuration"
    status: ClassVar[int] = 422

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        lines = "\n".join(f"  {each}" for each in findings)
        super().__init__(
            f"the configuration has {len(findings)} problem{'s' if len(findings) > 1 else ''}:\n{lines}",
            hint="docs/reference/configuration.md lists every option; check again with: vedette config check",
        )
        self.findings = findings


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong, and where.

    Attributes:
        line: Of the file; 0 when it did not come from a line.
        where: The file's name, or the environment variable's.
    """

    where: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.where}:{self.line}: {self.message}" if self.line else f"{self.where}: {self.message}"


@dataclass(slots=True)
class ReadConfiguration:
    """A configuration and where it came from.

    Attributes:
        sources: ``section.key`` → where its value was set; options at their default are absent.
        warnings: What still works but will not with the next minor version.
    """

    configuration: Configuration
    sources: dict[str, str] = field(default_factory=dict)
    warnings: tuple[Finding, ...] = ()


def read_configuration(
    path: Path | None, environment: Mapping[str, str], *, renamed: Mapping[str, str] = RENAMED_KEYS
) -> ReadConfiguration:
    """Read the file, then the environment, which overrides it.

    Args:
        path: The TOML file; ``None`` reads the environment alone.
        environment: ``VEDETTE_SECTION__KEY`` variables count, all others are ignored.
        renamed: Former names of options.

    Raises:
        BadConfiguration: With every problem that was found, line numbers included.
    """
    reader = _Reader(renamed)
    if path is not None:
        reader.read_file(path)
    reader.read_environment(environment)
    return reader.result()


class _Reader:
    def __init__(self, renamed: Mapping[str, str]) -> None:
        self._renamed = renamed
        self._options = {name: {each.key: each for each in options_of(name, kind)} for name, kind in SECTIONS.items()}
        self._values: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
        self._findings: list[Finding] = []
        self._warnings: list[Finding] = []
        self._sources: dict[str, str] = {}

    def read_file(self, path: Path) -> None:
        """Take the options of a TOML file."""
        where = str(path)
        try:
            raw = path.read_bytes()
        except OSError as error:
            self._findings.append(Finding(where, 0, f"cannot be read: {error.strerror}"))
            return
        if len(raw) > CONFIGURATION_MAX_BYTES:
            self._findings.append(Finding(where, 0, f"is over {CONFIGURATION_MAX_BYTES} bytes"))
            return
        try:
            text = raw.decode("utf-8")
            document = tomllib.loads(text)
        except UnicodeDecodeError as error:
            self._findings.append(Finding(where, raw[: error.start].count(b"\n") + 1, "is not UTF-8"))
            return
        except tomllib.TOMLDecodeError as error:
            position = _POSITION.search(str(error))
            line = int(position[1]) if position else text.count("\n") + 1
            self._findings.append(Finding(where, line, f"is not TOML: {_POSITION.sub('', str(error)).strip(' ()')}"))
            return
        lines = dict(_lines_of_keys(text))
        for section, body in document.items():
            line = lines.get(section, 0)
            if not isinstance(body, dict):
                self._findings.append(Finding(where, line, f"{section!r} stands outside a section"))
                continue
            if section not in self._options and not any(name.startswith(f"{section}.") for name in self._renamed):
                self._unknown_section(section, where, line)
                continue
            for key, value in body.items():
                self._set(section, key, value, where, lines.get(f"{section}.{key}", line), is_text=False)

    def read_environment(self, environment: Mapping[str, str]) -> None:
        """Take the options of ``VEDETTE_SECTION__KEY`` variables."""
        for name in sorted(environment):
            section, separator, key = name.removeprefix(_PREFIX).partition("__")
            if name.startswith(_PREFIX) and separator:
                self._set(section.lower(), key.lower(), environment[name], name, 0, is_text=True)

    def result(self) -> ReadConfiguration:
        """Build the tree, or report all findings."""
        if not self._findings:
            sections = {name: kind(**self._values[name]) for name, kind in SECTIONS.items()}
            configuration = Configuration(**sections)
            self._findings += self._contradictions(configuration)
            if not self._findings:
                return ReadConfiguration(configuration, self._sources, tuple(self._warnings))
        raise BadConfiguration(tuple(sorted(self._findings)))

    def _set(self, section: str, key: str, value: object, where: str, line: int, *, is_text: bool) -> None:
        present = self._renamed.get(f"{section}.{key}")
        if present is not None:
            self._warnings.append(Finding(where, line, f"{section}.{key} is now called {present}"))
            section, _, key = present.partition(".")
        if section not in self._options:
            self._unknown_section(section, where, line)
            return
        option = self._options[section].get(key)
        if option is None:
            near = _nearest(key, self._options[section])
            self._findings.append(Finding(where, line, f"there is no option {section}.{key}{near}"))
            return
        try:
            self._values[section][key] = from_text(option, str(value)) if is_text else convert(option, value)
        except BadValueError as error:
            self._findings.append(Finding(where, line, f"{section}.{key} {error}"))
            return
        self._sources[f"{section}.{key}"] = f"{where}:{line}" if line else where

    def _unknown_section(self, section: str, where: str, line: int) -> None:
        self._findings.append(
            Finding(where, line, f"there is no section {section!r}{_nearest(section, self._options)}")
        )

    def _contradictions(self, configuration: Configuration) -> Iterator[Finding]:
        for option, message in contradictions(configuration):
            where, _, line = self._sources.get(option, "configuration").rpartition(":")
            yield Finding(where, int(line), message) if where else Finding(line, 0, message)


def contradictions(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Yield what does not fit together, as (option, message)."""
    api = configuration.api
    bind = api_bind(configuration)
    if api.tls == "off" and not ip_address(bind).is_loopback:
        yield (
            "api.tls",
            f"the API would speak plain HTTP on {bind}, where tokens can be read: set api.tls to own or files",
        )
    if api.tls == "files" and not (api.certificate_file and api.key_file):
        yield "api.tls", "api.tls = files needs api.certificate_file and api.key_file"
    if (api.certificate_file is None) != (api.key_file is None):
        yield "api.certificate_file", "api.certificate_file and api.key_file are set together or not at all"
    segmentation = configuration.segmentation
    if (segmentation.mud_certificate_file is None) != (segmentation.mud_key_file is None):
        yield (
            "segmentation.mud_certificate_file",
            "segmentation.mud_certificate_file and segmentation.mud_key_file are set together or not at all",
        )
    yield from _private_contradictions(configuration)
    seen: dict[int, str] = {}
    for name, port in _ports(configuration):
        if port in seen:
            yield name, f"{name} and {seen[port]} are both {port}"
        seen[port] = name
    for name, path in (
        ("bus.ca_file", configuration.bus.ca_file),
        ("bus.binary", configuration.bus.binary),
        ("store.url_file", configuration.store.url_file),
        ("pki.passphrase_file", configuration.pki.passphrase_file),
        ("pki.root_passphrase_file", configuration.pki.root_passphrase_file),
        ("api.certificate_file", api.certificate_file),
        ("api.key_file", api.key_file),
        ("segmentation.mud_certificate_file", segmentation.mud_certificate_file),
        ("segmentation.mud_key_file", segmentation.mud_key_file),
        ("oidc.client_secret_file", configuration.oidc.client_secret_file),
        ("oidc.ca_file", configuration.oidc.ca_file),
        ("auth_callout.ca_file", configuration.auth_callout.ca_file),
        ("auth_callout.user_seed_file", configuration.auth_callout.user_seed_file),
        ("auth_callout.issuer_seed_file", configuration.auth_callout.issuer_seed_file),
    ):
        if path is not None and not path.is_file():
            yield name, f"{name}: there is no file {path}"
    yield from oidc_contradictions(configuration.oidc)
    yield from _callout_contradictions(configuration)
    yield from _application_contradictions(configuration)
    for url in (*configuration.bus.urls, *configuration.auth_callout.urls):
        if not re.fullmatch(r"(nats|tls)://[^/@\s]+", url):
            yield "bus.urls", "a bus url is nats://host:port or tls://host:port, without credentials"


def _private_contradictions(configuration: Configuration) -> Iterator[tuple[str, str]]:
    if configuration.server.private_only:
        for option, address in (("server.bind", configuration.server.bind), ("api.bind", api_bind(configuration))):
            if not is_private_bind(address):
                yield (
                    option,
                    f"server.private_only is set, and {address} is not a private address: name one such as 10.0.0.5",
                )


def _callout_contradictions(configuration: Configuration) -> Iterator[tuple[str, str]]:
    callout = configuration.auth_callout
    if callout.urls and not (callout.user_seed_file and callout.issuer_seed_file):
        yield (
            "auth_callout.urls",
            "auth_callout.urls needs auth_callout.user_seed_file and auth_callout.issuer_seed_file",
        )


def _application_contradictions(configuration: Configuration) -> Iterator[tuple[str, str]]:
    if configuration.authzen.applications is None:
        return
    # Imported here: every process of the platform reads this module, and few need what it draws in.
    from vedette.access import BadApplication, load_applications  # noqa: PLC0415 - see above

    try:
        load_applications(configuration.authzen.applications)
    except BadApplication as problem:
        yield "authzen.applications", f"authzen.applications: {problem.detail}"


def _ports(configuration: Configuration) -> Iterator[tuple[str, int]]:
    found = {
        "gateway.port": configuration.gateway.port,
        "api.port": configuration.api.port,
        "gateway.websocket_port": configuration.gateway.websocket_port,
        "service.port": configuration.service.port,
        "bus.port": 0 if configuration.bus.urls else configuration.bus.port,
    }
    return ((name, port) for name, port in found.items() if port)


def api_bind(configuration: Configuration) -> str:
    """Return the address that the API listens on."""
    return configuration.api.bind or "127.0.0.1"


def api_tls(configuration: Configuration) -> str:
    """Return how the API listens: ``off``, ``own`` or ``files``."""
    api = configuration.api
    if api.tls != "auto":
        return api.tls
    if api.certificate_file:
        return "files"
    return "off" if ip_address(api_bind(configuration)).is_loopback else "own"


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"


def _lines_of_keys(text: str) -> Iterator[tuple[str, int]]:
    """Yield (``section`` or ``section.key``, line): good enough to point at; the values come from the real parser."""
    section = ""
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if table := _TABLE.fullmatch(line):
            section = _plain(table[1])
            name = section
        elif key := _KEY.match(line):
            name = f"{section}.{_plain(key[1])}" if section else _plain(key[1])
        else:
            continue
        if name not in seen:
            seen.add(name)
            yield name, number


def _plain(dotted: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in dotted.split("."))


def all_options() -> tuple[Option, ...]:
    """Return every option there is, section by section."""
    return tuple(option for name, kind in SECTIONS.items() for option in options_of(name, kind))
