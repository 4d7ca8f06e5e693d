"""What an operator declares to run under a module's identity; policies read it as ``principal.workload``. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from vedette.registry.errors import InvalidModule
from vedette.trust import Workload

DIGEST_MAX_CHARS: Final = 160
IDENTITY_MAX_CHARS: Final = 256

# As container registries write it, such as "sha256:9f86…"; in lower case, so that equal ones compare equal.
_DIGEST: Final = re.compile(r"[a-z0-9]{1,16}(?:[+._-][a-z0-9]{1,8}){0,2}:[0-9a-f]{32,128}")
_MEMBERS: Final = frozenset({"digest", "identity"})


def patch_workload(former: Workload | None, patch: object) -> Workload | None:
    """Return a workload changed as a merge patch says; ``None`` when nothing is declared any more.

    Raises:
        InvalidModule: An unknown member, or a value outside its limits.
    """
    if patch is None:
        return None
    if not isinstance(patch, Mapping) or patch.keys() - _MEMBERS:
        raise InvalidModule("a workload has `digest` and `identity`, and nothing else")
    before = former or Workload()
    changed = Workload(
        digest=_text(patch.get("digest", before.digest)), identity=_text(patch.get("identity", before.identity))
    )
    return check_workload(changed)


def check_workload(workload: Workload | None) -> Workload | None:
    """Check a declaration; one that says nothing is none.

    Raises:
        InvalidModule: A value is outside its limits.
    """
    if workload is None or workload == Workload():
        return None
    if workload.digest and not _DIGEST.fullmatch(workload.digest):
        raise InvalidModule(
            f"{workload.digest[:80]!r} is no digest", hint="write it as sha256: and 64 hexadecimal digits, lower case"
        )
    if len(workload.identity) > IDENTITY_MAX_CHARS or not workload.identity.isprintable():
        raise InvalidModule(
            f"a workload's identity has at most {IDENTITY_MAX_CHARS} printable characters", limit=IDENTITY_MAX_CHARS
        )
    return workload


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidModule("the members of a workload are texts")
    return value
