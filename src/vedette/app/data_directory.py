"""The one directory that holds all state, who may read what in it, and the lock that keeps a second platform out."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from vedette.kernel import Problem

_PRIVATE: Final = 0o700
_OPEN_TO_ALL: Final = 0o755
_SOCKET_PATH_MAX_BYTES: Final = 107  # unix(7): sun_path with its terminating zero byte


class DataDirectoryProblem(Problem):
    """The data directory cannot be used."""

    code: ClassVar[str] = "app.data_directory"
    status: ClassVar[int] = 500


class DataDirectoryInUse(DataDirectoryProblem):
    """Another ``vedette up`` runs on the same data directory."""

    code: ClassVar[str] = "app.data_directory_in_use"
    status: ClassVar[int] = 409


def default_data_path(environment: Mapping[str, str]) -> Path:
    """Return ``$VEDETTE_DATA``, else ``$XDG_DATA_HOME/vedette``, else ``~/.local/share/vedette``; for root too."""
    if chosen := environment.get("VEDETTE_DATA"):
        return Path(chosen).expanduser()
    if shared := environment.get("XDG_DATA_HOME"):
        return Path(shared) / "vedette"
    return Path("~/.local/share/vedette").expanduser()


class DataDirectory:
    """Where everything is; no other module joins these names.

    Args:
        path: May not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    @property
    def configuration_file(self) -> Path:
        """Read when no other file is named."""
        return self.path / "vedette.toml"

    @property
    def database(self) -> Path:
        """The embedded SQL database."""
        return self.path / "vedette.db"

    @property
    def identity(self) -> Path:
        """Which organization this is: written first of all, so that a start that was cut off goes on as the same."""
        return self.path / "identity.json"

    @property
    def secrets(self) -> Path:
        """Seeds, keys and tokens; each process is handed its own files only."""
        return self.path / "secrets"

    @property
    def operator_token(self) -> Path:
        """The token that the CLI speaks to the API with."""
        return self.secrets / "operator.token"

    @property
    def administrator_key(self) -> Path:
        """The key of the policy administrator, who signs posture records."""
        return self.secrets / "policy-administrator.key"

    @property
    def checkpoint_key(self) -> Path:
        """The key that signs the ledger's checkpoints."""
        return self.secrets / "ledger-checkpoint.key"

    @property
    def column_key(self) -> Path:
        """The key that seals secrets in the database, such as symmetric keys of devices."""
        return self.secrets / "column.key"

    @property
    def api(self) -> Path:
        """Key and certificate of the API's listener, when it has one of our own."""
        return self.path / "api"

    @property
    def service(self) -> Path:
        """Key and certificate of the service API's listener."""
        return self.path / "service"

    @property
    def pki(self) -> Path:
        """Issuing keys and the journal of the signer."""
        return self.path / "pki"

    @property
    def offline(self) -> Path:
        """The root key, until somebody moves it away."""
        return self.path / "offline"

    @property
    def bus(self) -> Path:
        """JetStream's files and the configuration of the embedded server."""
        return self.path / "bus"

    @property
    def captures(self) -> Path:
        """Captures that people upload, and their reports."""
        return self.path / "captures"

    @property
    def run(self) -> Path:
        """Sockets and state of the running platform."""
        return self.path / "run"

    @property
    def public(self) -> Path:
        """What may be copied to anybody: the trust anchor and the root certificate."""
        return self.path / "public"

    @property
    def trust_anchor(self) -> Path:
        """What enforcement points pin."""
        return self.public / "trust-anchor.json"

    @property
    def root_certificate(self) -> Path:
        """What devices pin, PEM."""
        return self.public / "root.pem"

    @property
    def checkpoints(self) -> Path:
        """Signed checkpoints of the ledger."""
        return self.path / "checkpoints"

    @property
    def state_file(self) -> Path:
        """What runs now."""
        return self.run / "state.json"

    @property
    def signer_socket(self) -> Path:
        """Where the signer listens."""
        return self.run / "signer.sock"

    def gateway(self, name: str) -> Path:
        """Return the directory of one gateway: its TLS key, certificate and the highest head it saw."""
        return self.path / "gateway" / name

    def settings_file(self, process: str) -> Path:
        """Return where the settings of one child process are written."""
        return self.run / "settings" / f"{process}.json"

    def bus_seed(self, user: str) -> Path:
        """Return the nkey seed of one user of the bus."""
        return self.secrets / f"bus-{user}.nk"

    def create(self) -> None:
        """Make the directories that are missing, and refuse those that others can write to.

        Raises:
            DataDirectoryProblem: It cannot be made, is no directory, or belongs to somebody else.
        """
        if len(os.fsencode(self.signer_socket)) > _SOCKET_PATH_MAX_BYTES:
            raise DataDirectoryProblem(
                f"the path of {self.path} is too long for the sockets in it",
                hint=f"choose one with --data of at most {_SOCKET_PATH_MAX_BYTES - len('/run/signer.sock')} bytes",
            )
        try:
            self.path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            for directory in (self.secrets, self.pki, self.offline, self.bus, self.run, self.settings_file("").parent):
                directory.mkdir(mode=_PRIVATE, exist_ok=True)
            for directory in (self.public, self.checkpoints):
                directory.mkdir(mode=_OPEN_TO_ALL, exist_ok=True)
        except OSError as error:
            raise DataDirectoryProblem(
                f"cannot make the data directory {self.path}: {error.strerror}",
                hint="choose another with --data, or let its parent be writable",
            ) from error
        for directory in (self.path, self.secrets, self.pki, self.offline, self.run):
            self._check(directory)

    def _check(self, directory: Path) -> None:
        status = directory.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise DataDirectoryProblem(f"{directory} is not a directory", hint="choose another with --data")
        if status.st_uid != os.getuid():
            raise DataDirectoryProblem(
                f"{directory} belongs to user {status.st_uid}, not to you", hint="run as that user, or choose another"
            )
        if status.st_mode & 0o077:
            directory.chmod(_PRIVATE)

    def lock(self) -> None:
        """Take the directory for this process until it ends.

        Raises:
            DataDirectoryInUse: Another platform holds it.
        """
        descriptor = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise DataDirectoryProblem(f"cannot lock {self.path}: {error.strerror}") from error
            raise DataDirectoryInUse(
                f"the data directory {self.path} is in use by process {holder or 'unknown'}",
                hint="stop the other vedette, or choose another directory with --data",
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
        self._lock = descriptor

    def unlock(self) -> None:
        """Give the directory back; the end of the process does the same."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def write_private(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a whole file so that a reader, or a power cut, sees the former content or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(descriptor, mode)
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
