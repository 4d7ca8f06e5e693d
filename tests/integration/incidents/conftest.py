"""One signer process for all tests of alerts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from identity_house import RunningSigner, running_signer

from vedette.kernel import OrganizationId, RandomIds, SystemClock


@pytest.fixture(scope="session")
def signer_process() -> Iterator[RunningSigner]:
    with running_signer(OrganizationId(RandomIds(SystemClock()).new("org"))) as signer:
        yield signer
