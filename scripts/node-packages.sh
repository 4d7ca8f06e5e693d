#!/usr/bin/env bash
# Install the Node SDKs that the journeys drive, by hash, from tests/node/package-lock.json. Safe to run twice.
set -euo pipefail
cd "$(dirname "$0")/../tests/node"

if ! command -v node >/dev/null || ! command -v npm >/dev/null ||
    ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)'; then
    echo "setup: Node 20 or later is not installed; the journeys with the Node SDKs will be skipped" >&2
    exit 0
fi
if [ node_modules/.package-lock.json -nt package-lock.json ]; then
    exit 0
fi
echo "setup: installing the Node SDKs for the journeys"
if ! npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2; then
    echo "setup: could not install the packages of tests/node/package-lock.json: is the network up?" >&2
    exit 1
fi
touch node_modules/.package-lock.json
