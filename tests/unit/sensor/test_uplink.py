from __future__ import annotations

import asyncio
import stat
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.kernel import SystemClock
from vedette.protocols.mqtt import ReasonCode
from vedette.protocols.sensor import AlertRecord, Batch, Record, StatusRecord, read_batch
from vedette.sensor.enrolling import (
    ONBOARDING,
    EnrollmentFailed,
    IdentityFiles,
    _read_chain,
    _status_of,
    device_id_of,
    make_onboarding,
    renewal_at,
    take_onboarding,
)
from vedette.sensor.spool import Spool
from vedette.sensor.uplink import Uplink, _Sent
from vedette.sensor.uplink_connection import Cut, Login, client_context
from vedette.sensor.uplink_run import Keeper, SensorBusy, only_one
from vedette.sensor.uplink_settings import (
    PlatformSettings,
    SensorSettings,
    SettingsProblem,
    read_settings,
    write_settings,
)

PLATFORM = '[platform]\nhost = "localhost"\nid_scope = "0ne"\nroot = "root.pem"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "sensor.toml"
    path.write_text(text)
    return path


def test_settings_are_read_and_paths_are_the_files_own(tmp_path: Path) -> None:
    found = read_settings(written(tmp_path, f'name = "s-1"\nrules = "rules.toml"\n{PLATFORM}'))
    assert (found.name, found.interfaces, found.has_evidence) == ("s-1", (), True)
    assert found.buffer_bytes == 256 * 1024 * 1024
    assert found.state == tmp_path / "sensor"
    assert found.rules == tmp_path / "rules.toml"
    assert found.platform == PlatformSettings("localhost", "0ne", tmp_path / "root.pem", 8883)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = ", "sensor.toml"),
        (f'name = "s"\nbufer_mib = 3\n{PLATFORM}', "did you mean buffer_mib"),
        (f'name = "s"\n{PLATFORM}hots = "x"\n', "did you mean platform.host"),
        (f'name = "s"\nbuffer_mib = "many"\n{PLATFORM}', "buffer_mib"),
        (f'name = "s"\nbuffer_mib = 0\n{PLATFORM}', "buffer_mib"),
        (f'name = "no spaces"\n{PLATFORM}', "registration id"),
        (f'name = "s"\ninterfaces = ["{"x" * 16}"]\n{PLATFORM}', "interface"),
        (f'name = "s"\ninterfaces = ["eth 1"]\n{PLATFORM}', "interface"),
        (f'name = "s"\n{PLATFORM}[baseline]\nlearn_fro_s = 3\n', "did you mean baseline.learn_for_s"),
        (f'name = "s"\n{PLATFORM}[baseline]\nlearn_for_s = 0.5\n', "learn_for_s"),
        (f'name = "s"\ninterfaces = {["eth0"] * 17}\n{PLATFORM}', "interfaces"),
        ('name = "s"\n', "platform"),
        ('name = "s"\nplatform = 3\n', "platform"),
        ('name = "s"\n[platform]\nhost = "a/b"\nid_scope = "0"\nroot = "r"\n', "platform.host"),
        ('name = "s"\n[platform]\nhost = "a"\nid_scope = ""\nroot = "r"\n', "platform.id_scope"),
        ('name = "s"\n[platform]\nhost = "a"\nport = 70000\nid_scope = "0"\nroot = "r"\n', "platform.port"),
    ],
)
def test_settings_that_can_not_be_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsProblem, match=says):
        read_settings(written(tmp_path, text))


def test_settings_that_are_not_there_are_a_problem(tmp_path: Path) -> None:
    with pytest.raises(SettingsProblem, match="No such file"):
        read_settings(tmp_path / "nowhere.toml")


@settings(deadline=None)
@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=30).filter(lambda t: "/" not in t))
def test_first_settings_are_read_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, host: str) -> None:
    folder = tmp_path_factory.mktemp("settings")
    settings = SensorSettings("s", PlatformSettings(host, "0ne", Path("a b.pem"), 1), ("eth0", "eth1"), buffer_mib=3)
    write_settings(folder / "s.toml", settings)
    found = read_settings(folder / "s.toml")
    assert (found.platform.host, found.platform.root, found.platform.port) == (host, folder / "a b.pem", 1)
    assert (found.interfaces, found.buffer_mib) == (("eth0", "eth1"), 3)
    with pytest.raises(SettingsProblem):
        write_settings(folder / "s.toml", settings)


def test_an_onboarding_identity_is_made_for_an_operator_to_pin(tmp_path: Path) -> None:
    files = IdentityFiles(tmp_path / "sensor")
    shown = make_onboarding(files, "sensor-1", SystemClock())
    assert b"PRIVATE" not in shown.read_bytes()
    assert stat.S_IMODE(files.path(ONBOARDING).stat().st_mode) == 0o600
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700
    leaf = files.leaf(ONBOARDING)
    assert leaf == x509.load_pem_x509_certificate(shown.read_bytes())
    assert device_id_of(leaf) == "sensor-1"
    key = serialization.load_pem_private_key(files.path(ONBOARDING).read_bytes(), None)
    assert key.public_key() == leaf.public_key()
    assert client_context(shown, files.path(ONBOARDING)).check_hostname


def test_a_makers_identity_is_taken_if_its_halves_belong_together(tmp_path: Path) -> None:
    made, other = IdentityFiles(tmp_path / "a"), IdentityFiles(tmp_path / "b")
    make_onboarding(made, "sensor-1", SystemClock())
    make_onboarding(other, "sensor-2", SystemClock())
    files = IdentityFiles(tmp_path / "sensor")
    take_onboarding(files, made.path(ONBOARDING), made.path(ONBOARDING))
    assert device_id_of(files.leaf(ONBOARDING)) == "sensor-1"
    with pytest.raises(EnrollmentFailed, match="is not the key"):
        take_onboarding(files, made.path(ONBOARDING), other.path(ONBOARDING))
    with pytest.raises(EnrollmentFailed, match="No such file"):
        take_onboarding(files, tmp_path / "nowhere", other.path(ONBOARDING))
    text = tmp_path / "text"
    text.write_text("hello")
    with pytest.raises(EnrollmentFailed, match="no certificate and key"):
        take_onboarding(files, text, text)


def test_a_sensor_without_an_identity_is_told_to_enroll(tmp_path: Path) -> None:
    with pytest.raises(EnrollmentFailed, match="vedette sensor enroll"):
        IdentityFiles(tmp_path).leaf("operational")
    (tmp_path / "operational.pem").write_text("hello")
    with pytest.raises(EnrollmentFailed, match="holds no certificate"):
        IdentityFiles(tmp_path).leaf("operational")
    with pytest.raises(Cut, match="can't be used"):
        client_context(tmp_path / "nowhere.pem", None)


def test_a_certificate_is_renewed_after_two_thirds_of_its_life(tmp_path: Path) -> None:
    class Noon(SystemClock):
        def now(self) -> datetime:
            return datetime(2026, 1, 1, 12, tzinfo=UTC)

    files = IdentityFiles(tmp_path)
    make_onboarding(files, "sensor-1", Noon())
    leaf = files.leaf(ONBOARDING)
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert abs(renewal_at(leaf) - leaf.not_valid_before_utc - life * 2 / 3) < timedelta(seconds=1)
    assert renewal_at(leaf, 5.0) - leaf.not_valid_before_utc <= life * 0.9


def test_what_one_boot_tells_is_numbered_and_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=1024 * 1024)
    keeper = Keeper(spool, "boot_1")
    keeper.keep([[StatusRecord(at=1)], [StatusRecord(at=2), StatusRecord(at=3)]])
    keeper.keep([[StatusRecord(at=4)]])
    batches = [read_batch(kept.payload) for kept in spool.read(9)]
    assert [(batch.boot, batch.sequence, len(batch.records)) for batch in batches] == [
        ("boot_1", 1, 1), ("boot_1", 2, 2), ("boot_1", 3, 1),
    ]  # fmt: skip
    (last,) = batches[2].records
    assert isinstance(last, StatusRecord)
    assert last.records_waiting == 3


def test_what_had_to_leave_the_buffer_is_told_in_the_next_status(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=80_000)
    keeper = Keeper(spool, "boot_1")
    for number in range(300):
        keeper.keep([[alert(number)]])
    keeper.keep([[StatusRecord(at=1, records_lost=1)]])
    *_, last = (read_batch(kept.payload) for kept in spool.read(999))
    (status,) = last.records
    assert isinstance(status, StatusRecord)
    assert status.records_lost == spool.lost + 1 == keeper.lost + 1 > 100


def alert(number: int) -> Record:
    return AlertRecord(
        id=f"b.{number}", rule="r", engine="policy", severity="low", title="t" * 400, first_at=1, last_at=1
    )


def test_a_disk_that_takes_nothing_is_logged_once_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path, max_bytes=1024 * 1024)
    keeper = Keeper(spool, "boot_1")

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fdatasync", full)
        for number in range(3):
            keeper.keep([[alert(number)]])
    assert keeper.lost == 3
    assert [record.getMessage() for record in caplog.records] == ["the buffer on disk takes nothing"]
    keeper.keep([[alert(4)]])
    assert Batch(boot="boot_1", sequence=4, records=(alert(4),)) in [read_batch(kept.payload) for kept in spool.read(9)]


def test_a_folder_has_one_sensor(tmp_path: Path) -> None:
    with (
        only_one(tmp_path / "sensor"),
        pytest.raises(SensorBusy, match="another sensor"),
        only_one(tmp_path / "sensor"),
    ):
        pass
    with only_one(tmp_path / "sensor"):
        pass


def sending(folder: Path) -> tuple[Uplink, Spool, deque[_Sent]]:
    """Return a sender with four batches on their way."""
    spool = Spool(folder / "spool", max_bytes=1024 * 1024)
    settings = SensorSettings("s", PlatformSettings("h", "0ne", folder / "root.pem"), state=folder)
    spool.append([(b"%d" % number, 10) for number in range(4)])
    uplink = Uplink(settings, IdentityFiles(folder), spool, SystemClock())
    return uplink, spool, deque(_Sent(kept, 0.0) for kept in spool.read(9))


def left(spool: Spool) -> list[bytes]:
    spool.rewind()
    return [kept.payload for kept in spool.read(9)]


@pytest.mark.anyio
async def test_what_was_acknowledged_out_of_order_waits_for_what_came_before(tmp_path: Path) -> None:
    uplink, spool, window = await asyncio.to_thread(sending, tmp_path)
    uplink._told(window[1], 0, "")
    await uplink._let_go(window)
    assert (len(window), spool.waiting) == (4, 40)
    uplink._told(window[0], 0x10, "")  # no subscriber: taken all the same
    await uplink._let_go(window)
    assert (len(window), spool.waiting) == (2, 20)
    assert await asyncio.to_thread(left, spool) == [b"2", b"3"]


@pytest.mark.anyio
async def test_what_is_refused_for_a_while_stays_and_the_reason_is_told(tmp_path: Path) -> None:
    uplink, spool, window = await asyncio.to_thread(sending, tmp_path)
    uplink._told(window[0], 0, "")
    uplink._told(window[1], ReasonCode.NOT_AUTHORIZED, "quarantined: this identity is in quarantine")
    with pytest.raises(Cut, match="in quarantine"):
        await uplink._let_go(window)
    assert await asyncio.to_thread(left, spool) == [b"1", b"2", b"3"]


@pytest.mark.anyio
async def test_what_would_be_refused_for_ever_makes_way_and_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    uplink, spool, window = await asyncio.to_thread(sending, tmp_path)
    keeper = await asyncio.to_thread(Keeper, spool, "boot_1", uplink)
    uplink._told(window[0], ReasonCode.PACKET_TOO_LARGE, "too large")
    await uplink._let_go(window)
    assert await asyncio.to_thread(left, spool) == [b"1", b"2", b"3"]
    assert uplink.records_refused == keeper.lost == 10
    assert "dropped" in caplog.text


@settings(deadline=None)
@given(st.text(max_size=40), st.integers(-5, 2_000))
def test_only_an_answer_about_credentials_has_a_status(topic: str, status: int) -> None:
    assert _status_of(topic) == 0 or topic.startswith("$iothub/credentials/res/")
    told = _status_of(f"$iothub/credentials/res/{status}/?$rid=renew")
    assert told == (status if 100 <= status <= 999 else 0)


@pytest.mark.parametrize("chain", [["!"], ["AAAA"], ["AAAA"] * 9, [""]], ids=["base64", "der", "long", "empty"])
def test_a_chain_that_is_none_is_refused(chain: list[str]) -> None:
    with pytest.raises(EnrollmentFailed):
        _read_chain(chain)


def test_a_token_is_never_shown() -> None:
    assert "secret" not in repr(Login("s", "u", b"secret"))
