"""Answers queries: the hub's language over devices and modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.registry.places import Areas
from vedette.registry.query.aggregate import Aggregation
from vedette.registry.query.check import check_query, fields_of
from vedette.registry.query.cursor import Cursor, decode_cursor, digest_of, encode_cursor
from vedette.registry.query.documents import ALL_PARTS, Document, load_documents
from vedette.registry.query.errors import InvalidQuery, QueryTooBroad
from vedette.registry.query.evaluate import look_up
from vedette.registry.query.fields import Part
from vedette.registry.query.parser import parse_query
from vedette.registry.query.plan import INDEXED_FIELDS, Branch, Plan, make_plan
from vedette.registry.query.scan import Found, Scanner, Window, keep_matching, read_rows
from vedette.registry.query.sources import SOURCES
from vedette.registry.query.tally import SqlTally
from vedette.registry.query.tree import UNDEFINED, Path, Query
from vedette.registry.query.within import clause_of
from vedette.store import Store

PAGE_MAX: Final = 1000

Rows = Sequence[Document]


@dataclass(frozen=True, slots=True)
class QueryPage:
    """Some of an answer.

    Attributes:
        items: Twins for ``SELECT *``, else one object per row; a field that an identity lacks is left out.
        next: What to pass as ``after``; ``None`` at the end. A page may be short, or empty, and have a next.
    """

    items: Rows
    kind: Literal["twin", "raw"]
    next: str | None


class QueryService:
    """Runs queries of an organization."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._scanner = Scanner(store)

    async def run(
        self,
        organization_id: OrganizationId,
        text: str,
        *,
        limit: int = 100,
        after: str = "",
        within: Areas | None = None,
    ) -> QueryPage:
        """Answer a query, a page at a time.

        Items come in the order of device and module id, rows of an aggregation in that of their groups. What no index
        finds is searched for in windows: a page that took long comes with what was found until then.

        Args:
            organization_id: Whose identities.
            text: ``SELECT * FROM devices WHERE tags.site = 'north'``.
            limit: Most items, 1 to 1000.
            after: ``next`` of the page before.
            within: The parts of the fleet that may be seen; None for all of it.

        Raises:
            InvalidQuery: The text breaks the grammar or a limit, names an unknown field, or ``limit`` is out of range.
            InvalidCursor: ``after`` is not of this query.
            QueryTooBroad: An aggregation would look at more than two million identities.
        """
        query = check_query(parse_query(text))
        if not 1 <= limit <= PAGE_MAX:
            raise InvalidQuery(f"limit is 1 to {PAGE_MAX}", position=0)
        source = SOURCES[query.source]
        cursor = decode_cursor(after, digest_of(text, organization_id), len(source.key))
        if query.top is not None:
            limit = min(limit, query.top - cursor.count)
        kind: Literal["twin", "raw"] = "twin" if query.items is None else "raw"
        if limit <= 0:
            return QueryPage((), kind, None)
        plan = make_plan(query.where, source, self._store.kind)
        if within is not None:
            plan = plan.seeing(clause_of(within, source))
        if query.is_aggregate:
            items, following = await self._aggregate(organization_id, query, plan, cursor, limit)
        else:
            items, following = await self._page(organization_id, query, plan, cursor, limit)
        if following is not None and query.top is not None and following.count >= query.top:
            following = None
        return QueryPage(items, kind, None if following is None else encode_cursor(following))

    async def _page(
        self, organization_id: OrganizationId, query: Query, plan: Plan, cursor: Cursor, limit: int
    ) -> tuple[Rows, Cursor | None]:
        parts = ALL_PARTS if query.items is None else _parts(query)

        def load(connection: sa.Connection, found: Sequence[Found]) -> Rows:
            generations = [row.generation_id for row in found]
            documents = load_documents(connection, organization_id, query.source, generations, parts)
            return [_project(query, documents[each]) for each in generations if each in documents]

        items, key = await self._scanner.page(organization_id, plan, after=cursor.key, limit=limit, load=load)
        return items, None if key is None else Cursor(cursor.query, key, cursor.count + len(items))

    async def _aggregate(
        self, organization_id: OrganizationId, query: Query, plan: Plan, cursor: Cursor, limit: int
    ) -> tuple[Rows, Cursor | None]:
        aggregation = Aggregation(query)
        tally = None
        if plan.compiled.is_exact:
            tally = SqlTally.make(query, aggregation, plan.source, self._store.kind)
        if tally is None:
            plan = plan.by_windows(is_exact=False)
        elif query.group_by or aggregation.paths:
            plan = plan.by_windows(is_exact=True).reading(tally.parts(plan.source))
        parts = plan.parts | _parts(query)

        def look(connection: sa.Connection, plan: Plan, branch: Branch, window: Window) -> None:
            if tally is not None:
                tally.look(connection, organization_id, plan, branch, window)
                return
            rows = read_rows(connection, organization_id, plan, branch, window)
            generations = [row.generation_id for row in keep_matching(connection, organization_id, plan, rows)]
            for document in load_documents(connection, organization_id, query.source, generations, parts).values():
                aggregation.add_document(document)

        if not await self._scanner.fold(organization_id, plan, look):
            raise QueryTooBroad(
                "the query would have to look at too many identities",
                hint=f"narrow it by what is indexed: {', '.join(INDEXED_FIELDS)}",
            )
        rows = aggregation.rows()
        begin, end = cursor.count, cursor.count + limit
        return rows[begin:end], Cursor(cursor.query, (), end) if end < len(rows) else None


def _parts(query: Query) -> frozenset[Part]:
    paths: list[Path] = list(query.group_by)
    for item in query.items or ():
        path = item.expression if isinstance(item.expression, Path) else item.expression.path
        paths += [] if path is None else [path]
    return frozenset(field.part for field in fields_of(paths, query.source))


def _project(query: Query, document: Mapping[str, Any]) -> Document:
    if query.items is None:
        return dict(document)
    row: Document = {}
    for item in query.items:
        if isinstance(item.expression, Path):
            value = look_up(document, item.expression.steps)
            if value is not UNDEFINED:
                row[item.name] = value
    return row
