#!/usr/bin/env bash
# Resolve pyproject.toml anew and write requirements.lock: every package by hash, and no address.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/uv lock --quiet "$@"
{
    echo "# Written by \`make lock\` from pyproject.toml. Installed by \`make setup\`, by hash."
    .venv/bin/uv export --quiet --frozen --format requirements-txt --no-emit-project --all-extras --no-header
} >requirements.lock.new
mv requirements.lock.new requirements.lock
echo "lock: $(grep -c '^[a-z0-9].*==' requirements.lock) packages"
