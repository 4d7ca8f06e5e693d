"""Time and randomness come from ``kernel.clock`` and ``kernel.ids``, injected.

``random.Random(seed)`` is allowed: it is deterministic, and its seed comes from an IdSource.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from rules.allowed import TIME_AND_RANDOMNESS
from rules.source import Source, Violation

_TIME: Final = re.compile(
    r"time\.(time|monotonic|perf_counter)(_ns)?"
    r"|time\.(localtime|gmtime|ctime)"
    r"|datetime\.datetime\.(now|utcnow|today)|datetime\.date\.today"
)
_RANDOMNESS: Final = re.compile(
    r"uuid\.uuid[1-8]|os\.(urandom|getrandom)|random\.(?!Random$)\w+|ssl\.RAND_bytes"
    r"|secrets\.(token_\w+|randbelow|randbits|choice|SystemRandom)"
)


def check(source: Source) -> list[Violation]:
    """Find uses of the machine's clock and randomness outside the two modules they enter through."""
    if source.name in TIME_AND_RANDOMNESS:
        return []
    found: dict[int, Violation] = {}
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        origin = source.origin(node)
        if _TIME.fullmatch(origin):
            found[node.lineno] = source.violation(node, f"{origin}: take a Clock and ask it")
        elif _RANDOMNESS.fullmatch(origin):
            found[node.lineno] = source.violation(node, f"{origin}: take an IdSource and ask it")
    return sorted(found.values())
