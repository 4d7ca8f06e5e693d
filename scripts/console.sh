#!/usr/bin/env bash
# Build the console's pages into src/vedette/console/assets, if anything they are made of has changed. Without Node it
# says so and goes on: the platform then shows a page that tells what to do.
set -euo pipefail
cd "$(dirname "$0")/../console"

if ! command -v npm >/dev/null || ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' 2>/dev/null; then
    echo "console: Node 20 or later is not installed; Vedette will run without its console" >&2
    exit 0
fi
if command -v flock >/dev/null; then
    mkdir -p ../.make
    exec 9>../.make/console.lock
    flock 9
fi

built=../src/vedette/console/assets
inputs=$(cat package-lock.json vite.config.ts index.html ../docs/reference/openapi.json $(find src -type f ! -name 'schema.d.ts' | sort) |
    sha256sum | cut -d' ' -f1)
if [ -f "$built/index.html" ] && [ "$(cat "$built/.inputs" 2>/dev/null)" = "$inputs" ]; then
    exit 0
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
    echo "console: installing its packages by hash" >&2
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >"$log" 2>&1 || {
        tail -n 15 "$log" >&2
        echo "console: could not install the packages of console/package-lock.json: is the network up?" >&2
        exit 1
    }
    touch node_modules/.package-lock.json
fi
echo "console: building" >&2
npm run --silent build >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    echo "console: the build failed" >&2
    exit 1
}
echo "$inputs" >"$built/.inputs"
