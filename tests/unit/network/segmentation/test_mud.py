"""MUD files: written from what was seen, read as strictly as RFC 8520 says, compared with what was seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from segmented_plant import FLOWS, HISTORIAN, HMI_A, NOW, PLCS, PROXY, flow, member, outside

from vedette.network.segmentation import (
    Access,
    Flow,
    InvalidMud,
    Member,
    Service,
    compare_mud,
    read_mud,
    write_mud,
)

URL = "https://vedette.example/v1/mud-files/ast_1"
DNS = member("dns", "10.0.3.53", "3")
SEEN = [
    *FLOWS,
    flow(PROXY, DNS, 53, "dns"),
    outside(PROXY, "2001:db8::7", 443, "six.example.com"),
]
# RFC 8520 §9, shortened to one direction of one protocol.
LIGHT_BULB = {
    "ietf-mud:mud": {
        "mud-version": 1,
        "mud-url": "https://lighting.example.com/lightbulb2000",
        "last-update": "2019-01-28T11:20:51+01:00",
        "cache-validity": 48,
        "is-supported": True,
        "systeminfo": "The BMS Example Light Bulb",
        "from-device-policy": {"access-lists": {"access-list": [{"name": "mud-76100-v6fr"}]}},
        "to-device-policy": {"access-lists": {"access-list": [{"name": "mud-76100-v6to"}]}},
    },
    "ietf-access-control-list:acls": {
        "acl": [
            {
                "name": "mud-76100-v6to",
                "type": "ipv6-acl-type",
                "aces": {
                    "ace": [
                        {
                            "name": "cl0-todev",
                            "matches": {
                                "ipv6": {"ietf-acldns:src-dnsname": "test.example.com", "protocol": 6},
                                "tcp": {
                                    "ietf-mud:direction-initiated": "from-device",
                                    "source-port": {"operator": "eq", "port": 443},
                                },
                            },
                            "actions": {"forwarding": "accept"},
                        }
                    ]
                },
            },
            {
                "name": "mud-76100-v6fr",
                "type": "ipv6-acl-type",
                "aces": {
                    "ace": [
                        {
                            "name": "cl0-frdev",
                            "matches": {
                                "ipv6": {"ietf-acldns:dst-dnsname": "test.example.com", "protocol": 6},
                                "tcp": {
                                    "ietf-mud:direction-initiated": "from-device",
                                    "destination-port": {"operator": "eq", "port": 443},
                                },
                            },
                            "actions": {"forwarding": "accept"},
                        }
                    ]
                },
            },
        ]
    },
}


def _write(asset: Member, seen: list[Flow] = SEEN) -> bytes:
    return write_mud(asset, seen, url=URL, at=NOW, model="X-1", firmware="2.0")


def _changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document: dict[str, Any] = json.loads(json.dumps(LIGHT_BULB))
    change(document)
    return json.dumps(document).encode()


def test_the_example_of_the_rfc_is_read() -> None:
    file = read_mud(json.dumps(LIGHT_BULB).encode())
    assert file.url == "https://lighting.example.com/lightbulb2000"
    assert file.system == "The BMS Example Light Bulb"
    assert file.accesses == (Access(6, True, "dns:test.example.com", Service("tcp", 443, 443)),)
    assert file.not_understood == ()


@pytest.mark.parametrize("asset", [PROXY, PLCS[0], PLCS[1], HMI_A, HISTORIAN], ids=lambda each: each.name)
def test_what_is_written_is_read_again_and_covers_all_that_was_seen(asset: Member) -> None:
    file = read_mud(_write(asset))
    compared = compare_mud(file, asset, SEEN)
    assert compared.undeclared == ()
    assert compared.unused == ()
    assert compared.not_understood == ()
    assert compared.declared + compared.depends == sum(asset.asset_id in {each.client, each.server} for each in SEEN)


def test_peers_are_said_by_name_by_class_and_as_local() -> None:
    accesses = set(read_mud(_write(PROXY)).accesses)
    assert Access(4, True, "dns:updates.example.com", Service("tcp", 443, 443)) in accesses
    assert Access(6, True, "dns:six.example.com", Service("tcp", 443, 443)) in accesses
    assert Access(4, True, "controller:urn:ietf:params:mud:dns", Service("tcp", 53, 53)) in accesses
    assert Access(4, False, "my-controller", Service("tcp", 443, 443)) in accesses
    many = [flow(each, HISTORIAN, 443, "tls") for each in PLCS]
    assert Access(4, False, "local", Service("tcp", 443, 443)) in set(read_mud(_write(HISTORIAN, many)).accesses)


def test_a_name_that_is_no_host_name_becomes_an_address() -> None:
    seen = [outside(PROXY, "198.51.100.7", 443, 'evil"; name')]
    file = read_mud(_write(PROXY, seen))
    assert file.accesses == (Access(4, True, "net:198.51.100.7/32", Service("tcp", 443, 443)),)


def test_a_device_that_was_never_heard_gets_a_file_that_allows_nothing() -> None:
    file = read_mud(_write(member("mute", "10.0.9.9", "1"), []))
    assert file.accesses == ()
    assert file.system == "X-1"


def test_what_a_device_does_beyond_its_makers_word_is_told() -> None:
    compared = compare_mud(read_mud(json.dumps(LIGHT_BULB).encode()), PROXY, SEEN)
    assert compared.declared == 0
    assert len(compared.undeclared) == sum(PROXY.asset_id in {each.client, each.server} for each in SEEN)
    assert len(compared.unused) == 1
    named = msgspec.structs.replace(SEEN[-1], name="test.example.com")
    assert compare_mud(read_mud(json.dumps(LIGHT_BULB).encode()), PROXY, [named]).declared == 1


def _set(path: str, value: object) -> Callable[[dict[str, Any]], object]:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        *way, last = path.split("|")
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if value is None:
            del place[last]
        elif isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value

    return change


_ACL = "ietf-access-control-list:acls|acl|0"
_ACE = f"{_ACL}|aces|ace|0"
BROKEN = {
    "no container": ("ietf-mud:mud", None),
    "another version": ("ietf-mud:mud|mud-version", 2),
    "a version that is true": ("ietf-mud:mud|mud-version", True),
    "a URL without TLS": ("ietf-mud:mud|mud-url", "http://lighting.example.com/x"),
    "no URL": ("ietf-mud:mud|mud-url", None),
    "a day without a time zone": ("ietf-mud:mud|last-update", "2019-01-28T11:20:51"),
    "a cache of no hours": ("ietf-mud:mud|cache-validity", 0),
    "a cache of over a week": ("ietf-mud:mud|cache-validity", 169),
    "nothing on support": ("ietf-mud:mud|is-supported", None),
    "a system of 61 characters": ("ietf-mud:mud|systeminfo", "x" * 61),
    "a member that is not in the RFC": ("ietf-mud:mud|mud-uri", "x"),
    "a list that is not there": ("ietf-mud:mud|from-device-policy|access-lists|access-list|0|name", "other"),
    "an unknown type": (f"{_ACL}|type", "eth-acl-type"),
    "a bad name": (f"{_ACL}|name", "a b"),
    "no action": (f"{_ACE}|actions", None),
    "an unknown action": (f"{_ACE}|actions|forwarding", "allow"),
    "the other version of IP": (f"{_ACE}|matches|ipv4", {}),
    "a port beyond the last": (f"{_ACE}|matches|tcp|source-port|port", 65_536),
    "an unknown operator": (f"{_ACE}|matches|tcp|source-port|operator", "gt"),
    "a range upside down": (f"{_ACE}|matches|tcp|source-port", {"lower-port": 9, "upper-port": 8}),
    "an unknown direction": (f"{_ACE}|matches|tcp|ietf-mud:direction-initiated", "both"),
    "a protocol that is not TCP": (f"{_ACE}|matches|ipv6|protocol", 17),
    "a host name with a space": (f"{_ACE}|matches|ipv6|ietf-acldns:src-dnsname", "a b"),
    "a match of MUD that is not in the RFC": (f"{_ACE}|matches|ietf-mud:mud", {"friends": [None]}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_the_rfc_does_not_allow_is_refused(name: str) -> None:
    path, value = BROKEN[name]
    if name == "a match of MUD that is not in the RFC":
        document = _changed(lambda each: (_set(path, value)(each), _set(f"{_ACE}|matches|ipv6", {"protocol": 6})(each)))
    else:
        document = _changed(_set(path, value))
    with pytest.raises(InvalidMud):
        read_mud(document)


@pytest.mark.parametrize(
    "document", [b"", b"{", b"[]", b"{}", b"null", b'{"ietf-mud:mud": 1}', b"[" * 100_000, b" " * 300_000]
)
def test_what_is_no_document_is_refused(document: bytes) -> None:
    with pytest.raises(InvalidMud):
        read_mud(document)


def test_an_entry_that_is_not_understood_allows_nothing_and_is_told_of() -> None:
    file = read_mud(_changed(_set("ietf-access-control-list:acls|acl|1|aces|ace|0|matches|ipv6|protocol", None)))
    assert file.accesses
    dropped = read_mud(_changed(_set("ietf-access-control-list:acls|acl|1|aces|ace|0|actions|forwarding", "drop")))
    assert len(dropped.not_understood) == 1
    assert "cl0-frdev" in dropped.not_understood[0]


_HOSTS = st.sampled_from([*PLCS, HMI_A, HISTORIAN, DNS])


@given(
    st.lists(
        st.tuples(_HOSTS, st.integers(0, 65_535), st.sampled_from(["tcp", "udp", "icmp"]), st.booleans()), max_size=60
    )
)
def test_whatever_was_seen_the_file_is_valid_and_covers_it(seen: list[tuple[Member, int, str, bool]]) -> None:
    flows = []
    for peer, port, transport, is_from in seen:
        made = flow(PROXY, peer, port, "x") if is_from else flow(peer, PROXY, port, "x")
        flows.append(msgspec.structs.replace(made, transport=transport))
    compared = compare_mud(read_mud(_write(PROXY, flows)), PROXY, flows)
    assert compared.undeclared == ()
