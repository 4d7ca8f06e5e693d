"""Unit cases kept beside the policies: what must be allowed and what denied, and by which policy.

A case names an action and whatever differs from an identity and a session in good standing, in the words of the
policy schema::

    [[case]]
    name = "a quarantined pump may not send telemetry"
    action = "sendTelemetry"
    expect = "deny"
    policy = "quarantine-is-a-limited-zone"
    [case.principal]
    quarantineMode = "limited"
    [case.context]
    tlsVersion = "TLSv1.2"
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

from vedette.trust.bundle import BadPolicyBundle, PolicyBundle
from vedette.trust.cedar import BadEntity, Verdict
from vedette.trust.entities import EntitySlice
from vedette.trust.facts import OPTIONAL_FACTS, REQUIRED_FACTS, FactValue
from vedette.trust.policy import ACTIONS, PolicyEngine

CASES_MAX: Final = 1_000
_DOTS_MAX: Final = 64
_NAME_MAX_CHARS: Final = 200
_GENERATIONS: Final = {"device": "dev_" + "0" * 26, "module": "mod_" + "0" * 26}
_ORGANIZATION: Final = "org_" + "0" * 26

GOOD_STANDING: Final[dict[str, object]] = {
    "lifecycle": "active",
    "isEnabled": True,
    "isBlocked": False,
    "isQuarantined": False,
    "quarantineMode": "none",
    "deviceClass": "standard",
    "identityClass": "physical",
    "identityStrength": "software",
    "riskLevel": "low",
    "findings": [],
    "spoofableFindings": [],
    "groups": [],
    "tags": [],
}
OPTIONAL_ATTRIBUTES: Final = frozenset({"site", "zone", "purdueLevel", "hours", "workload"})
GOOD_SESSION: Final[dict[str, FactValue]] = {
    "credential": "issued",
    "credentialAgeHours": 24,
    "keyAlgorithm": "EC",
    "keyBits": 256,
    "tlsVersion": "TLSv1.3",
    "cipher": "TLS_AES_256_GCM_SHA384",
    "address": "192.0.2.7",
    "protocol": "mqtt",
    "gateway": "gateway-1",
    "isSecondLocation": False,
}


class PolicyCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One expectation of a bundle.

    Attributes:
        policy: The ``@id`` of one of the policies that must decide; empty: whichever.
        kind: ``device`` or ``module``.
        principal: Attributes that differ from ``GOOD_STANDING``.
        context: Facts that differ from ``GOOD_SESSION``.
        without: Facts of ``GOOD_SESSION`` that are unknown.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=_NAME_MAX_CHARS)]
    action: str
    expect: Literal["allow", "deny"]
    policy: str = ""
    kind: Literal["device", "module"] = "device"
    principal: dict[str, object] = {}
    context: dict[str, FactValue] = {}
    without: tuple[str, ...] = ()


class _CasesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    case: tuple[PolicyCase, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How a case went.

    Attributes:
        detail: What was answered instead; empty when it passed.
    """

    name: str
    has_passed: bool
    detail: str = ""


def read_cases(text: str) -> tuple[PolicyCase, ...]:
    """Read a cases file.

    Raises:
        BadPolicyBundle: It is not TOML, or not of cases.
    """
    # A key of many parts takes time that grows with their square, and one of a hundred kilobytes an hour.
    if any(line.count(".") > _DOTS_MAX for line in text.split("\n")):
        raise BadPolicyBundle(f"the unit cases cannot be read: a line of theirs has over {_DOTS_MAX} dots")
    try:
        cases = msgspec.convert(tomllib.loads(text), _CasesFile).case
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise BadPolicyBundle(f"the unit cases cannot be read: {error}") from error
    if len(cases) > CASES_MAX:
        raise BadPolicyBundle(f"{len(cases)} unit cases are over {CASES_MAX}")
    names = [case.name for case in cases]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadPolicyBundle(f"two unit cases are called {twice!r}")
    return cases


def run_cases(bundle: PolicyBundle) -> list[CaseResult]:
    """Try every case that is kept beside the policies; pure.

    Raises:
        BadPolicyBundle: The bundle does not compile, or its cases cannot be read.
    """
    cases = read_cases(bundle.cases_text)
    engine = PolicyEngine(bundle)
    return [_run(engine, case) for case in cases]


def _run(engine: PolicyEngine, case: PolicyCase) -> CaseResult:
    if case.action not in ACTIONS:
        return _failed(case, f"{case.action!r} is no action; there are {', '.join(ACTIONS)}")
    parent = _GENERATIONS["device"] if case.kind == "module" else None
    identity = EntitySlice(kind=case.kind, attributes={**GOOD_STANDING, **case.principal}, device_generation_id=parent)
    context = {name: value for name, value in GOOD_SESSION.items() if name not in case.without}
    context.update(case.context)
    unknown = context.keys() - REQUIRED_FACTS - OPTIONAL_FACTS
    if unknown:
        return _failed(case, f"{min(unknown)!r} is no fact of a session")
    foreign = case.principal.keys() - GOOD_STANDING.keys() - OPTIONAL_ATTRIBUTES
    if foreign:
        return _failed(case, f"{min(foreign)!r} is no attribute of a {case.kind}")
    try:
        principal = engine.principal_of(identity, _GENERATIONS[case.kind], _ORGANIZATION)
    except BadEntity as error:
        return _failed(case, error.detail)
    flaw = _compare(case, engine.evaluate(principal, case.action, context))
    return CaseResult(case.name, has_passed=not flaw, detail=flaw)


def _compare(case: PolicyCase, verdict: Verdict) -> str:
    """Return how a verdict differs from what was expected; empty when it does not."""
    answer = "allow" if verdict.is_permitted else "deny"
    by = ", ".join(verdict.policies) or "no policy"
    if verdict.errors:
        return f"a policy could not be evaluated: {'; '.join(verdict.errors)}"
    if answer != case.expect:
        return f"expected {case.expect}, got {answer} by {by}"
    if case.policy and case.policy not in verdict.policies:
        return f"expected {answer} by {case.policy}, got it by {by}"
    return ""


def _failed(case: PolicyCase, detail: str) -> CaseResult:
    return CaseResult(case.name, has_passed=False, detail=detail)
