"""What policies may read of a session: what TLS proved, where it comes from, what time it is there.

A fact that is not known is absent, and policies are written so that a missing one denies.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from vedette.trust.bundle import Site, read_time_zone
from vedette.trust.model import Location

FactValue = str | int | bool
# Names of the Cedar context. One that is required and missing denies whatever the policies say.
REQUIRED_FACTS: Final = frozenset(
    {"credential", "tlsVersion", "address", "cipher", "protocol", "gateway", "isSecondLocation"}
)
TIME_FACTS: Final = frozenset({"localMinute", "localWeekday"})
HOURS_FACT: Final = "isWithinHours"
AGE_FACT: Final = "credentialAgeHours"
PLACE_FACTS: Final = frozenset(
    {"metresFromSite", "positionAccuracy", "positionProvenance", "isSiteNetwork", "isPositionPlausible"}
)
OPTIONAL_FACTS: Final = (
    TIME_FACTS | PLACE_FACTS | {HOURS_FACT, AGE_FACT, "keyAlgorithm", "keyBits", "secondsSinceOtherLocation"}
)

_EARTH_RADIUS_M: Final = 6_371_008.8
_SECONDS_PER_HOUR: Final = 3_600
_MINUTES_PER_HOUR: Final = 60
_DAY_MINUTES: Final = 24 * _MINUTES_PER_HOUR
_HOURS: Final = re.compile(r"(?:([1-7])(?:-([1-7]))? )?([0-2]\d):([0-5]\d)-([0-2]\d):([0-5]\d)")
_FARTHEST_M: Final = 20_100_000

_NO_SITES: Final[frozenset[str]] = frozenset()


class SessionFacts(NamedTuple):
    """What the policies may read of a session; hashable, so that a verdict can be kept by it.

    Attributes:
        credential: Where the presented credential comes from: ``issued``, ``pinned``, ``onboarding``, ``authority``
            (a certificate that a registered authority vouches for) or ``symmetric_key``.
        tls_version: ``TLSv1.2`` or ``TLSv1.3``.
        address: The peer's, IPv4 or IPv6.
        cipher: TLS cipher suite by its OpenSSL name.
        protocol: ``mqtt``, ``websocket`` or ``https``.
        gateway: The enforcement point's name.
        key_algorithm: Of the certificate's key: ``EC``, ``RSA``, ``Ed25519`` or ``Ed448``; empty: no certificate.
        key_bits: Its size; 0: no certificate.
        credential_since: When the credential began to be valid; ``None``: not known.
        is_second_location: The identity has another live session, from another address.
        other_seen_s: Seconds since the identity was last seen at another address; ``None``: never.
    """

    credential: str
    tls_version: str
    address: str
    cipher: str = ""
    protocol: str = "mqtt"
    gateway: str = ""
    key_algorithm: str = ""
    key_bits: int = 0
    credential_since: datetime | None = None
    is_second_location: bool = False
    other_seen_s: int | None = None

    def to_context(self) -> dict[str, FactValue]:
        """Return all that does not depend on the identity, its site or the time, by its name in the Cedar context."""
        context: dict[str, FactValue] = {
            "credential": self.credential,
            "tlsVersion": self.tls_version,
            "address": self.address,
            "cipher": self.cipher,
            "protocol": self.protocol,
            "gateway": self.gateway,
            "isSecondLocation": self.is_second_location,
        }
        if self.key_algorithm:
            context["keyAlgorithm"] = self.key_algorithm
            context["keyBits"] = self.key_bits
        if self.other_seen_s is not None:
            context["secondsSinceOtherLocation"] = self.other_seen_s
        return context

    def age_hours(self, now: datetime) -> int | None:
        """Return the credential's age in whole hours; ``None`` when it is not known."""
        if self.credential_since is None:
            return None
        return max(0, int((now - self.credential_since).total_seconds()) // _SECONDS_PER_HOUR)


class SiteMap:
    """The sites of a bundle, with their networks and time zones parsed.

    Args:
        sites: Without flaws, as ``find_site_flaws`` tells.
    """

    def __init__(self, sites: Mapping[str, Site]) -> None:
        self._sites = dict(sites)
        self._zones = {name: read_time_zone(site.time_zone) for name, site in sites.items()}
        # By IP version and prefix: a look-up asks once for each prefix in use, however many networks there are.
        self._networks: dict[tuple[int, int], dict[int, frozenset[str]]] = {}
        for name, site in sites.items():
            for network in map(ipaddress.ip_network, site.networks):
                shift = network.max_prefixlen - network.prefixlen
                begins = self._networks.setdefault((network.version, shift), {})
                begin = int(network.network_address) >> shift
                begins[begin] = begins.get(begin, _NO_SITES) | {name}

    def local_time(self, site: str | None, now: datetime) -> datetime:
        """Return the time at a site; UTC where there is none."""
        return now.astimezone(self._zones.get(site or "", UTC))

    def place_facts(self, site_name: str | None, location: Location | None, address: str) -> dict[str, FactValue]:
        """Return what position and address say of an identity and its site."""
        facts: dict[str, FactValue] = {}
        site = self._sites.get(site_name or "")
        if location is not None and not _is_on_earth(location):
            location = None
        if location is not None:
            facts["positionAccuracy"] = min(math.ceil(location.accuracy_m), _FARTHEST_M)
            facts["positionProvenance"] = location.provenance.value
            if site is not None and site.has_place:
                facts["metresFromSite"] = _metres_outside(site, location)
        found_at = self._sites_of(address)
        if site is not None and site.networks:
            facts["isSiteNetwork"] = site_name in found_at
        if location is not None:
            claimed = [self._sites[name] for name in found_at if self._sites[name].has_place]
            if claimed:
                facts["isPositionPlausible"] = any(
                    _metres_outside(each, location) <= location.accuracy_m for each in claimed
                )
        return facts

    def _sites_of(self, address: str) -> frozenset[str]:
        """Return the sites in whose networks an address is."""
        if not self._networks:
            return _NO_SITES
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return _NO_SITES
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        number = int(parsed)
        found = _NO_SITES
        for (version, shift), begins in self._networks.items():
            if version == parsed.version:
                found |= begins.get(number >> shift, _NO_SITES)
        return found


def time_facts(local: datetime) -> dict[str, FactValue]:
    """Return the minute of the day, 0 to 1439, and the day of the week, 1 (Monday) to 7, of a local time."""
    return {"localMinute": local.hour * _MINUTES_PER_HOUR + local.minute, "localWeekday": local.isoweekday()}


def is_within_hours(hours: str, local: datetime) -> bool | None:
    """Tell whether a local time is within hours such as ``08:00-18:00`` or ``1-5 22:00-06:00``.

    Days are 1 (Monday) to 7, and those on which the hours begin; hours that end before they begin go on past midnight.

    Returns:
        ``None`` when the hours cannot be read: then nothing is known, which denies.
    """
    window = _read_hours(hours)
    if window is None:
        return None
    minute = local.hour * _MINUTES_PER_HOUR + local.minute
    today, yesterday = local.isoweekday(), (local.isoweekday() - 2) % 7 + 1
    if window.begin < window.end:
        return today in window.days and window.begin <= minute < window.end
    return (today in window.days and minute >= window.begin) or (yesterday in window.days and minute < window.end)


class _Hours(NamedTuple):
    days: frozenset[int]
    begin: int
    end: int


@lru_cache(maxsize=1_024)
def _read_hours(hours: str) -> _Hours | None:
    match = _HOURS.fullmatch(hours)
    if match is None:
        return None
    first, last = int(match[1] or 1), int(match[2] or match[1] or 7)
    days = range(first, last + 1) if first <= last else (*range(first, 8), *range(1, last + 1))
    begin = int(match[3]) * _MINUTES_PER_HOUR + int(match[4])
    end = int(match[5]) * _MINUTES_PER_HOUR + int(match[6])
    if begin >= _DAY_MINUTES or end > _DAY_MINUTES or begin == end:
        return None
    return _Hours(frozenset(days), begin, end)


def _metres_outside(site: Site, location: Location) -> int:
    """Return how far a position is outside a site's circle, in whole metres; 0 within it."""
    if site.latitude is None or site.longitude is None or site.radius_m is None:
        return _FARTHEST_M
    distance_m = _distance_m(site.latitude, site.longitude, location.latitude, location.longitude)
    return max(0, math.ceil(distance_m - site.radius_m))


def _distance_m(latitude_a: float, longitude_a: float, latitude_b: float, longitude_b: float) -> float:
    """Return the great-circle distance (haversine formula; the ellipsoid differs by at most 0.6 %)."""
    phi_a, phi_b = math.radians(latitude_a), math.radians(latitude_b)
    half_phi = (phi_b - phi_a) / 2
    half_lambda = math.radians(longitude_b - longitude_a) / 2
    chord = math.sin(half_phi) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_lambda) ** 2
    return 2 * _EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(chord)))


def _is_on_earth(location: Location) -> bool:
    return (
        -90 <= location.latitude <= 90  # noqa: PLR2004 - degrees
        and -180 <= location.longitude <= 180  # noqa: PLR2004 - degrees
        and math.isfinite(location.accuracy_m)
        and location.accuracy_m >= 0
    )
