"""The policies one gateway decides by: those that the signed head names, fetched from control and kept on disk.

Heads name a manifest by its hash, the manifest names bundles by theirs: whoever carries them cannot change them. While
a head names another manifest than the one enforced, records count as stale: nobody new is let in by old policies.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from vedette.bus import BusConnection
from vedette.bus.contract import FETCH_POLICIES, FetchPolicies, PoliciesReply
from vedette.kernel import Clock, Problem
from vedette.trust import (
    BadPolicyBundle,
    BadPolicyManifest,
    PolicyBundle,
    PolicyEngine,
    PolicyEngines,
    PolicyManifest,
    PostureRecord,
    PostureView,
    decode_bundle,
    decode_manifest,
    default_bundle,
    default_manifest,
    describe_identity,
    encode_bundle,
    encode_manifest,
)

log = logging.getLogger(__name__)

_FETCH_TIMEOUT_S: Final = 5.0
_PAUSE_S: Final = 1.0
# A manifest names at most three bundles, and each reply brings at least one.
_MAX_REPLIES: Final = 8
_MAX_FILE_BYTES: Final = 1_048_576
_MANIFEST: Final = "manifest.json"
_SUFFIX: Final = ".bundle"
_MAX_SLICES: Final = 16_384


class PolicyShelf:
    """The last good policies, on disk: a gateway that starts without control decides as it did before. Blocks.

    Args:
        directory: ``gateway/<name>/policies``.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self) -> tuple[PolicyManifest, list[PolicyBundle]] | None:
        """Return what was kept; ``None`` when there is nothing, or nothing that can be read."""
        try:
            manifest = decode_manifest(self._read(_MANIFEST))
            bundles = [decode_bundle(self._read(sha256 + _SUFFIX)) for sha256 in sorted(manifest.bundles)]
        except FileNotFoundError:
            return None
        except (OSError, BadPolicyBundle, BadPolicyManifest) as error:
            log.warning("policies kept on disk are not readable", extra={"reason": str(error)})
            return None
        return manifest, bundles

    def keep(self, manifest: PolicyManifest, bundles: list[PolicyBundle]) -> None:
        """Write policies that are in force now, and forget those that are not.

        Raises:
            OSError: The disk does not take them.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for bundle in bundles:
            self._write(bundle.sha256 + _SUFFIX, encode_bundle(bundle))
        self._write(_MANIFEST, encode_manifest(manifest))
        wanted = {sha256 + _SUFFIX for sha256 in manifest.bundles}
        for path in self._directory.glob(f"*{_SUFFIX}"):
            if path.name not in wanted:
                path.unlink(missing_ok=True)

    def _read(self, name: str) -> bytes:
        with (self._directory / name).open("rb") as file:
            return file.read(_MAX_FILE_BYTES)

    def _write(self, name: str, raw: bytes) -> None:
        path = self._directory / name
        partial = path.with_suffix(".new")
        partial.write_bytes(raw)
        partial.replace(path)


def open_engines(shelf: PolicyShelf) -> tuple[PolicyEngines, dict[str, PolicyBundle]]:
    """Return the engines to begin with, and their bundles: those kept on disk, else the default. Blocks."""
    kept = shelf.read()
    if kept is not None:
        manifest, bundles = kept
        try:
            return PolicyEngines(manifest, bundles), {bundle.sha256: bundle for bundle in bundles}
        except (BadPolicyBundle, BadPolicyManifest) as bad:
            log.warning("policies kept on disk are not usable", extra={"reason": bad.detail})
    bundle = default_bundle()
    return PolicyEngines(PolicyManifest(bundle.sha256), [bundle]), {bundle.sha256: bundle}


class SliceHashes:
    """What decisions' records name identities' attributes by, kept until the record changes: it is made as JSON."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int, int], str] = OrderedDict()

    def sha256(self, record: PostureRecord, now: datetime) -> str:
        """Return the hash of what policies may read of an identity.

        Raises:
            BadEntity: A section that policies need is unknown.
        """
        if _has_end(record):
            return describe_identity(record, now).sha256
        key = (record.generation_id, record.epoch, record.sequence)
        known = self._known.get(key)
        if known is None:
            # Identities that are alike have the same.
            known = self._known[key] = sys.intern(describe_identity(record, now).sha256)
            if len(self._known) > _MAX_SLICES:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return known


def _has_end(record: PostureRecord) -> bool:
    sections = (record.registration, record.credentials, record.placement, record.health, record.quarantine)
    return any(section.expires_at is not None for section in sections)


class PolicyDesk:
    """The policies in force here, and the way to the next ones.

    Attributes:
        engines: In force.
        slices: Hashes of identities' attributes.

    Args:
        bus: Where control is asked.
        view: Says which manifest the head names.
        engines: To begin with, as ``open_engines`` returns them.
        bundles: Theirs, by hash.
        shelf: Keeps the last good ones.
        organization_id: Whose.
        gateway: This gateway's name.
        clock: Wall time.
    """

    def __init__(
        self,
        *,
        bus: BusConnection,
        view: PostureView,
        engines: PolicyEngines,
        bundles: dict[str, PolicyBundle],
        shelf: PolicyShelf,
        organization_id: str,
        gateway: str,
        clock: Clock,
    ) -> None:
        self._bus = bus
        self._view = view
        self._bundles = bundles
        self._shelf = shelf
        self._organization_id = organization_id
        self._gateway = gateway
        self._clock = clock
        self._changed: list[Callable[[], None]] = []
        self._news = asyncio.Event()
        self._is_failing = False
        self.slices = SliceHashes()
        self.engines = engines
        view.enforce(engines.sha256)

    @property
    def shadow(self) -> PolicyEngine | None:
        """The engine that decides nothing, and whose different answers are told."""
        return self.engines.shadow

    def engine_for(self, record: PostureRecord | None) -> PolicyEngine:
        """Return the engine that decides about an identity."""
        return self.engines.engine_for(record, self._clock.now())

    def on_changed(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called when other policies have come into force; live sessions are decided again then."""
        self._changed.append(listener)

    def look(self) -> None:
        """Look whether the head names other policies; call it with each head."""
        if self._view.wants_policies is not None:
            self._news.set()

    async def run(self) -> None:
        """Fetch what heads name; never ends."""
        while True:
            await self._news.wait()
            self._news.clear()
            wanted = self._view.wants_policies
            if wanted is None:
                continue
            try:
                await self._change_to(wanted)
                self._is_failing = False
            except Problem as problem:
                if not self._is_failing:
                    log.warning(
                        "other policies are in force than this gateway has: nobody new is let in",
                        extra={"manifest": wanted, "reason": problem.detail},
                    )
                self._is_failing = True
                self._news.set()
            await asyncio.sleep(_PAUSE_S if self._is_failing else 0)

    async def _change_to(self, sha256: str) -> None:
        manifest, bundles = await self._fetch(sha256)
        engines = await asyncio.to_thread(PolicyEngines, manifest, list(bundles.values()), self.engines)
        self.engines, self._bundles = engines, bundles
        self._view.enforce(engines.sha256)
        log.info("other policies are in force", extra={"manifest": sha256, "stable": manifest.stable})
        for listener in self._changed:
            listener()
        try:
            await asyncio.to_thread(self._shelf.keep, manifest, list(bundles.values()))
        except OSError as error:
            log.warning("policies not kept on disk", extra={"reason": str(error)})

    async def _fetch(self, sha256: str) -> tuple[PolicyManifest, dict[str, PolicyBundle]]:
        """Ask control for a manifest and the bundles it names.

        Raises:
            Problem: Control does not answer, or what it answers is not what the head names.
        """
        shipped = default_bundle()
        known = {**self._bundles, shipped.sha256: shipped}
        if sha256 == default_manifest().sha256:
            return default_manifest(), {shipped.sha256: shipped}
        for _ in range(_MAX_REPLIES):
            request = FetchPolicies(
                organization_id=self._organization_id,
                gateway=self._gateway,
                manifest_sha256=sha256,
                known=sorted(known),
            )
            reply = await self._bus.call(FETCH_POLICIES, request, PoliciesReply, timeout_s=_FETCH_TIMEOUT_S)
            manifest = decode_manifest(reply.manifest, sha256)
            for raw in reply.bundles:
                bundle = await asyncio.to_thread(decode_bundle, raw)
                if bundle.sha256 in manifest.bundles:
                    known[bundle.sha256] = bundle
            if manifest.bundles <= known.keys():
                return manifest, {name: known[name] for name in manifest.bundles}
            if not reply.more:
                break
        raise BadPolicyManifest("control does not have every bundle that the manifest names")
