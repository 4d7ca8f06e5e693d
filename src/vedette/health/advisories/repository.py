"""The tables of advisories and of what is known of exploitation; the only SQL around them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from vedette.health.advisories.model import (
    Advisory,
    AdvisoryLine,
    Catalog,
    Exploitation,
    ExploitScore,
    ExploitScores,
    Feed,
    KnownExploited,
)
from vedette.store import Json, UtcDateTime, metadata

_ID: Final = 64
_MANY: Final = 500
_NAMES_SHOWN: Final = 50

advisories: Final = sa.Table(
    "health_advisories",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("advisory_key", sa.String(_ID), primary_key=True),
    sa.Column("advisory_id", sa.String(128), nullable=False),
    sa.Column("publisher", sa.String(128), nullable=False),
    sa.Column("title", sa.String(512), nullable=False),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("released_at", UtcDateTime, nullable=False),
    sa.Column("first_released_at", UtcDateTime, nullable=False),
    sa.Column("url", sa.String(512), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("score", sa.Float),
    sa.Column("products", sa.Integer, nullable=False),
    sa.Column("weaknesses", sa.Integer, nullable=False),
    sa.Column("vendors", Json, nullable=False),
    sa.Column("imported_at", UtcDateTime, nullable=False),
    sa.Column("imported_by", sa.String(256), nullable=False),
    # What the catalogue's revision was when it came: whoever was assessed before that is assessed again.
    sa.Column("revision", sa.BigInteger, nullable=False),
    # All of it, MessagePack and zlib: it is read as a whole or not at all.
    sa.Column("document", sa.LargeBinary, nullable=False),
)
weaknesses: Final = sa.Table(
    "health_advisory_weaknesses",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("advisory_key", sa.String(_ID), primary_key=True),
    sa.Column("name", sa.String(128), primary_key=True),
)
# One row for each organization: counts what changed, and since when everything must be looked at again.
catalogues: Final = sa.Table(
    "health_catalogues",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("all_since", sa.BigInteger, nullable=False),
    sa.Column("exploitation", sa.BigInteger, nullable=False),
)
known_exploited: Final = sa.Table(
    "health_known_exploited",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("cve", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(512), nullable=False),
    sa.Column("added_on", sa.Date, nullable=False),
    sa.Column("due_on", sa.Date),
    sa.Column("is_ransomware", sa.Boolean, nullable=False),
    sa.Column("action", sa.String(512), nullable=False),
)
exploit_scores: Final = sa.Table(
    "health_exploit_scores",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("cve", sa.String(32), primary_key=True),
    sa.Column("probability", sa.Float, nullable=False),
    sa.Column("percentile", sa.Float, nullable=False),
    sa.Column("scored_on", sa.Date, nullable=False),
)
feeds: Final = sa.Table(
    "health_feeds",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("name", sa.String(256), primary_key=True),
    sa.Column("data_at", UtcDateTime),
    sa.Column("imported_at", UtcDateTime, nullable=False),
    sa.Column("imported_by", sa.String(256), nullable=False),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
)
_a: Final = advisories.c
_w: Final = weaknesses.c
_k: Final = known_exploited.c
_e: Final = exploit_scores.c
sa.Index("ix_health_advisory_weaknesses_name", _w.organization_id, _w.name)
sa.Index("ix_health_advisories_revision", _a.organization_id, _a.revision)

_LINE: Final = tuple(
    column for column in advisories.c if column.name not in {"organization_id", "revision", "document"}
)
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Advisory)


class CatalogueState(msgspec.Struct, frozen=True):
    """How often the catalogue changed.

    Attributes:
        all_since: Whoever was assessed before this revision is assessed again, whatever it is.
        exploitation: Counts what changed of how vulnerabilities are exploited.
    """

    revision: int = 0
    all_since: int = 0
    exploitation: int = 0


def read_state(connection: sa.Connection, organization_id: str) -> CatalogueState:
    """Return how often the catalogue changed."""
    query = sa.select(catalogues.c.revision, catalogues.c.all_since, catalogues.c.exploitation).where(
        catalogues.c.organization_id == organization_id
    )
    row = connection.execute(query).one_or_none()
    return CatalogueState() if row is None else CatalogueState(*row)


def save_state(connection: sa.Connection, organization_id: str, state: CatalogueState) -> None:
    """Write how often it changed."""
    _replace(connection, catalogues, organization_id, [], [msgspec.structs.asdict(state)])


def find_digests(
    connection: sa.Connection, organization_id: str, keys: Sequence[str]
) -> dict[str, tuple[str, datetime, frozenset[str]]]:
    """Return digest, release and makers of advisories that are known."""
    query = sa.select(_a.advisory_key, _a.sha256, _a.released_at, _a.vendors).where(
        _a.organization_id == organization_id, _a.advisory_key.in_(keys)
    )
    return {key: (sha256, at, frozenset(vendors)) for key, sha256, at, vendors in connection.execute(query)}


def save_advisory(
    connection: sa.Connection, organization_id: str, advisory: Advisory, line: AdvisoryLine, revision: int
) -> None:
    """Write an advisory over what was known of it."""
    delete_advisory(connection, organization_id, line.key)
    row = {column.name: getattr(line, column.name) for column in _LINE if column.name != "advisory_key"}
    row |= {"vendors": list(line.vendors), "advisory_key": line.key, "organization_id": organization_id}
    document = zlib.compress(_encoder.encode(advisory), 6)
    connection.execute(advisories.insert().values(row | {"revision": revision, "document": document}))
    names = dict.fromkeys(each.name for each in advisory.weaknesses)
    rows = [{"organization_id": organization_id, "advisory_key": line.key, "name": name} for name in names]
    for start in range(0, len(rows), _MANY):
        connection.execute(weaknesses.insert(), rows[start : start + _MANY])


def delete_advisory(connection: sa.Connection, organization_id: str, key: str) -> bool:
    """Take an advisory away; tell whether there was one."""
    connection.execute(weaknesses.delete().where(_w.organization_id == organization_id, _w.advisory_key == key))
    gone = connection.execute(advisories.delete().where(_a.organization_id == organization_id, _a.advisory_key == key))
    return gone.rowcount > 0


def list_advisories(
    connection: sa.Connection, organization_id: str, *, text: str, name: str, after: str, limit: int
) -> list[AdvisoryLine]:
    """Return advisories by key: with ``text`` in id, title or maker, and about the vulnerability ``name``."""
    query = sa.select(*_LINE).where(_a.organization_id == organization_id, _a.advisory_key > after)
    if text:
        wanted = f"%{_escaped(text.casefold())}%"
        fields = (_a.advisory_id, _a.title, sa.cast(_a.vendors, sa.Text))
        query = query.where(sa.or_(*(sa.func.lower(each).like(wanted, escape="\\") for each in fields)))
    if name:
        about = sa.select(_w.advisory_key).where(_w.organization_id == organization_id, _w.name == name)
        query = query.where(_a.advisory_key.in_(about))
    rows = connection.execute(query.order_by(_a.advisory_key).limit(limit)).mappings().all()
    names = _names_of(connection, organization_id, [row["advisory_key"] for row in rows])
    return [_to_line(row, names.get(row["advisory_key"], ())) for row in rows]


def find_advisory(connection: sa.Connection, organization_id: str, key: str) -> tuple[AdvisoryLine, Advisory] | None:
    """Return one, whole."""
    query = sa.select(*_LINE, _a.document).where(_a.organization_id == organization_id, _a.advisory_key == key)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    advisory = _to_advisory(row["document"])
    names = tuple(dict.fromkeys(each.name for each in advisory.weaknesses))[:_NAMES_SHOWN]
    return _to_line(row, names), advisory


def every_advisory(connection: sa.Connection, organization_id: str) -> Iterator[Advisory]:
    """Yield all of them, whole."""
    query = sa.select(_a.document).where(_a.organization_id == organization_id).order_by(_a.advisory_key)
    for document in connection.execute(query).scalars():
        yield _to_advisory(document)


def count_advisories(connection: sa.Connection, organization_id: str, publisher: str) -> tuple[int, datetime | None]:
    """Return how many of a publisher are known, and the youngest one's release."""
    query = sa.select(sa.func.count(), sa.func.max(_a.released_at)).where(
        _a.organization_id == organization_id, _a.publisher == publisher
    )
    count, youngest = connection.execute(query).one()
    return count, youngest


def count_all(connection: sa.Connection, organization_id: str) -> int:
    """Return how many advisories are known."""
    return connection.execute(sa.select(sa.func.count()).where(_a.organization_id == organization_id)).scalar_one()


def advisories_since(
    connection: sa.Connection, organization_id: str, revision: int, limit: int
) -> list[Advisory] | None:
    """Return the advisories that came after a revision; None: more than ``limit``."""
    query = sa.select(_a.document).where(_a.organization_id == organization_id, _a.revision > revision)
    documents = connection.execute(query.order_by(_a.advisory_key).limit(limit + 1)).scalars().all()
    return None if len(documents) > limit else [_to_advisory(document) for document in documents]


def replace_known_exploited(connection: sa.Connection, organization_id: str, catalog: Catalog) -> None:
    """Write a whole catalog over the one before."""
    connection.execute(known_exploited.delete().where(_k.organization_id == organization_id))
    unique = {each.cve: each for each in catalog.entries}
    rows = [{"organization_id": organization_id, **msgspec.structs.asdict(each)} for each in unique.values()]
    for start in range(0, len(rows), _MANY):
        connection.execute(known_exploited.insert(), rows[start : start + _MANY])


def save_scores(connection: sa.Connection, organization_id: str, scores: ExploitScores) -> None:
    """Write scores over those before."""
    unique = {each.cve: each for each in scores.scores}
    rows = [{"scored_on": scores.scored_on, **msgspec.structs.asdict(each)} for each in unique.values()]
    for start in range(0, len(rows), _MANY):
        chunk = rows[start : start + _MANY]
        _replace(connection, exploit_scores, organization_id, [_e.cve.in_([row["cve"] for row in chunk])], chunk)


def count_scores(connection: sa.Connection, organization_id: str) -> int:
    """Return how many scores are known."""
    return connection.execute(sa.select(sa.func.count()).where(_e.organization_id == organization_id)).scalar_one()


def find_exploitation(connection: sa.Connection, organization_id: str, names: Iterable[str]) -> dict[str, Exploitation]:
    """Return what is known of how vulnerabilities are exploited; those of which nothing is known are left out."""
    found: dict[str, Exploitation] = {}
    wanted = sorted(set(names))
    for start in range(0, len(wanted), _MANY):
        chunk = wanted[start : start + _MANY]
        scores = sa.select(exploit_scores).where(_e.organization_id == organization_id, _e.cve.in_(chunk))
        for row in connection.execute(scores).mappings():
            score = ExploitScore(row["cve"], row["probability"], row["percentile"])
            found[row["cve"]] = Exploitation(score=score, scored_on=row["scored_on"])
        known = sa.select(known_exploited).where(_k.organization_id == organization_id, _k.cve.in_(chunk))
        for row in connection.execute(known).mappings():
            entry = KnownExploited(**{name: row[name] for name in KnownExploited.__struct_fields__})
            found[row["cve"]] = replace(found.get(row["cve"], Exploitation()), known=entry)
    return found


def list_feeds(connection: sa.Connection, organization_id: str) -> list[Feed]:
    """Return all sources that anything was imported of."""
    query = sa.select(feeds).where(feeds.c.organization_id == organization_id).order_by(feeds.c.name)
    return [Feed(**{name: row[name] for name in Feed.__slots__}) for row in connection.execute(query).mappings()]


def save_feed(connection: sa.Connection, organization_id: str, feed: Feed) -> None:
    """Write what is known of a source."""
    row = {name: getattr(feed, name) for name in Feed.__slots__}
    _replace(connection, feeds, organization_id, [feeds.c.name == feed.name], [row])


def _replace(
    connection: sa.Connection,
    table: sa.Table,
    organization_id: str,
    which: list[sa.ColumnElement[bool]],
    rows: Sequence[dict[str, Any]],  # Any: one type per column
) -> None:
    connection.execute(table.delete().where(table.c.organization_id == organization_id, *which))
    if rows:
        connection.execute(table.insert(), [{"organization_id": organization_id, **row} for row in rows])


def _names_of(connection: sa.Connection, organization_id: str, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
    query = sa.select(_w.advisory_key, _w.name).where(_w.organization_id == organization_id, _w.advisory_key.in_(keys))
    found: dict[str, tuple[str, ...]] = {}
    for key, name in connection.execute(query.order_by(_w.advisory_key, _w.name)):
        known = found.get(key, ())
        if len(known) < _NAMES_SHOWN:
            found[key] = (*known, name)
    return found


def _to_line(row: sa.RowMapping, names: tuple[str, ...]) -> AdvisoryLine:
    values = {column.name: row[column.name] for column in _LINE if column.name not in {"advisory_key", "vendors"}}
    return AdvisoryLine(key=row["advisory_key"], vendors=tuple(row["vendors"]), names=names, **values)


def _to_advisory(document: bytes) -> Advisory:
    return _decoder.decode(zlib.decompress(document))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
