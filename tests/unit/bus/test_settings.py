"""Names and addresses."""

from __future__ import annotations

import pytest

from vedette.bus.errors import InvalidSubject
from vedette.bus.settings import Address, BusConnectionSettings, check_name


@pytest.mark.parametrize("name", ["control", "gateway-1", "a" * 63])
def test_process_name_is_taken(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "Gateway", "1gateway", "a.b", "a>", "a*", "a b", "../x", "a" * 64, "gateway_1"])
def test_name_that_could_be_a_pattern_or_a_path_is_refused(name: str) -> None:
    with pytest.raises(InvalidSubject):
        BusConnectionSettings(name=name)


def test_address_is_read() -> None:
    assert Address.parse("nats://127.0.0.1:8422") == Address("127.0.0.1", 8422, is_tls=False)
    assert Address.parse("tls://bus.example") == Address("bus.example", 4222, is_tls=True)
    assert Address.parse("nats://[::1]:8422") == Address("::1", 8422, is_tls=False)


@pytest.mark.parametrize("url", ["", "http://x", "nats://", "nats://user:secret@host", "nats://host/path", "x:1"])
def test_address_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="bus url") as refused:
        BusConnectionSettings(name="control", urls=(url,))
    assert "secret" not in str(refused.value)


def test_seed_is_not_shown() -> None:
    assert "SUSECRET" not in repr(BusConnectionSettings(name="control", seed="SUSECRET"))
