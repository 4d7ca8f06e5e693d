from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.kernel import GenerationId, OrganizationId
from vedette.pki import (
    DEVICE_PROFILE,
    Authorities,
    AuthorityExpired,
    AuthorityScope,
    Certificate,
    InvalidLifetime,
    InvalidSubjectName,
    Purpose,
    RevocationReason,
    Standing,
    check_subject_name,
)
from vedette.pki.model import RenewalPlan, choose_validity, matches_pattern, plan_renewal
from vedette.simulation import ManualClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def certificate(sha256: str = "a") -> Certificate:
    return Certificate(
        organization_id=OrganizationId("org_1"),
        sha256=sha256,
        generation_id=GenerationId("dev_1"),
        subject_name="pump-7",
        serial="1",
        authority_sha256="c",
        not_before=NOW - HOUR,
        not_after=NOW + HOUR,
        issued_at=NOW - HOUR,
        public_key_sha256="k",
        der=b"",
    )


@pytest.mark.parametrize("name", ["pump-7", "a" * 64, "pump-7/camera", "a" * 31 + "/" + "b" * 32, "p.u_m*p?!(7),=@$'%"])
def test_a_name_of_up_to_64_characters_can_be_a_common_name(name: str) -> None:
    assert check_subject_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "a" * 65, "pump-7/", "/camera", "a/b/c", "a b", "a" * 32 + "/" + "b" * 32, "pümp"]
)
def test_a_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(InvalidSubjectName):
        check_subject_name(name)


def test_a_certificate_begins_five_minutes_early_and_lives_as_asked(
    authorities: Authorities, clock: ManualClock
) -> None:
    issuer = authorities.issuing[Purpose.OPERATIONAL].certificate
    now = clock.now() + timedelta(days=1, microseconds=7)
    validity = choose_validity(DEVICE_PROFILE, timedelta(days=30), now=now, issuer=issuer)
    assert validity.not_before == now.replace(microsecond=0) - timedelta(minutes=5)
    assert validity.not_after == now.replace(microsecond=0) + timedelta(days=30)


def test_a_certificate_neither_begins_before_nor_ends_after_its_issuer(
    authorities: Authorities, clock: ManualClock
) -> None:
    issuer = authorities.issuing[Purpose.OPERATIONAL].certificate
    begin, end = issuer.not_valid_before_utc, issuer.not_valid_after_utc
    late = choose_validity(DEVICE_PROFILE, timedelta(days=30), now=end - timedelta(days=1), issuer=issuer)
    assert late.not_after == end
    early = choose_validity(DEVICE_PROFILE, timedelta(days=30), now=begin + timedelta(minutes=1), issuer=issuer)
    assert early.not_before == begin


@pytest.mark.parametrize("lifetime", [HOUR, timedelta(days=90)])
def test_a_lifetime_at_the_limits_is_accepted(
    authorities: Authorities, clock: ManualClock, lifetime: timedelta
) -> None:
    issuer = authorities.issuing[Purpose.OPERATIONAL].certificate
    choose_validity(DEVICE_PROFILE, lifetime, now=clock.now(), issuer=issuer)


@pytest.mark.parametrize("lifetime", [HOUR - timedelta(seconds=1), timedelta(days=90, seconds=1), timedelta(0)])
def test_a_lifetime_beyond_the_limits_is_refused(
    authorities: Authorities, clock: ManualClock, lifetime: timedelta
) -> None:
    issuer = authorities.issuing[Purpose.OPERATIONAL].certificate
    with pytest.raises(InvalidLifetime):
        choose_validity(DEVICE_PROFILE, lifetime, now=clock.now(), issuer=issuer)


@pytest.mark.parametrize(
    "away", [timedelta(days=1100), timedelta(days=1096) - timedelta(minutes=9), -timedelta(days=1)]
)
def test_an_authority_outside_its_own_validity_issues_nothing(
    authorities: Authorities, clock: ManualClock, away: timedelta
) -> None:
    issuer = authorities.issuing[Purpose.OPERATIONAL].certificate
    with pytest.raises(AuthorityExpired):
        choose_validity(DEVICE_PROFILE, timedelta(days=30), now=clock.now() + away, issuer=issuer)


REVOKED = replace(certificate(), revoked_at=NOW, revocation_reason=RevocationReason.SUPERSEDED)


@pytest.mark.parametrize(
    ("one", "standing"),
    [
        (certificate(), Standing.PERMITTED),
        (replace(certificate(), not_after=NOW), Standing.EXPIRED),
        (replace(certificate(), permitted_until=NOW), Standing.SUPERSEDED),
        (replace(certificate(), permitted_until=NOW + timedelta(seconds=1)), Standing.PERMITTED),
        (REVOKED, Standing.REVOKED),
        (replace(REVOKED, not_after=NOW), Standing.REVOKED),
    ],
)
def test_the_standing_of_a_certificate_names_what_ended_it(one: Certificate, standing: Standing) -> None:
    assert one.standing(NOW) is standing


USED = replace(certificate("b"), first_used_at=NOW)
UNUSED = certificate("b")


@pytest.mark.parametrize(
    ("current", "successor", "plan"),
    [
        pytest.param(certificate(), None, RenewalPlan.EXTEND, id="first renewal"),
        pytest.param(certificate(), UNUSED, RenewalPlan.REPLACE_UNUSED, id="the reply was lost"),
        pytest.param(certificate(), USED, RenewalPlan.FREEZE, id="the successor was used"),
        pytest.param(
            certificate(), replace(UNUSED, revoked_at=NOW), RenewalPlan.EXTEND, id="the unused successor is revoked"
        ),
        pytest.param(certificate(), replace(USED, revoked_at=NOW), RenewalPlan.FREEZE, id="used, then revoked"),
        pytest.param(replace(certificate(), permitted_until=NOW), USED, RenewalPlan.FREEZE, id="after the overlap"),
        pytest.param(replace(certificate(), not_after=NOW), None, RenewalPlan.REFUSE, id="expired"),
        pytest.param(REVOKED, None, RenewalPlan.REFUSE, id="revoked"),
        pytest.param(REVOKED, USED, RenewalPlan.REFUSE, id="revoked: its holder can freeze nobody"),
    ],
)
def test_a_renewal_is_decided_by_what_became_of_the_successor(
    current: Certificate, successor: Certificate | None, plan: RenewalPlan
) -> None:
    assert plan_renewal(current, successor, NOW) is plan


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "anything", True),
        ("pump-*", "pump-7", True),
        ("pump-*", "PUMP-7", True),
        ("pump-*", "pump", False),
        ("*-north", "pump-north", True),
        ("pump-*-north", "pump-7-north", True),
        ("pump-*-north", "pump-north", False),
        ("a*b*c", "a-b-c", True),
        ("a*b*c", "acb", False),
        ("aba*aba", "aba", False),
        ("pump-7", "pump-7", True),
        ("pump-7", "pump-77", False),
        ("a*a*a", "aa", False),
    ],
)
def test_a_pattern_matches_whole_names(pattern: str, name: str, matches: bool) -> None:  # noqa: FBT001 - a table
    assert matches_pattern(pattern, name) is matches


@given(
    st.lists(st.text("ab", max_size=3), min_size=1, max_size=4),
    st.lists(st.text("ab", max_size=3), min_size=3, max_size=3),
)
def test_a_pattern_matches_what_is_built_from_it(pieces: list[str], fillings: list[str]) -> None:
    name = pieces[0] + "".join(fill + piece for fill, piece in zip(fillings, pieces[1:], strict=False))
    assert matches_pattern("*".join(pieces), name)


def test_a_scope_covers_its_group_and_pattern_only() -> None:
    scope = AuthorityScope(enrollment_group="enr_1", device_id_pattern="pump-*")
    assert scope.covers("pump-7", enrollment_group="enr_1")
    assert not scope.covers("valve-7", enrollment_group="enr_1")
    assert not scope.covers("pump-7", enrollment_group="enr_2")
    assert not scope.covers("pump-7", enrollment_group=None)
    assert AuthorityScope().covers("anything", enrollment_group=None)
