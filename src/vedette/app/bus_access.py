"""How a process reaches the bus as the user it is; without SQL, since gateways use it too."""

from __future__ import annotations

from vedette.app.roles import BusRole
from vedette.bus import BusConnectionSettings, read_seed


def bus_settings(role: BusRole) -> BusConnectionSettings:
    """Read the seed of a user and return how to connect as that user; blocks on the file.

    Raises:
        InvalidNkey: The seed cannot be read.
    """
    return BusConnectionSettings(
        name=role.name, urls=role.urls, seed=read_seed(role.seed_file), tls_ca_file=role.ca_file
    )
