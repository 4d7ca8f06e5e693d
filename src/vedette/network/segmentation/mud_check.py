"""A strict reader of MUD files: what RFC 8520 and RFC 8519 do not allow is refused, with the place where it stands."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from vedette.network.segmentation.errors import InvalidMud
from vedette.network.segmentation.model import Service
from vedette.network.segmentation.mud import Access

MUD_BYTES_MAX: Final = 256 * 1024
_LISTS_MAX: Final = 64
_ACES_MAX: Final = 2_000
_DEPTH_MAX: Final = 16
_NAME: Final = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)([A-Za-z0-9_]([A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?\.?"
)
_ACL: Final = "ietf-access-control-list:"
_TYPES: Final = {"ipv4-acl-type": 4, "ipv6-acl-type": 6}
_PROTOCOLS: Final = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"}
_PORT_MAX: Final = 65_535

Json = Mapping[str, Any]  # Any: JSON


class MudFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a MUD file says."""

    url: str
    last_update: datetime
    is_supported: bool
    system: str = ""
    maker: str = ""
    model: str = ""
    firmware: str = ""
    accesses: tuple[Access, ...] = ()
    not_understood: tuple[str, ...] = ()


def read_mud(document: bytes) -> MudFile:
    """Read a MUD file.

    Raises:
        InvalidMud: It breaks a rule of RFC 8520, or is larger than we take; the detail says where.
    """
    if len(document) > MUD_BYTES_MAX:
        raise InvalidMud(f"the file is over {MUD_BYTES_MAX} bytes")
    try:
        parsed = msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidMud(f"it is not JSON: {str(error)[:120]}") from error
    _check_depth(parsed)
    root = _object(parsed, "/")
    mud = _object(root.get("ietf-mud:mud"), "/ietf-mud:mud")
    lists = _read_lists(root)
    return _Reader(mud, lists).read()


class _Reader:
    """Reads the container ``mud``."""

    _MEMBERS: Final = frozenset(
        {
            "mud-version",
            "mud-url",
            "last-update",
            "mud-signature",
            "cache-validity",
            "is-supported",
            "systeminfo",
            "mfg-name",
            "model-name",
            "firmware-rev",
            "software-rev",
            "documentation",
            "extensions",
            "from-device-policy",
            "to-device-policy",
        }
    )

    def __init__(self, mud: Json, lists: Mapping[str, tuple[int, list[Json]]]) -> None:
        self._mud = mud
        self._lists = lists

    def read(self) -> MudFile:
        mud = self._mud
        extensions = mud.get("extensions", [])
        if not isinstance(extensions, list) or not all(isinstance(each, str) for each in extensions):
            raise InvalidMud("/ietf-mud:mud/extensions: a list of names")
        # Whoever extends the module adds members whose names begin with that of their own.
        unknown = sorted(name for name in mud if name not in self._MEMBERS and ":" not in name)
        if unknown:
            raise InvalidMud(f"/ietf-mud:mud/{unknown[0][:64]}: RFC 8520 has no such member")
        if mud.get("mud-version") != 1 or isinstance(mud["mud-version"], bool):
            raise InvalidMud("/ietf-mud:mud/mud-version: must be 1")
        url = self._url("mud-url", is_required=True)
        self._url("mud-signature")
        self._url("documentation", schemes={"https", "http"})
        hours = mud.get("cache-validity", 48)
        if not isinstance(hours, int) or isinstance(hours, bool) or not 1 <= hours <= 168:  # noqa: PLR2004
            raise InvalidMud("/ietf-mud:mud/cache-validity: 1 to 168 hours")
        if not isinstance(mud.get("is-supported"), bool):
            raise InvalidMud("/ietf-mud:mud/is-supported: true or false, and it must be there")
        not_understood: list[str] = [f"extension {each[:64]}" for each in extensions]
        accesses = {access for direction in ("from", "to") for access in self._policy(direction, not_understood)}
        return MudFile(
            url=url,
            last_update=self._moment(),
            is_supported=mud["is-supported"],
            system=self._text("systeminfo", 60),
            maker=self._text("mfg-name"),
            model=self._text("model-name"),
            firmware=self._text("firmware-rev"),
            accesses=tuple(sorted(accesses)),
            not_understood=tuple(not_understood[:100]),
        )

    def _text(self, name: str, most: int = 512) -> str:
        value = self._mud.get(name, "")
        if not isinstance(value, str) or len(value) > most:
            raise InvalidMud(f"/ietf-mud:mud/{name}: a text of at most {most} characters")
        return value

    def _url(
        self, name: str, *, is_required: bool = False, schemes: frozenset[str] | set[str] = frozenset({"https"})
    ) -> str:
        value = self._text(name)
        if not value and not is_required and name not in self._mud:
            return ""
        try:
            parts = urlsplit(value)
        except ValueError as error:
            raise InvalidMud(f"/ietf-mud:mud/{name}: not a URL") from error
        if parts.scheme not in schemes or not parts.netloc:
            raise InvalidMud(f"/ietf-mud:mud/{name}: must be a URL with {' or '.join(sorted(schemes))}")
        return value

    def _moment(self) -> datetime:
        try:
            found = datetime.fromisoformat(self._text("last-update"))
        except ValueError as error:
            raise InvalidMud("/ietf-mud:mud/last-update: must be a date and time of RFC 3339") from error
        if found.tzinfo is None:
            raise InvalidMud("/ietf-mud:mud/last-update: must say its offset from UTC")
        return found

    def _policy(self, direction: str, not_understood: list[str]) -> list[Access]:
        where = f"/ietf-mud:mud/{direction}-device-policy"
        if f"{direction}-device-policy" not in self._mud:
            return []
        policy = _object(self._mud[f"{direction}-device-policy"], where)
        names = _list(_object(policy.get("access-lists", {}), where).get("access-list", []), f"{where}/access-lists")
        found: list[Access] = []
        for each in names[:_LISTS_MAX]:
            name = _object(each, where).get("name")
            if not isinstance(name, str) or name not in self._lists:
                raise InvalidMud(f"{where}: there is no access list {str(name)[:64]!r}")
            version, aces = self._lists[name]
            for ace in aces:
                place = f"/{_ACL}acls/{name}/{str(ace.get('name'))[:64]}"
                access = _read_ace(ace, version, is_from=direction == "from", where=place)
                if access is None:
                    not_understood.append(place)
                else:
                    found.append(access)
        return found


def _read_lists(root: Json) -> dict[str, tuple[int, list[Json]]]:
    # The RFC's examples have the container of RFC 8519; files of its drafts call it `access-lists`.
    acls = root.get(f"{_ACL}acls", root.get(f"{_ACL}access-lists", {}))
    lists: dict[str, tuple[int, list[Json]]] = {}
    entries = 0
    for each in _list(_object(acls, f"/{_ACL}acls").get("acl", []), f"/{_ACL}acls/acl"):
        acl = _object(each, f"/{_ACL}acls/acl")
        name = _name(acl, f"/{_ACL}acls/acl")
        where = f"/{_ACL}acls/{name}"
        kind = acl.get("type")
        if kind not in _TYPES:
            raise InvalidMud(f"{where}/type: ipv4-acl-type or ipv6-acl-type")
        if name in lists:
            raise InvalidMud(f"{where}: the name is there twice")
        aces = [_object(ace, where) for ace in _list(_object(acl.get("aces", {}), where).get("ace", []), where)]
        entries += len(aces)
        if entries > _ACES_MAX or len(lists) >= _LISTS_MAX:
            raise InvalidMud(f"at most {_LISTS_MAX} lists and {_ACES_MAX} entries are taken")
        names = [_name(ace, where) for ace in aces]
        if len(set(names)) != len(names):
            raise InvalidMud(f"{where}: two entries have one name")
        lists[name] = (_TYPES[kind], aces)
    return lists


def _read_ace(ace: Json, version: int, *, is_from: bool, where: str) -> Access | None:
    """Return what an entry lets pass; None if it drops, or says what we do not understand."""
    forwarding = _object(ace.get("actions"), f"{where}/actions").get("forwarding")
    if forwarding not in {"accept", "drop", "reject"}:
        raise InvalidMud(f"{where}/actions/forwarding: accept, drop or reject, and it must be there")
    matches = _object(ace.get("matches", {}), f"{where}/matches")
    internet = _object(matches.get(f"ipv{version}", {}), f"{where}/matches/ipv{version}")
    if f"ipv{10 - version}" in matches:
        raise InvalidMud(f"{where}/matches: an entry of IPv{version} cannot match IPv{10 - version}")
    peer = _read_peer(matches, internet, version, is_from=is_from, where=where)
    protocol = internet.get("protocol")
    if protocol is not None and (not isinstance(protocol, int) or not 0 <= protocol <= 255):  # noqa: PLR2004
        raise InvalidMud(f"{where}/matches/ipv{version}/protocol: 0 to 255")
    transport = next((each for each in ("tcp", "udp") if each in matches), _PROTOCOLS.get(protocol or -1, ""))
    if not transport or forwarding != "accept" or peer is None:
        return None
    layer = _object(matches.get(transport, {}), f"{where}/matches/{transport}")
    begins = layer.get("ietf-mud:direction-initiated")
    if begins not in {None, "from-device", "to-device"}:
        raise InvalidMud(f"{where}/matches/tcp/ietf-mud:direction-initiated: from-device or to-device")
    if protocol is not None and transport in {"tcp", "udp"} and _PROTOCOLS.get(protocol) != transport:
        raise InvalidMud(f"{where}/matches: protocol {protocol} is not {transport}")
    is_begun_by_device, span = _read_ports(layer, is_from=is_from, begins=begins, where=where)
    return Access(version, is_begun_by_device, peer, Service(transport, *span))


def _read_ports(layer: Json, *, is_from: bool, begins: str | None, where: str) -> tuple[bool, tuple[int, int]]:
    ports = {
        side: _read_port(_object(layer[f"{side}-port"], where), f"{where}/{side}-port")
        for side in ("source", "destination")
        if f"{side}-port" in layer
    }
    if begins is not None:
        is_begun_by_device = begins == "from-device"
    elif len(ports) == 1:
        # The service is at the end whose port is named.
        is_begun_by_device = ("destination" in ports) is is_from
    else:
        is_begun_by_device = is_from
    side = "destination" if is_begun_by_device is is_from else "source"
    return is_begun_by_device, ports.get(side, (0, _PORT_MAX if layer or not ports else 0))


def _read_port(port: Json, where: str) -> tuple[int, int]:
    def number(name: str) -> int:
        value = port.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _PORT_MAX:
            raise InvalidMud(f"{where}/{name}: 0 to {_PORT_MAX}")
        return value

    if "lower-port" in port:
        low, high = number("lower-port"), number("upper-port")
        if low > high:
            raise InvalidMud(f"{where}: the range is upside down")
        return low, high
    single = number("port")
    spans: dict[object, tuple[int, int]] = {
        "eq": (single, single),
        "lte": (0, single),
        "gte": (single, _PORT_MAX),
        "neq": (0, _PORT_MAX),
    }
    operator = port.get("operator", "eq")
    if not isinstance(operator, str) or operator not in spans:
        raise InvalidMud(f"{where}/operator: eq, neq, lte or gte")
    return spans[operator]


def _read_peer(matches: Json, internet: Json, version: int, *, is_from: bool, where: str) -> str | None:
    far, side = ("dst", "destination") if is_from else ("src", "source")
    name = internet.get(f"ietf-acldns:{far}-dnsname")
    if name is not None:
        if not isinstance(name, str) or not _HOST.fullmatch(name):
            raise InvalidMud(f"{where}/ietf-acldns:{far}-dnsname: a host name")
        return f"dns:{name.lower().rstrip('.')}"
    network = internet.get(f"{side}-ipv{version}-network")
    if network is not None:
        try:
            parsed = ipaddress.ip_network(str(network), strict=False)
        except ValueError as error:
            raise InvalidMud(f"{where}/{side}-ipv{version}-network: not a network") from error
        if parsed.version != version:
            raise InvalidMud(f"{where}/{side}-ipv{version}-network: not of IPv{version}")
        return f"net:{parsed}"
    if "ietf-mud:mud" not in matches:
        return "any"
    mud = _object(matches["ietf-mud:mud"], f"{where}/ietf-mud:mud")
    kinds: dict[str, Callable[[], str | None]] = {
        "controller": lambda: f"controller:{mud['controller']}"[:512],
        "my-controller": lambda: "my-controller",
        "local-networks": lambda: "local",
        "manufacturer": lambda: "local",
        "same-manufacturer": lambda: "local",
        "model": lambda: "local",
    }
    unknown = set(mud) - set(kinds)
    if unknown:
        raise InvalidMud(f"{where}/ietf-mud:mud/{min(unknown)[:64]}: RFC 8520 has no such member")
    for kind in ("controller", "manufacturer", "model"):
        if kind in mud and not isinstance(mud[kind], str):
            raise InvalidMud(f"{where}/ietf-mud:mud/{kind}: a text")
    return next((kinds[kind]() for kind in kinds if kind in mud), None)


def _name(value: Json, where: str) -> str:
    name = value.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidMud(f"{where}/name: 1 to 64 letters, digits, - _ and .")
    return name


def _object(value: object, where: str) -> Json:
    if not isinstance(value, dict):
        raise InvalidMud(f"{where}: must be an object, and must be there")
    return value


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise InvalidMud(f"{where}: must be a list")
    return value


def _check_depth(value: object, depth: int = 0) -> None:
    if depth > _DEPTH_MAX:
        raise InvalidMud("it is nested too deeply")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        _check_depth(each, depth + 1)
