"""Policies as they travel: a bundle named by its content, and the manifest that says which bundles are in force.

A bundle holds the schema, the policies, the sites that conditions of place and time refer to, and the unit cases kept
beside the policies. The signed head names the manifest's hash, and the manifest names each bundle's: whoever carries
them cannot change them.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import re
import zlib
import zoneinfo
from collections.abc import Iterable
from datetime import UTC, tzinfo
from functools import lru_cache
from importlib.resources import files
from typing import ClassVar, Final

import msgspec

from vedette.kernel import Problem

POLICY_BUNDLE_MAX_BYTES: Final = 1_048_576
# One message of the bus carries a bundle, beside its envelope.
ENCODED_BUNDLE_MAX_BYTES: Final = 700_000
SITES_MAX: Final = 20_000
NESTING_MAX: Final = 64
OPERATORS_MAX: Final = 500
MEMBERS_MAX: Final = 2_000
SITE_NETWORKS_MAX: Final = 64
NAME_MAX_CHARS: Final = 128
# What nests, with comments and strings passed over; whatever follows a string that does not end is none of Cedar's.
_NESTING: Final = re.compile(r'//[^\n\r]*+|"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[()\[\]{};.+*-]|&&|\|\||\bif\b', re.DOTALL)
_OPENING: Final = frozenset("([{")
_CLOSING: Final = frozenset(")]}")
_OPERATORS: Final = frozenset({"&&", "||", "+", "-", "*", "if"})
_SHA256_CHARS: Final = 64
_HEX: Final = frozenset("0123456789abcdef")
_MANIFEST_DOMAIN: Final = b"vedette policy manifest 1\0"
_COMPRESSION: Final = 6


class BadPolicyBundle(Problem):
    """A policy bundle that does not parse, or does not fit its schema."""

    code: ClassVar[str] = "trust.bad_policy_bundle"
    status: ClassVar[int] = 422


class BadPolicyManifest(Problem):
    """A policy manifest that cannot be read, or names bundles that are not there."""

    code: ClassVar[str] = "trust.bad_policy_manifest"
    status: ClassVar[int] = 422


class Site(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place, as conditions refer to it: a circle on the map, a time zone, and the networks found there.

    Attributes:
        latitude: Degrees of WGS 84; with ``longitude`` and ``radius_m``, or ``None`` where the site has no place.
        longitude: Degrees of WGS 84.
        radius_m: Whoever is within it is at the site.
        time_zone: IANA name, such as ``Europe/Berlin``.
        networks: CIDR, IPv4 or IPv6.
    """

    latitude: float | None = None
    longitude: float | None = None
    radius_m: float | None = None
    time_zone: str = "UTC"
    networks: tuple[str, ...] = ()

    def with_floats(self) -> Site:
        """Return the site with numbers of one type: whoever wrote 8 means what 8.0 says."""
        place = (None if each is None else float(each) for each in (self.latitude, self.longitude, self.radius_m))
        latitude, longitude, radius_m = place
        return msgspec.structs.replace(self, latitude=latitude, longitude=longitude, radius_m=radius_m)

    @property
    def has_place(self) -> bool:
        """Whether the site is a circle on the map."""
        return self.latitude is not None and self.longitude is not None and self.radius_m is not None


class PolicyBundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A schema and the policies written against it; named by the hash of all its parts.

    Attributes:
        schema_text: Cedar schema.
        policies_text: Cedar policies.
        sites: By the site's name, as posture records name it.
        cases_text: TOML, the unit cases kept beside the policies; empty: none.
    """

    schema_text: str
    policies_text: str
    sites: dict[str, Site] = {}
    cases_text: str = ""

    @property
    def sha256(self) -> str:
        """Lower-case hex over all parts, each preceded by its length."""
        digest = hashlib.sha256()
        for part in self._parts():
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()

    @property
    def size_bytes(self) -> int:
        """Bytes of all parts."""
        return sum(map(len, self._parts()))

    def _parts(self) -> tuple[bytes, bytes, bytes, bytes]:
        sites = msgspec.json.encode({name: site.with_floats() for name, site in self.sites.items()}, order="sorted")
        texts = (self.schema_text, self.policies_text, self.cases_text)
        schema, policies, cases = (text.encode("utf-8", "surrogatepass") for text in texts)
        return schema, policies, sites, cases


class PolicyManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which bundles are in force, by their SHA-256; its own is what a head's ``policy_hash`` names.

    Attributes:
        stable: Decides for everyone the canary does not.
        canary: Decides for the identities of ``canary_group``.
        canary_group: A group as policies see it, by its id.
        shadow: Decides nothing; where its answer differs, the decision log says so.
    """

    stable: str
    canary: str | None = None
    canary_group: str | None = None
    shadow: str | None = None

    @property
    def sha256(self) -> str:
        """Lower-case hex of what the manifest says."""
        return hashlib.sha256(_MANIFEST_DOMAIN + encode_manifest(self)).hexdigest()

    @property
    def bundles(self) -> frozenset[str]:
        """Every bundle named."""
        return frozenset(each for each in (self.stable, self.canary, self.shadow) if each is not None)


_bundle_encoder = msgspec.msgpack.Encoder(order="deterministic")
_bundle_decoder = msgspec.msgpack.Decoder(PolicyBundle)
_manifest_encoder = msgspec.json.Encoder(order="deterministic")
_manifest_decoder = msgspec.json.Decoder(PolicyManifest)


@lru_cache(maxsize=1)
def default_bundle() -> PolicyBundle:
    """Return the bundle that ships with this release."""
    folder = files("vedette.trust") / "policies"
    return PolicyBundle(
        schema_text=device_schema(),
        policies_text=(folder / "default.cedar").read_text(encoding="utf-8"),
        cases_text=(folder / "default-cases.toml").read_text(encoding="utf-8"),
    )


@lru_cache(maxsize=1)
def device_schema() -> str:
    """Return the schema that this release decides devices and modules by: what every bundle's policies refer to."""
    return (files("vedette.trust") / "policies" / "schema.cedarschema").read_text(encoding="utf-8")


def default_manifest() -> PolicyManifest:
    """Return the manifest that is in force until somebody sets another: the default bundle for everyone."""
    return PolicyManifest(default_bundle().sha256)


def encode_manifest(manifest: PolicyManifest) -> bytes:
    """Return the manifest as canonical JSON."""
    return _manifest_encoder.encode(manifest)


def decode_manifest(raw: bytes, sha256: str | None = None) -> PolicyManifest:
    """Read a manifest.

    Args:
        raw: From ``encode_manifest``.
        sha256: What it must hash to; ``None``: not known.

    Raises:
        BadPolicyManifest: It is none, or another one.
    """
    try:
        manifest = _manifest_decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadPolicyManifest(f"this is no policy manifest: {error}") from error
    if not all(map(_is_sha256, manifest.bundles)):
        raise BadPolicyManifest("a policy manifest names its bundles by SHA-256 in lower-case hex")
    if (manifest.canary is None) != (manifest.canary_group is None):
        raise BadPolicyManifest("a canary needs its group, and a canary group its bundle")
    if sha256 is not None and manifest.sha256 != sha256:
        raise BadPolicyManifest("this policy manifest is not the one that the head names")
    return manifest


def encode_bundle(bundle: PolicyBundle) -> bytes:
    """Return the bundle for the bus or a disk, compressed.

    Raises:
        BadPolicyBundle: It is too large to travel.
    """
    check_size(bundle)
    raw = zlib.compress(_bundle_encoder.encode(bundle), _COMPRESSION)
    if len(raw) > ENCODED_BUNDLE_MAX_BYTES:
        raise BadPolicyBundle(
            f"a policy bundle of {len(raw)} bytes, compressed, is over {ENCODED_BUNDLE_MAX_BYTES}",
            hint="merge policies that differ in one value, and move sites of one place together",
        )
    return raw


def decode_bundle(raw: bytes) -> PolicyBundle:
    """Read a bundle; the caller compares its hash with the one asked for.

    Raises:
        BadPolicyBundle: It is none, or too large.
    """
    most = 2 * POLICY_BUNDLE_MAX_BYTES
    try:
        inflater = zlib.decompressobj()
        plain = inflater.decompress(raw, most)
        if inflater.unconsumed_tail or not inflater.eof:
            raise BadPolicyBundle("a policy bundle that is cut off or too large")
        bundle = _bundle_decoder.decode(plain)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadPolicyBundle(f"this is no policy bundle: {error}") from error
    check_size(bundle)
    return bundle


def check_size(bundle: PolicyBundle) -> None:
    """Refuse a bundle that is too large for an enforcement point.

    Raises:
        BadPolicyBundle: It is over ``POLICY_BUNDLE_MAX_BYTES`` or has too many sites.
    """
    if bundle.size_bytes > POLICY_BUNDLE_MAX_BYTES:
        raise BadPolicyBundle(f"a policy bundle of {bundle.size_bytes} bytes is over {POLICY_BUNDLE_MAX_BYTES}")
    if len(bundle.sites) > SITES_MAX:
        raise BadPolicyBundle(f"a policy bundle with {len(bundle.sites)} sites is over {SITES_MAX}")
    check_nesting(bundle.policies_text)
    check_nesting(bundle.schema_text)


def check_nesting(text: str) -> None:
    """Refuse text that is nested so deep that the parser of policies would take the whole process with it.

    It runs out of stack, which nothing can catch, at some hundred brackets or some thousand operators in a row.

    Raises:
        BadPolicyBundle: A policy in it goes beyond what people write.
    """
    depth = operators = members = 0
    for match in _NESTING.finditer(text):
        sign = match[0]
        if sign in _OPENING:
            depth += 1
        elif sign in _CLOSING:
            depth = max(0, depth - 1)
        elif sign == ";" and not depth:
            operators = members = 0
        elif sign == ".":
            members += 1
        elif sign in _OPERATORS:
            operators += 1
        if depth > NESTING_MAX or operators > OPERATORS_MAX or members > MEMBERS_MAX:
            raise BadPolicyBundle(
                f"a policy nests over {NESTING_MAX} deep, or holds over {OPERATORS_MAX} operators or "
                f"{MEMBERS_MAX} members",
                hint="make several policies of it",
            )


def read_time_zone(name: str) -> tzinfo:
    """Return a time zone by its IANA name.

    Raises:
        BadPolicyBundle: This machine knows none of that name.
    """
    if name == "UTC":
        return UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadPolicyBundle(
            f"time zone {name[:NAME_MAX_CHARS]!r} is not known here; use an IANA name such as Europe/Berlin",
            hint="on a machine without time zones, install the system package tzdata",
        ) from error


def find_site_flaws(sites: Iterable[tuple[str, Site]]) -> list[tuple[str, str]]:
    """Return what is wrong with sites: the name of the site, and the flaw in words."""
    return [(name, flaw) for name, site in sites for flaw in _site_flaws(name, site)]


def _site_flaws(name: str, site: Site) -> list[str]:
    flaws: list[str] = []
    if not name or len(name) > NAME_MAX_CHARS:
        flaws.append(f"a site's name has 1 to {NAME_MAX_CHARS} characters")
    place = (site.latitude, site.longitude, site.radius_m)
    if any(value is None for value in place) != all(value is None for value in place):
        flaws.append("latitude, longitude and radius_m are given together or not at all")
    if site.latitude is not None and not -90 <= site.latitude <= 90:  # noqa: PLR2004 - degrees
        flaws.append("latitude is -90 to 90 degrees")
    if site.longitude is not None and not -180 <= site.longitude <= 180:  # noqa: PLR2004 - degrees
        flaws.append("longitude is -180 to 180 degrees")
    if site.radius_m is not None and not (math.isfinite(site.radius_m) and site.radius_m > 0):
        flaws.append("radius_m is above 0")
    try:
        read_time_zone(site.time_zone)
    except BadPolicyBundle as bad:
        flaws.append(bad.detail)
    if len(site.networks) > SITE_NETWORKS_MAX:
        flaws.append(f"a site has at most {SITE_NETWORKS_MAX} networks")
    for network in site.networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            flaws.append(f"network {network!r} is not CIDR, such as 10.1.0.0/16 without host bits")
    return flaws


def _is_sha256(text: str) -> bool:
    return len(text) == _SHA256_CHARS and set(text) <= _HEX
