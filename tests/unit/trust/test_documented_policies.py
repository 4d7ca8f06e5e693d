"""The examples of docs/policies.md: each is a policy without flaws, and does what the page says of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from vedette.trust import PolicyBundle, check_bundle, default_bundle, device_schema, run_cases

PAGE = (Path(__file__).parents[3] / "docs/policies.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"(?:^    .*\n)(?:^(?:    .*)?\n)*", re.MULTILINE)
_POLICY = re.compile(r"^forbid \(.*?;$", re.MULTILINE | re.DOTALL)


def examples() -> dict[str, list[str]]:
    """Return the policies under each heading of the conditions, without annotations."""
    found: dict[str, list[str]] = {}
    chapter = PAGE.partition("## Conditions, one by one\n")[2].partition("\n## ")[0]
    for section in chapter.split("\n### ")[1:]:
        heading, _, text = section.partition("\n")
        blocks = "\n".join(re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in _BLOCK.findall(text + "\n"))
        found[heading] = _POLICY.findall(blocks)
    return found


EXAMPLES = examples()


def text_of(policy: str, name: str = "example") -> str:
    return f'@id("{name}") @owner("plant security") @why("an example") @guidance("ask")\n{policy}\n'


class Case(NamedTuple):
    """What one example says of one identity in one session.

    Attributes:
        told: Lines of a unit case: members of ``principal`` and ``context``, facts to leave out, ``kind``.
    """

    heading: str
    number: int
    action: str
    expect: str
    told: str


PLC, CRANE = 'principal = { tags = ["kind=plc"] }', 'principal = { tags = ["kind=crane"] }'
CRITICAL, TRUCK = 'principal = { deviceClass = "critical" }', 'principal = { tags = ["kind=truck"] }'
SHIFT, GROUP = 'principal = { tags = ["shift=day"] }', 'principal = { groups = ["GROUP_ID"] }'
DIGEST = "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
MODULE = 'kind = "module"\nprincipal = { groups = ["GROUP_ID"], workload = { digest = "%s", identity = "x" } }'
CASES = [
    Case("Network address", 0, "connect", "allow", PLC + '\ncontext = { address = "10.20.3.4" }'),
    Case("Network address", 0, "connect", "deny", PLC + '\ncontext = { address = "10.21.3.4" }'),
    Case("Network address", 0, "connect", "allow", 'context = { address = "10.21.3.4" }'),
    Case("Network address", 1, "connect", "allow", CRITICAL + "\ncontext = { isSiteNetwork = true }"),
    Case("Network address", 1, "connect", "deny", CRITICAL + "\ncontext = { isSiteNetwork = false }"),
    Case("Network address", 1, "connect", "deny", CRITICAL),
    Case("Position and geofence", 0, "sendTelemetry", "allow", CRANE + "\ncontext = { metresFromSite = 0 }"),
    Case("Position and geofence", 0, "sendTelemetry", "deny", CRANE + "\ncontext = { metresFromSite = 1 }"),
    Case("Position and geofence", 0, "sendTelemetry", "deny", CRANE),
    Case("Position and geofence", 0, "readTwin", "allow", CRANE),
    Case("Position and network together", 0, "receiveCommand", "allow", TRUCK + "\ncontext.isPositionPlausible = true"),
    Case("Position and network together", 0, "receiveCommand", "deny", TRUCK + "\ncontext.isPositionPlausible = false"),
    Case("Position and network together", 0, "receiveCommand", "deny", TRUCK),
    Case("One place at a time", 0, "connect", "allow", GROUP + "\ncontext.isSecondLocation = false"),
    Case("One place at a time", 0, "connect", "deny", GROUP + "\ncontext.isSecondLocation = true"),
    Case("Time of day", 0, "connect", "deny", SHIFT + "\ncontext.localMinute = 359"),
    Case("Time of day", 0, "connect", "allow", SHIFT + "\ncontext.localMinute = 360"),
    Case("Time of day", 0, "sendTelemetry", "deny", SHIFT + "\ncontext.localMinute = 1320"),
    Case("Time of day", 0, "sendTelemetry", "deny", SHIFT),
    Case("TLS and strength of keys", 0, "connect", "deny", CRITICAL + '\ncontext.tlsVersion = "TLSv1.2"'),
    Case("TLS and strength of keys", 0, "connect", "allow", CRITICAL + '\ncontext.tlsVersion = "TLSv1.3"'),
    Case("TLS and strength of keys", 1, "connect", "allow", 'context = { keyAlgorithm = "EC", keyBits = 256 }'),
    Case("TLS and strength of keys", 1, "connect", "deny", 'context = { keyAlgorithm = "RSA", keyBits = 4096 }'),
    Case("Kind and age of the credential", 0, "receiveMethod", "deny", 'context.credential = "onboarding"'),
    Case("Kind and age of the credential", 0, "receiveMethod", "allow", 'context.credential = "issued"'),
    Case("Kind and age of the credential", 1, "sendTelemetry", "allow", "context.credentialAgeHours = 2160"),
    Case("Kind and age of the credential", 1, "sendTelemetry", "deny", "context.credentialAgeHours = 2161"),
    Case("Kind and age of the credential", 1, "sendTelemetry", "deny", 'without = ["credentialAgeHours"]'),
    Case("Health, risk and findings", 0, "receiveCommand", "allow", 'principal.riskLevel = "low"'),
    Case("Health, risk and findings", 0, "receiveCommand", "deny", 'principal.riskLevel = "medium"'),
    Case("Health, risk and findings", 1, "reportProperties", "allow", 'principal.spoofableFindings = ["tamper"]'),
    Case("Health, risk and findings", 1, "reportProperties", "deny", 'principal.findings = ["tamper"]'),
    Case("Traffic", 0, "receiveMethod", "allow", "principal.findings = []"),
    Case("Traffic", 0, "receiveMethod", "deny", 'principal.findings = ["traffic-anomaly"]'),
    Case("Modules and their workloads", 0, "sendTelemetry", "allow", MODULE % DIGEST),
    Case("Modules and their workloads", 0, "sendTelemetry", "deny", MODULE % "sha256:00000000"),
    Case("Modules and their workloads", 0, "sendTelemetry", "deny", 'kind = "module"\n' + GROUP),
    Case("Strength of the identity", 0, "receiveCommand", "deny", CRITICAL),
    Case(
        "Strength of the identity",
        0,
        "receiveCommand",
        "allow",
        'principal = { deviceClass = "critical", identityStrength = "attested" }',
    ),
]


def test_every_example_is_tried() -> None:
    tried = {(case.heading, case.number) for case in CASES}
    assert tried == {(heading, number) for heading, found in EXAMPLES.items() for number in range(len(found))}


@pytest.mark.parametrize("heading", EXAMPLES)
def test_an_example_is_a_policy_without_flaws(heading: str) -> None:
    text = "".join(text_of(policy, f"example-{number}") for number, policy in enumerate(EXAMPLES[heading]))
    assert check_bundle(PolicyBundle(device_schema(), text)) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.heading}: {case.action} {case.expect}")
def test_an_example_does_what_the_page_says(case: Case) -> None:
    default = default_bundle()
    policies = default.policies_text + text_of(EXAMPLES[case.heading][case.number])
    named = 'policy = "example"\n' if case.expect == "deny" else ""
    unit = f'[[case]]\nname = "case"\naction = "{case.action}"\nexpect = "{case.expect}"\n{named}{case.told}\n'
    (result,) = run_cases(PolicyBundle(default.schema_text, policies, cases_text=unit))
    assert result.has_passed, result.detail
