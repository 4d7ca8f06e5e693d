from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    hash_leaf,
    hash_node,
    inclusion_proof,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

# The inputs and roots of the Certificate Transparency reference implementations' tests.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [hash_leaf(bytes.fromhex(text)) for text in INPUTS]
leaf_lists = st.lists(st.binary(max_size=8), min_size=1, max_size=70).map(lambda items: [hash_leaf(i) for i in items])


def reference_root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962 §2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hash_node(reference_root(leaves[:split]), reference_root(leaves[split:]))


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_those_of_the_reference_implementations(size: int) -> None:
    assert tree_root(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_the_root_of_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_proofs_of_the_seven_leaf_tree_are_those_of_rfc_6962_section_2_1_3() -> None:
    d = LEAVES[:7]
    g, h, i, j = hash_node(d[0], d[1]), hash_node(d[2], d[3]), hash_node(d[4], d[5]), d[6]
    k = hash_node(g, h)
    left = hash_node(i, j)
    assert inclusion_proof(d, 0) == (d[1], h, left)
    assert inclusion_proof(d, 3) == (d[2], g, left)
    assert inclusion_proof(d, 4) == (d[5], j, k)
    assert inclusion_proof(d, 6) == (i, k)
    assert consistency_proof(d, 3) == (d[2], d[3], g, left)
    assert consistency_proof(d, 4) == (left,)
    assert consistency_proof(d, 6) == (i, j, k)


@given(leaf_lists)
def test_the_frontier_agrees_with_the_definition_and_survives_storage(leaves: list[bytes]) -> None:
    frontier = Frontier()
    for count, leaf in enumerate(leaves, start=1):
        frontier = Frontier(frontier.size, frontier.to_bytes())
        frontier.append(leaf)
        assert frontier.size == count
    assert frontier.root() == reference_root(leaves)


@given(leaf_lists, st.data())
def test_an_inclusion_proof_verifies_for_its_leaf_and_nothing_else(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = inclusion_proof(leaves, index)
    root = tree_root(leaves)
    assert verify_inclusion(leaves[index], index, len(leaves), proof, root)
    assert not verify_inclusion(hash_leaf(b"another leaf"), index, len(leaves), proof, root)
    assert not verify_inclusion(leaves[index], index, len(leaves), (*proof, root), root)
    assert not verify_inclusion(leaves[index], len(leaves), len(leaves), proof, root)
    assert not verify_inclusion(leaves[index], -1, len(leaves), proof, root)
    for place in range(len(proof)):
        assert not verify_inclusion(leaves[index], index, len(leaves), (*proof[:place], *proof[place + 1 :]), root)
        altered = bytes([proof[place][0] ^ 1]) + proof[place][1:]
        changed = (*proof[:place], altered, *proof[place + 1 :])
        assert not verify_inclusion(leaves[index], index, len(leaves), changed, root)


@given(leaf_lists, st.data())
def test_a_consistency_proof_verifies_for_a_prefix_and_nothing_else(leaves: list[bytes], data: st.DataObject) -> None:
    old_size = data.draw(st.integers(0, len(leaves)))
    proof = consistency_proof(leaves, old_size)
    old_root, root, size = tree_root(leaves[:old_size]), tree_root(leaves), len(leaves)
    assert verify_consistency(old_size, old_root, size, root, proof)
    other = hash_leaf(b"another tree")
    assert not verify_consistency(old_size, other, size, root, proof)
    if old_size:
        assert not verify_consistency(old_size, old_root, size, other, proof)
    assert not verify_consistency(old_size, old_root, size, root, (*proof, root))
    assert not verify_consistency(size + 1, old_root, size, root, proof)
    for place in range(len(proof)):
        assert not verify_consistency(old_size, old_root, size, root, (*proof[:place], *proof[place + 1 :]))


@given(leaf_lists, st.data())
def test_a_rewritten_history_has_no_consistency_proof(leaves: list[bytes], data: st.DataObject) -> None:
    old_size = data.draw(st.integers(1, len(leaves)))
    place = data.draw(st.integers(0, old_size - 1))
    rewritten = [*leaves[:place], hash_leaf(b"rewritten entry"), *leaves[place + 1 :]]
    old_root = tree_root(leaves[:old_size])
    assert not verify_consistency(
        old_size, old_root, len(leaves), tree_root(rewritten), consistency_proof(rewritten, old_size)
    )


@pytest.mark.parametrize(("size", "length"), [(1, 0), (3, 32), (4, 64), (0, 32), (-1, 32)])
def test_a_frontier_that_does_not_fit_its_size_is_refused(size: int, length: int) -> None:
    with pytest.raises(ValueError, match="frontier"):
        Frontier(size, bytes(length))


def test_proofs_of_what_is_not_in_the_tree_are_refused() -> None:
    with pytest.raises(IndexError):
        inclusion_proof(LEAVES, 8)
    with pytest.raises(IndexError):
        inclusion_proof(LEAVES, -1)
    with pytest.raises(IndexError):
        consistency_proof(LEAVES, 9)
