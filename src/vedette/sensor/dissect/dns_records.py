"""Names and resource records of DNS, as DNS, mDNS and LLMNR carry them.

Source:
    RFC 1035 §3 and §4; RFC 2782 (SRV); RFC 3596 (AAAA).
"""

from __future__ import annotations

import socket
from struct import Struct
from typing import Final, NamedTuple

from vedette.sensor.dissect.interface import Malformed
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.model import Value

HEADER_BYTES: Final = 12
MAX_RECORDS: Final = 96
"""So many of a message are read; more are counted by the header alone."""
_MAX_NAME_CHARS: Final = 255
_MAX_LABELS: Final = 128
_MAX_STRINGS: Final = 32

header: Final = Struct(">HHHHHH").unpack_from
_QUESTION: Final = Struct(">HH").unpack_from
_RECORD: Final = Struct(">HHIH").unpack_from
_SERVICE: Final = Struct(">HHH").unpack_from
_WORD: Final = Struct(">H").unpack_from

A: Final = 1
CNAME: Final = 5
PTR: Final = 12
HINFO: Final = 13
TXT: Final = 16
AAAA: Final = 28
SRV: Final = 33
TYPES: Final = {
    1: "a", 2: "ns", 5: "cname", 6: "soa", 10: "null", 12: "ptr", 13: "hinfo", 15: "mx", 16: "txt", 24: "sig",
    25: "key", 28: "aaaa", 29: "loc", 32: "nb", 33: "srv", 35: "naptr", 37: "cert", 39: "dname", 41: "opt", 43: "ds",
    44: "sshfp", 46: "rrsig", 47: "nsec", 48: "dnskey", 50: "nsec3", 52: "tlsa", 64: "svcb", 65: "https", 99: "spf",
    249: "tkey", 250: "tsig", 251: "ixfr", 252: "axfr", 255: "any", 257: "caa",
}  # fmt: skip
RESULTS: Final = {
    0: "ok", 1: "formerr", 2: "servfail", 3: "nxdomain", 4: "notimp", 5: "refused", 6: "yxdomain", 7: "yxrrset",
    8: "nxrrset", 9: "notauth", 10: "notzone",
}  # fmt: skip
_NAMED: Final = frozenset({2, CNAME, PTR, 39})


class Question(NamedTuple):
    """What is asked for; of the class, the top bit is mDNS's wish for a unicast answer."""

    name: str
    type: int
    klass: int


class Record(NamedTuple):
    """A resource record, its content as text, a number or a tuple of them."""

    name: str
    type: int
    klass: int
    ttl_s: int
    value: Value | tuple[Value, ...]


class Message(NamedTuple):
    """A message with as many records as are read."""

    number: int
    flags: int
    questions: list[Question]
    answers: list[Record]
    others: list[Record]
    """Authorities and additional records."""
    end: int


def type_name(number: int) -> str:
    """Return a record type's name in lower case."""
    return TYPES.get(number) or f"type{number}"


def name_at(data: bytes, position: int) -> tuple[str, int]:
    """Read a name, pointers followed, and return it with where it ends; the root is ``.``.

    Raises:
        Malformed: It is too long, has too many labels, or points forward.
        IndexError: It ends too early.
    """
    labels: list[str] = []
    end = -1
    size = 0
    earliest = position
    while True:
        length = data[position]
        if length >= 0xC0:
            if end < 0:
                end = position + 2
            position = (length & 0x3F) << 8 | data[position + 1]
            if position >= earliest:
                raise Malformed(f"a name that points forward, to byte {position}")
            earliest = position
            continue
        position += 1
        if not length:
            return ".".join(labels) or ".", end if end >= 0 else position
        if length > 63:
            raise Malformed(f"a label of type {length >> 6}")
        size += length + 1
        if size > _MAX_NAME_CHARS or len(labels) >= _MAX_LABELS or position + length > len(data):
            raise Malformed(f"a name of more than {size - 1} bytes")
        labels.append(text_of(data[position : position + length]))
        position += length


def read_message(data: bytes) -> Message:
    """Read a message.

    Raises:
        Malformed: It contradicts itself.
        LookupError: It ends too early; ``struct.error`` likewise.
    """
    number, flags, questions, answers, authorities, additional = header(data, 0)
    position = HEADER_BYTES
    asked: list[Question] = []
    for _ in range(min(questions, MAX_RECORDS)):
        name, position = name_at(data, position)
        kind, klass = _QUESTION(data, position)
        position += 4
        asked.append(Question(name, kind, klass))
    left = MAX_RECORDS - len(asked)
    found, position = _records(data, position, min(answers, left))
    left -= len(found)
    others, position = _records(data, position, min(authorities + additional, left))
    return Message(number, flags, asked, found, others, position)


def _records(data: bytes, position: int, count: int) -> tuple[list[Record], int]:
    found: list[Record] = []
    for _ in range(count):
        name, position = name_at(data, position)
        kind, klass, ttl_s, size = _RECORD(data, position)
        position += 10
        if position + size > len(data):
            raise Malformed(f"a record of {size} bytes, {len(data) - position} there")
        found.append(Record(name, kind, klass, ttl_s, _content(data, position, size, kind)))
        position += size
    return found, position


def _content(data: bytes, start: int, size: int, kind: int) -> Value | tuple[Value, ...]:
    if kind == A:
        if size != 4:
            raise Malformed(f"an IPv4 address of {size} bytes")
        return socket.inet_ntoa(data[start : start + 4])
    if kind == AAAA:
        if size != 16:
            raise Malformed(f"an IPv6 address of {size} bytes")
        return socket.inet_ntop(socket.AF_INET6, data[start : start + 16])
    if kind in _NAMED:
        return name_at(data, start)[0]
    if kind == SRV:
        priority, weight, port = _SERVICE(data, start)
        return priority, weight, port, name_at(data, start + 6)[0]
    if kind == 15:
        return _WORD(data, start)[0], name_at(data, start + 2)[0]
    if kind in {TXT, HINFO}:
        return strings(data[start : start + size])
    return size


def strings(content: bytes) -> tuple[str, ...]:
    """Read character strings, each with its length before it.

    Raises:
        Malformed: One is longer than what is left.
    """
    found: list[str] = []
    position = 0
    while position < len(content) and len(found) < _MAX_STRINGS:
        size = content[position]
        position += 1
        if position + size > len(content):
            raise Malformed(f"a string of {size} bytes, {len(content) - position} there")
        found.append(text_of(content[position : position + size]))
        position += size
    return tuple(found)
