"""The files that say how vulnerabilities are exploited: CISA's catalog and FIRST's scores, read with limits. Pure."""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

import msgspec

from vedette.health.advisories.errors import InvalidFeed
from vedette.health.advisories.model import Catalog, ExploitScore, ExploitScores, KnownExploited

FEED_BYTES_MAX: Final = 64 * 1024 * 1024
ENTRIES_MAX: Final = 500_000
_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,19}")
_TEXT_MAX: Final = 512
_GZIP: Final = b"\x1f\x8b"
_HEAD_BYTES_MAX: Final = 4096


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    cve_id: str = msgspec.field(name="cveID")
    date_added: str
    vulnerability_name: str = ""
    required_action: str = ""
    due_date: str = ""
    known_ransomware_campaign_use: str = ""


class _Catalog(msgspec.Struct, frozen=True, rename="camel"):
    vulnerabilities: list[_Entry]
    catalog_version: str = ""
    date_released: str = ""


_decoder: Final = msgspec.json.Decoder(_Catalog)


def unpack(data: bytes, *, limit: int = FEED_BYTES_MAX) -> bytes:
    """Return what a gzip file holds, or the data itself if it is none.

    Raises:
        InvalidFeed: It is damaged, or holds more than ``limit`` bytes.
    """
    if not data.startswith(_GZIP):
        if len(data) > limit:
            raise InvalidFeed(f"a file of {len(data)} bytes; {limit} is the most")
        return data
    stream = zlib.decompressobj(wbits=31)
    try:
        unpacked = stream.decompress(data, limit + 1)
    except zlib.error:
        raise InvalidFeed("a damaged gzip file") from None
    if len(unpacked) > limit:
        raise InvalidFeed(f"a gzip file of more than {limit} bytes", hint="split it")
    if not stream.eof:
        raise InvalidFeed("a gzip file that was cut off")
    return unpacked


def read_catalog(data: bytes) -> Catalog:
    """Read CISA's catalog of known exploited vulnerabilities, JSON or CSV, plain or gzip.

    Raises:
        InvalidFeed: Neither, or outside the limits.
    """
    plain = unpack(data)
    if plain.lstrip()[:1] == b"{":
        try:
            read = _decoder.decode(plain)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidFeed(f"not the catalog of known exploited vulnerabilities: {str(error)[:200]}") from None
        entries = [_known(each) for each in _limited(read.vulnerabilities)]
        return Catalog(
            version=_text(read.catalog_version)[:64], released_on=_day(read.date_released[:10]), entries=tuple(entries)
        )
    rows = _rows(plain, {"cveID", "dateAdded"})
    entries = [
        _known(
            _Entry(
                row["cveID"],
                row["dateAdded"],
                row.get("vulnerabilityName") or "",
                row.get("requiredAction") or "",
                row.get("dueDate") or "",
                row.get("knownRansomwareCampaignUse") or "",
            )
        )
        for row in rows
    ]
    return Catalog(
        version="", released_on=max((each.added_on for each in entries), default=None), entries=tuple(entries)
    )


def read_scores(data: bytes) -> ExploitScores:
    """Read a file of exploit scores (EPSS), or a part of one with its first two lines, CSV, plain or gzip.

    Raises:
        InvalidFeed: Not one, or outside the limits.
    """
    plain = unpack(data)
    head, _, rest = plain.partition(b"\n")
    told = head[:_HEAD_BYTES_MAX].decode("utf-8", "replace").strip()
    if not told.startswith("#"):
        raise InvalidFeed(
            "the first line does not say of what day the scores are", hint="#model_version:…,score_date:2026-01-31…"
        )
    notes = dict(piece.split(":", 1) for piece in told[1:].split(",") if ":" in piece)
    scored_on = _day(notes.get("score_date", "")[:10])
    if scored_on is None:
        raise InvalidFeed("the first line names no score_date")
    scores = []
    for row in _rows(rest, {"cve", "epss", "percentile"}):
        try:
            score = ExploitScore(row["cve"], float(row["epss"]), float(row["percentile"]))
        except (TypeError, ValueError):
            raise InvalidFeed(f"{row['cve'][:40]!r} has no score") from None
        if not _CVE.fullmatch(score.cve) or not (0 <= score.probability <= 1 and 0 <= score.percentile <= 1):
            raise InvalidFeed(f"{score.cve[:40]!r} is no CVE id with scores from 0 to 1")
        scores.append(score)
    return ExploitScores(scored_on=scored_on, model=_text(notes.get("model_version", ""))[:64], scores=tuple(scores))


def _rows(data: bytes, wanted: set[str]) -> list[Mapping[str, str]]:
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        names = set(reader.fieldnames or ())
        if not wanted <= names:
            raise InvalidFeed(f"it lacks the columns {', '.join(sorted(wanted - names))}")
        rows: list[Mapping[str, str]] = []
        for row in reader:
            if len(rows) >= ENTRIES_MAX:
                raise InvalidFeed(f"more than {ENTRIES_MAX} lines")
            if any(row.get(name) is None for name in wanted):
                raise InvalidFeed(f"line {reader.line_num} is too short")
            rows.append(row)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidFeed(f"not a CSV file: {str(error)[:200]}") from None
    return rows


def _limited(entries: list[_Entry]) -> list[_Entry]:
    if len(entries) > ENTRIES_MAX:
        raise InvalidFeed(f"more than {ENTRIES_MAX} entries")
    return entries


def _known(entry: _Entry) -> KnownExploited:
    added_on = _day(entry.date_added)
    if not _CVE.fullmatch(entry.cve_id) or added_on is None:
        raise InvalidFeed(f"{entry.cve_id[:40]!r} is no CVE id with the day it was added")
    return KnownExploited(
        cve=entry.cve_id,
        name=_text(entry.vulnerability_name),
        added_on=added_on,
        due_on=_day(entry.due_date),
        is_ransomware=entry.known_ransomware_campaign_use.strip().casefold() == "known",
        action=_text(entry.required_action),
    )


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no time zone
    except ValueError:
        return None


def _text(text: str) -> str:
    return "".join(char for char in text[:_TEXT_MAX] if char.isprintable()).strip()
