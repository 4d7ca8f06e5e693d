"""Applications: other systems whose own subjects, resources and actions are decided here, by policies of their own.

An operator keeps each as a folder of three files: a Cedar schema and policies, and the entities that there are. What
stands there is ours and wins; what whoever asks tells in ``properties`` fills in what does not stand there, as far as
the schema knows it. The policies about devices and people are never asked, and never read any of it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, NamedTuple

import msgspec

from vedette.access.application_schema import ApplicationSchema, UnreadableSchemaError
from vedette.access.authzen_model import (
    UNKNOWN_ACTION,
    UNKNOWN_RESOURCE,
    UNKNOWN_SUBJECT,
    Answer,
    Asked,
    refused,
)
from vedette.kernel import Problem
from vedette.trust import BadEntity, BadPolicyBundle, ParsedPolicies, Uid

APPLICATIONS_MAX: Final = 32
ENTITIES_MAX: Final = 20_000
SEARCHED_MAX: Final = 200
INVALID_PROPERTIES: Final = "invalid_properties"
_FILE_MAX_BYTES: Final = 16_777_216
_TEXT_MAX: Final = 512
_ANCESTORS_MAX: Final = 256
_SCHEMA: Final = "schema.json"
_POLICIES: Final = "policies.cedar"
_ENTITIES: Final = "entities.json"
# They are ours: no application may answer for them.
_OWN_TYPES: Final = frozenset({"device", "module", "person", "service", "hub", "platform"})


class BadApplication(Problem):
    """The folder of an application cannot be used."""

    code: ClassVar[str] = "access.bad_application"
    status: ClassVar[int] = 422


class _Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: str
    id: str


class _Entity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of ``entities.json``, in Cedar's own form."""

    uid: _Name
    attrs: dict[str, Any] = {}  # Any: JSON, which the schema judges
    parents: list[_Name] = []


class _Part(Enum):
    """What is searched for."""

    SUBJECT = auto()
    RESOURCE = auto()


class EntityPage(NamedTuple):
    """Some ids of a search.

    Attributes:
        next_after: What to pass as ``after`` for more; ``None`` at the end.
    """

    ids: list[str]
    next_after: int | None


class Application:
    """One application, parsed.

    Args:
        name: Its folder's.
        schema_text: Cedar's JSON form of a schema, without namespaces.
        policies_text: Cedar policies without templates.
        entities_text: Cedar's JSON form of entities.

    Raises:
        BadApplication: A part does not parse, or does not fit the schema.
    """

    def __init__(self, name: str, schema_text: str, policies_text: str, entities_text: str) -> None:
        self.name = name
        try:
            self.schema = ApplicationSchema(schema_text)
            self._policies = ParsedPolicies(self.schema.cedar_text, policies_text)
            listed = msgspec.json.decode(entities_text, type=list[_Entity])
            self._policies.parse_entities([_shown(Uid(each.uid.type, each.uid.id), each) for each in listed])
        except UnreadableSchemaError as error:
            raise BadApplication(f"{name}/{_SCHEMA}: {error}") from error
        except BadPolicyBundle as error:
            raise BadApplication(f"{name}/{_POLICIES}: {error.detail}") from error
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise BadApplication(f"{name}/{_ENTITIES}: {error}", hint="a list of {uid, attrs, parents}") from error
        except BadEntity as error:
            raise BadApplication(f"{name}/{_ENTITIES}: {error.detail}") from error
        if len(listed) > ENTITIES_MAX:
            raise BadApplication(f"{name}/{_ENTITIES} holds over {ENTITIES_MAX} entities", limit=ENTITIES_MAX)
        self._entities = {Uid(each.uid.type, each.uid.id): each for each in listed}
        self._ids: dict[str, list[str]] = {}
        for uid in sorted(self._entities):
            self._ids.setdefault(uid.type, []).append(uid.id)
        digest = hashlib.sha256()
        for part in (schema_text, policies_text, entities_text):
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        self.sha256 = digest.hexdigest()

    def decide(self, asked: Asked) -> Answer:
        """Answer one question; whatever cannot be judged is a no."""
        types = self.schema.applies_to(asked.action)
        if types is None:
            return refused(UNKNOWN_ACTION, f"{self.name} has no such action")
        if asked.subject_type not in types.principals:
            return refused(UNKNOWN_SUBJECT, f"{self.name} has no such action for this type of subject")
        if asked.resource_type not in types.resources:
            return refused(UNKNOWN_RESOURCE, f"{self.name} has no such action for this type of resource")
        subject, resource = Uid(asked.subject_type, asked.subject_id), Uid(asked.resource_type, asked.resource_id)
        told = {resource: asked.resource_properties}
        told[subject] = {**told.get(subject, {}), **asked.subject_properties}
        context = {**asked.context, **({"action": asked.action_properties} if asked.action_properties else {})}
        try:
            entities = self._policies.parse_entities(self._around(told))
        except BadEntity:
            return refused(INVALID_PROPERTIES, f"the properties do not fit the schema of {self.name}")
        fitting = self.schema.fit_context(asked.action, context)
        verdict = self._policies.ask(subject, asked.action, resource, fitting, entities)
        return Answer(
            is_permitted=verdict.is_permitted,
            reason="permitted" if verdict.is_permitted else "policy_error" if verdict.errors else "policy_denied",
            detail="; ".join(verdict.errors)[:_TEXT_MAX],
            policies=verdict.policies,
            bundle_sha256=self.sha256,
        )

    def page(self, kind: str, after: int, most: int = SEARCHED_MAX) -> EntityPage:
        """Return ids of entities of a type, in their order, ``after`` so many."""
        ids = self._ids.get(kind, [])
        found = ids[after : after + most]
        return EntityPage(found, after + len(found) if after + len(found) < len(ids) else None)

    def _around(self, told: Mapping[Uid, Mapping[str, Any]]) -> list[dict[str, Any]]:  # Any: JSON
        """Return entities with what was told of them, and all that they are members of."""
        shown: dict[Uid, dict[str, Any]] = {}
        waiting = list(told)
        while waiting:
            uid = waiting.pop()
            if uid in shown:
                continue
            if len(shown) >= _ANCESTORS_MAX:
                raise BadEntity("it is a member of too many")
            known = self._entities.get(uid)
            attributes = self.schema.fit_properties(uid.type, told.get(uid, {}))
            shown[uid] = _shown(uid, known, attributes)
            waiting += [Uid(each.type, each.id) for each in (known.parents if known else ())]
        return list(shown.values())


class Applications:
    """The applications that there are; a pair of types, of a subject and of a resource, belongs to one of them.

    Several may know users: each has its own, and answers for what is done to its own resources.
    """

    def __init__(self, applications: Iterable[Application] = ()) -> None:
        self._by_types: dict[tuple[str, str], Application] = {}
        self.names: list[str] = []
        for application in applications:
            self.names.append(application.name)
            for kind in sorted(_OWN_TYPES & application.schema.types):
                raise BadApplication(
                    f"{application.name}/{_SCHEMA}: the type {kind} belongs to Vedette", hint="name it otherwise"
                )
            for pair in sorted(application.schema.pairs):
                other = self._by_types.setdefault(pair, application)
                if other is not application:
                    raise BadApplication(
                        f"{application.name}/{_SCHEMA}: what {pair[0]} does to {pair[1]} belongs to {other.name}",
                        hint="name one of the types otherwise",
                    )
        if len(self.names) > APPLICATIONS_MAX:
            raise BadApplication(f"there are over {APPLICATIONS_MAX} applications", limit=APPLICATIONS_MAX)

    def find(self, asked: Asked) -> Application | None:
        """Return the application that a question is about; ``None``: none knows any action for those types."""
        return self._by_types.get((asked.subject_type, asked.resource_type))

    async def search_subjects(self, asked: Asked, *, after: int, most: int) -> EntityPage:
        """Return subjects of a type that may do something, among the next ``SEARCHED_MAX``.

        Args:
            asked: Its subject's id is not read.
            after: Behind so many; 0 to begin.
            most: At most so many.
        """
        return await asyncio.to_thread(self._search, asked, _Part.SUBJECT, after, most)

    async def search_resources(self, asked: Asked, *, after: int, most: int) -> EntityPage:
        """Return resources of a type that something may be done to; as ``search_subjects``."""
        return await asyncio.to_thread(self._search, asked, _Part.RESOURCE, after, most)

    async def search_actions(self, asked: Asked) -> list[str]:
        """Return all that a subject may do with a resource."""
        application = self.find(asked)
        return [] if application is None else await asyncio.to_thread(_actions, application, asked)

    def _search(self, asked: Asked, part: _Part, after: int, most: int) -> EntityPage:
        application = self.find(asked)
        if application is None:
            return EntityPage([], None)
        page = application.page(asked.subject_type if part is _Part.SUBJECT else asked.resource_type, after)
        found: list[str] = []
        for position, identifier in enumerate(page.ids, start=after):
            if len(found) >= most:
                return EntityPage(found, position)
            one = (
                replace(asked, subject_id=identifier)
                if part is _Part.SUBJECT
                else replace(asked, resource_id=identifier)
            )
            if application.decide(one).is_permitted:
                found.append(identifier)
        return EntityPage(found, page.next_after)


def load_applications(folder: Path | None) -> Applications:
    """Read the folder that holds a folder for each application; without one there are none.

    Raises:
        BadApplication: One cannot be used; none is then.
    """
    if folder is None:
        return Applications()
    try:
        folders = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
        return Applications(_load(each) for each in folders)
    except OSError as error:
        raise BadApplication(f"{folder} cannot be read: {error}", hint="see authzen.applications") from error


def _shown(uid: Uid, known: _Entity | None, told: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Return an entity as Cedar reads it; what is ours wins over what was told."""
    parents = [] if known is None else [{"type": each.type, "id": each.id} for each in known.parents]
    return {"uid": uid._asdict(), "attrs": {**told, **(known.attrs if known else {})}, "parents": parents}


def _actions(application: Application, asked: Asked) -> list[str]:
    names = application.schema.actions
    return [name for name in names if application.decide(replace(asked, action=name)).is_permitted]


def _load(folder: Path) -> Application:
    texts = []
    for name in (_SCHEMA, _POLICIES, _ENTITIES):
        path = folder / name
        if path.stat().st_size > _FILE_MAX_BYTES:
            raise BadApplication(f"{folder.name}/{name} is over {_FILE_MAX_BYTES} bytes", limit=_FILE_MAX_BYTES)
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise BadApplication(f"{folder.name}/{name} is not UTF-8") from error
    return Application(folder.name, *texts)
