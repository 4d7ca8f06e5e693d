#!/usr/bin/env bash
# Make .venv from requirements.lock, by hash, and install this checkout into it. Safe to run twice, or by two at once.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .make

say() { printf 'setup: %s\n' "$*"; }
give_up() {
    printf 'setup: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

if command -v flock >/dev/null; then
    exec 9>.make/lock
    flock 9
    if [ -e .make/setup ] && [ .make/setup -nt requirements.lock ] && [ .make/setup -nt pyproject.toml ] &&
        [ .make/setup -nt scripts/setup.sh ]; then
        exit 0
    fi
fi

# 1. a Python
is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
python=
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
    if command -v "$candidate" >/dev/null && is_recent "$candidate"; then
        python=$(command -v "$candidate")
        break
    fi
done
if [ -z "$python" ]; then
    found=$(python3 --version 2>&1 || echo "no python3 on PATH")
    give_up "Vedette needs Python 3.11 or later; found: $found" \
        "install one (Debian 12: apt-get install python3 python3-venv), or name it: make setup PYTHON=/path/to/python3.12"
fi
log=.make/setup.log
: >"$log"

# 2. the environment
if [ -x .venv/bin/python ] && ! is_recent .venv/bin/python; then
    say "the environment in .venv is broken or too old; making it anew"
    rm -rf .venv
fi
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    say "making .venv with $("$python" --version) ($python)"
    rm -rf .venv
    if ! "$python" -m venv .venv >>"$log" 2>&1; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        rm -rf .venv
        if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
            say "installing python3-venv"
            { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q "python$version-venv"; } \
                >>"$log" 2>&1 </dev/null || true
        fi
        "$python" -m venv .venv >>"$log" 2>&1 ||
            give_up "Python's venv module is missing or broken for $python" \
                "on Debian and Ubuntu: sudo apt-get install python$version-venv; then run make again" \
                "details: $log"
    fi
fi

# 3. uv, at the version and hash of the lock, through pip
pinned_uv=$(sed -n '/^uv==/,/[^\\]$/p' requirements.lock)
wanted=$(sed -n 's/^uv==\([^ ;]*\).*/\1/p' requirements.lock)
if [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$wanted" ]; then
    say "fetching uv $wanted"
    printf '%s\n' "$pinned_uv" >.make/uv.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .make/uv.lock >>"$log" 2>&1 || {
        tail -n 5 "$log" >&2
        give_up "could not fetch uv from the Python package index" \
            "is the network up? behind a proxy set HTTPS_PROXY; with an index of your own set PIP_INDEX_URL; details: $log"
    }
fi

# 4. the packages: what pip is told about index and certificates holds for uv too
[ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"
[ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"
export UV_SYSTEM_CERTS=true UV_NO_PROGRESS=1 VIRTUAL_ENV="$PWD/.venv"
count=$(grep -c '^[a-z0-9].*==' requirements.lock)
say "installing $count packages by hash (a minute or two on the first run)"
if ! .venv/bin/uv pip install --quiet --require-hashes -r requirements.lock >>"$log" 2>&1; then
    say "uv could not; trying pip"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock >>"$log" 2>&1 || {
        tail -n 8 "$log" >&2
        give_up "could not install the packages of requirements.lock" \
            "is the network up, and is there room on the disk? details: $log"
    }
fi
# Only this checkout itself is installed without a hash; its build backend is the one build-time download.
if ! .venv/bin/uv pip install --quiet --no-deps --editable . >>"$log" 2>&1; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable . >>"$log" 2>&1 || {
        tail -n 8 "$log" >&2
        give_up "could not install this checkout into .venv" "details: $log"
    }
fi
touch .make/setup
say "ready"
