"""Advisories and scores on this machine, packed into parts that the API takes."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from pathlib import Path

import pytest
from advisory_cases import catalog, document, encoded, scores, zipped

from vedette.cli.advisory_files import advisory_parts, catalog_part, score_parts
from vedette.cli.problems import Usage


def unpacked(content: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(content))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_folders_zips_and_files_become_parts_with_their_digests(tmp_path: Path) -> None:
    one = encoded(document())
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_bytes(one)
    (tmp_path / "in" / "a.json.sha512").write_text("0" * 128)
    (tmp_path / "in" / "b.json.gz").write_bytes(gzip.compress(one))
    (tmp_path / "in" / "notes.txt").write_text("no")
    (tmp_path / "in" / "out.json").symlink_to("/etc/hostname")
    (tmp_path / "c.zip").write_bytes(zipped(("deep/c.json", one), with_digests=True))
    (part,) = advisory_parts([tmp_path / "in", tmp_path / "c.zip"])
    found = unpacked(part.content)
    assert set(found) == {"0/a.json", "0/a.json.sha512", "1/b.json", "2/c.json", "2/c.json.sha256"}
    assert part.files == 3
    assert found["1/b.json"] == one


def test_many_documents_become_many_parts(tmp_path: Path) -> None:
    for number in range(250):
        (tmp_path / f"{number}.json").write_bytes(encoded(document(advisory_id=f"A-{number}")))
    parts = list(advisory_parts([tmp_path]))
    assert [part.files for part in parts] == [100, 100, 50]
    assert all(len(part.content) <= 1_000_000 for part in parts)


def test_scores_are_handed_over_in_parts_with_their_heading(tmp_path: Path) -> None:
    path = tmp_path / "epss.csv.gz"
    path.write_bytes(scores(*((f"CVE-2026-{number:05}", 0.1, 0.2) for number in range(50_001))))
    first, second = (gzip.decompress(base64.b64decode(part.content)) for part in score_parts(path))
    assert first.splitlines()[:2] == second.splitlines()[:2]
    assert (len(first.splitlines()), len(second.splitlines())) == (50_002, 3)


def test_what_cannot_be_handed_over_is_told(tmp_path: Path) -> None:
    with pytest.raises(Usage):
        list(advisory_parts([tmp_path / "nothing.json"]))
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(Usage, match="damaged"):
        list(advisory_parts([broken]))
    plain = tmp_path / "scores.csv"
    plain.write_text("cve,epss,percentile\n")
    with pytest.raises(Usage, match="first line"):
        list(score_parts(plain))
    cut = tmp_path / "cut.json.gz"
    cut.write_bytes(b"\x1f\x8b not gzip")
    with pytest.raises(Usage, match="damaged"):
        catalog_part(cut)
    whole = tmp_path / "kev.json"
    whole.write_bytes(catalog("CVE-2026-10001"))
    assert gzip.decompress(base64.b64decode(catalog_part(whole).content)) == catalog("CVE-2026-10001")
