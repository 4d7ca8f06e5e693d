"""Catalogs of exploited vulnerabilities, and scores of how likely they are exploited."""

from __future__ import annotations

import gzip
from datetime import date

import pytest
from advisory_cases import catalog, scores

from vedette.health.advisories.errors import InvalidFeed
from vedette.health.advisories.feeds import FEED_BYTES_MAX, read_catalog, read_scores, unpack


def test_a_catalog_is_read_as_json_and_as_csv() -> None:
    read = read_catalog(catalog("CVE-2026-10001"))
    (one,) = read.entries
    assert (one.cve, one.added_on, one.due_on, one.is_ransomware) == (
        "CVE-2026-10001",
        date(2026, 5, 20),
        date(2026, 6, 10),
        True,
    )
    assert (read.version, read.released_on) == ("2026.06.01", date(2026, 6, 1))
    table = (
        "cveID,vendorProject,product,vulnerabilityName,dateAdded,shortDescription,requiredAction,dueDate,"
        'knownRansomwareCampaignUse,notes\nCVE-2026-10002,O,T,"Name, with a comma",2026-05-21,d,Update.,,Unknown,n\n'
    )
    told = read_catalog(gzip.compress(table.encode()))
    (other,) = told.entries
    assert (other.name, other.due_on, other.is_ransomware) == ("Name, with a comma", None, False)
    assert told.released_on == date(2026, 5, 21)


def test_scores_are_read_with_their_day() -> None:
    read = read_scores(scores(("CVE-2026-10001", 0.91, 0.997)))
    assert (read.scored_on, read.model) == (date(2026, 6, 2), "v2026.03.14")
    assert [(each.cve, each.probability, each.percentile) for each in read.scores] == [("CVE-2026-10001", 0.91, 0.997)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"cve,epss,percentile\nCVE-2026-1,0.1,0.2\n",
        b"#model_version:x\ncve,epss,percentile\n",
        b"#score_date:2026-06-02\ncve,epss\nCVE-2026-10001,0.1\n",
        b"#score_date:2026-06-02\ncve,epss,percentile\nCVE-2026-10001,1.1,0.2\n",
        b"#score_date:2026-06-02\ncve,epss,percentile\nCVE-2026-10001,nan,0.2\n",
        b"#score_date:2026-06-02\ncve,epss,percentile\nCVE-2026-10001,0.1\n",
        b"#score_date:2026-06-02\ncve,epss,percentile\nnothing,0.1,0.1\n",
        b"#score_date:2026-06-02\ncve,epss,percentile\n\xff\xfe,0.1,0.1\n",
        gzip.compress(b"#score_date", mtime=0)[:-6],
    ],
)
def test_what_is_no_file_of_scores_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidFeed):
        read_scores(data)


@pytest.mark.parametrize(
    "data", [b"{}", b"{", b'{"vulnerabilities": [{"cveID": "x", "dateAdded": "2026-01-01"}]}', b"a,b\n1,2\n", b"\xff"]
)
def test_what_is_no_catalog_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidFeed):
        read_catalog(data)


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(InvalidFeed):
        unpack(gzip.compress(b" " * 2_000), limit=1_000)
    assert unpack(b" " * 1_000, limit=1_000) == b" " * 1_000
    with pytest.raises(InvalidFeed):
        unpack(b" " * (FEED_BYTES_MAX + 1))
