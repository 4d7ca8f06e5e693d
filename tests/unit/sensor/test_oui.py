from __future__ import annotations

from pathlib import Path

import pytest

from vedette.sensor import Makers
from vedette.sensor.oui import is_private, mac_within

WIRESHARK = "# a comment\n00:00:0C\tCisco\tCisco Systems, Inc\n70:B3:D5:00:10:00/36\tSoredi\tSOREDI touch systems\n"
SYSTEMD = "OUI:00000C*\n ID_OUI_FROM_DATABASE=Cisco Systems, Inc\n\nOUI:70B3D5001*\n ID_OUI_FROM_DATABASE=SOREDI\n"
IEEE = "OUI/MA-L  Organization\n00-00-0C   (hex)\t\tCisco Systems, Inc\n00000C     (base 16)\t\tCisco Systems, Inc\n"
NMAP = "# $Id$\n00000C Cisco Systems\n"


@pytest.mark.parametrize("content", [WIRESHARK, SYSTEMD, IEEE, NMAP], ids=["Wireshark", "systemd", "IEEE", "nmap"])
def test_every_usual_file_of_makers_is_understood(content: str, tmp_path: Path) -> None:
    file = tmp_path / "makers"
    file.write_text(content, encoding="utf-8")
    makers = Makers(file)
    assert makers.maker_of("00:00:0c:12:34:56").startswith("Cisco Systems")
    if "SOREDI" in content:
        assert makers.maker_of("70:b3:d5:00:1a:bc").startswith("SOREDI")
        assert makers.maker_of("70:b3:d5:00:2a:bc") == ""


@pytest.mark.parametrize("content", ["", "\n\n", "OUI:\n", "OUI:zz*\n ID_OUI_FROM_DATABASE=x\n", "\t\t\n", "00\x00"])
def test_a_file_of_something_else_names_nobody(content: str, tmp_path: Path) -> None:
    file = tmp_path / "makers"
    file.write_text(content, encoding="utf-8")
    assert len(Makers(file)) == 0


@pytest.mark.parametrize("mac", ["da:a1:19:00:00:01", "02:00:00:00:00:01"])
def test_addresses_that_a_device_made_up_are_private(mac: str) -> None:
    assert is_private(mac)


@pytest.mark.parametrize("mac", ["00:00:0c:12:34:56", "52:54:00:12:34:56", "03:00:00:00:00:01"])
def test_addresses_of_makers_virtual_machines_and_groups_are_not_private(mac: str) -> None:
    assert not is_private(mac)


@pytest.mark.parametrize(
    ("ip", "mac"),
    [("fe80::6e72:20ff:fec5:a3f", "6c:72:20:c5:0a:3f"), ("2001:db8::1", ""), ("10.0.0.1", ""), ("no address", "")],
)
def test_the_mac_address_within_an_ipv6_address_is_found(ip: str, mac: str) -> None:
    assert mac_within(ip) == mac
