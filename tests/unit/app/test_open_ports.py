"""Declared against open: every difference is found, whichever side it is on."""

from __future__ import annotations

from pathlib import Path

import pytest

from vedette.app import BadConfiguration, OpenPort, read_configuration
from vedette.app.open_ports import compare_ports
from vedette.app.ports import Listener

EVERYWHERE = "0.0.0.0"  # noqa: S104 - a value, nothing listens there
DECLARED = [Listener(EVERYWHERE, 8883, "devices", "gateway.port"), Listener("127.0.0.1", 8480, "API", "api.port")]


def test_what_is_declared_and_open_is_as_it_should_be() -> None:
    found = [OpenPort(EVERYWHERE, 8883, "gateway-1"), OpenPort("127.0.0.1", 8480, "control")]
    findings = compare_ports(DECLARED, found, {"gateway.port": ("10.0.0.0/8",)})
    assert [each.standing for each in findings] == ["as declared", "as declared"]
    assert [(each.is_private, each.allowed) for each in findings] == [(True, ()), (False, ("10.0.0.0/8",))]


def test_what_nobody_declared_and_what_nobody_opened_are_differences() -> None:
    found = [OpenPort(EVERYWHERE, 8480, "control"), OpenPort(EVERYWHERE, 8883, "gateway-1")]
    findings = {(each.address, each.port): each.standing for each in compare_ports(DECLARED, found, {})}
    assert findings[(EVERYWHERE, 8480)] == "not declared"
    assert findings[("127.0.0.1", 8480)] == "not open"
    assert findings[(EVERYWHERE, 8883)] == "as declared"


@pytest.mark.parametrize("bind", [EVERYWHERE, "8.8.8.8", "::"])
def test_private_only_refuses_addresses_that_others_could_reach(bind: str) -> None:
    with pytest.raises(BadConfiguration, match="private_only"):
        read_configuration(None, {"VEDETTE_SERVER__PRIVATE_ONLY": "true", "VEDETTE_SERVER__BIND": bind})


def test_private_only_lets_private_addresses_be() -> None:
    read = read_configuration(None, {"VEDETTE_SERVER__PRIVATE_ONLY": "true", "VEDETTE_SERVER__BIND": "10.0.0.5"})
    assert read.configuration.server.private_only


@pytest.mark.parametrize("section", ["gateway", "api", "service"])
def test_a_list_of_networks_holds_networks_alone(section: str, tmp_path: Path) -> None:
    file = tmp_path / "vedette.toml"
    file.write_text(f'{section}.allowed_networks = ["10.0.0.1/8"]\n')
    with pytest.raises(BadConfiguration, match="not a network"):
        read_configuration(file, {})
    file.write_text(f'{section}.allowed_networks = ["10.0.0.0/8", "fd00::/8", "192.0.2.1"]\n')
    assert read_configuration(file, {}).configuration is not None
