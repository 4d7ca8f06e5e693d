"""Sans-io codecs of the protocols that devices speak: bytes in, events out; no socket, clock, thread, log or database.

``mqtt`` is the transport, ``hub`` the topics, property bags and tokens of the hub contract, ``dps`` the provisioning
messages. A ``LocalProtocolError`` is our caller's mistake, a ``RemoteProtocolError`` the peer's; malformed input
raises nothing else.
"""

from __future__ import annotations

from vedette.protocols import dps, hub, mqtt
from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["LocalProtocolError", "RemoteProtocolError", "dps", "hub", "mqtt"]
