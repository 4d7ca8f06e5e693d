from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
import pytest

from vedette.ledger import InvalidProof, Ledger, hash_leaf, verify_consistency, verify_inclusion
from vedette.ledger.merkle import tree_root
from vedette.ledger.model import encode_canonical
from vedette.ledger.repository import read_leaf_hashes
from vedette.store import Store


@pytest.mark.anyio
async def test_each_entry_and_each_growth_is_proved(store: Store, ledger: Ledger, append: Callable[..., int]) -> None:
    for number in range(7):
        await store.write(partial(append, number=number))
    leaves = await store.read(lambda connection: read_leaf_hashes(connection, "org_a", up_to=7))
    root = tree_root(leaves)
    entries = await ledger.entries("org_a")
    for entry in entries:
        proof = await ledger.prove_inclusion("org_a", position=entry.position, size=7)
        leaf = hash_leaf(encode_canonical(msgspec.to_builtins(entry)))
        assert verify_inclusion(leaf, entry.position - 1, 7, proof, root)
        assert not verify_inclusion(leaf, entry.position % 7, 7, proof, root)
    for old_size in range(8):
        proof = await ledger.prove_consistency("org_a", old_size=old_size, size=7)
        assert verify_consistency(old_size, tree_root(leaves[:old_size]), 7, root, proof)


@pytest.mark.anyio
@pytest.mark.parametrize(("position", "size"), [(0, 1), (2, 1), (1, 0), (1, 2), (1, 1_000_001)])
async def test_what_is_not_there_is_not_proved(
    store: Store, ledger: Ledger, append: Callable[..., int], position: int, size: int
) -> None:
    await store.write(partial(append, number=1))
    with pytest.raises(InvalidProof):
        await ledger.prove_inclusion("org_a", position=position, size=size)
