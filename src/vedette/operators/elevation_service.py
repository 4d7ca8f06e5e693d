"""Elevation: an eligible role that counts for a while, for a reason, and ends by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from vedette.kernel import Clock, IdSource, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import role_repository as rows
from vedette.operators.errors import PersonNeeded
from vedette.operators.model import PersonId
from vedette.operators.role_errors import ElevationNotFound, InvalidGrant, NotEligible
from vedette.operators.role_events import RoleChanged
from vedette.operators.role_model import (
    ELEVATION_MIN,
    REASON_MAX_CHARS,
    Elevation,
    ElevationId,
    GrantMode,
    RoleSettings,
)
from vedette.store import Store, Transaction

PAGE_MAX: Final = 1000
LIVING_MAX: Final = 10
KEPT: Final = timedelta(days=90)


class ElevationService:
    """The use cases of elevation; ending one works on a full disk too."""

    def __init__(
        self, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource, settings: RoleSettings | None = None
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self.settings = settings or RoleSettings()

    async def begin(
        self,
        organization_id: OrganizationId,
        person_id: PersonId | None,
        grant_id: str,
        *,
        lasts: timedelta,
        reason: str,
        actor: Actor,
    ) -> Elevation:
        """Make a role count that a person is eligible for.

        Args:
            organization_id: Where.
            person_id: Whoever asks; None for tokens and links.
            grant_id: Of a grant of theirs that is eligible.
            lasts: Until it ends by itself.
            reason: Why, in their own words.
            actor: Whoever asks.

        Raises:
            PersonNeeded: A token or a link asks.
            NotEligible: The person has no such grant, or it is over.
            InvalidGrant: It would last too long or too short, or nobody says why.
        """
        if person_id is None:
            raise PersonNeeded("only people elevate themselves", hint="log in as a person")
        longest = self.settings.elevation
        if not ELEVATION_MIN <= lasts <= longest:
            raise InvalidGrant(f"an elevation lasts 5 minutes to {longest.total_seconds() / 3600:g} hours")
        if not 0 < len(reason.strip()) <= REASON_MAX_CHARS:
            raise InvalidGrant("say why, in 1 to 1024 characters", hint="--reason")

        def change(tx: Transaction) -> Elevation:
            now = self._clock.now()
            grant = rows.find_grant(tx.connection, organization_id, grant_id)
            is_own = grant is not None and grant.person_id == person_id and grant.mode is GrantMode.ELIGIBLE
            if grant is None or not is_own or not grant.counts(now):
                raise NotEligible(
                    f"you are not eligible through {grant_id[:64]!r}", hint="see what you are: vedette role list --mine"
                )
            if len(rows.living_elevations(tx.connection, organization_id, person_id, now)) >= LIVING_MAX:
                raise InvalidGrant(f"{LIVING_MAX} elevations last already", hint="end one first", limit=LIVING_MAX)
            rows.delete_old_elevations(tx.connection, organization_id, now - KEPT)
            ends_at = now + lasts if grant.expires_at is None else min(now + lasts, grant.expires_at)
            elevation = Elevation(
                organization_id=organization_id,
                elevation_id=ElevationId(self._ids.new("elv")),
                person_id=person_id,
                grant_id=grant.grant_id,
                role=grant.role,
                scopes=grant.scopes,
                reason=reason,
                begun_at=now,
                ends_at=ends_at,
            )
            rows.insert_elevation(tx.connection, elevation)
            self._record(tx, elevation, "begin", actor=actor, reason=reason)
            return elevation

        return await self._store.write(change)

    async def end(self, organization_id: OrganizationId, elevation_id: str, *, actor: Actor) -> Elevation:
        """End an elevation before its time.

        Raises:
            ElevationNotFound: There is none of that id that lasts.
        """

        def change(tx: Transaction) -> Elevation:
            now = self._clock.now()
            found = rows.find_elevation(tx.connection, organization_id, elevation_id)
            if found is None or not found.counts(now):
                raise ElevationNotFound(
                    f"no elevation {elevation_id[:64]!r} lasts", hint="see them: vedette elevation list"
                )
            rows.end_elevation(tx.connection, organization_id, elevation_id, at=now, by=actor.id)
            self._record(tx, found, "end", actor=actor, reason="")
            ended = rows.find_elevation(tx.connection, organization_id, elevation_id)
            return found if ended is None else ended

        return await self._store.write(change, restricting=True)

    async def get(self, organization_id: OrganizationId, elevation_id: str) -> Elevation:
        """Return an elevation.

        Raises:
            ElevationNotFound: There is none of that id.
        """
        found = await self._store.read(
            lambda connection: rows.find_elevation(connection, organization_id, elevation_id)
        )
        if found is None:
            raise ElevationNotFound(
                f"there is no elevation {elevation_id[:64]!r}", hint="see them: vedette elevation list"
            )
        return found

    async def list(
        self, organization_id: OrganizationId, *, person_id: str | None = None, after: str = "", limit: int = 100
    ) -> tuple[Sequence[Elevation], str | None]:
        """Return elevations, the youngest first, and what to pass as ``after`` next."""
        most = max(1, min(limit, PAGE_MAX))
        found = await self._store.read(
            lambda connection: rows.list_elevations(
                connection, organization_id, person_id=person_id, after=after, limit=most + 1
            )
        )
        page = found[:most]
        return page, page[-1].elevation_id if len(found) > most else None

    def _record(self, tx: Transaction, elevation: Elevation, change: str, *, actor: Actor, reason: str) -> None:
        self._ledger.append(
            tx,
            Entry(
                organization_id=elevation.organization_id,
                actor=actor,
                action=f"operators.{change}_elevation",
                target=elevation.person_id,
                target_name=elevation.role.value,
                reason=reason,
                details={
                    "elevation_id": elevation.elevation_id,
                    "grant_id": elevation.grant_id,
                    "sites": sorted(elevation.scopes.sites),
                    "groups": sorted(elevation.scopes.groups),
                    "ends_at": to_rfc3339(elevation.ends_at),
                },
            ),
            event=RoleChanged(
                organization_id=elevation.organization_id,
                generation_id=elevation.person_id,
                role=elevation.role.value,
                change="elevated" if change == "begin" else "elevation_ended",
                sites=sorted(elevation.scopes.sites),
                groups=sorted(elevation.scopes.groups),
            ),
        )
