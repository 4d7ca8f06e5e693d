"""What can go wrong around maps."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class MapNotReady(Problem):
    """The map is not drawn yet."""

    code: ClassVar[str] = "network.map_not_ready"
    status: ClassVar[int] = 503
