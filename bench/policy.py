"""What a policy decision costs: decisions a second and the slowest of a hundred, with 20 and 200 policies, and replay.

Run it with ``.venv/bin/python bench/policy.py [--json FILE]``; it needs no server and takes some twenty seconds.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from vedette.kernel import DeviceId, GenerationId, OrganizationId
from vedette.trust import (
    SCHEMA_VERSION,
    Credentials,
    Health,
    Lifecycle,
    Location,
    Placement,
    PolicyBundle,
    PolicyEngine,
    PostureRecord,
    Provenance,
    Quarantine,
    Registration,
    RiskLevel,
    Section,
    SessionFacts,
    Site,
    default_bundle,
    describe_identity,
)

NOW: Final = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
ACTIONS: Final = ("connect", "sendTelemetry", "readTwin", "receiveCommand")
SITES: Final = 200
DEVICES: Final = 2_000
REPLAYS: Final = 3
GOAL_PER_S: Final = 8_000
GOAL_P99_US: Final = 500
GOAL_REPLAY_PER_S: Final = 5_000

# One policy of a site's own; like those of an operator, it names its actions and reads a few facts.
_POLICY: Final = """
@id("site-{number}-{name}") @owner("bench") @why("a policy like an operator's") @guidance("none")
forbid (principal, action == Action::"{action}", resource)
when {{ principal has site && principal.site == "site-{number}" && principal.riskLevel == "medium" }}
unless {{ context has isSiteNetwork && context.isSiteNetwork }};
"""


def make_bundle(policies: int) -> PolicyBundle:
    """Return the default policies with others beside them, this many in all."""
    shipped = default_bundle()
    missing = policies - shipped.policies_text.count("@id(")
    others = "".join(
        _POLICY.format(number=number % SITES, name=number, action=ACTIONS[number % len(ACTIONS)])
        for number in range(missing)
    )
    sites = {
        f"site-{number}": Site(
            latitude=48.0, longitude=8.0 + number / 10, radius_m=500, networks=(f"10.{number}.0.0/16",)
        )
        for number in range(SITES)
    }
    return PolicyBundle(shipped.schema_text, shipped.policies_text + others, sites)


def make_record(number: int) -> PostureRecord:
    """Return the record of a device like many, with tags, groups and a position."""

    def section(owner: str, value: Any) -> Section[Any]:  # Any: each section has a type of its own
        return Section(owner=owner, revision=1, observed_at=NOW, value=value)

    return PostureRecord(
        schema=SCHEMA_VERSION,
        organization_id=OrganizationId("org_" + "0" * 26),
        generation_id=GenerationId(f"dev_{number:026d}"),
        kind="device",
        device_id=DeviceId(f"pump-{number}"),
        module_id=None,
        epoch=1,
        sequence=number + 1,
        issued_at=NOW,
        expires_at=None,
        registration=section("registry", Registration(lifecycle=Lifecycle.ACTIVE, is_enabled=True, is_blocked=False)),
        credentials=section("pki", Credentials()),
        placement=section(
            "registry",
            Placement(
                site=f"site-{number % SITES}",
                zone="cell-1",
                purdue_level="2",
                tags={"line": str(number % 7), "policy.geofence": "true", "vendor": "acme"},
                groups=("grp_pumps", "grp_north"),
            ),
        ),
        health=section("health", Health(risk_level=RiskLevel.LOW)),
        quarantine=section("access", Quarantine()),
        exceptions=section("access", ()),
        location=section(
            "health",
            Location(latitude=48.0, longitude=8.0 + number % SITES / 10, accuracy_m=10, provenance=Provenance.OBSERVED),
        ),
    )


def facts_of(number: int) -> SessionFacts:
    """Return the facts of a device's session."""
    return SessionFacts(
        credential="issued",
        tls_version="TLSv1.3",
        address=f"10.{number % SITES}.0.7",
        cipher="TLS_AES_256_GCM_SHA384",
        gateway="gateway-1",
        key_algorithm="EC",
        key_bits=256,
        credential_since=NOW,
    )


def measure(work: Iterator[Callable[[], object]]) -> dict[str, float]:
    """Run each piece of work once and return how long they took, in microseconds, and how many fit in a second."""
    taken_us: list[float] = []
    for each in work:
        began = time.thread_time_ns()
        each()
        taken_us.append((time.thread_time_ns() - began) / 1000)
    taken_us.sort()
    return {
        "per_s": round(1e6 / statistics.fmean(taken_us)),
        "p50_us": round(taken_us[len(taken_us) // 2], 1),
        "p99_us": round(taken_us[int(len(taken_us) * 0.99)], 1),
    }


def measure_engine(policies: int) -> dict[str, dict[str, float]]:
    """Measure one engine in CPU time: asked anew, about a new identity, from memory, and replaying a log."""
    engine = PolicyEngine(make_bundle(policies))
    records = [make_record(number) for number in range(DEVICES)]
    facts = [facts_of(number) for number in range(DEVICES)]
    principals = [engine.principal(record, NOW) for record in records]
    contexts = [engine.context(record, NOW, fact) for record, fact in zip(records, facts, strict=True)]
    slices = [describe_identity(record, NOW) for record in records]

    def asked_anew() -> Iterator[Callable[[], object]]:
        for number in range(DEVICES):
            for action in ACTIONS:
                yield partial(engine.evaluate, principals[number], action, contexts[number])

    def first_connect() -> Iterator[Callable[[], object]]:
        for number in range(DEVICES):
            yield partial(engine.decide, records[number], NOW, "connect", facts[number])

    def remembered() -> Iterator[Callable[[], object]]:
        for number in range(DEVICES):
            yield partial(engine.decide, records[number], NOW, "connect", facts[number])

    def replay_one(number: int) -> None:
        principal = engine.principal_of(slices[number], records[number].generation_id, records[number].organization_id)
        for action in ACTIONS:
            engine.evaluate(principal, action, contexts[number])

    began = time.thread_time()
    for number in range(REPLAYS * DEVICES):
        replay_one(number % DEVICES)
    replayed_per_s = REPLAYS * DEVICES * len(ACTIONS) / (time.thread_time() - began)
    return {
        "decision": measure(asked_anew()),
        "first_connect": measure(first_connect()),
        "remembered": measure(remembered()),
        "replay": {"per_s": round(replayed_per_s)},
    }


def main() -> int:
    """Measure, print, and say whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    figures = {str(policies): measure_engine(policies) for policies in (20, 200)}
    for policies, measured in figures.items():
        for name, values in measured.items():
            told = "  ".join(f"{unit} {value:,.0f}" for unit, value in values.items())
            print(f"{policies:>4} policies  {name:<14} {told}")
    if options.json is not None:
        machine = {"python": platform.python_version(), "machine": platform.machine()}
        options.json.write_text(json.dumps({"machine": machine, "figures": figures}, indent=2) + "\n")
    met = all(
        measured["decision"]["per_s"] >= GOAL_PER_S
        and measured["decision"]["p99_us"] <= GOAL_P99_US
        and measured["replay"]["per_s"] >= GOAL_REPLAY_PER_S
        for measured in figures.values()
    )
    goals = f"{GOAL_PER_S:,} decisions/s, p99 {GOAL_P99_US} us, replay {GOAL_REPLAY_PER_S:,}/s per core"
    print(f"goals ({goals}): {'met' if met else 'missed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
