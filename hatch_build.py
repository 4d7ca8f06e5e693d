"""Hatchling's hook: the console's pages are built into the wheel, and for an editable install into the checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleBuild(BuildHookInterface):  # type: ignore[type-arg]  # hatchling leaves its type parameter open
    """Builds the console where its sources are; an sdist's wheel takes the assets that the sdist carries."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # Any: hatchling's own
        """Build, unless the assets are there already and nothing to build them from."""
        del version, build_data
        root = Path(self.root)
        if (root / "console" / "package.json").is_file():
            subprocess.run([str(root / "scripts" / "console.sh")], check=True)
