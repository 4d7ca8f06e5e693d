"""The branches of the command tree about what sensors see: the inventory, who talks with whom, zones, and reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vedette.cli import (
    address_list,
    advisory,
    asset,
    capture,
    link,
    network_map,
    report,
    sensor,
    sensor_admin,
    sensor_baseline,
    sensor_logs,
    sensor_types,
    vulnerability,
    zone,
    zone_conduit,
    zone_segment,
)

Commands = dict[str, Callable[..., None]]

_ZONE: Final[Commands] = {
    "list": zone.list_zones,
    "show": zone.show,
    "members": zone.members,
    "create": zone.create,
    "add": zone.add,
    "remove": zone.remove,
    "propose": zone.propose,
    "plans": zone.plans,
    "plan": zone.plan,
    "diff": zone.diff,
    "approve": zone.approve,
    "discard": zone.discard,
    "roll-back": zone.roll_back,
}
_CAPTURE: Final[Commands] = {
    "upload": capture.upload,
    "list": capture.list_captures,
    "show": capture.show,
    "report": capture.report,
    "download": capture.download,
    "cancel": capture.cancel,
    "delete": capture.delete,
}
_REPORT: Final[Commands] = {
    "inventory": report.inventory,
    "alerts": report.alerts,
    "vulnerabilities": report.vulnerabilities,
}
_CONDUIT: Final[Commands] = {
    "list": zone_conduit.list_conduits,
    "show": zone_conduit.show,
    "create": zone_conduit.create,
    "update": zone_conduit.update,
    "remove": zone_conduit.remove,
}
_SEGMENT: Final[Commands] = {
    "replay": zone_segment.replay,
    "compile": zone_segment.compile_rules,
    "verify": zone_segment.verify,
    "stage": zone_segment.set_stage,
    "drift": zone_segment.drift,
    "paths": zone_segment.paths,
    "mud": zone_segment.mud,
    "compare-mud": zone_segment.compare_mud,
}
_ADVISORY: Final[Commands] = {
    "import": advisory.import_advisories,
    "kev": advisory.import_known_exploited,
    "epss": advisory.import_scores,
    "feeds": advisory.feeds,
    "list": advisory.list_advisories,
    "show": advisory.show,
    "remove": advisory.remove,
}
_VULNERABILITY: Final[Commands] = {
    "list": vulnerability.list_vulnerabilities,
    "show": vulnerability.show,
    "summary": vulnerability.summary,
    "exposures": vulnerability.exposures,
    "export": vulnerability.export,
    "accept": vulnerability.accept,
    "reopen": vulnerability.reopen,
}
NETWORK: Final[dict[str, tuple[str, Commands]]] = {
    "sensor": (
        "See what has no agent: from captures, or listening on an interface.",
        {
            "read": sensor.read,
            "run": sensor.run,
            "enroll": sensor.enroll,
            "register": sensor_admin.register,
            "list": sensor_admin.list_sensors,
            "show": sensor_admin.show,
            "retire": sensor_admin.retire,
            "read-logs": sensor_logs.read_logs,
            "second-opinion": sensor_logs.second_opinion,
            "train": sensor_types.train,
            "classify": sensor_types.classify,
            "baseline": sensor_baseline.baseline,
        },
    ),
    "zone": ("Which assets may talk with each other, in versions that a person approves.", _ZONE),
    "capture": ("Captures that are uploaded, analyzed, and told of in a report.", _CAPTURE),
    "report": ("Inventory, alerts and vulnerabilities on paper.", _REPORT),
    "conduit": ("What may pass from one zone to another.", _CONDUIT),
    "segment": ("What a plan of zones does with traffic: replay, rule sets, drift, MUD files.", _SEGMENT),
    "advisory": ("What is known of vulnerabilities: advisories, and how they are exploited.", _ADVISORY),
    "vulnerability": ("What assets are vulnerable to, what to do, and who lives with it.", _VULNERABILITY),
    "asset": (
        "Every device that sensors saw, managed or not.",
        {
            "list": asset.list_assets,
            "count": asset.count,
            "show": asset.show,
            "acknowledge": asset.acknowledge,
            "update": asset.update,
            "merge": asset.merge,
            "part": asset.part,
            "split": asset.split,
            "export": asset.export,
        },
    ),
    "link": (
        "Who talks with whom, about what, and with whom outside.",
        {
            "list": link.list_links,
            "operations": link.list_operations,
            "external": link.list_external,
            "decide": link.decide,
            "protocols": link.list_protocols,
            "map": network_map.show_map,
        },
    ),
    "address-list": (
        "Whom addresses of the internet are assigned to, as a list says that you import.",
        {"show": address_list.show, "import": address_list.import_list, "remove": address_list.remove},
    ),
    "snapshot": (
        "The inventory as it was on a day, and what changed since.",
        {
            "list": link.list_snapshots,
            "take": link.take_snapshot,
            "delete": link.delete_snapshot,
            "changes": link.changes,
        },
    ),
}
