"""A signer in its own process, as in production; prints a line once it listens."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from vedette.kernel import OrganizationId, RandomIds, SystemClock
from vedette.pki import AuthoritySettings, SignerSettings, run_signer


def main(folder: Path, organization_id: OrganizationId) -> None:
    clock = SystemClock()
    authorities = AuthoritySettings(
        organization_id=organization_id, pki_directory=folder / "pki", offline_directory=folder / "offline"
    )
    settings = SignerSettings(authorities=authorities, socket_path=folder / "signer.sock")

    def tell() -> None:
        sys.stdout.write("ready\n")
        sys.stdout.flush()

    asyncio.run(run_signer(settings, clock=clock, ids=RandomIds(clock), ready=tell))


if __name__ == "__main__":
    main(Path(sys.argv[1]), OrganizationId(sys.argv[2]))
