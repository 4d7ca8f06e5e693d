from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from vedette.app.configuration_file import read_configuration
from vedette.app.data_directory import DataDirectory
from vedette.app.plan import Plan
from vedette.app.prepare import IdentityDamaged, prepare
from vedette.app.roles import BadSettings, ControlRole, GatewayRole, PrepareRole, SignerRole, read_role
from vedette.kernel import RandomIds, SystemClock
from vedette.pki import AuthorityDamaged, SecretsUnreadable, encode_secret_key, read_secret_key
from vedette.trust import read_trust_anchor


def plan_on(path: Path, **environment: str) -> Plan:
    data = DataDirectory(path)
    data.create()
    return Plan(read_configuration(None, environment).configuration, data, environment)


def role_of(plan: Plan) -> PrepareRole:
    plan.prepare()
    return read_role(plan.data.settings_file("prepare"), PrepareRole)


def prepared(path: Path, **environment: str) -> tuple[Plan, dict[str, object]]:
    plan = plan_on(path, **environment)
    clock = SystemClock()
    return plan, prepare(role_of(plan), clock=clock, ids=RandomIds(clock))


def test_a_first_start_makes_everything_and_a_second_changes_nothing(tmp_path: Path) -> None:
    plan, facts = prepared(tmp_path)
    assert facts["is_first_start"] is True
    kept = [path for path in plan.data.path.rglob("*") if path.is_file() and "run" not in path.parts]
    before = {path: path.read_bytes() for path in kept}
    _, again = prepared(tmp_path)
    assert again["is_first_start"] is False
    assert (again["organization_id"], again["id_scope"]) == (facts["organization_id"], facts["id_scope"])
    assert {path: path.read_bytes() for path in kept} == before


def test_no_secret_is_open_to_others(tmp_path: Path) -> None:
    plan, _ = prepared(tmp_path)
    data = plan.data
    secrets = [*data.secrets.iterdir(), *data.offline.iterdir(), *data.pki.glob("*.key"), data.bus / "nats-server.conf"]
    assert len(secrets) >= 10
    for path in secrets:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_the_anchor_names_what_enforcement_points_pin(tmp_path: Path) -> None:
    plan, facts = prepared(tmp_path, VEDETTE_SERVER__HOSTNAME="iot.example")
    anchor = read_trust_anchor(plan.data.trust_anchor)
    assert anchor.organization_id == facts["organization_id"]
    assert anchor.hostnames == ("iot.example",)
    assert anchor.root_certificate == plan.data.root_certificate.read_text()
    assert len(anchor.administrator_key) == 32


def test_a_changed_host_name_keeps_the_former_one_valid(tmp_path: Path) -> None:
    prepared(tmp_path, VEDETTE_SERVER__HOSTNAME="old.example")
    plan, _ = prepared(tmp_path, VEDETTE_SERVER__HOSTNAME="new.example")
    assert read_trust_anchor(plan.data.trust_anchor).hostnames == ("new.example", "old.example")


LOST = ["identity.json", "secrets/policy-administrator.key", "secrets/ledger-checkpoint.key", "secrets/column.key"]


@pytest.mark.parametrize("lost", LOST)
def test_what_makes_the_platform_itself_is_never_made_twice(tmp_path: Path, lost: str) -> None:
    plan, _ = prepared(tmp_path)
    (plan.data.path / lost).unlink()
    with pytest.raises(IdentityDamaged, match="is missing"):
        prepared(tmp_path)


def test_another_administrators_key_is_refused(tmp_path: Path) -> None:
    plan, _ = prepared(tmp_path / "a")
    other, _ = prepared(tmp_path / "b")
    plan.data.administrator_key.write_bytes(other.data.administrator_key.read_bytes())
    with pytest.raises(IdentityDamaged, match="does not fit"):
        prepared(tmp_path / "a")


def test_an_authority_that_is_lost_is_told(tmp_path: Path) -> None:
    plan, _ = prepared(tmp_path)
    (plan.data.pki / "operational.key").unlink()
    with pytest.raises(AuthorityDamaged):
        prepared(tmp_path)


@pytest.mark.parametrize("keep", range(8))
def test_a_first_start_that_was_cut_off_goes_on_as_the_same(tmp_path: Path, keep: int) -> None:
    """Take away all but the first files that were written, as a power cut would."""
    plan, facts = prepared(tmp_path)
    data = plan.data
    data.trust_anchor.unlink()
    data.root_certificate.unlink()
    written = [
        data.identity,
        data.administrator_key,
        data.checkpoint_key,
        data.operator_token,
        data.pki / "root.pem",
        data.pki / "operational.pem",
        data.pki / "services.pem",
        data.pki / "authorities.json",
    ]
    for path in written[1 + keep :]:
        path.unlink()
    _, again = prepared(tmp_path)
    assert again["organization_id"] == facts["organization_id"]
    assert again["id_scope"] == facts["id_scope"]


def test_a_deleted_token_is_replaced(tmp_path: Path) -> None:
    plan, _ = prepared(tmp_path)
    before = plan.data.operator_token.read_text()
    plan.data.operator_token.unlink()
    prepared(tmp_path)
    assert plan.data.operator_token.read_text() != before


def test_a_gateway_is_told_of_nothing_but_its_own(tmp_path: Path) -> None:
    plan, _ = prepared(tmp_path, VEDETTE_GATEWAY__PROCESSES="2")
    plan.gateway("gateway-2")
    text = plan.data.settings_file("gateway-2").read_text()
    assert str(plan.data.bus_seed("gateway-2")) in text
    for foreign in ("vedette.db", "gateway-1", "control", "operator.token", "policy-administrator", "pki", "signer"):
        assert foreign not in text
    assert read_role(plan.data.settings_file("gateway-2"), GatewayRole).shares_port is True


def test_only_control_is_told_of_the_database_and_only_the_signer_of_the_keys(tmp_path: Path) -> None:
    plan, _ = prepared(tmp_path)
    plan.control()
    plan.signer()
    control = plan.data.settings_file("control")
    signer = plan.data.settings_file("signer")
    assert read_role(control, ControlRole).store.sqlite_file == plan.data.database
    assert str(plan.data.pki) not in control.read_text().replace(str(plan.data.signer_socket), "")
    assert read_role(signer, SignerRole).pki_directory == plan.data.pki
    assert "vedette.db" not in signer.read_text()
    assert "bus-" not in signer.read_text()


def test_children_inherit_no_secret_of_the_environment(tmp_path: Path) -> None:
    plan = plan_on(tmp_path, PATH="/bin", HOME="/root", AWS_SECRET_ACCESS_KEY="x", VEDETTE_LOG__LEVEL="debug")
    assert plan.child_environment() == {"PATH": "/bin", "PYTHONUNBUFFERED": "1"}


def test_settings_of_another_role_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(msgspec.json.encode({"name": "gateway-1"}))
    with pytest.raises(BadSettings):
        read_role(path, GatewayRole)
    with pytest.raises(BadSettings):
        read_role(tmp_path / "none.json", GatewayRole)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "http://localhost:8480"),
        ({"VEDETTE_API__BIND": "127.0.5.1"}, "http://127.0.5.1:8480"),
        ({"VEDETTE_API__BIND": "192.0.2.7"}, "https://192.0.2.7:8480"),
        ({"VEDETTE_API__BIND": "2001:db8::7"}, "https://[2001:db8::7]:8480"),
        ({"VEDETTE_API__BIND": "0.0.0.0", "VEDETTE_SERVER__HOSTNAME": "iot.example"}, "https://iot.example:8480"),  # noqa: S104
    ],
)
def test_the_api_has_one_address_to_be_reached_by(tmp_path: Path, environment: dict[str, str], url: str) -> None:
    assert plan_on(tmp_path, **environment).api_url == url


def test_a_platform_of_the_former_release_gets_its_column_key(tmp_path: Path) -> None:
    plan, _ = prepared(tmp_path)
    former = msgspec.json.decode(plan.data.identity.read_bytes())
    del former["column_key_sha256"]
    plan.data.identity.write_bytes(msgspec.json.encode(former))
    plan.data.column_key.unlink()
    prepared(tmp_path)
    assert len(read_secret_key(plan.data.column_key)) == 32
    assert msgspec.json.decode(plan.data.identity.read_bytes())["column_key_sha256"]


def test_a_start_that_was_cut_off_after_the_column_key_goes_on_with_it(tmp_path: Path) -> None:
    plan, _ = prepared(tmp_path)
    key = read_secret_key(plan.data.column_key)
    cut = msgspec.json.decode(plan.data.identity.read_bytes()) | {"column_key_sha256": ""}
    plan.data.identity.write_bytes(msgspec.json.encode(cut))
    prepared(tmp_path)
    assert read_secret_key(plan.data.column_key) == key


def test_another_platforms_column_key_is_refused(tmp_path: Path) -> None:
    plan, _ = prepared(tmp_path)
    plan.data.column_key.write_bytes(encode_secret_key(b"x" * 32))
    with pytest.raises(IdentityDamaged, match=r"column\.key"):
        prepared(tmp_path)


def test_a_column_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    plan, _ = prepared(tmp_path)
    plan.data.column_key.chmod(0o644)
    with pytest.raises(SecretsUnreadable, match="open to others"):
        prepared(tmp_path)
