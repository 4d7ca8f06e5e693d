"""The exceptions to the rules, all of them, each with its reason."""

from __future__ import annotations

from typing import Final

# Where time and randomness enter the program.
TIME_AND_RANDOMNESS: Final = frozenset({"vedette.kernel.clock", "vedette.kernel.ids"})

# A listener outlives whatever a peer makes go wrong; `app` reports what ends a process.
BROAD_EXCEPT_ROOMS: Final = frozenset({"app"})
BROAD_EXCEPT_MODULES: Final = frozenset(
    {
        "vedette.bus.listeners",  # one subscriber's mistake must not end everyone's connection
        "vedette.gateway.listener",
        "vedette.gateway.tls",
    }
)

# A task whose parent is its owner's close(), which waits for it: connections that outlive the block that made them.
TASKS_THAT_CLOSE_WAITS_FOR: Final = frozenset({"vedette.bus.core"})

# Packages of these foundations are doors of their own: `vedette.protocols.mqtt`.
ROOMS_WITH_INNER_DOORS: Final = frozenset({"protocols"})

# Inner doors: the frozen contract between processes is imported by its own name, and the half of the PKI that holds SQL
# stands apart from the half that the signer's process loads.
DOOR_MODULES: Final = frozenset(
    {
        "vedette.bus.contract",
        "vedette.health.advisories",
        "vedette.network.addresses",
        "vedette.network.captures",
        "vedette.network.exposure",
        "vedette.network.map",
        "vedette.network.segmentation",
        "vedette.pki.records",
        "vedette.trust.replay",
    }
)

# Third-party code that a floor may import; docs/decisions/0010 says why.
THIRD_PARTY: Final[dict[str, frozenset[str]]] = {
    "kernel": frozenset(),
    "protocols": frozenset({"msgspec"}),
    "trust": frozenset({"cedarpy", "cryptography", "msgspec"}),
}

# Generated tables may be longer than a module of code.
GENERATED_TABLES: Final[frozenset[str]] = frozenset(
    {
        "vedette.store.migrations.versions.r0001_initial",
        # scripts/write_migration.py writes them
        "vedette.store.migrations.versions.r0002_hub",
        "vedette.store.migrations.versions.r0003_network",
    }
)
