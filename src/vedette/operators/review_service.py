"""Access reviews: a list of who may what, as it is now, that people sign off line by line until a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import sqlalchemy as sa

from vedette.kernel import Clock, IdSource, OrganizationId, escape_csv, escape_terminal, to_rfc3339
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import repository, role_repository, service_policy_repository, service_token_repository
from vedette.operators import review_repository as rows
from vedette.operators.errors import ServicePolicyNotFound, ServiceTokenNotFound
from vedette.operators.model import Scopes
from vedette.operators.review_repository import EntryId, Review, ReviewEntry, ReviewId, SubjectKind
from vedette.operators.role_errors import GrantNotFound, InvalidReview, OwnApproval, ReviewClosed, ReviewNotFound
from vedette.operators.role_service import RoleService
from vedette.operators.service_policies import ServicePolicyService
from vedette.operators.service_tokens import ServiceTokenService
from vedette.store import Store, Transaction

PAGE_MAX: Final = 1000
ENTRIES_MAX: Final = 20_000
OPEN_MAX: Final = 20
DUE_MAX: Final = timedelta(days=366)
NAME_MAX_CHARS: Final = 128
NOTE_MAX_CHARS: Final = 1_024
_COLUMNS: Final = (
    "entry_id",
    "subject_kind",
    "subject_id",
    "subject_name",
    "role",
    "sites",
    "groups",
    "mode",
    "granted_at",
    "last_used_at",
    "outcome",
    "signed_at",
    "signed_by",
    "note",
)


@dataclass(frozen=True, slots=True)
class _Line:
    """What is listed before it has an id."""

    kind: SubjectKind
    subject_id: str
    name: str
    role: str
    scopes: Scopes
    mode: str
    grant_id: str
    granted_at: datetime
    last_used_at: datetime | None


class ReviewService:
    """The use cases of access reviews."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        roles: RoleService,
        *,
        tokens: ServiceTokenService,
        policies: ServicePolicyService,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._roles = roles
        self._tokens = tokens
        self._policies = policies
        self._clock = clock
        self._ids = ids

    async def begin(self, organization_id: OrganizationId, name: str, *, due_at: datetime, actor: Actor) -> Review:
        """List who may what now: grants of people, service tokens, service policies.

        Raises:
            InvalidReview: The name is none, the day is past or over a year away, or 20 reviews are open.
        """
        now = self._clock.now()
        text = name.strip()
        if not 0 < len(text) <= NAME_MAX_CHARS or escape_terminal(text) != text:
            raise InvalidReview(f"a review's name has 1 to {NAME_MAX_CHARS} visible characters")
        if not now < due_at <= now + DUE_MAX:
            raise InvalidReview("a review is due between now and a year from now", hint="choose another due_at")

        def change(tx: Transaction) -> Review:
            if rows.count_open(tx.connection, organization_id) >= OPEN_MAX:
                raise InvalidReview(f"{OPEN_MAX} reviews are open", hint="close one first", limit=OPEN_MAX)
            review = Review(
                organization_id=organization_id,
                review_id=ReviewId(self._ids.new("rev")),
                name=text,
                created_at=now,
                created_by=actor,
                due_at=due_at,
            )
            lines = _who_may_what(tx.connection, organization_id, now)[:ENTRIES_MAX]
            listed = [_to_entry(review.review_id, number, line) for number, line in enumerate(lines, 1)]
            rows.insert(tx.connection, review, listed)
            self._record(tx, review, "begin_review", actor=actor, details={"entries": len(listed)})
            return self._require(tx.connection, organization_id, review.review_id)

        return await self._store.write(change)

    async def get(self, organization_id: OrganizationId, review_id: str) -> Review:
        """Return a review.

        Raises:
            ReviewNotFound: There is none of that id.
        """
        return await self._store.read(lambda connection: self._require(connection, organization_id, review_id))

    async def list(
        self, organization_id: OrganizationId, *, after: str = "", limit: int = 100
    ) -> tuple[Sequence[Review], str | None]:
        """Return reviews, the youngest first, and what to pass as ``after`` next."""
        most = max(1, min(limit, PAGE_MAX))
        found = await self._store.read(
            lambda connection: rows.list_page(connection, organization_id, after=after, limit=most + 1)
        )
        page = found[:most]
        return page, page[-1].review_id if len(found) > most else None

    async def entries(
        self,
        organization_id: OrganizationId,
        review_id: str,
        *,
        is_open: bool | None = None,
        after: str = "",
        limit: int = 100,
    ) -> tuple[Sequence[ReviewEntry], str | None]:
        """Return the lines of a review, and what to pass as ``after`` next.

        Raises:
            ReviewNotFound: There is none of that id.
        """
        most = max(1, min(limit, PAGE_MAX))

        def read(connection: sa.Connection) -> list[ReviewEntry]:
            self._require(connection, organization_id, review_id)
            return rows.list_entries(
                connection, organization_id, review_id, is_open=is_open, after=after, limit=most + 1
            )

        found = await self._store.read(read)
        page = found[:most]
        return page, page[-1].entry_id if len(found) > most else None

    async def sign(
        self,
        organization_id: OrganizationId,
        review_id: str,
        entry_id: str,
        outcome: Literal["kept", "withdrawn"],
        *,
        actor: Actor,
        note: str = "",
    ) -> ReviewEntry:
        """Sign a line off. What is withdrawn ends at once.

        Raises:
            ReviewNotFound: There is no such line.
            ReviewClosed: It is signed off, or the review is closed.
            OwnApproval: Nobody signs off their own.
            LastAdministrator: Nobody else would administer the whole platform.
        """
        entry = await self._store.read(
            lambda connection: self._open_entry(connection, organization_id, review_id, entry_id)
        )
        if entry.subject_id == actor.id:
            raise OwnApproval("nobody signs off what they hold themselves", hint="ask somebody else")
        if outcome == "withdrawn" and entry.subject_kind != "person":
            await self._withdraw_program(organization_id, entry, actor=actor, note=note)

        def change(tx: Transaction) -> ReviewEntry:
            found = self._open_entry(tx.connection, organization_id, review_id, entry_id)
            if outcome == "withdrawn" and found.subject_kind == "person":
                with suppress(GrantNotFound):  # gone since it was listed, as is wished
                    self._roles.withdraw_within(
                        tx, organization_id, found.grant_id, actor=actor, reason=note or "withdrawn in a review"
                    )
            now = self._clock.now()
            text = note[:NOTE_MAX_CHARS]
            if not rows.sign(tx.connection, organization_id, found, outcome, at=now, by=actor, note=text):
                raise _signed_off()
            review = self._require(tx.connection, organization_id, review_id)
            details = {"entry_id": entry_id, "subject": found.subject_id, "role": found.role, "outcome": outcome}
            self._record(tx, review, "sign_review", actor=actor, details=details, reason=text)
            if not review.open_entries:
                self._close(tx, review, actor=actor)
            signed = rows.find_entry(tx.connection, organization_id, review_id, entry_id)
            return found if signed is None else signed

        return await self._store.write(change, restricting=outcome == "withdrawn")

    async def close(self, organization_id: OrganizationId, review_id: str, *, actor: Actor, reason: str) -> Review:
        """Close a review though lines are open; closed by itself when the last one is signed off.

        Raises:
            ReviewNotFound: There is none of that id.
            ReviewClosed: It is closed.
        """

        def change(tx: Transaction) -> Review:
            review = self._require(tx.connection, organization_id, review_id)
            if review.closed_at is not None:
                raise ReviewClosed("the review is closed already")
            self._close(tx, review, actor=actor, reason=reason)
            return self._require(tx.connection, organization_id, review_id)

        return await self._store.write(change)

    async def export_csv(self, organization_id: OrganizationId, review_id: str) -> str:
        """Return all lines of a review as CSV (RFC 4180); no cell is a formula.

        Raises:
            ReviewNotFound: There is none of that id.
        """

        def read(connection: sa.Connection) -> list[ReviewEntry]:
            self._require(connection, organization_id, review_id)
            return rows.list_entries(connection, organization_id, review_id, is_open=None, after="", limit=ENTRIES_MAX)

        found = await self._store.read(read)
        lines = [",".join(_COLUMNS), *(",".join(escape_csv(cell) for cell in _cells(each)) for each in found)]
        return "\r\n".join(lines) + "\r\n"

    def is_overdue(self, review: Review) -> bool:
        """Tell whether lines are open though the day is over."""
        return review.closed_at is None and review.open_entries > 0 and self._clock.now() >= review.due_at

    async def _withdraw_program(
        self, organization_id: OrganizationId, entry: ReviewEntry, *, actor: Actor, note: str
    ) -> None:
        reason = note or "withdrawn in a review"
        try:
            if entry.subject_kind == "service-token":
                await self._tokens.revoke(organization_id, entry.subject_id, actor=actor, reason=reason)
            else:
                await self._policies.delete(organization_id, entry.subject_name, actor=actor, reason=reason)
        except (ServiceTokenNotFound, ServicePolicyNotFound):
            pass  # gone since it was listed, as is wished

    def _require(self, connection: sa.Connection, organization_id: OrganizationId, review_id: str) -> Review:
        found = rows.find(connection, organization_id, review_id)
        if found is None:
            raise ReviewNotFound(f"there is no review {review_id[:64]!r}", hint="see them: vedette review list")
        return found

    def _open_entry(
        self, connection: sa.Connection, organization_id: OrganizationId, review_id: str, entry_id: str
    ) -> ReviewEntry:
        review = self._require(connection, organization_id, review_id)
        entry = rows.find_entry(connection, organization_id, review_id, entry_id)
        if entry is None:
            raise ReviewNotFound(f"there is no entry {entry_id[:64]!r} in this review", hint="vedette review show")
        if review.closed_at is not None or entry.outcome:
            raise _signed_off()
        return entry

    def _close(self, tx: Transaction, review: Review, *, actor: Actor, reason: str = "") -> None:
        rows.close(tx.connection, review.organization_id, review.review_id, self._clock.now())
        details = {"open_entries": review.open_entries}
        self._record(tx, review, "close_review", actor=actor, details=details, reason=reason)

    def _record(
        self,
        tx: Transaction,
        review: Review,
        verb: str,
        *,
        actor: Actor,
        details: Mapping[str, str | int],
        reason: str = "",
    ) -> None:
        self._ledger.append(
            tx,
            Entry(
                organization_id=review.organization_id,
                actor=actor,
                action=f"operators.{verb}",
                target=review.review_id,
                target_name=review.name,
                reason=reason[:NOTE_MAX_CHARS],
                details={"due_at": to_rfc3339(review.due_at)} | dict(details),
            ),
        )


def _who_may_what(connection: sa.Connection, organization_id: str, now: datetime) -> list[_Line]:
    """Return every grant, token and service policy that counts."""
    people = repository.list_people(connection, organization_id, after="", limit=ENTRIES_MAX)
    names = {each.person.person_id: each.person for each in people}
    grants = role_repository.list_grants(connection, organization_id, person_id=None, limit=ENTRIES_MAX)
    found = [
        _Line(
            "person",
            grant.person_id,
            names[grant.person_id].name,
            grant.role.value,
            grant.scopes,
            grant.mode.value,
            grant.grant_id,
            grant.granted_at,
            names[grant.person_id].last_login_at,
        )
        for grant in grants
        if grant.person_id in names and grant.counts(now)
    ]
    tokens = service_token_repository.list_tokens(connection, organization_id, owner_id=None, limit=ENTRIES_MAX)
    found += [
        _Line(
            "service-token",
            token.token_id,
            token.name,
            " ".join(token.roles),
            token.scopes,
            "active",
            "",
            token.created_at,
            token.last_used_at,
        )
        for token in tokens
        if token.expires_at > now
    ]
    for policy in service_policy_repository.list_policies(connection, organization_id):
        uses = [key.last_used_at for key in policy.keys if key.last_used_at is not None]
        rights = " ".join(right.value for right in policy.rights)
        found.append(
            _Line(
                "service-policy",
                policy.policy_id,
                policy.name,
                rights,
                Scopes(),
                "active",
                "",
                policy.created_at,
                max(uses, default=None),
            )
        )
    return found


def _to_entry(review_id: ReviewId, number: int, line: _Line) -> ReviewEntry:
    return ReviewEntry(
        review_id=review_id,
        entry_id=EntryId(f"{number:06d}"),
        subject_kind=line.kind,
        subject_id=line.subject_id,
        subject_name=line.name,
        role=line.role,
        scopes=line.scopes,
        mode=line.mode,
        grant_id=line.grant_id,
        granted_at=line.granted_at,
        last_used_at=line.last_used_at,
    )


def _cells(entry: ReviewEntry) -> list[str]:
    return [
        entry.entry_id,
        entry.subject_kind,
        entry.subject_id,
        entry.subject_name,
        entry.role,
        " ".join(sorted(entry.scopes.sites)),
        " ".join(sorted(entry.scopes.groups)),
        entry.mode,
        to_rfc3339(entry.granted_at),
        "" if entry.last_used_at is None else to_rfc3339(entry.last_used_at),
        entry.outcome,
        "" if entry.signed_at is None else to_rfc3339(entry.signed_at),
        "" if entry.signed_by is None else entry.signed_by.id,
        entry.note,
    ]


def _signed_off() -> ReviewClosed:
    return ReviewClosed("this is signed off already, or the review is closed")
