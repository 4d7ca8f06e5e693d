"""Community ID version 1: the same name for a flow in every tool.

Source:
    github.com/corelight/community-id-spec.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from struct import pack
from typing import Final

from vedette.sensor.flows import Flow

_NUMBERS: Final = {"tcp": 6, "udp": 17}
_PORTED: Final = frozenset({6, 17, 132})
_ICMP: Final = 1
_ICMP6: Final = 58
# A question's type → its answer's, both ways.
_ICMP_PAIRS: Final = {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17, 10: 9, 9: 10}
_ICMP6_ASKED: Final = {128: 129, 133: 134, 135: 136, 130: 131, 139: 140, 144: 145}
_ICMP6_PAIRS: Final = _ICMP6_ASKED | {answer: question for question, answer in _ICMP6_ASKED.items()}


def community_id(
    protocol: int, source: str, target: str, source_port: int = 0, target_port: int = 0, *, seed: int = 0
) -> str:
    """Return the Community ID.

    Args:
        protocol: IP's number.
        source: An IP address.
        target: The other.
        source_port: For ICMP: the type.
        target_port: For ICMP: the code.
        seed: Of the site.
    """
    is_one_way = False
    if protocol in {_ICMP, _ICMP6}:
        answer = (_ICMP_PAIRS if protocol == _ICMP else _ICMP6_PAIRS).get(source_port)
        is_one_way = answer is None
        target_port = target_port if answer is None else answer
    ends = [
        (ipaddress.ip_address(source).packed, source_port),
        (ipaddress.ip_address(target).packed, target_port),
    ]
    if not is_one_way:
        ends.sort()
    content = pack(">H", seed) + ends[0][0] + ends[1][0] + bytes((protocol, 0))
    if protocol in _PORTED or protocol in {_ICMP, _ICMP6}:
        content += pack(">HH", ends[0][1], ends[1][1])
    return "1:" + base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()


def community_id_of(flow: Flow) -> str:
    """Return the Community ID of a flow; empty for those without IP, or whose ports are not kept."""
    number = _NUMBERS.get(flow.transport, flow.server_port if flow.transport == "ip" else None)
    if number is None or number in {_ICMP, _ICMP6}:
        return ""
    return community_id(number, flow.client, flow.server, flow.client_port, flow.server_port)
