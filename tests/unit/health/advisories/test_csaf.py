"""CSAF documents and packages of them: what is read, and what is refused."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from advisory_cases import VECTOR, document, encoded, product, zipped

from vedette.health.advisories.csaf import DOCUMENT_BYTES_MAX, WEAKNESSES_MAX, read_advisory
from vedette.health.advisories.errors import InvalidAdvisory
from vedette.health.advisories.model import ProductStatus, RefusedFile, advisory_key
from vedette.health.advisories.package import FILES_MAX, read_package


def test_a_document_is_read_whole() -> None:
    read = read_advisory(
        encoded(document(product("Tern 500 (OW5 100-2AB00)", "vers:all/<V2.4", codes=("OW5-200-1CD00",))))
    )
    assert (read.advisory_id, read.publisher, read.status) == ("OCA-26-001", "Ostwind PSIRT", "final")
    assert read.url == "https://ostwind.example/OCA-26-001.json"
    (one,) = read.products
    assert (one.vendor, one.name, one.versions) == ("Ostwind Controls AG", "Tern 500 (OW5 100-2AB00)", "vers:all/<V2.4")
    assert one.codes == ("OW51002AB00", "OW52001CD00")
    (weakness,) = read.weaknesses
    assert (weakness.name, weakness.score, weakness.vector) == ("CVE-2026-10001", 9.8, VECTOR)
    assert weakness.statuses == {ProductStatus.AFFECTED: ("P-1",)}
    assert [each.category for each in weakness.remedies] == ["mitigation", "vendor_fix"]
    assert weakness.weakness_class == "CWE-787"


def test_a_vulnerability_without_an_id_is_called_by_what_we_call_its_advisory() -> None:
    read = read_advisory(encoded(document(cve="'; DROP TABLE")))
    assert read.weaknesses[0].name == f"{advisory_key('Ostwind PSIRT', 'OCA-26-001')}-1"


def test_two_vulnerabilities_of_one_id_stay_two() -> None:
    told = document()
    told["vulnerabilities"] *= 2
    names = [each.name for each in read_advisory(encoded(told)).weaknesses]
    assert names[0] == "CVE-2026-10001"
    assert len(set(names)) == 2


def test_what_is_installed_on_a_product_is_a_product_too() -> None:
    told = document(product("Tern Firmware", "2.3", number=1), product("Tern 500", "vers:all/*", number=2))
    told["product_tree"]["relationships"] = [
        {
            "category": "installed_on",
            "full_product_name": {"product_id": "P-3", "name": "Tern Firmware 2.3 installed on Tern 500"},
            "product_reference": "P-1",
            "relates_to_product_reference": "P-2",
        }
    ]
    made = read_advisory(encoded(told)).products[-1]
    assert (made.product_id, made.name, made.versions, made.platform) == ("P-3", "Tern Firmware", "2.3", "Tern 500")


def test_text_from_outside_loses_what_does_not_print() -> None:
    told = document()
    told["document"]["title"] = "a\u0000b\u001b[31mc"
    assert read_advisory(encoded(told)).title == "a b [31mc"


def _broken(change: str) -> Any:
    told = document()
    match change:
        case "an id with a line break":
            told["document"]["tracking"]["id"] = "a\nb"
        case "another version of the standard":
            told["document"]["csaf_version"] = "1.2"
        case "a product id with NUL":
            told["product_tree"]["branches"][0]["branches"][0]["branches"][0]["product"]["product_id"] = "P\u0000"
        case "a tree too deep":
            branch = told["product_tree"]["branches"][0]
            for _ in range(40):
                branch = {"category": "product_family", "name": "x", "branches": [branch]}
            told["product_tree"]["branches"] = [branch]
        case "too many vulnerabilities":
            told["vulnerabilities"] = [{}] * (WEAKNESSES_MAX + 1)
        case "no release":
            del told["document"]["tracking"]["current_release_date"]
    return told


@pytest.mark.parametrize(
    "change",
    [
        "an id with a line break",
        "another version of the standard",
        "a product id with NUL",
        "a tree too deep",
        "too many vulnerabilities",
        "no release",
    ],
)
def test_a_document_beyond_the_limits_is_refused(change: str) -> None:
    with pytest.raises(InvalidAdvisory):
        read_advisory(encoded(_broken(change)))


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"document": {}}', b"\xff", b"[" * 100_000])
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidAdvisory):
        read_advisory(data)


def test_a_document_that_is_too_large_is_refused() -> None:
    with pytest.raises(InvalidAdvisory, match="is the most"):
        read_advisory(b" " * (DOCUMENT_BYTES_MAX + 1))


def test_a_package_is_a_document_a_gzip_or_a_zip() -> None:
    one = encoded(document())
    assert list(read_package(one, name="a.json")) == [("a.json", one)]
    assert list(read_package(gzip.compress(one), name="a.json.gz")) == [("a.json.gz", one)]
    packed = zipped(("2026/a.json", one), ("2026/readme.txt", b"no"), with_digests=True)
    assert list(read_package(packed)) == [("2026/a.json", one)]


def test_a_file_with_another_digest_than_the_one_beside_it_is_refused() -> None:
    good, bad = encoded(document()), encoded(document(advisory_id="OCA-26-002"))
    packed = zipped(("a.json", good), ("b.json", bad), ("b.json.sha256", b"0" * 64 + b"  b.json"))
    found = list(read_package(packed))
    assert found[0] == ("a.json", good)
    assert isinstance(found[1], RefusedFile)
    assert "sha256" in found[1].reason


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b" " * (DOCUMENT_BYTES_MAX + 1))
    with pytest.raises(InvalidAdvisory):
        list(read_package(bomb))
    (refused,) = read_package(zipped(("a.json", b" " * (DOCUMENT_BYTES_MAX + 1))))
    assert isinstance(refused, RefusedFile)
    with pytest.raises(InvalidAdvisory, match="files"):
        list(read_package(zipped(*((f"{n}.json", b"{}") for n in range(FILES_MAX + 1)))))


def test_damaged_packages_are_refused() -> None:
    packed = zipped(("a.json", encoded(document())))
    with pytest.raises(InvalidAdvisory):
        list(read_package(packed[: len(packed) // 2]))
    spoilt = bytearray(packed)
    spoilt[40:60] = bytes(20)
    for each in read_package(bytes(spoilt)):
        assert isinstance(each, RefusedFile)
    with pytest.raises(InvalidAdvisory):
        list(read_package(gzip.compress(json.dumps({}).encode())[:-4]))


def test_a_group_that_is_named_again_and_again_makes_no_more_of_a_file() -> None:
    ids = [f"P-{number}" for number in range(1, 2_001)]
    told = document(*(product(f"Tern {each}", "1", number=number) for number, each in enumerate(ids, 1)))
    told["product_tree"]["product_groups"] = [{"group_id": "all", "product_ids": ids[1:]}]
    remedy = {"category": "mitigation", "details": "none", "group_ids": ["all"] * 1_000}
    told["vulnerabilities"][0]["remediations"] = [remedy]
    assert len(read_advisory(encoded(told)).weaknesses[0].remedies[0].product_ids) == 1_999
    told["vulnerabilities"] = [{**told["vulnerabilities"][0], "remediations": [remedy] * 200}] * 3
    with pytest.raises(InvalidAdvisory, match="what to do"):
        read_advisory(encoded(told))
