"""The first start: organization, keys, authorities, tokens and the trust anchor; later starts only check them.

Every step can be cut off and done again. What gives this platform its identity is never made a second time: where a
part of it is missing, the start fails and says what to restore.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from vedette.app.data_directory import DataDirectory, write_private
from vedette.app.roles import PrepareRole, StreamsRole
from vedette.bus import BusServerSettings, NatsServer, StreamSettings, all_users, ensure_seed
from vedette.kernel import Clock, IdSource, OrganizationId, Problem, parse_organization_id
from vedette.pki import SECRET_KEY_BYTES, AuthoritySettings, encode_secret_key, open_authorities, read_secret_key
from vedette.trust import TrustAnchor, encode_trust_anchor, read_trust_anchor

log = logging.getLogger(__name__)

_PUBLIC_MODE: Final = 0o644
_KEY_MAX_BYTES: Final = 4_096
_TOKEN_BYTES: Final = 32
_ANCHOR_SCHEMA: Final = 1


class IdentityDamaged(Problem):
    """A part of what makes this platform itself is missing or does not fit."""

    code: ClassVar[str] = "app.identity_damaged"
    status: ClassVar[int] = 500


class _Identity(msgspec.Struct, frozen=True, kw_only=True):
    organization_id: str
    id_scope: str
    column_key_sha256: str = ""


def prepare(role: PrepareRole, *, clock: Clock, ids: IdSource) -> dict[str, object]:
    """Make what is missing, check what is there; return what the supervisor needs to go on.

    Blocks on files.

    Raises:
        IdentityDamaged: Something that must not be made anew is missing or does not fit.
        AuthorityDamaged: The same, of the authorities.
        SecretsUnreadable: The same, of the key that seals secrets in the database.
    """
    data = DataDirectory(role.data)
    is_first_start = not data.trust_anchor.exists()
    identity = _open_identity(data, ids)
    organization_id = parse_organization_id(identity.organization_id)
    administrator = _open_key(data.administrator_key, may_be_made=is_first_start)
    _open_key(data.checkpoint_key, may_be_made=is_first_start)
    _ensure_token(data.operator_token, ids)
    _ensure_column_key(data, identity, ids)
    authorities = open_authorities(
        AuthoritySettings(
            organization_id=organization_id,
            organization_name=role.organization_name,
            pki_directory=data.pki,
            offline_directory=data.offline,
            passphrase_file=role.passphrase_file,
            root_passphrase_file=role.root_passphrase_file,
        ),
        clock=clock,
        ids=ids,
    )
    anchor = TrustAnchor(
        schema=_ANCHOR_SCHEMA,
        organization_id=organization_id,
        hostnames=(role.hostname, *role.alternative_hostnames),
        id_scope=identity.id_scope,
        administrator_key=administrator.public_key().public_bytes_raw(),
        root_certificate=authorities.root_pem().decode("ascii"),
    )
    _write_anchor(data, anchor)
    for name in role.gateways:
        data.gateway(name).mkdir(mode=0o700, parents=True, exist_ok=True)
    facts: dict[str, object] = {
        "organization_id": organization_id,
        "id_scope": identity.id_scope,
        "is_first_start": is_first_start,
        "bus_command": _prepare_bus(role, data),
    }
    if is_first_start:
        log.info("first start: organization, keys and authorities are made", extra={"organization": organization_id})
    return facts


def _open_identity(data: DataDirectory, ids: IdSource) -> _Identity:
    if not data.identity.exists():
        if data.trust_anchor.exists():
            raise IdentityDamaged(f"{data.identity} is missing", hint="restore it from a backup")
        scope = base64.b32encode(ids.random_bytes(5)).decode("ascii")
        identity = _Identity(organization_id=OrganizationId(ids.new("org")), id_scope=f"0ne{scope}")
        write_private(data.identity, msgspec.json.encode(identity) + b"\n")
    try:
        return msgspec.json.decode(data.identity.read_bytes(), type=_Identity)
    except (OSError, msgspec.DecodeError) as error:
        raise IdentityDamaged(f"{data.identity} cannot be used: {error}", hint="restore it from a backup") from error


def _open_key(path: Path, *, may_be_made: bool) -> Ed25519PrivateKey:
    if not path.exists():
        if not may_be_made:
            raise IdentityDamaged(f"{path} is missing", hint="restore it from a backup")
        key = Ed25519PrivateKey.generate()
        write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return read_private_key(path)


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Read one of the platform's own Ed25519 keys.

    Raises:
        IdentityDamaged: It is not there, or not such a key.
    """
    try:
        key = load_pem_private_key(path.read_bytes()[:_KEY_MAX_BYTES], None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise IdentityDamaged(f"{path} cannot be used", hint="restore it from a backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise IdentityDamaged(f"{path} is not an Ed25519 key", hint="restore it from a backup")
    return key


def _ensure_token(path: Path, ids: IdSource) -> None:
    """Make the operator's token when there is none: deleting the file and starting again replaces it."""
    if not path.exists():
        token = base64.urlsafe_b64encode(ids.random_bytes(_TOKEN_BYTES)).rstrip(b"=")
        write_private(path, b"vedette_operator_" + token + b"\n")


def _ensure_column_key(data: DataDirectory, identity: _Identity, ids: IdSource) -> None:
    """Make the key that seals secrets in the database, once: with another one they would not open any more."""
    path = data.column_key
    if not path.exists():
        if identity.column_key_sha256:
            raise IdentityDamaged(
                f"{path} is missing, and no symmetric key on record opens without it",
                hint="restore it from a backup; if it is lost: docs/operations.md, "
                '"The key of secrets in the database"',
            )
        write_private(path, encode_secret_key(ids.random_bytes(SECRET_KEY_BYTES)))
    digest = hashlib.sha256(read_secret_key(path)).hexdigest()
    if not identity.column_key_sha256:
        # After the file: a start that is cut off between the two finds the key and takes it.
        identity = msgspec.structs.replace(identity, column_key_sha256=digest)
        write_private(data.identity, msgspec.json.encode(identity) + b"\n")
    elif identity.column_key_sha256 != digest:
        raise IdentityDamaged(f"{path} is not the key of this platform", hint="restore it from a backup")


def _write_anchor(data: DataDirectory, anchor: TrustAnchor) -> None:
    """Write what enforcement points pin; only the host names may ever change, and former ones stay valid."""
    if data.trust_anchor.exists():
        former = read_trust_anchor(data.trust_anchor)
        if (former.organization_id, former.administrator_key, former.root_certificate, former.id_scope) != (
            anchor.organization_id,
            anchor.administrator_key,
            anchor.root_certificate,
            anchor.id_scope,
        ):
            raise IdentityDamaged(
                f"{data.trust_anchor} does not fit the keys and authorities in {data.path}",
                hint="restore the whole data directory from one backup",
            )
        if former.hostnames[0] != anchor.hostnames[0]:
            log.warning(
                "the host name changed; devices that know the former one still reach us",
                extra={"hostname": anchor.hostnames[0], "former": former.hostnames[0]},
            )
        names = tuple(dict.fromkeys((*anchor.hostnames, *former.hostnames)))
        anchor = msgspec.structs.replace(anchor, hostnames=names)
    write_private(data.trust_anchor, encode_trust_anchor(anchor), mode=_PUBLIC_MODE)
    write_private(data.root_certificate, anchor.root_certificate.encode("ascii"), mode=_PUBLIC_MODE)


def _prepare_bus(role: PrepareRole, data: DataDirectory) -> tuple[str, ...] | None:
    """Make a seed for each user of the bus, and the configuration of our own server."""
    users = all_users(role.gateways)
    keys = {user.name: ensure_seed(data.bus_seed(user.name)).public for user in users}
    if role.own_bus is None:
        return None
    server = NatsServer(
        BusServerSettings(
            directory=role.own_bus.directory,
            port=role.own_bus.port,
            binary=role.own_bus.binary,
            sync=role.own_bus.sync,
        ),
        users,
        keys,
    )
    server.write_config()
    return server.command()


def stream_settings(role: StreamsRole) -> StreamSettings:
    """Return what the streams keep, as the bus is told."""
    return StreamSettings(
        telemetry_age=timedelta(days=role.telemetry_retention_days),
        telemetry_bytes=role.telemetry_max_bytes,
        decisions_age=timedelta(days=role.decisions_retention_days),
        decisions_bytes=role.decisions_max_bytes,
    )
