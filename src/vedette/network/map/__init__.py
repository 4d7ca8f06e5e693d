"""The map of the networks: where every asset stands, and who says how much to whom.

Terms: a *grouping* decides which boxes there are within a site; a *band* holds the assets of one Purdue level; a group
is *closed* where its assets are not shown one by one. Invariants: the same inventory gives the same map; an asset keeps
its place when others come or go; nobody is told of an asset at a site that they may not see; maps are drawn beside the
event loop, one at a time.
"""

from __future__ import annotations

from vedette.network.map.errors import MapNotReady
from vedette.network.map.model import (
    EDGES_MAX,
    HOPS_MAX,
    NODES_MAX,
    OPENED_MAX,
    Crossing,
    Grouping,
    MapQuery,
    NetworkMap,
)
from vedette.network.map.reading import AlertMark
from vedette.network.map.service import AlertsOf, DrawnMap, MapService

__all__ = [
    "EDGES_MAX",
    "HOPS_MAX",
    "NODES_MAX",
    "OPENED_MAX",
    "AlertMark",
    "AlertsOf",
    "Crossing",
    "DrawnMap",
    "Grouping",
    "MapNotReady",
    "MapQuery",
    "MapService",
    "NetworkMap",
]
