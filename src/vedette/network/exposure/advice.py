"""What to do about a vulnerability: what its advisory says of this product, and what the network allows. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from vedette.health.advisories import Advisory, Certainty
from vedette.network.exposure.model import Vulnerability
from vedette.network.exposure.ranking import Surroundings

_ADVICE_MAX: Final = 20
_ORDER: Final = ("vendor_fix", "workaround", "mitigation", "none_available", "no_fix_planned")
# Words of an advisory that name a service which a device may do without, and the names it has in links.
_SERVICES: Final = (
    (("web server", "webserver", "web interface", "http"), ("http", "https", "tls", "tcp/80", "tcp/443")),
    (("telnet",), ("telnet", "tcp/23")),
    (("ftp",), ("ftp", "tftp", "tcp/21", "udp/69")),
    (("snmp",), ("snmp", "udp/161")),
    (("ssh",), ("ssh", "tcp/22")),
    (("smb", "netbios"), ("smb", "tcp/445")),
    (("rdp", "remote desktop"), ("rdp", "tcp/3389")),
    (("modbus",), ("modbus", "tcp/502")),
    (("opc ua",), ("opcua", "opc-ua", "tcp/4840")),
)


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do.

    Attributes:
        kind: ``vendor_fix``, ``workaround``, ``mitigation``, ``none_available``, ``no_fix_planned`` of the advisory;
            ``identify``, ``close_outside``, ``segment``, ``disable_service`` of ours.
        source: ``advisory`` or ``vedette``.
    """

    kind: str
    source: str
    text: str
    url: str = ""


def advise(found: Vulnerability, advisory: Advisory | None, around: Surroundings) -> tuple[Advice, ...]:
    """Return what to do, the maker's fix first."""
    told = [] if advisory is None else _told(found, advisory)
    own = _own(found, advisory, around)
    return (*told[: _ADVICE_MAX - len(own)], *own)


def _told(found: Vulnerability, advisory: Advisory) -> list[Advice]:
    remedies = [
        remedy
        for weakness in advisory.weaknesses
        if weakness.name == found.name
        for remedy in weakness.remedies
        if not remedy.product_ids or found.product_id in remedy.product_ids
    ]
    ranked = sorted(remedies, key=lambda each: _ORDER.index(each.category) if each.category in _ORDER else len(_ORDER))
    advice = [Advice(kind=each.category, source="advisory", text=each.details, url=each.url) for each in ranked]
    return list(dict.fromkeys(advice))


def _own(found: Vulnerability, advisory: Advisory | None, around: Surroundings) -> list[Advice]:
    advice = []
    if found.certainty is Certainty.MAYBE:
        text = "Find out model and version on the device itself: it is not proven that it is affected."
        advice.append(Advice(kind="identify", source="vedette", text=text))
    outside = around.inbound + around.outbound
    if outside:
        text = f"Close its {outside} connections with the outside, or have somebody answer for them."
        advice.append(Advice(kind="close_outside", source="vedette", text=text))
    advice += [
        Advice(
            kind="disable_service",
            source="vedette",
            text=f"The advisory names a service of it ({service}): turn it off, or let only those use it who must.",
        )
        for service in _named_services(found, advisory, around)
    ]
    who = f"the {around.clients} that talk to it" if around.clients else "those that must talk to it"
    advice.append(
        Advice(
            kind="segment",
            source="vedette",
            text=f"Put it into a zone whose conduits let only {who} reach it, until it is fixed.",
        )
    )
    return advice


def _named_services(found: Vulnerability, advisory: Advisory | None, around: Surroundings) -> list[str]:
    weakness = None if advisory is None else next((w for w in advisory.weaknesses if w.name == found.name), None)
    words = f"{found.title} {weakness.title} {weakness.description}".casefold() if weakness is not None else ""
    named = [names for spoken, names in _SERVICES if any(word in words for word in spoken)]
    return [service for service in around.services if any(set(service.split()) & set(names) for names in named)][:3]
