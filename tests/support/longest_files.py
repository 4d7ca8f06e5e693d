"""Which files take longest: they begin first, so that no worker is left with one of them at the end of a stage.

Two workers share a stage, a file at a time. What a stage prints about its longest files keeps the table true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import pytest

TOLD_FROM_S: Final = 10.0

# Seconds, measured on two cores with another stage beside.
LONGEST_S: Final = {
    "tests/api/test_withdrawn_rights.py": 25,
    "tests/console/test_alerts.py": 75,
    "tests/console/test_every_page.py": 120,
    "tests/console/test_policies.py": 100,
    "tests/faults/test_bus.py": 100,
    "tests/faults/test_clock.py": 125,
    "tests/faults/test_store.py": 95,
    "tests/integration/access/test_lives.py": 30,
    "tests/integration/access/test_policy_life.py": 60,
    "tests/integration/access/test_policy_watch.py": 40,
    "tests/integration/app/test_supervisor.py": 90,
    "tests/integration/gateway/test_session_machine.py": 20,
    "tests/integration/messaging/test_queue_model.py": 25,
    "tests/integration/pki/test_renewal_chain.py": 20,
    "tests/integration/registry/test_query_meaning.py": 75,
    "tests/integration/sensor/test_uplink.py": 40,
    "tests/journeys/test_agentless.py": 35,
    "tests/journeys/test_conditional_access.py": 50,
    "tests/journeys/test_demo.py": 90,
    "tests/journeys/test_hub_node.py": 60,
    "tests/journeys/test_hub_survives.py": 60,
    "tests/journeys/test_interop.py": 80,
    "tests/journeys/test_nothing_is_lost.py": 80,
    "tests/journeys/test_policy_life.py": 35,
    "tests/journeys/test_sign_in.py": 70,
}


def begin_with_the_longest(items: list[pytest.Item]) -> None:
    """Put the files of the table before all others, the longest first; the order within a file stays."""
    items.sort(key=lambda item: -LONGEST_S.get(file_of(item.nodeid), 0))


def told(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Return a line for each file that took long, fixtures included."""
    took_s: Counter[str] = Counter()
    for report in reports:
        took_s[file_of(report.nodeid)] += report.duration  # type: ignore[assignment] # seconds are counted as well
    return [f"{seconds:7.1f} s  {name}" for name, seconds in took_s.most_common() if seconds >= TOLD_FROM_S]


def file_of(node_id: str) -> str:
    """Return the file that a test is in."""
    return node_id.partition("::")[0]
