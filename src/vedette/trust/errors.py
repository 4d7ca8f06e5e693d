"""Why a signed statement is not believed."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class Untrusted(Problem):
    """A statement that claims to come from the policy administrator but is not to be believed."""

    code: ClassVar[str] = "trust.untrusted"
    status: ClassVar[int] = 502


class BadSignature(Untrusted):
    """The signature is missing, made by another key, or does not match."""

    code: ClassVar[str] = "trust.bad_signature"


class WrongSchema(Untrusted):
    """The payload is not of the schema this program knows."""

    code: ClassVar[str] = "trust.wrong_schema"


class Replayed(Untrusted):
    """An older statement than one already seen, or the answer to another question."""

    code: ClassVar[str] = "trust.replayed"
