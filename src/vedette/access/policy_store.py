"""Policy bundles at rest: checked, named by their content, signed, stored once, and handed to gateways."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import msgspec
import sqlalchemy as sa

from vedette.access import policy_repository as repository
from vedette.access.errors import UnknownOrganization
from vedette.access.policy_errors import (
    PoliciesMovedOn,
    PolicyBundleDamaged,
    PolicyBundleFlawed,
    PolicyBundleInUse,
    PolicyBundleNotFound,
    TooManyPolicyBundles,
)
from vedette.access.policy_model import BUNDLES_MAX, NAME_MAX_CHARS, Bundle, Origin, Stage, Staging, StoredBundle
from vedette.access.policy_text import BundleDifference, compare_bundles, read_policies
from vedette.bus.contract import FetchPolicies, PoliciesReply
from vedette.kernel import Clock, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.store import Store, Transaction
from vedette.trust import (
    BadPolicyBundle,
    BadSignature,
    CaseResult,
    PolicyBundle,
    PolicyFlaw,
    RecordSigner,
    RecordVerifier,
    check_bundle,
    decode_bundle,
    default_manifest,
    encode_bundle,
    encode_manifest,
    run_cases,
)

log = logging.getLogger(__name__)

PAGE_MAX: Final = 1000
CACHE_MAX: Final = 16
REPLY_MAX_BYTES: Final = 700_000
_PREFIX: Final = re.compile(r"[0-9a-f]{8,64}")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class Check:
    """What is to be said of a bundle before it is stored.

    Attributes:
        flaws: Errors and warnings, with the place.
        cases: How its own unit cases went.
    """

    flaws: tuple[PolicyFlaw, ...]
    cases: tuple[CaseResult, ...]

    @property
    def is_good(self) -> bool:
        """Whether it may be stored: no error, and no case fails."""
        return not any(flaw.is_error for flaw in self.flaws) and all(case.has_passed for case in self.cases)


class PolicyStore:
    """Keeps the bundles of one organization.

    Args:
        organization_id: Whose policies these are.
        store: Where they are kept.
        ledger: Every act is on record.
        signer: The administrator's key.
        clock: Source of time.
    """

    def __init__(
        self, organization_id: OrganizationId, store: Store, ledger: Ledger, signer: RecordSigner, *, clock: Clock
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._ledger = ledger
        self._signer = signer
        self._verifier = RecordVerifier(signer.public_key)
        self._clock = clock
        self._contents: OrderedDict[str, PolicyBundle] = OrderedDict()

    async def staging(self) -> Staging:
        """Return which bundles are in force."""
        return await self._store.read(self.read_staging)

    async def list(self, *, after: str = "", limit: int = 100) -> tuple[Sequence[tuple[StoredBundle, Stage]], str]:
        """Return bundles, newest first, without their content, and what to pass as ``after`` next."""
        most = max(1, min(limit, PAGE_MAX))
        before = int(after) if _NUMBER.fullmatch(after) else 0

        def read(connection: sa.Connection) -> tuple[Staging, list[StoredBundle]]:
            found = repository.list_bundles(connection, self._organization_id, before, most + 1)
            return self.read_staging(connection), found

        staging, found = await self._store.read(read)
        page = found[:most]
        following = str(page[-1].number) if len(found) > most else ""
        return [(bundle, staging.stage_of(bundle)) for bundle in page], following

    async def get(self, reference: str) -> Bundle:
        """Return a bundle with its content.

        Args:
            reference: Its SHA-256 or at least 8 digits of it, its number, or ``stable``, ``canary``, ``shadow``.

        Raises:
            PolicyBundleNotFound: There is none, or more than one.
            PolicyBundleDamaged: It is not what was signed.
        """

        def read(connection: sa.Connection) -> tuple[Staging, StoredBundle]:
            staging = self.read_staging(connection)
            sha256 = self._resolve(connection, reference, staging)
            return staging, self.require(connection, sha256)

        staging, stored = await self._store.read(read)
        return Bundle(stored=stored, stage=staging.stage_of(stored), content=await self.open(stored))

    async def check(self, content: PolicyBundle) -> Check:
        """Parse, validate and lint a bundle, and run its own cases; in a thread, since it takes a while."""
        return await asyncio.to_thread(check_policies, content, self._clock.now().date())

    async def add(
        self, content: PolicyBundle, *, name: str, actor: Actor, origin: Origin = Origin.WRITTEN, reason: str = ""
    ) -> Bundle:
        """Store a bundle as a draft; one that is stored already is returned as it is.

        Raises:
            PolicyBundleFlawed: It does not check.
            TooManyPolicyBundles: Nothing was discarded for long.
        """
        check = await self.check(content)
        if not check.is_good:
            raise flawed(check)
        encoded = await asyncio.to_thread(encode_bundle, content)
        count = len(await asyncio.to_thread(read_policies, content.policies_text))

        def write(tx: Transaction) -> tuple[Staging, StoredBundle]:
            staging = self.read_staging(tx.connection)
            known = repository.find_bundle(tx.connection, self._organization_id, content.sha256)
            if known is not None:
                return staging, known
            stored = self.insert(
                tx.connection,
                content.sha256,
                encoded,
                name=name,
                origin=origin,
                base=staging.stable,
                count=count,
                actor=actor,
            )
            self.record(tx, stored, "store_policies", actor=actor, reason=reason, details={"policies": count})
            return staging, stored

        staging, stored = await self._store.write(write)
        return Bundle(stored=stored, stage=staging.stage_of(stored), content=content)

    async def discard(self, reference: str, *, actor: Actor, reason: str = "") -> None:
        """Take a draft out of the store.

        Raises:
            PolicyBundleNotFound: There is none.
            PolicyBundleInUse: It is, or was, more than a draft.
        """

        def write(tx: Transaction) -> None:
            staging = self.read_staging(tx.connection, is_locked=True)
            stored = self.require(tx.connection, self._resolve(tx.connection, reference, staging))
            stage = staging.stage_of(stored)
            if stage is not Stage.DRAFT:
                raise PolicyBundleInUse(
                    f"bundle {stored.number} is {stage.value}", hint="withdraw it first: vedette policy withdraw"
                )
            repository.delete_bundle(tx.connection, self._organization_id, stored.sha256)
            self.record(tx, stored, "discard_policies", actor=actor, reason=reason)

        await self._store.write(write)

    async def compare(self, reference: str, against: str = "stable") -> BundleDifference:
        """Say what a bundle changes over another.

        Raises:
            PolicyBundleNotFound: There is none of one reference.
        """
        after, before = await self.get(reference), await self.get(against)
        return await asyncio.to_thread(compare_bundles, before.content, after.content)

    async def compare_content(self, content: PolicyBundle, against: str = "stable") -> BundleDifference:
        """Say what policies that are not stored change over a bundle.

        Raises:
            PolicyBundleNotFound: There is none of that reference.
            BadPolicyBundle: The policies do not parse.
        """
        before = await self.get(against)
        return await asyncio.to_thread(compare_bundles, before.content, content)

    async def fetch(self, request: FetchPolicies) -> PoliciesReply:
        """Hand the policies in force to a gateway that has read of them in a head.

        Raises:
            UnknownOrganization: Not the one kept here.
            PoliciesMovedOn: Others are in force.
            PolicyBundleDamaged: A stored bundle is not what was signed.
        """
        if request.organization_id != self._organization_id:
            raise UnknownOrganization("this control keeps another organization")
        manifest = (await self.staging()).manifest
        if not hmac.compare_digest(manifest.sha256.encode(), request.manifest_sha256.encode()):
            raise PoliciesMovedOn("other policies are in force", hint="ask for those that the newest head names")
        wanted = sorted(manifest.bundles - set(request.known))
        bundles: list[bytes] = []
        for sha256 in wanted:
            stored = await self._store.read(lambda connection, sha256=sha256: self.require(connection, sha256))  # type: ignore[misc] # a bound default
            await self.open(stored)
            if bundles and sum(map(len, bundles)) + len(stored.encoded) > REPLY_MAX_BYTES:
                break
            bundles.append(stored.encoded)
        return PoliciesReply(manifest=encode_manifest(manifest), bundles=bundles, more=len(bundles) < len(wanted))

    async def content_of(self, sha256: str) -> PolicyBundle:
        """Return the content of a stored bundle.

        Raises:
            PolicyBundleNotFound: There is none.
            PolicyBundleDamaged: It is not what was signed.
        """
        known = self._contents.get(sha256)
        if known is not None:
            self._contents.move_to_end(sha256)
            return known
        return await self.open(await self._store.read(lambda connection: self.require(connection, sha256)))

    async def open(self, stored: StoredBundle) -> PolicyBundle:
        """Return the content of a bundle after it was compared with its hash and its signature.

        Raises:
            PolicyBundleDamaged: It is not what was signed.
        """
        known = self._contents.get(stored.sha256)
        if known is not None:
            return known
        content = await asyncio.to_thread(self._open, stored)
        self._contents[stored.sha256] = content
        if len(self._contents) > CACHE_MAX:
            self._contents.popitem(last=False)
        return content

    def read_staging(self, connection: sa.Connection, *, is_locked: bool = False) -> Staging:
        """Return which bundles are in force; within a unit of work.

        Raises:
            PolicyBundleNotFound: Control has not started yet.
        """
        staging = repository.read_staging(connection, self._organization_id, is_locked=is_locked)
        if staging is None:
            raise PolicyBundleNotFound("no policies are in force yet", hint="control is starting: try again")
        return staging

    def require(self, connection: sa.Connection, sha256: str) -> StoredBundle:
        """Return a stored bundle by its full hash; within a unit of work.

        Raises:
            PolicyBundleNotFound: There is none.
        """
        stored = repository.find_bundle(connection, self._organization_id, sha256)
        if stored is None:
            raise PolicyBundleNotFound(
                f"there is no policy bundle {sha256[:64]!r}", hint="see them: vedette policy list"
            )
        return stored

    def insert(
        self,
        connection: sa.Connection,
        sha256: str,
        encoded: bytes,
        *,
        name: str,
        origin: Origin,
        base: str,
        count: int,
        actor: Actor,
        was_stable: bool = False,
    ) -> StoredBundle:
        """Sign and store a bundle; within a unit of work.

        Raises:
            TooManyPolicyBundles: Nothing was discarded for long.
        """
        bundles, highest = repository.count_bundles(connection, self._organization_id)
        if bundles >= BUNDLES_MAX:
            raise TooManyPolicyBundles(
                f"{BUNDLES_MAX} bundles are stored", hint="discard drafts: vedette policy discard", limit=BUNDLES_MAX
            )
        stored = StoredBundle(
            organization_id=self._organization_id,
            sha256=sha256,
            number=highest + 1,
            name=name.replace("\0", "")[:NAME_MAX_CHARS],
            origin=origin,
            base_sha256=base,
            encoded=encoded,
            signature=self._signer.sign_bundle(self._organization_id, sha256),
            policy_count=count,
            created_at=self._clock.now(),
            author=name_of(actor),
            author_name=actor.name,
            was_stable=was_stable,
        )
        repository.insert_bundle(connection, stored)
        return stored

    def record(
        self,
        tx: Transaction,
        stored: StoredBundle,
        verb: str,
        *,
        actor: Actor,
        reason: str,
        details: dict[str, object] | None = None,
        event: msgspec.Struct | None = None,
    ) -> None:
        """Put an act on a bundle on record; within a unit of work."""
        self._ledger.append(
            tx,
            Entry(
                organization_id=self._organization_id,
                actor=actor,
                action=f"access.{verb}",
                target=stored.sha256,
                target_name=stored.name,
                reason=reason,
                details={"number": stored.number, **(details or {})},
            ),
            event=event,  # type: ignore[arg-type] # every event of this room is one
        )

    def resolve(self, connection: sa.Connection, reference: str) -> StoredBundle:
        """Return the bundle that a reference names; within a unit of work.

        Raises:
            PolicyBundleNotFound: There is none, or more than one.
        """
        staging = self.read_staging(connection)
        return self.require(connection, self._resolve(connection, reference, staging))

    def _resolve(self, connection: sa.Connection, reference: str, staging: Staging) -> str:
        words = {"stable": staging.stable, "canary": staging.canary, "shadow": staging.shadow}
        if reference in words:
            if not words[reference]:
                raise PolicyBundleNotFound(f"no bundle is {reference} now", hint="see them: vedette policy list")
            return words[reference]
        found: list[str] = []
        if _NUMBER.fullmatch(reference) and len(reference) < 8:  # noqa: PLR2004 - shorter than any prefix
            numbered = repository.find_by_number(connection, self._organization_id, int(reference))
            found = [] if numbered is None else [numbered]
        elif _PREFIX.fullmatch(reference):
            found = repository.find_by_prefix(connection, self._organization_id, reference)
        if len(found) != 1:
            problem = "more than one policy bundle begins with" if found else "there is no policy bundle"
            raise PolicyBundleNotFound(f"{problem} {reference[:64]!r}", hint="see them: vedette policy list")
        return found[0]

    def _open(self, stored: StoredBundle) -> PolicyBundle:
        try:
            self._verifier.check_bundle_signature(stored.organization_id, stored.sha256, stored.signature)
            content = decode_bundle(stored.encoded)
        except (BadSignature, BadPolicyBundle) as error:
            log.error("a stored policy bundle is damaged", extra={"sha256": stored.sha256, "cause": error.code})  # noqa: TRY400 - no trace
            raise _damaged(stored) from error
        if content.sha256 != stored.sha256:
            log.error("a stored policy bundle is not what its name says", extra={"sha256": stored.sha256})
            raise _damaged(stored)
        return content


async def read_policy_hash(store: Store, organization_id: OrganizationId) -> str:
    """Return the hash of the manifest in force, which heads name; of the shipped one before the first start."""
    staging = await store.read(lambda connection: repository.read_staging(connection, organization_id))
    manifest = staging.manifest if staging is not None else await asyncio.to_thread(default_manifest)
    return manifest.sha256


def check_policies(content: PolicyBundle, today: date) -> Check:
    """Parse, validate and lint a bundle, and run its own cases if it parses."""
    flaws = tuple(check_bundle(content, today))
    if any(flaw.is_error for flaw in flaws):
        return Check(flaws, ())
    try:
        # Told apart by their ids in every comparison: so they must be, whatever else is right about them.
        read_policies(content.policies_text)
        return Check(flaws, tuple(run_cases(content)))
    except BadPolicyBundle as error:
        return Check((*flaws, PolicyFlaw(0, 0, "", error.detail, is_error=True)), ())


def flawed(check: Check) -> PolicyBundleFlawed:
    """Return the first thing that is wrong with a bundle, as a refusal."""
    errors = [flaw for flaw in check.flaws if flaw.is_error]
    if errors:
        first = errors[0]
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        place = f"line {first.line}: " if first.line else ""
        return PolicyBundleFlawed(
            f"{place}{first.message[:400]}{more}",
            hint="see all: vedette policy check",
            line=first.line,
            column=first.column,
        )
    failed = [case.name for case in check.cases if not case.has_passed]
    return PolicyBundleFlawed(
        f"{len(failed)} of its own cases fail, the first: {failed[0][:200]}", hint="see why: vedette policy test"
    )


def name_of(actor: Actor) -> str:
    """Return an actor as it stands beside a bundle."""
    return f"{actor.kind}:{actor.id}"


def _damaged(stored: StoredBundle) -> PolicyBundleDamaged:
    return PolicyBundleDamaged(
        f"policy bundle {stored.number} is not what was signed when it was stored",
        hint="restore the database, or roll back: vedette policy rollback",
    )
