"""Somebody who follows a page of ``docs/``: what stands in its fences is run as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from journey import Platform

DOCS = Path(__file__).resolve().parents[2] / "docs"
FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
VARIABLE = re.compile(r"^([A-Z]+)=", re.MULTILINE)
BLOCK_TIMEOUT_S = 120


def fences(page: str, language: str) -> list[str]:
    """Return what stands in the fences of a language, in order."""
    found = FENCE.finditer((DOCS / page).read_text())
    return [each["text"] for each in found if each["language"] == language]


@dataclass
class Newcomer:
    """A shell in an empty folder; variables live on from block to block, as in a terminal."""

    platform: Platform
    folder: Path

    def __post_init__(self) -> None:
        programs = self.folder / "bin"
        programs.mkdir()
        vedette = programs / "vedette"
        vedette.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vedette.cli "$@"\n')
        vedette.chmod(0o755)
        self.environment = {
            **os.environ,
            "HOME": str(self.folder),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "VEDETTE_DATA": str(self.platform.data),
        }

    def run(self, block: str) -> str:
        """Run one fence; return what it wrote."""
        variables = self.folder / "variables"
        keep = f"declare -p {' '.join(VARIABLE.findall(block))} >> {variables}" if VARIABLE.search(block) else ":"
        script = f"touch {variables}; source {variables}\n{block}\n{keep}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=BLOCK_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout
