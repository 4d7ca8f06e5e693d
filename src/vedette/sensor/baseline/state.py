"""The state on disk: what was learned, versioned and checked; bytes in, records out.

The same records are MessagePack in the file that a sensor keeps, and JSON for people and other programs.
"""

from __future__ import annotations

import zlib
from typing import Annotated, Final

import msgspec

from vedette.kernel import Problem
from vedette.sensor.baseline.learned import AllowLists, Learned
from vedette.sensor.baseline.model import READINESS, KeyClass, State
from vedette.sensor.baseline.ranges import Ranges
from vedette.sensor.baseline.rhythm import Channel, Rhythm

MAGIC: Final = b"VBASELN\x01"
STATE_BYTES_MAX: Final = 128 * 1024 * 1024
_VERSION: Final = 1
_MOST: Final = 2**62

Text = Annotated[str, msgspec.Meta(max_length=512)]
Time = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Count = Annotated[int, msgspec.Meta(ge=-1, le=2**62)]


class BaselineProblem(Problem):
    """A state, or what is asked of one, can't be used."""

    code = "sensor.baseline"


class SavedList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One allow-list."""

    key_class: KeyClass
    scope: Text
    state: State
    first_ns: Time
    last_ns: Time
    newest_ns: Time
    slices: Count
    last_slice: Count
    is_full: bool = False
    keys: Annotated[dict[Text, Count], msgspec.Meta(max_length=20_000)] = msgspec.field(default_factory=dict)
    ranges: Annotated[tuple[tuple[Time, Time], ...], msgspec.Meta(max_length=1_024)] = ()


class SavedPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """One periodic channel."""

    key: tuple[Text, Text, Text, Text]
    since_ns: Time
    last_ns: Time
    period_ns: Time
    longest_ns: Time


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept."""

    version: int = _VERSION
    saved_ns: Time = 0
    lists: Annotated[tuple[SavedList, ...], msgspec.Meta(max_length=1_000_000)] = ()
    periods: Annotated[tuple[SavedPeriod, ...], msgspec.Meta(max_length=100_000)] = ()
    industrial: Annotated[dict[Text, bool], msgspec.Meta(max_length=100_000)] = {}


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Saved)


def write_state(saved: Saved) -> bytes:
    """Return the bytes of a state."""
    body = _encoder.encode(saved)
    return MAGIC + zlib.crc32(body).to_bytes(4, "big") + body


def read_state(data: bytes) -> Saved:
    """Read a state.

    Raises:
        BaselineProblem: Not one, damaged, too large, or of another version.
    """
    hint = "restore the file, or move it away to learn anew"
    if len(data) > STATE_BYTES_MAX:
        raise BaselineProblem(f"a baseline of {len(data)} bytes; {STATE_BYTES_MAX} is the most", hint=hint)
    head = len(MAGIC) + 4
    if len(data) < head or not data.startswith(MAGIC):
        raise BaselineProblem("not a baseline, or one of another version", hint=hint)
    if zlib.crc32(data[head:]) != int.from_bytes(data[head - 4 : head], "big"):
        raise BaselineProblem("the baseline is damaged: its checksum is wrong", hint=hint)
    return _checked(_decode(_decoder, data[head:], hint))


def read_json(data: bytes) -> Saved:
    """Read what ``write_json`` wrote.

    Raises:
        BaselineProblem: Not one, or too large.
    """
    hint = "give a file that `vedette sensor baseline export` wrote"
    if len(data) > STATE_BYTES_MAX:
        raise BaselineProblem(f"a baseline of {len(data)} bytes; {STATE_BYTES_MAX} is the most", hint=hint)
    return _checked(_decode(msgspec.json.Decoder(Saved), data, hint))


def write_json(saved: Saved) -> bytes:
    """Return a state as JSON."""
    return msgspec.json.format(msgspec.json.encode(saved), indent=1)


def _decode(decoder: msgspec.msgpack.Decoder[Saved] | msgspec.json.Decoder[Saved], data: bytes, hint: str) -> Saved:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BaselineProblem(f"not a baseline: {str(error)[:200]}", hint=hint) from None


def _checked(saved: Saved) -> Saved:
    if saved.version != _VERSION:
        raise BaselineProblem(
            f"a baseline of version {saved.version}; this sensor reads {_VERSION}", hint="use the sensor that wrote it"
        )
    for each in saved.lists:
        if len(each.keys) > READINESS[each.key_class].max_keys:
            raise BaselineProblem(f"{each.key_class} of {each.scope}: too many keys", hint="the file was changed")
    return saved


def saved_from(lists: AllowLists, rhythm: Rhythm, industrial: dict[str, bool], at_ns: int) -> Saved:
    """Return what is to be kept."""
    return Saved(
        saved_ns=_whole(at_ns),
        lists=tuple(
            SavedList(
                key_class=key_class, scope=scope[:512], state=each.state,
                first_ns=_whole(each.first_ns), last_ns=_whole(each.last_ns), newest_ns=_whole(each.newest_ns),
                slices=each.slices,
                last_slice=each.last_slice, is_full=each.is_full,
                keys=dict(each.keys), ranges=_intervals(each.ranges),
            )
            for (key_class, scope), each in lists.all()
        ),
        periods=tuple(
            SavedPeriod(
                key=each.key, since_ns=_whole(each.since_ns), last_ns=_whole(each.last_ns), period_ns=each.period_ns,
                longest_ns=each.longest_ns,
            )
            for each in rhythm.channels.values()
            if each.period_ns
        ),
        industrial=dict(industrial),
    )  # fmt: skip


def _whole(number: int) -> int:
    """Bound a time or an address: captures may say anything."""
    return min(max(number, 0), _MOST)


def _intervals(ranges: Ranges | None) -> tuple[tuple[int, int], ...]:
    return tuple((_whole(first), _whole(last)) for first, last in ranges.intervals()) if ranges is not None else ()


def restore(saved: Saved, lists: AllowLists, rhythm: Rhythm, industrial: dict[str, bool]) -> None:
    """Fill what is still empty with what was kept."""
    for each in saved.lists:
        lists.put(each.key_class, each.scope, learned_from(each))
    for period in saved.periods:
        channel = Channel(period.key, period.last_ns)
        channel.since_ns = period.since_ns
        channel.period_ns, channel.longest_ns = period.period_ns, period.longest_ns
        channel.is_lost = True  # it is waited for: nobody listened meanwhile
        rhythm.add(channel)
    industrial.update(saved.industrial)


def learned_from(saved: SavedList) -> Learned:
    """Return an allow-list as it was kept."""
    learned = Learned(saved.first_ns)
    learned.last_ns, learned.newest_ns = saved.last_ns, saved.newest_ns
    learned.slices, learned.last_slice = saved.slices, saved.last_slice
    learned.state, learned.is_full = saved.state, saved.is_full
    learned.keys = dict(saved.keys)
    if saved.key_class is KeyClass.RANGE:
        learned.ranges = Ranges(saved.ranges)
    return learned
