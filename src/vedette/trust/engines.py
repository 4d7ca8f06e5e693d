"""The engines of one manifest: the stable one for everyone, a canary for one group, a shadow that decides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from vedette.trust.bundle import BadPolicyManifest, PolicyBundle, PolicyManifest, default_bundle, default_manifest
from vedette.trust.model import PostureRecord
from vedette.trust.policy import PolicyEngine


class PolicyEngines:
    """What a manifest puts into force; compiling takes a while, so make it in a thread.

    Args:
        manifest: Which bundles decide for whom.
        bundles: At least those that the manifest names; each is taken by its hash alone.
        former: Engines in force until now: those of bundles that stay are kept, with what they remember.

    Raises:
        BadPolicyManifest: A bundle that the manifest names is not among them.
        BadPolicyBundle: One of them is flawed.
    """

    def __init__(
        self, manifest: PolicyManifest, bundles: Iterable[PolicyBundle], former: PolicyEngines | None = None
    ) -> None:
        given = {bundle.sha256: bundle for bundle in bundles}
        kept = {} if former is None else former.by_sha256
        self.by_sha256: dict[str, PolicyEngine] = {}
        for sha256 in sorted(manifest.bundles):
            if sha256 in kept:
                self.by_sha256[sha256] = kept[sha256]
            elif sha256 in given:
                self.by_sha256[sha256] = PolicyEngine(given[sha256])
            else:
                raise BadPolicyManifest(f"the policy bundle {sha256[:12]} is named but not there")
        self.manifest = manifest
        self.sha256 = manifest.sha256
        self.stable = self.by_sha256[manifest.stable]
        self._canary = None if manifest.canary is None else self.by_sha256[manifest.canary]
        self.shadow = None if manifest.shadow is None else self.by_sha256[manifest.shadow]

    @classmethod
    def of_default(cls) -> PolicyEngines:
        """Return the engines that are in force until somebody sets another manifest."""
        return cls(default_manifest(), [default_bundle()])

    @property
    def is_ever_time_bound(self) -> bool:
        """Whether any answer may change with the hour."""
        return self.stable.is_ever_time_bound or (self._canary is not None and self._canary.is_ever_time_bound)

    def engine_for(self, record: PostureRecord | None, now: datetime) -> PolicyEngine:
        """Return the engine that decides about an identity.

        Args:
            record: ``None``: nobody is known; the stable engine says no like any other.
            now: For sections that end.
        """
        if self._canary is None or record is None:
            return self.stable
        placement = record.placement.known(now)
        is_chosen = placement is not None and self.manifest.canary_group in placement.groups
        return self._canary if is_chosen else self.stable
