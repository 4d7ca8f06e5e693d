"""CSAF 2.0 documents, read with limits: what they name, not whether they are true. Pure.

Source:
    OASIS CSAF 2.0, https://docs.oasis-open.org/csaf/csaf/v2.0/csaf-v2.0.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from vedette.health.advisories.cvss import score_of
from vedette.health.advisories.errors import InvalidAdvisory
from vedette.health.advisories.model import Advisory, AdvisoryProduct, ProductStatus, Remedy, Weakness, advisory_key
from vedette.health.advisories.names import codes_in, order_code

DOCUMENT_BYTES_MAX: Final = 16 * 1024 * 1024
PRODUCTS_MAX: Final = 20_000
WEAKNESSES_MAX: Final = 2_000
_DEPTH_MAX: Final = 32
_REMEDIES_MAX: Final = 200
_STATUSES_MAX: Final = 400_000
_REMEDIED_MAX: Final = 1_000_000
_GROUPS_MAX: Final = 1_000
_NAME_MAX: Final = 512
_TEXT_MAX: Final = 2_000
_URL_MAX: Final = 500
_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,19}")
_ID: Final = re.compile(r"\S(?:.{0,98}\S)?")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

_Id = Annotated[str, msgspec.Meta(max_length=1024, pattern=r"^[^\x00-\x1f\x7f]+\Z")]


class _Helper(msgspec.Struct, frozen=True):
    model_numbers: list[str] = []
    skus: list[str] = []


class _Product(msgspec.Struct, frozen=True):
    product_id: _Id
    name: str
    product_identification_helper: _Helper = _Helper()


class _Branch(msgspec.Struct, frozen=True):
    category: str
    name: str
    product: _Product | None = None
    branches: list[_Branch] = []


class _Relationship(msgspec.Struct, frozen=True):
    category: str
    full_product_name: _Product
    product_reference: _Id
    relates_to_product_reference: _Id


class _Group(msgspec.Struct, frozen=True):
    group_id: _Id
    product_ids: list[_Id]


class _Tree(msgspec.Struct, frozen=True):
    branches: list[_Branch] = []
    full_product_names: list[_Product] = []
    relationships: list[_Relationship] = []
    product_groups: list[_Group] = []


class _Note(msgspec.Struct, frozen=True):
    category: str
    text: str


class _Cwe(msgspec.Struct, frozen=True):
    id: str


class _Score(msgspec.Struct, frozen=True):
    products: list[_Id] = []
    cvss_v2: dict[str, Any] | None = None  # Any: JSON values
    cvss_v3: dict[str, Any] | None = None
    cvss_v4: dict[str, Any] | None = None


class _Remediation(msgspec.Struct, frozen=True):
    category: str
    details: str
    url: str = ""
    product_ids: list[_Id] = []
    group_ids: list[_Id] = []


class _Status(msgspec.Struct, frozen=True):
    first_affected: list[_Id] = []
    known_affected: list[_Id] = []
    last_affected: list[_Id] = []
    first_fixed: list[_Id] = []
    fixed: list[_Id] = []
    recommended: list[_Id] = []
    known_not_affected: list[_Id] = []
    under_investigation: list[_Id] = []


class _Vulnerability(msgspec.Struct, frozen=True):
    cve: str = ""
    title: str = ""
    cwe: _Cwe | None = None
    notes: list[_Note] = []
    product_status: _Status = _Status()
    remediations: list[_Remediation] = []
    scores: list[_Score] = []


class _Publisher(msgspec.Struct, frozen=True):
    name: str


class _Tracking(msgspec.Struct, frozen=True):
    id: str
    version: str
    status: Literal["draft", "final", "interim"]
    current_release_date: datetime
    initial_release_date: datetime


class _Reference(msgspec.Struct, frozen=True):
    url: str
    category: str = ""


class _Document(msgspec.Struct, frozen=True):
    category: str
    csaf_version: Literal["2.0", "2.1"]
    title: str
    publisher: _Publisher
    tracking: _Tracking
    references: list[_Reference] = []


class _Csaf(msgspec.Struct, frozen=True):
    document: _Document
    product_tree: _Tree = _Tree()
    vulnerabilities: list[_Vulnerability] = []


_decoder: Final = msgspec.json.Decoder(_Csaf)


def read_advisory(data: bytes) -> Advisory:
    """Read a CSAF 2.0 document.

    Raises:
        InvalidAdvisory: Not one, or outside the limits.
    """
    if len(data) > DOCUMENT_BYTES_MAX:
        raise InvalidAdvisory(f"an advisory of {len(data)} bytes; {DOCUMENT_BYTES_MAX} is the most")
    try:
        read = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidAdvisory(
            f"not a CSAF 2.0 document: {str(error)[:200]}", hint="advisories are JSON files of the form CSAF 2.0"
        ) from None
    document = read.document
    if not _ID.fullmatch(document.tracking.id) or not document.publisher.name.strip():
        raise InvalidAdvisory("it lacks an id of 1 to 100 characters, or a publisher")
    if len(read.vulnerabilities) > WEAKNESSES_MAX:
        raise InvalidAdvisory(f"{len(read.vulnerabilities)} vulnerabilities; {WEAKNESSES_MAX} is the most")
    products = _read_tree(read.product_tree)
    groups = {group.group_id: group.product_ids for group in read.product_tree.product_groups}
    tracking = document.tracking
    advisory_id, publisher = _text(tracking.id, 100), _text(document.publisher.name, 100)
    return Advisory(
        advisory_id=advisory_id,
        publisher=publisher,
        title=_text(document.title, _NAME_MAX),
        version=_text(tracking.version, 64),
        status=tracking.status,
        released_at=_utc(tracking.current_release_date),
        first_released_at=_utc(tracking.initial_release_date),
        url=_reference(document.references),
        sha256=hashlib.sha256(data).hexdigest(),
        products=tuple(products.values()),
        weaknesses=tuple(_weaknesses(advisory_key(publisher, advisory_id), read.vulnerabilities, products, groups)),
    )


def _read_tree(tree: _Tree) -> dict[str, AdvisoryProduct]:
    products: dict[str, AdvisoryProduct] = {}
    for product in _leaves(tree.branches):
        if len(products) >= PRODUCTS_MAX:
            raise InvalidAdvisory(f"more than {PRODUCTS_MAX} products")
        products.setdefault(product.product_id, product)
    for each in tree.full_product_names[:PRODUCTS_MAX]:
        products.setdefault(each.product_id, _product(each, {}))
    for relation in tree.relationships:
        if len(products) >= PRODUCTS_MAX:
            raise InvalidAdvisory(f"more than {PRODUCTS_MAX} products")
        part, platform = products.get(relation.product_reference), products.get(relation.relates_to_product_reference)
        made_id = relation.full_product_name.product_id
        if part is None or platform is None or made_id in products:
            continue
        products[made_id] = msgspec.structs.replace(
            part, product_id=made_id, platform=platform.name, platform_codes=platform.codes
        )
    return products


def _leaves(branches: list[_Branch]) -> Iterator[AdvisoryProduct]:
    """Walk the tree without calling deeper: its depth is the document's."""
    waiting: list[tuple[_Branch, dict[str, str], int]] = [(branch, {}, 1) for branch in reversed(branches)]
    seen = 0
    while waiting:
        branch, above, depth = waiting.pop()
        seen += 1
        if depth > _DEPTH_MAX or seen > 4 * PRODUCTS_MAX:
            raise InvalidAdvisory(f"a product tree of more than {_DEPTH_MAX} levels or {4 * PRODUCTS_MAX} branches")
        named = above | {branch.category: branch.name}
        if branch.product is not None:
            yield _product(branch.product, named)
        waiting += [(inner, named, depth + 1) for inner in reversed(branch.branches)]


def _product(product: _Product, named: dict[str, str]) -> AdvisoryProduct:
    name = named.get("product_name") or named.get("product_family") or product.name
    helper = product.product_identification_helper
    told = {code for number in [*helper.model_numbers[:100], *helper.skus[:100]] if (code := order_code(number))}
    return AdvisoryProduct(
        product_id=product.product_id,
        vendor=_text(named.get("vendor", ""), _NAME_MAX),
        name=_text(name, _NAME_MAX),
        versions=_text(named.get("product_version_range") or named.get("product_version", ""), _NAME_MAX),
        codes=tuple(sorted(told | codes_in(name)))[:100],
    )


def _weaknesses(
    key: str,
    vulnerabilities: list[_Vulnerability],
    products: dict[str, AdvisoryProduct],
    groups: dict[str, list[str]],
) -> Iterator[Weakness]:
    total, remedied, named = 0, 0, set[str]()
    for number, each in enumerate(vulnerabilities, 1):
        statuses = _statuses(each.product_status, products)
        total += sum(map(len, statuses.values()))
        if total > _STATUSES_MAX:
            raise InvalidAdvisory(f"it says of more than {_STATUSES_MAX} products whether they are affected")
        remedied += _named(each.remediations, groups)
        if remedied > _REMEDIED_MAX:
            raise InvalidAdvisory(f"it says of more than {_REMEDIED_MAX} products what to do")
        # One that has no CVE id, or one that another here has, is called by what we call its advisory.
        name = each.cve if _CVE.fullmatch(each.cve) and each.cve not in named else f"{key}-{number}"
        named.add(name)
        score, vector = score_of([(s.cvss_v4, s.cvss_v3, s.cvss_v2) for s in each.scores[:1000]])
        yield Weakness(
            name=name,
            title=_text(each.title, _NAME_MAX),
            description=_text(
                next((n.text for n in each.notes if n.category in {"summary", "description"}), ""), _TEXT_MAX
            ),
            weakness_class=_text("" if each.cwe is None else each.cwe.id, 32),
            score=score,
            vector=vector,
            statuses=statuses,
            remedies=tuple(_remedies(each.remediations, products, groups)),
        )


def _statuses(status: _Status, products: dict[str, AdvisoryProduct]) -> dict[ProductStatus, tuple[str, ...]]:
    told = {
        ProductStatus.AFFECTED: [*status.known_affected, *status.first_affected, *status.last_affected],
        ProductStatus.FIXED: [*status.fixed, *status.first_fixed, *status.recommended],
        ProductStatus.NOT_AFFECTED: status.known_not_affected,
        ProductStatus.INVESTIGATED: status.under_investigation,
    }
    kept = {which: tuple(dict.fromkeys(each for each in ids if each in products)) for which, ids in told.items()}
    return {which: ids for which, ids in kept.items() if ids}


def _named(remediations: list[_Remediation], groups: dict[str, list[str]]) -> int:
    """Count what remedies name: a group that is named again and again makes much of a small file."""
    return sum(
        len(each.product_ids) + sum(len(groups.get(group, ())) for group in dict.fromkeys(each.group_ids[:_GROUPS_MAX]))
        for each in remediations[:_REMEDIES_MAX]
    )


def _remedies(
    remediations: list[_Remediation], products: dict[str, AdvisoryProduct], groups: dict[str, list[str]]
) -> Iterator[Remedy]:
    for each in remediations[:_REMEDIES_MAX]:
        named = dict.fromkeys(each.group_ids[:_GROUPS_MAX])
        ids = [*each.product_ids, *(inner for group in named for inner in groups.get(group, ()))]
        known = tuple(dict.fromkeys(one for one in ids if one in products))
        if ids and not known:
            continue
        yield Remedy(
            category=_text(each.category, 32),
            details=_text(each.details, _TEXT_MAX),
            url=_url(each.url),
            product_ids=() if len(known) == len(products) else known,
        )


def _reference(references: list[_Reference]) -> str:
    ordered = sorted(references[:100], key=lambda each: each.category != "self")
    return next((url for each in ordered if (url := _url(each.url))), "")


def _url(url: str) -> str:
    return url if url.startswith(("https://", "http://")) and len(url) <= _URL_MAX and url.isprintable() else ""


def _text(text: str, limit: int) -> str:
    return _UNPRINTABLE.sub(" ", text[: 2 * limit]).strip()[:limit]


def _utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise InvalidAdvisory("its dates lie outside the calendar") from None
