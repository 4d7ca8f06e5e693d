"""The section of the identity provider: what fits together in it, and what it becomes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.app.configuration import OidcConfiguration
from vedette.app.oidc_section import GroupRole, group_role, oidc_contradictions

GOOD = {"issuer": "https://login.example/realms/plant", "client_id": "vedette"}


@pytest.mark.parametrize(
    "options",
    [
        {},
        GOOD,
        {**GOOD, "issuer": "http://127.0.0.1:9000"},
        {**GOOD, "group_roles": ("cn=admins,dc=example=admin", "a b=auditor"), "create_people": True},
        {**GOOD, "default_roles": ("auditor",), "create_people": True},
        {**GOOD, "client_secret_file": Path("secret")},
    ],
    ids=str,
)
def test_what_fits_together_is_taken(options: dict[str, object]) -> None:
    assert list(oidc_contradictions(OidcConfiguration(**options))) == []  # type: ignore[arg-type] # a table of options


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"client_id": "vedette"}, "oidc.client_id"),
        ({"issuer": GOOD["issuer"]}, "oidc.issuer"),
        ({**GOOD, "issuer": "http://login.example"}, "oidc.issuer"),
        ({**GOOD, "issuer": "https://me@login.example"}, "oidc.issuer"),
        ({**GOOD, "issuer": "https://login.example?x"}, "oidc.issuer"),
        ({**GOOD, "issuer": "https://[::1"}, "oidc.issuer"),
        ({**GOOD, "group_roles": ("admins",)}, "oidc.group_roles"),
        ({**GOOD, "group_roles": ("=admin",)}, "oidc.group_roles"),
        ({**GOOD, "default_roles": ("Admin",)}, "oidc.default_roles"),
        ({**GOOD, "default_roles": ("adimn",)}, "oidc.default_roles"),
        ({**GOOD, "group_roles": ("admins=adimn",)}, "oidc.group_roles"),
        ({**GOOD, "create_people": True}, "oidc.create_people"),
    ],
    ids=str,
)
def test_each_contradiction_names_its_option(options: dict[str, object], named: str) -> None:
    found = list(oidc_contradictions(OidcConfiguration(**options)))  # type: ignore[arg-type] # a table of options
    assert [option for option, _ in found] == [named]


def test_a_groups_name_may_hold_the_sign_itself() -> None:
    assert group_role("cn=admins,dc=example = admin") == GroupRole("cn=admins,dc=example", "admin")


@given(st.text())
def test_any_text_is_a_pair_or_none(text: str) -> None:
    found = group_role(text)
    assert found is None or (found.group and found.role)
