"""A second person: acts that wait until somebody else has approved that very act, within a day.

Whoever asked repeats the same request once it is approved; any other one, by a byte, waits anew. An approval is good
once: it is used up before the act is carried out, so that two at the same time can't both use it, and given back when
the act was refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, Literal

import sqlalchemy as sa

from vedette.kernel import Clock, IdSource, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import approval_repository as rows
from vedette.operators import repository as people
from vedette.operators.approval_repository import Approval, ApprovalId
from vedette.operators.authorization_model import Action
from vedette.operators.confirmation_service import Act
from vedette.operators.errors import TooMany
from vedette.operators.role_errors import ApprovalNotFound, OwnApproval
from vedette.store import Store, Transaction

PAGE_MAX: Final = 1000
WAITING_MAX: Final = 20
BODY_MAX_CHARS: Final = 8_192
PATH_MAX_CHARS: Final = 4_096
NOTE_MAX_CHARS: Final = 1_024
_KEPT: Final = timedelta(days=30)
_HIDDEN: Final = "(hidden)"
_PERSON: Final = "per_"
_SECRET_WORDS: Final = ("key", "secret", "token", "password", "passphrase", "pin", "code", "connection_string")


class ApprovalService:
    """The use cases of approvals."""

    def __init__(
        self, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource, lasts: timedelta = timedelta(hours=24)
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._lasts = lasts

    async def is_approved(self, organization_id: OrganizationId, act: Act, *, actor: Actor) -> bool:
        """Tell whether somebody has approved an act, without using that up."""
        now = self._clock.now()

        def find(connection: sa.Connection) -> bool:
            found = rows.of_asker(connection, organization_id, actor.id, now)
            return any(_is_same(each, act) and _stands(connection, each) for each in found)

        return await self._store.read(find)

    async def take(self, organization_id: OrganizationId, act: Act, *, actor: Actor) -> Approval | None:
        """Use up the approval of an act, if there is one."""

        def change(tx: Transaction) -> Approval | None:
            now = self._clock.now()
            for each in rows.of_asker(tx.connection, organization_id, actor.id, now):
                is_it = _is_same(each, act) and _stands(tx.connection, each)
                if is_it and rows.decide(tx.connection, each, "used", former="approved", at=now, by=actor, note=""):
                    self._record(tx, each, "use_approval", actor=actor, reason="")
                    return each
            return None

        return await self._store.write(change)

    async def give_back(self, approval: Approval, *, actor: Actor, reason: str) -> None:
        """Let an approval that was taken be used after all: its act was refused. Its time runs on."""

        def change(tx: Transaction) -> None:
            now = self._clock.now()
            decider = Actor("operator", approval.decided_by_id, approval.decided_by_name)
            if rows.decide(tx.connection, approval, "approved", former="used", at=now, by=decider, note=approval.note):
                self._record(tx, approval, "give_back_approval", actor=actor, reason=reason)

        await self._store.write(change)

    async def ask(
        self,
        organization_id: OrganizationId,
        act: Act,
        action: Action,
        *,
        body: bytes,
        device_id: str,
        actor: Actor,
    ) -> Approval:
        """Have an act wait for another person; whoever asks for the same again is told of the same.

        Raises:
            TooMany: The asker has 20 acts waiting.
        """

        def change(tx: Transaction) -> Approval:
            now = self._clock.now()
            own = rows.of_asker(tx.connection, organization_id, actor.id, now)
            for each in own:
                if each.state == "waiting" and _is_same(each, act):
                    return each
            if sum(each.state == "waiting" for each in own) >= WAITING_MAX:
                raise TooMany(f"{WAITING_MAX} of your acts wait for approval", hint="wait for them", limit=WAITING_MAX)
            rows.delete_old(tx.connection, organization_id, now - _KEPT)
            approval = Approval(
                organization_id=organization_id,
                approval_id=ApprovalId(self._ids.new("apr")),
                asked_by=actor,
                method=act.method,
                path=act.path[:PATH_MAX_CHARS],
                body_sha256=act.body_sha256,
                body=shown_body(body),
                action=action.value,
                device_id=device_id[:256],
                asked_at=now,
                expires_at=now + self._lasts,
            )
            rows.insert(tx.connection, approval)
            self._record(tx, approval, "ask_approval", actor=actor, reason="")
            return approval

        return await self._store.write(change)

    async def get(self, organization_id: OrganizationId, approval_id: str) -> Approval:
        """Return an act.

        Raises:
            ApprovalNotFound: There is none of that id.
        """
        found = await self._store.read(lambda connection: rows.find(connection, organization_id, approval_id))
        if found is None:
            raise _not_found(approval_id)
        return found

    async def list(
        self, organization_id: OrganizationId, *, is_open: bool | None = None, after: str = "", limit: int = 100
    ) -> tuple[Sequence[Approval], str | None]:
        """Return acts, the youngest first, and what to pass as ``after`` next."""
        most = max(1, min(limit, PAGE_MAX))
        now = self._clock.now()
        found = await self._store.read(
            lambda connection: rows.list_page(
                connection, organization_id, is_open=is_open, now=now, after=after, limit=most + 1
            )
        )
        page = found[:most]
        return page, page[-1].approval_id if len(found) > most else None

    async def decide(
        self,
        organization_id: OrganizationId,
        approval_id: str,
        outcome: Literal["approved", "refused"],
        *,
        actor: Actor,
        note: str = "",
    ) -> Approval:
        """Approve an act, or refuse it. That the decider may do the act themselves is for the caller to check.

        Raises:
            ApprovalNotFound: There is none of that id that waits.
            OwnApproval: They asked for it themselves.
        """

        def change(tx: Transaction) -> Approval:
            now = self._clock.now()
            found = rows.find(tx.connection, organization_id, approval_id)
            if found is None or found.state != "waiting" or found.has_expired(now):
                raise _not_found(approval_id)
            if found.asked_by.id == actor.id and outcome == "approved":
                raise OwnApproval("nobody approves what they asked for", hint="ask somebody else")
            text = note[:NOTE_MAX_CHARS]
            if not rows.decide(tx.connection, found, outcome, former="waiting", at=now, by=actor, note=text):
                raise _not_found(approval_id)
            self._record(
                tx, found, "approve_act" if outcome == "approved" else "refuse_approval", actor=actor, reason=note
            )
            decided = rows.find(tx.connection, organization_id, approval_id)
            return found if decided is None else decided

        return await self._store.write(change, restricting=outcome == "refused")

    def has_expired(self, approval: Approval) -> bool:
        """Tell whether an act's time is over."""
        return approval.has_expired(self._clock.now())

    def _record(self, tx: Transaction, approval: Approval, verb: str, *, actor: Actor, reason: str) -> None:
        self._ledger.append(
            tx,
            Entry(
                organization_id=approval.organization_id,
                actor=actor,
                action=f"operators.{verb}",
                target=approval.approval_id,
                target_name=f"{approval.method} {approval.path}"[:256],
                reason=reason[:NOTE_MAX_CHARS],
                details={
                    "asked_by": approval.asked_by.id,
                    "action": approval.action,
                    "body_sha256": approval.body_sha256,
                    "expires_at": to_rfc3339(approval.expires_at),
                },
            ),
        )


def shown_body(body: bytes) -> str:
    """Return a body as another person may see it: shortened, and without what may be a secret."""
    try:
        found = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return f"({len(body)} bytes that are no JSON)"
    text = "" if found is None else json.dumps(_without_secrets(found), indent=1)
    return text if len(text) <= BODY_MAX_CHARS else f"{text[:BODY_MAX_CHARS]}…"


def _without_secrets(value: Any, depth: int = 0) -> Any:  # Any: JSON
    if depth > 32:  # noqa: PLR2004 - deeper than any body of ours
        return _HIDDEN
    if isinstance(value, dict):
        return {
            name: _HIDDEN if _may_be_secret(name, each) else _without_secrets(each, depth + 1)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(each, depth + 1) for each in value]
    return value


def _may_be_secret(name: str, value: object) -> bool:
    return isinstance(value, str) and any(word in name.lower() for word in _SECRET_WORDS)


def _stands(connection: sa.Connection, approval: Approval) -> bool:
    """Tell whether an act is approved, by somebody who has not been kept out since."""
    if approval.state != "approved" or not approval.decided_by_id.startswith(_PERSON):
        return approval.state == "approved"
    person = people.find_person(connection, approval.organization_id, approval.decided_by_id)
    return person is not None and not person.is_disabled


def _is_same(approval: Approval, act: Act) -> bool:
    return (approval.method, approval.path, approval.body_sha256) == (act.method, act.path, act.body_sha256)


def _not_found(approval_id: str) -> ApprovalNotFound:
    return ApprovalNotFound(
        f"no act {approval_id[:64]!r} waits for approval, or its time is over", hint="see them: vedette approval list"
    )
