"""A signer of its own, as a test starts it: ``python signer_process.py SETTINGS-JSON``."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from vedette.kernel import OrganizationId, RandomIds, SystemClock
from vedette.pki import AuthoritySettings, SignerSettings, run_signer


def main() -> None:
    given = json.loads(sys.argv[1])
    folder = Path(given["folder"])
    settings = SignerSettings(
        authorities=AuthoritySettings(
            organization_id=OrganizationId(given["organization_id"]),
            pki_directory=folder / "pki",
            offline_directory=folder / "offline",
        ),
        socket_path=folder / "signer.sock",
        socket_mode=given.get("socket_mode", 0o600),
        device_certificates_per_hour=given.get("cap", 1_000_000),
        max_connections=given.get("max_connections", 128),
        max_frame_bytes=given.get("max_frame_bytes", 8_388_608),
    )
    clock = SystemClock()
    asyncio.run(run_signer(settings, clock=clock, ids=RandomIds(clock), ready=say_ready))


def say_ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
