from __future__ import annotations

from pathlib import Path

import pytest

from vedette.app.configuration import Configuration
from vedette.app.configuration_file import (
    CONFIGURATION_MAX_BYTES,
    BadConfiguration,
    all_options,
    api_tls,
    read_configuration,
)


def write(directory: Path, text: str) -> Path:
    path = directory / "vedette.toml"
    path.write_text(text)
    return path


def findings_of(path: Path | None, environment: dict[str, str] | None = None) -> list[tuple[int, str]]:
    with pytest.raises(BadConfiguration) as caught:
        read_configuration(path, environment or {})
    return [(each.line, each.message) for each in caught.value.findings]


def test_without_a_file_every_option_is_at_its_safe_default() -> None:
    configuration = read_configuration(None, {}).configuration
    assert configuration == Configuration()
    assert configuration.server.bind == "127.0.0.1"
    assert api_tls(configuration) == "off"


def test_a_file_sets_options_and_remembers_where(tmp_path: Path) -> None:
    path = write(tmp_path, '[server]\nhostname = "iot.example"\n\n[gateway]\nport = 9883\n')
    read = read_configuration(path, {})
    assert read.configuration.server.hostname == "iot.example"
    assert read.configuration.gateway.port == 9883
    assert read.sources == {"server.hostname": f"{path}:2", "gateway.port": f"{path}:5"}


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "[gateway]\nport = 9883\n")
    environment = {
        "VEDETTE_GATEWAY__PORT": "1883",
        "VEDETTE_SERVER__ALTERNATIVE_HOSTNAMES": "a.example, 192.0.2.7",
        "VEDETTE_DATA": "/somewhere",
        "HOME": "/root",
    }
    read = read_configuration(path, environment)
    assert read.configuration.gateway.port == 1883
    assert read.configuration.server.alternative_hostnames == ("a.example", "192.0.2.7")
    assert read.sources["gateway.port"] == "VEDETTE_GATEWAY__PORT"


def test_all_problems_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '[server]\nhostnam = "x"\nbind = "everywhere"\n\n[gatway]\nport = 1\n[api]\nport = "8480"\ntls = "maybe"\n',
    )
    found = findings_of(path, {"VEDETTE_GATEWAY__PORT": "70000", "VEDETTE_LOG__LEVL": "debug"})
    told = "\n".join(message for _, message in found)
    assert sorted(line for line, _ in found) == [0, 0, 2, 3, 5, 8, 9]
    assert "did you mean hostname?" in told
    assert "did you mean gateway?" in told
    assert "did you mean level?" in told
    assert "must be from 1 to 65535" in told
    assert "expects one of auto, off, own, files" in told
    assert "expects a whole number, not '8480'" in told


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("[server]\nhostname = \n", 2, id="no value"),
        pytest.param('[server]\nhostname = "a"\nhostname = "b"\n', 3, id="twice"),
        pytest.param('hostname = "a"\n', 1, id="outside a section"),
        pytest.param("[server]\nhostname = true\n", 2, id="wrong type"),
        pytest.param('[server]\nhostname = "-a"\n', 2, id="not a host name"),
        pytest.param('[server]\nhostname = "a\\nb"\n', 2, id="line break"),
        pytest.param("[nothing]\n", 1, id="empty unknown section"),
        pytest.param('[bus]\nurls = ["nats://user:secret@h:1"]\n', 2, id="credentials in a url"),
        pytest.param('[store]\nurl_file = "/does/not/exist"\n', 2, id="missing file"),
        pytest.param("[gateway]\nport = 8480\n", 0, id="two ports alike"),
        pytest.param('[api]\nbind = "0.0.0.0"\ntls = "off"\n', 3, id="plain HTTP for everybody"),
        pytest.param('[api]\ntls = "files"\n', 2, id="files without files"),
        pytest.param('[segmentation]\nmud_certificate_file = "pyproject.toml"\n', 2, id="a MUD certificate, no key"),
        pytest.param("[vulnerabilities]\nsignal_score = 11\n", 2, id="a score over ten"),
    ],
)
def test_a_bad_file_is_refused_at_its_line(tmp_path: Path, text: str, line: int) -> None:
    assert line in [each for each, _ in findings_of(write(tmp_path, text))]


def test_a_file_of_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vedette.toml"
    path.write_bytes(b"[server]\n\xff\n")
    assert findings_of(path) == [(2, "is not UTF-8")]


def test_a_missing_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    assert findings_of(tmp_path / "none.toml")[0][1].startswith("cannot be read")
    assert "is over" in findings_of(write(tmp_path, "#" * (CONFIGURATION_MAX_BYTES + 1)))[0][1]
    assert read_configuration(write(tmp_path, "#" * CONFIGURATION_MAX_BYTES), {}).configuration == Configuration()


def test_a_renamed_key_is_taken_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path, "[gateway]\nmqtt_port = 1883\n")
    read = read_configuration(path, {}, renamed={"gateway.mqtt_port": "gateway.port"})
    assert read.configuration.gateway.port == 1883
    assert [str(each) for each in read.warnings] == [f"{path}:2: gateway.mqtt_port is now called gateway.port"]


def test_the_api_never_speaks_plain_http_beyond_loopback() -> None:
    assert api_tls(read_configuration(None, {"VEDETTE_API__BIND": "192.0.2.1"}).configuration) == "own"
    assert api_tls(read_configuration(None, {"VEDETTE_API__BIND": "::1"}).configuration) == "off"


def test_every_option_is_documented() -> None:
    assert [option.environment for option in all_options() if not option.summary] == []
