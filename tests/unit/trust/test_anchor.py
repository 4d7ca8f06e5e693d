"""The trust anchor file: whole and of our form, or an error that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from posture import Administrator

from vedette.trust import BadTrustAnchor, encode_trust_anchor, read_trust_anchor
from vedette.trust.anchor import ANCHOR_MAX_BYTES


def test_an_anchor_survives_its_file(tmp_path: Path) -> None:
    anchor = Administrator().anchor()
    path = tmp_path / "trust-anchor.json"
    path.write_bytes(encode_trust_anchor(anchor))
    assert read_trust_anchor(path) == anchor


@pytest.mark.parametrize(
    ("case", "content"),
    [
        ("missing", None),
        ("empty", b""),
        ("not JSON", b"{"),
        ("a field is missing", b'{"schema":1}'),
        ("too large", b" " * (ANCHOR_MAX_BYTES + 1)),
    ],
)
def test_what_is_no_anchor_is_refused_with_words(tmp_path: Path, case: str, content: bytes | None) -> None:
    path = tmp_path / "trust-anchor.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadTrustAnchor) as caught:
        read_trust_anchor(path)
    assert caught.value.hint
