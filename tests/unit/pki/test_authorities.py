from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vedette.kernel import OrganizationId
from vedette.pki import (
    Authorities,
    AuthorityDamaged,
    AuthoritySettings,
    BadPassphrase,
    InvalidSubjectName,
    Purpose,
    keyfiles,
    open_authorities,
)
from vedette.simulation import ManualClock, SequentialIds

T = TypeVar("T", bound=x509.ExtensionType)


def value(certificate: x509.Certificate, kind: type[T]) -> tuple[T, bool]:
    found = certificate.extensions.get_extension_for_class(kind)
    return found.value, found.critical


def files(settings: AuthoritySettings) -> dict[str, bytes]:
    folders = (settings.pki_directory, settings.offline_directory)
    return {path.name: path.read_bytes() for folder in folders for path in folder.iterdir() if path.is_file()}


def test_the_root_lives_ten_years_and_may_sign_authorities(authorities: Authorities, clock: ManualClock) -> None:
    root = authorities.root
    assert value(root, x509.BasicConstraints) == (x509.BasicConstraints(ca=True, path_length=1), True)
    assert root.not_valid_after_utc - clock.now() == timedelta(days=3653)
    key = root.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp384r1"


@pytest.mark.parametrize(
    ("purpose", "usage"),
    [
        (Purpose.OPERATIONAL, ExtendedKeyUsageOID.CLIENT_AUTH),
        (Purpose.SERVICES, ExtendedKeyUsageOID.SERVER_AUTH),
    ],
)
def test_an_issuing_authority_signs_end_entities_of_one_usage(
    authorities: Authorities, clock: ManualClock, purpose: Purpose, usage: x509.ObjectIdentifier
) -> None:
    certificate = authorities.issuing[purpose].certificate
    assert value(certificate, x509.BasicConstraints) == (x509.BasicConstraints(ca=True, path_length=0), True)
    assert list(value(certificate, x509.ExtendedKeyUsage)[0]) == [usage]
    key_usage, is_critical = value(certificate, x509.KeyUsage)
    assert is_critical
    assert (key_usage.key_cert_sign, key_usage.crl_sign, key_usage.digital_signature) == (True, True, False)
    assert certificate.not_valid_after_utc - clock.now() == timedelta(days=1096)
    certificate.verify_directly_issued_by(authorities.root)


def test_subjects_name_the_organization(authorities: Authorities, organization_id: OrganizationId) -> None:
    for certificate in (authorities.root, *(each.certificate for each in authorities.issuing.values())):
        unit = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)[0]
        assert unit.value == organization_id


def test_opening_again_changes_nothing(
    authorities: Authorities, authority_settings: AuthoritySettings, clock: ManualClock, ids: SequentialIds
) -> None:
    before = files(authority_settings)
    clock.advance(timedelta(days=100))
    again = open_authorities(authority_settings, clock=clock, ids=ids)
    assert again.root == authorities.root
    assert files(authority_settings) == before


def test_the_root_key_is_not_needed_once_the_authorities_are_there(
    authorities: Authorities, authority_settings: AuthoritySettings, clock: ManualClock, ids: SequentialIds
) -> None:
    shutil.rmtree(authority_settings.offline_directory)
    assert open_authorities(authority_settings, clock=clock, ids=ids).root == authorities.root


def test_private_keys_are_for_their_owner_alone(
    authorities: Authorities, authority_settings: AuthoritySettings
) -> None:
    for path in (
        authority_settings.offline_directory / "root-key.pem",
        authority_settings.pki_directory / "operational.key",
        authority_settings.pki_directory / "services.key",
    ):
        assert path.stat().st_mode & 0o777 == 0o600
    note = (authority_settings.offline_directory / "README.txt").read_text()
    assert "NOT encrypted" in note
    assert "Move it away" in note


class CutOff(BaseException):
    """The power goes."""


STEPS = 8  # root key, note, root certificate, two issuing keys and certificates, the manifest


@pytest.mark.parametrize(
    "cut",
    [(step, moment) for step in range(STEPS) for moment in ("before the rename", "after the rename")],
    ids=lambda cut: f"{cut[1]} {cut[0]}",
)
def test_a_first_start_that_was_cut_off_goes_on_where_it_stopped(
    authority_settings: AuthoritySettings,
    clock: ManualClock,
    ids: SequentialIds,
    monkeypatch: pytest.MonkeyPatch,
    cut: tuple[int, str],
) -> None:
    step, moment = cut
    rename, renamed = Path.rename, 0

    def cut_off(path: Path, target: Path) -> Path:
        nonlocal renamed
        renamed += 1
        if renamed == step + 1 and moment == "before the rename":
            raise CutOff
        done = rename(path, target)
        if renamed == step + 1:
            raise CutOff
        return done

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", cut_off)
        with pytest.raises(CutOff):
            open_authorities(authority_settings, clock=clock, ids=ids)
    survived = {name: content for name, content in files(authority_settings).items() if not name.startswith(".")}
    authorities = open_authorities(authority_settings, clock=clock, ids=ids)
    for issuing in authorities.issuing.values():
        issuing.certificate.verify_directly_issued_by(authorities.root)
    now_there = files(authority_settings)
    assert all(now_there[name] == content for name, content in survived.items() if name != "README.txt")


def test_that_there_are_no_more_steps_than_are_cut_off_above(
    authority_settings: AuthoritySettings, clock: ManualClock, ids: SequentialIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, rename = 0, Path.rename

    def counted(path: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", counted)
    open_authorities(authority_settings, clock=clock, ids=ids)
    assert count == STEPS


def test_keys_are_encrypted_under_their_passphrases(
    authority_settings: AuthoritySettings, clock: ManualClock, ids: SequentialIds, tmp_path: Path
) -> None:
    for name in ("issuing", "root"):
        keyfiles.write_atomically(tmp_path / name, f"the passphrase of {name}".encode(), mode=0o600)
    settings = replace(authority_settings, passphrase_file=tmp_path / "issuing", root_passphrase_file=tmp_path / "root")
    open_authorities(settings, clock=clock, ids=ids)
    keyfiles.read_key(settings.offline_directory / "root-key.pem", b"the passphrase of root")
    keyfiles.read_key(settings.pki_directory / "services.key", b"the passphrase of issuing")
    assert "is encrypted" in (settings.offline_directory / "README.txt").read_text()
    open_authorities(replace(settings, root_passphrase_file=None), clock=clock, ids=ids)
    with pytest.raises(BadPassphrase):
        open_authorities(authority_settings, clock=clock, ids=ids)


def test_authorities_of_another_organization_are_refused(
    authorities: Authorities, authority_settings: AuthoritySettings, clock: ManualClock, ids: SequentialIds
) -> None:
    other = replace(authority_settings, organization_id=OrganizationId(ids.new("org")))
    with pytest.raises(AuthorityDamaged, match="belong to"):
        open_authorities(other, clock=clock, ids=ids)


@pytest.mark.parametrize("name", ["root.pem", "operational.pem", "operational.key", "services.pem", "services.key"])
def test_a_missing_file_is_named_and_not_made_again(
    authorities: Authorities, authority_settings: AuthoritySettings, clock: ManualClock, ids: SequentialIds, name: str
) -> None:
    (authority_settings.pki_directory / name).unlink()
    with pytest.raises(AuthorityDamaged, match=name):
        open_authorities(authority_settings, clock=clock, ids=ids)
    assert not (authority_settings.pki_directory / name).exists()


def test_files_that_do_not_fit_together_are_refused(
    authorities: Authorities,
    authority_settings: AuthoritySettings,
    clock: ManualClock,
    ids: SequentialIds,
    tmp_path: Path,
) -> None:
    folder = authority_settings.pki_directory
    shutil.copy(folder / "services.key", folder / "operational.key")
    with pytest.raises(AuthorityDamaged, match="does not belong to its certificate"):
        open_authorities(authority_settings, clock=clock, ids=ids)
    stranger = replace(
        authority_settings, pki_directory=tmp_path / "stranger", offline_directory=tmp_path / "stranger-offline"
    )
    open_authorities(stranger, clock=clock, ids=ids)
    for name in ("operational.pem", "operational.key"):
        shutil.copy(tmp_path / "stranger" / name, folder / name)
    with pytest.raises(AuthorityDamaged, match="not issued by this root"):
        open_authorities(authority_settings, clock=clock, ids=ids)


def test_a_root_key_that_left_too_early_is_asked_for(
    authorities: Authorities, authority_settings: AuthoritySettings, clock: ManualClock, ids: SequentialIds
) -> None:
    for name in ("authorities.json", "services.pem"):
        (authority_settings.pki_directory / name).unlink()
    (authority_settings.offline_directory / "root-key.pem").unlink()
    with pytest.raises(AuthorityDamaged, match=r"root-key\.pem"):
        open_authorities(authority_settings, clock=clock, ids=ids)


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_name_that_does_not_fit_into_a_certificate_is_refused(
    authority_settings: AuthoritySettings, clock: ManualClock, ids: SequentialIds, name: str
) -> None:
    with pytest.raises(InvalidSubjectName):
        open_authorities(replace(authority_settings, organization_name=name), clock=clock, ids=ids)
