"""Lists of devices by filter and by condition: one language beneath, and the same indexes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId
from vedette.registry.errors import InvalidFilter
from vedette.registry.model import Device, DeviceFilter, DevicePage
from vedette.registry.places import Areas
from vedette.registry.query import check_condition, parse_condition
from vedette.registry.query.plan import make_plan
from vedette.registry.query.scan import Found, Scanner
from vedette.registry.query.sources import DEVICES
from vedette.registry.query.tree import And, Comparison, Constant, Node, Path, Primitive
from vedette.registry.query.within import clause_of
from vedette.registry.repository import find_generations
from vedette.store import Store

_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_DEPTH_MAX: Final = 8


class DeviceLists:
    """Reads devices by name, in byte order."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._scanner = Scanner(store)

    async def page(
        self,
        organization_id: OrganizationId,
        *,
        after: str,
        limit: int,
        matching: DeviceFilter,
        where: str | None,
        within: Areas | None = None,
    ) -> DevicePage:
        """Return devices that meet a filter and a condition, of the parts of the fleet that may be seen.

        Raises:
            InvalidFilter: A tag's path cannot be asked for.
            InvalidQuery: The condition is none.
        """
        nodes = filter_nodes(matching)
        if where is not None and where.strip():
            nodes.append(check_condition(parse_condition(where)))
        whole = None if not nodes else nodes[0] if len(nodes) == 1 else And(_flat(nodes))
        plan = make_plan(whole, DEVICES, self._store.kind)
        if within is not None:
            plan = plan.seeing(clause_of(within, DEVICES))

        def load(connection: sa.Connection, found: Sequence[Found]) -> list[Device]:
            devices = find_generations(connection, organization_id, [row.generation_id for row in found])
            return [devices[row.generation_id] for row in found if row.generation_id in devices]

        key = (after,) if after else ()
        items, following = await self._scanner.page(organization_id, plan, after=key, limit=limit, load=load)
        return DevicePage(items, None if following is None else following[0])


def filter_nodes(matching: DeviceFilter) -> list[Node]:
    """Return a filter as conditions of the language.

    Raises:
        InvalidFilter: A tag's path cannot be asked for.
    """
    nodes: list[Node] = []
    if matching.is_enabled is not None:
        nodes.append(_equal(("status",), "enabled" if matching.is_enabled else "disabled"))
    if matching.lifecycle is not None:
        nodes.append(_equal(("lifecycle",), matching.lifecycle.value))
    if matching.site is not None:
        nodes.append(_equal(("site",), matching.site))
    if matching.zone is not None:
        nodes.append(_equal(("zone",), matching.zone))
    for path, value in matching.tags.items():
        keys = tuple(path.split("."))
        if len(keys) > _DEPTH_MAX or not all(map(_KEY.fullmatch, keys)):
            raise InvalidFilter(
                f"tags.{path[:80]} is not a path that can be asked for: its keys must be plain words",
                hint="use a condition: tags.[[my-key]] = 'value'",
            )
        nodes.append(_equal(("tags", *keys), value))
    return nodes


def _equal(steps: tuple[str, ...], value: Primitive) -> Node:
    return Comparison("=", Path(steps), Constant(value))


def _flat(nodes: Sequence[Node]) -> tuple[Node, ...]:
    found: list[Node] = []
    for node in nodes:
        found += node.operands if isinstance(node, And) else (node,)
    return tuple(found)
