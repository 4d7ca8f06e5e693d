"""Every page, light and dark, wide and narrow: readable to all, within the policy, first useful paint in a second."""

from __future__ import annotations

import pytest
from console_page import Console

PAGES = {
    "overview": "/",
    "devices": "/devices",
    "identity": "/devices/pump-1",
    "twin": "/devices/pump-1?tab=twin",
    "live": "/devices/pump-1?tab=live",
    "methods and commands": "/devices/pump-1?tab=talk",
    "access": "/devices/pump-1?tab=access",
    "record": "/devices/pump-1?tab=record",
    "modules": "/devices/edge-1",
    "refused": "/refusals",
    "clone alerts": "/clone-alerts",
    "alerts": "/alerts",
    "incidents": "/alerts?by=incident",
    "alert exceptions": "/alert-exceptions",
    "tickets": "/tickets",
    "decisions": "/decisions",
    "quarantine": "/quarantine",
    "policies": "/policies",
    "a bundle of policies": "/policies/1",
    "a draft of policies": "/policies/edit",
    "groups": "/groups",
    "queries": "/queries?q=SELECT+*+FROM+devices",
    "ledger": "/ledger",
    "authorities": "/authorities",
    "enrollments": "/enrollments",
    "add a device": "/add-device?id=new-1",
    "add a device by enrollment": "/add-device?id=new-1&how=enrollment",
    "people": "/people",
    "roles": "/roles",
    "what roles give": "/roles?tab=given",
    "elevations": "/roles?tab=elevations",
    "approvals": "/approvals",
    "reviews": "/reviews",
    "service tokens": "/service-tokens",
    "listed commands": "/command-schemas",
    "account": "/account",
    "command line": "/command-line",
    "captures": "/captures",
    "network map": "/map",
    "assets": "/assets",
    "the network of a device": "/devices/pump-1?tab=network",
    "links": "/network-links",
    "protocols": "/protocols",
    "external connections": "/external-connections",
    "what changed": "/inventory-changes",
    "sensors": "/sensors",
    "zones": "/zones",
    "conduits": "/zones?tab=conduits",
    "vulnerabilities": "/vulnerabilities",
    "advisories": "/advisories",
    "reference": "/api",
}


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_page_is_readable_to_all_in_every_look(console: Console, path: str) -> None:
    console.open(path)
    console.check_looks()
