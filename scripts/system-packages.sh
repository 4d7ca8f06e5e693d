#!/usr/bin/env bash
# Install the Debian packages of system-packages.txt when run as root; say what is missing otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=$(sed -e 's/#.*//' -e 's/[[:space:]].*//' -e '/^$/d' scripts/system-packages.txt)
missing=()
if command -v dpkg-query >/dev/null; then
    for package in $packages; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
else
    command -v mosquitto >/dev/null && command -v mosquitto_pub >/dev/null && command -v openssl >/dev/null && exit 0
    echo "setup: this is not Debian; the tests that compare with stock tools need: $(echo $packages)" >&2
    exit 0
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "setup: not installed: ${missing[*]}" >&2
    echo "       the tests that need them will say so; install them with: sudo apt-get install ${missing[*]}" >&2
    exit 0
fi

had_mosquitto=$(command -v mosquitto || true)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install_packages() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >"$log" 2>&1 </dev/null
}
echo "setup: installing Debian packages: ${missing[*]}"
if ! install_packages; then
    echo "setup: refreshing the package index"
    if ! { apt-get update -q >"$log" 2>&1 </dev/null && install_packages; }; then
        tail -n 15 "$log" >&2
        echo "setup: could not install ${missing[*]}: is the network up, and is apt free?" >&2
        exit 1
    fi
fi
# Debian starts the broker on install; nobody asked for an open broker on this machine.
if [ -z "$had_mosquitto" ] && [ -d /run/systemd/system ]; then
    systemctl disable --now mosquitto >/dev/null 2>&1 || true
fi
