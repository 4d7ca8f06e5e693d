"""The engines of the policies in force, for whoever decides in control itself."""

from __future__ import annotations

import asyncio

from vedette.access.policy_store import PolicyStore
from vedette.trust import PolicyEngines


class EnginesInForce:
    """Compiles what the staging names, once for each change.

    Args:
        bundles: Knows the policies in force.
    """

    def __init__(self, bundles: PolicyStore) -> None:
        self._bundles = bundles
        self._known: PolicyEngines | None = None

    async def get(self) -> PolicyEngines:
        """Return them.

        Raises:
            PolicyBundleDamaged: They are not what was signed.
        """
        manifest = (await self._bundles.staging()).manifest
        known = self._known
        if known is None or known.sha256 != manifest.sha256:
            contents = [await self._bundles.content_of(sha256) for sha256 in manifest.bundles]
            known = self._known = await asyncio.to_thread(PolicyEngines, manifest, contents, known)
        return known
