"""Listed commands: once a schema is registered for a class or group of devices, they take nothing else.

Whoever can call a method of a machine can move it. What a device may be told is therefore listed where it matters, and
checked where it is sent, whoever sends it: people, programs and playbooks. A class or group for which nothing is
registered takes everything, as before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

import jsonschema_rs

from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import command_schema_repository as rows
from vedette.operators.command_schema_repository import CommandKind, CommandSchema, CommandSchemaId
from vedette.operators.role_errors import (
    CommandNotListed,
    CommandSchemaExists,
    CommandSchemaNotFound,
    InvalidCommandSchema,
)
from vedette.registry import DevicePlace
from vedette.store import Store, Transaction

SCHEMAS_MAX: Final = 500
KNOWN_FOR_S: Final = 1.0
SCHEMA_MAX_BYTES: Final = 32_768
DEPTH_MAX: Final = 32
DESCRIPTION_MAX_CHARS: Final = 1_024
# With every $ref written out: parts that point to parts twice each double it at every step, and so does checking.
UNFOLDED_MAX: Final = 10_000
ANY: Final = "*"
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_NAMES: Final = ("$id", "$anchor", "$dynamicAnchor")
_CLASS: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_NAME_MAX_CHARS: Final = 100
_SAID_MAX_CHARS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCommandSchema:
    """What is to be registered.

    Attributes:
        group_id: Of a group that policies may see; found by the caller.
    """

    kind: CommandKind
    command: str = ANY
    device_class: str = ""
    group_id: str = ""
    json_schema: Any = field(default_factory=dict)  # Any: JSON
    description: str = ""


class CommandSchemaService:
    """Registers schemas, and checks commands against them."""

    def __init__(self, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._validators: dict[str, Any] = {}  # Any: jsonschema_rs tells no type
        self._known: tuple[float, frozenset[str]] | None = None

    async def register(self, organization_id: OrganizationId, new: NewCommandSchema, *, actor: Actor) -> CommandSchema:
        """Restrict devices of a class or group to commands that fit; several schemas add up.

        Raises:
            InvalidCommandSchema: It is no JSON Schema that stands on its own, or says for nothing what it is for.
            CommandSchemaExists: There is one for the same.
        """
        text = _check(new)

        def change(tx: Transaction) -> CommandSchema:
            known = rows.list_all(tx.connection, organization_id)
            if len(known) >= SCHEMAS_MAX:
                raise InvalidCommandSchema(f"there are {SCHEMAS_MAX} schemas", hint="remove some", limit=SCHEMAS_MAX)
            wanted = (new.kind, new.command, new.device_class, new.group_id)
            if any((each.kind, each.command, each.device_class, each.group_id) == wanted for each in known):
                raise CommandSchemaExists("there is a schema for this already", hint="remove it first")
            schema = CommandSchema(
                organization_id=organization_id,
                schema_id=CommandSchemaId(self._ids.new("csm")),
                kind=new.kind,
                command=new.command,
                device_class=new.device_class,
                group_id=new.group_id,
                json_schema=text,
                description=new.description,
                created_at=self._clock.now(),
                created_by=actor.id,
            )
            rows.insert(tx.connection, schema)
            self._record(tx, schema, "register_command_schema", actor=actor, reason=new.description)
            return schema

        registered = await self._store.write(change)
        self._known = None
        return registered

    async def remove(
        self, organization_id: OrganizationId, schema_id: str, *, actor: Actor, reason: str
    ) -> CommandSchema:
        """Take a schema away; without any, devices take everything again.

        Raises:
            CommandSchemaNotFound: There is none of that id.
        """

        def change(tx: Transaction) -> CommandSchema:
            found = rows.find(tx.connection, organization_id, schema_id)
            if found is None:
                raise CommandSchemaNotFound(
                    f"there is no command schema {schema_id[:64]!r}", hint="see them: vedette command-schema list"
                )
            rows.delete(tx.connection, organization_id, schema_id)
            self._record(tx, found, "remove_command_schema", actor=actor, reason=reason)
            return found

        removed = await self._store.write(change)
        self._known = None
        return removed

    async def list(self, organization_id: OrganizationId) -> Sequence[CommandSchema]:
        """Return all schemas, in the order they were registered."""
        return await self._store.read(lambda connection: rows.list_all(connection, organization_id))

    async def has_any(self, organization_id: OrganizationId, kind: CommandKind) -> bool:
        """Tell whether any command of a kind is restricted; within a second of another process's change."""
        now_s = self._clock.monotonic_s()
        if self._known is None or now_s - self._known[0] >= KNOWN_FOR_S:
            self._known = (now_s, frozenset(each.kind for each in await self.list(organization_id)))
        return kind in self._known[1]

    async def check(
        self,
        organization_id: OrganizationId,
        place: DevicePlace | None,
        kind: CommandKind,
        command: str,
        payload: bytes,
    ) -> None:
        """Check that a device may be told this.

        Args:
            organization_id: Whose device.
            place: Of the device; None: there is none, so nothing is told.
            kind: What it is told by.
            command: The method's name; of a message anything.
            payload: JSON.

        Raises:
            CommandNotListed: The device takes listed commands only, and this is none.
        """
        known = await self.list(organization_id)
        if place is None or not known:
            return
        listed = [each for each in known if each.kind == kind and _is_for(each, place)]
        if not listed:
            return
        fitting = [each for each in listed if each.command in {ANY, command}]
        if not fitting:
            raise CommandNotListed(
                f"{place.device_id} takes listed commands only, and {command[:_NAME_MAX_CHARS]!r} is not listed",
                hint="see which are: vedette command-schema list",
            )
        try:
            value = json.loads(payload, object_pairs_hook=_only_once)
        except (ValueError, RecursionError):
            raise CommandNotListed(
                f"{place.device_id} takes listed commands only, and this is no JSON, or names a member twice",
                hint="send what its schema says",
            ) from None
        said = ""
        for each in fitting:
            said = self._flaw(each, value)
            if not said:
                return
        raise CommandNotListed(
            f"this does not fit what {place.device_id} may be told: {said}",
            hint="see its schema: vedette command-schema list",
        )

    def _flaw(self, schema: CommandSchema, value: Any) -> str:  # Any: JSON
        validator = self._validators.get(schema.schema_id)
        if validator is None:
            if len(self._validators) >= SCHEMAS_MAX:
                self._validators.clear()
            validator = self._validators[schema.schema_id] = _compile(json.loads(schema.json_schema))
        error = next(validator.iter_errors(value), None)
        return "" if error is None else str(error.message)[:_SAID_MAX_CHARS]

    def _record(self, tx: Transaction, schema: CommandSchema, verb: str, *, actor: Actor, reason: str) -> None:
        self._ledger.append(
            tx,
            Entry(
                organization_id=schema.organization_id,
                actor=actor,
                action=f"operators.{verb}",
                target=schema.schema_id,
                target_name=schema.command,
                reason=reason[:DESCRIPTION_MAX_CHARS],
                details={
                    "kind": schema.kind,
                    "device_class": schema.device_class,
                    "group_id": schema.group_id,
                    "json_schema": schema.json_schema[:16_384],
                },
            ),
        )


def _is_for(schema: CommandSchema, place: DevicePlace) -> bool:
    is_class = not schema.device_class or schema.device_class == place.device_class
    return is_class and (not schema.group_id or schema.group_id in place.groups)


def _check(new: NewCommandSchema) -> str:
    """Return the schema as it is kept.

    Raises:
        InvalidCommandSchema: Something is outside its limits.
    """
    if not new.device_class and not new.group_id:
        raise InvalidCommandSchema("say for which devices", hint="a device class, a group, or both")
    if new.device_class and not _CLASS.fullmatch(new.device_class):
        raise InvalidCommandSchema(f"{new.device_class[:80]!r} is no device class")
    if not 0 < len(new.command) <= _NAME_MAX_CHARS or (new.kind == "command" and new.command != ANY):
        raise InvalidCommandSchema("a method has a name of 1 to 100 characters; messages have none: *")
    if len(new.description) > DESCRIPTION_MAX_CHARS:
        raise InvalidCommandSchema(f"the description is over {DESCRIPTION_MAX_CHARS} characters")
    if not isinstance(new.json_schema, dict) or _has_foreign_part(new.json_schema):
        raise InvalidCommandSchema(
            "a schema is a JSON object of its own, at most 32 deep", hint="$ref may only point into it: #/…"
        )
    try:
        size = _Unfolding(new.json_schema).size_of(new.json_schema)
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        raise InvalidCommandSchema(
            f"what a $ref points to cannot be followed: {str(error)[:_SAID_MAX_CHARS]}",
            hint="it points to a part of the schema by its path, #/$defs/…, and to nothing that points back",
        ) from error
    if size > UNFOLDED_MAX:
        raise InvalidCommandSchema(f"its $ref unfold it to over {UNFOLDED_MAX} parts", limit=UNFOLDED_MAX)
    text = json.dumps(new.json_schema, separators=(",", ":"))
    if len(text.encode("utf-8")) > SCHEMA_MAX_BYTES:
        raise InvalidCommandSchema(f"a schema has at most {SCHEMA_MAX_BYTES} bytes", limit=SCHEMA_MAX_BYTES)
    try:
        _compile(new.json_schema)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise InvalidCommandSchema(f"this is no JSON Schema: {str(error)[:_SAID_MAX_CHARS]}") from error
    return text


def _compile(schema: dict[str, Any]) -> Any:  # Any: JSON, and a type that the library does not tell
    """Prepare a schema; its patterns run in time that grows with the text only, and nothing is fetched."""
    return jsonschema_rs.validator_for(schema, retriever=_refuse_to_fetch, pattern_options=jsonschema_rs.RegexOptions())


def _only_once(members: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: JSON
    """Refuse a member that comes twice: the device might read the one that was not checked."""
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a member comes twice")
    return found


def _refuse_to_fetch(uri: str) -> Any:  # Any: JSON
    raise ValueError(f"{uri[:80]} is outside the schema")


def _has_foreign_part(value: Any, depth: int = 0) -> bool:  # Any: JSON
    if depth > DEPTH_MAX:
        return True
    if isinstance(value, dict):
        reference = value.get("$ref", value.get("$dynamicRef", "#"))
        if isinstance(reference, str) and not reference.startswith("#"):
            return True
        return any(_has_foreign_part(each, depth + 1) for each in value.values())
    return isinstance(value, list) and any(_has_foreign_part(each, depth + 1) for each in value)


class _Unfolding:
    """How large a schema is with every reference written out, without writing it out."""

    def __init__(self, schema: dict[str, Any]) -> None:  # Any: JSON
        self._schema = schema
        self._known: dict[str, int] = {}
        self._open: set[str] = set()

    def size_of(self, value: Any) -> int:  # Any: JSON
        """Return the number of parts of a part.

        Raises:
            LookupError: A reference leads nowhere.
            TypeError: It leads into what has no parts.
            ValueError: It leads back to where it stands, or goes by a name.
        """
        if isinstance(value, list):
            return 1 + sum(map(self.size_of, value))
        if not isinstance(value, dict):
            return 1
        if value is not self._schema and any(isinstance(value.get(each), str) for each in _NAMES):
            raise ValueError("a part has a name of its own")
        references = [value[each] for each in _REFERENCES if isinstance(value.get(each), str)]
        return 1 + sum(map(self.size_of, value.values())) + sum(map(self._size_at, references))

    def _size_at(self, reference: str) -> int:
        if reference in self._open:
            raise ValueError(f"{reference} leads back to itself")
        if reference not in self._known:
            self._open.add(reference)
            self._known[reference] = self.size_of(self._find(reference))
            self._open.discard(reference)
        return self._known[reference]

    def _find(self, reference: str) -> Any:  # Any: JSON
        """Return what a JSON pointer points to (RFC 6901)."""
        head, *steps = unquote(reference).split("/")
        if head != "#":
            raise ValueError(f"{reference} is no path")
        found: Any = self._schema  # Any: JSON
        for step in steps:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found[int(name)] if isinstance(found, list) else found[name]
        return found
