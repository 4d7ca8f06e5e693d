"""Real sockets on loopback: who listens is the kernel's word."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from vedette.cli.listener import check_listener, listeners_at
from vedette.cli.problems import Denied

ME = os.getuid()
ANOTHER = 4_000_000


@pytest.fixture(params=["127.0.0.1", "127.0.8.1", "0.0.0.0", "::1", "::"])  # noqa: S104 - one of the cases
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as listener:
        try:
            listener.bind((request.param, 0))
        except OSError:
            pytest.skip("no IPv6 here")
        listener.listen()
        yield listener.getsockname()[1]


HOSTS = ("localhost", "127.0.0.1", "127.0.8.1", "[::1]")


def test_the_platform_of_the_owner_is_believed_at_every_address(port: int) -> None:
    for host in HOSTS:
        check_listener(f"http://{host}:{port}", ME)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.8.1", "0.0.0.0"])  # noqa: S104 - one of the cases
def test_another_user_in_its_place_is_shown_no_token(address: str) -> None:
    user = os.geteuid()
    if user == 0:
        os.seteuid(ANOTHER)  # a socket is of whoever makes it
    try:
        listener = socket.socket()
    finally:
        os.seteuid(user)
    with listener:
        listener.bind((address, 0))
        listener.listen()
        url = f"http://{'127.0.0.1' if address == '0.0.0.0' else address}:{listener.getsockname()[1]}"  # noqa: S104
        with pytest.raises(Denied):
            check_listener(url, ME if user == 0 else ANOTHER)


def test_who_listens_is_found_and_nobody_else() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.8.1", 0))
        port = listener.getsockname()[1]
        assert listeners_at("127.0.8.1", port) == set()
        listener.listen()
        assert listeners_at("127.0.8.1", port) == {ME}
        assert listeners_at("127.0.8.2", port) == set()
        with socket.create_connection(("127.0.8.1", port)) as peer:
            assert listeners_at("127.0.8.1", peer.getsockname()[1]) == set()
    assert listeners_at("127.0.8.1", port) == set()
    assert listeners_at("not a host", port) == set()


def test_over_tls_the_certificate_decides() -> None:
    check_listener("https://localhost:1", ANOTHER)
