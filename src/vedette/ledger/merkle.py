"""The Merkle tree: hashes, the compact frontier that appends, and proofs. Pure.

Source:
    RFC 6962 §2.1 and RFC 9162 §2.1 (Merkle hash trees, SHA-256).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256().digest()


def hash_leaf(data: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256 of 0x00 and the data."""
    return hashlib.sha256(b"\x00" + data).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an interior node: SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """All of a tree that is needed to append to it: the roots of its perfect subtrees, largest first."""

    __slots__ = ("_subtrees", "size")

    def __init__(self, size: int = 0, subtrees: bytes = b"") -> None:
        if size < 0 or len(subtrees) != HASH_BYTES * size.bit_count():
            raise ValueError(f"a tree of {size} leaves has not {len(subtrees)} bytes of frontier")
        self.size = size
        self._subtrees = [subtrees[start : start + HASH_BYTES] for start in range(0, len(subtrees), HASH_BYTES)]

    def append(self, leaf_hash: bytes) -> None:
        """Add a leaf at the end."""
        node, size = leaf_hash, self.size
        while size & 1:
            node = hash_node(self._subtrees.pop(), node)
            size >>= 1
        self._subtrees.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the tree's root hash."""
        if not self._subtrees:
            return EMPTY_ROOT
        node = self._subtrees[-1]
        for left in reversed(self._subtrees[:-1]):
            node = hash_node(left, node)
        return node

    def to_bytes(self) -> bytes:
        """Return the subtree hashes, 32 bytes each, largest subtree first."""
        return b"".join(self._subtrees)


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of a tree of leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Prove that a leaf is in the tree of all ``leaves`` (leaf hashes).

    Source:
        RFC 9162 §2.1.3.1.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} is not in a tree of {len(leaves)}")
    if len(leaves) == 1:
        return ()
    split = _split(len(leaves))
    if index < split:
        return (*inclusion_proof(leaves[:split], index), tree_root(leaves[split:]))
    return (*inclusion_proof(leaves[split:], index - split), tree_root(leaves[:split]))


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Prove that the tree of the first ``old_size`` leaves is a prefix of the tree of all ``leaves`` (leaf hashes).

    Source:
        RFC 9162 §2.1.4.1.
    """
    if not 0 <= old_size <= len(leaves):
        raise IndexError(f"a tree of {old_size} is no prefix of one of {len(leaves)}")
    if old_size == 0:
        return ()
    return _subproof(leaves, old_size, is_whole=True)


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a proof shows that a leaf stands at ``index`` in the tree of ``size`` with ``root``.

    Source:
        RFC 9162 §2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    node, position, last = leaf_hash, index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = hash_node(sibling, node)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            node = hash_node(node, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and node == root


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether a proof shows that the tree of ``size`` continues the tree of ``old_size``.

    Source:
        RFC 9162 §2.1.4.2.
    """
    if not 0 <= old_size <= size:
        return False
    if old_size in (0, size):
        expected = EMPTY_ROOT if old_size == 0 else root
        return not proof and old_root == expected
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    position, last = old_size - 1, size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old_node = node = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_node = hash_node(sibling, old_node)
            node = hash_node(sibling, node)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            node = hash_node(node, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and old_node == old_root and node == root


def _subproof(leaves: Sequence[bytes], old_size: int, *, is_whole: bool) -> tuple[bytes, ...]:
    if old_size == len(leaves):
        return () if is_whole else (tree_root(leaves),)
    split = _split(len(leaves))
    if old_size <= split:
        return (*_subproof(leaves[:split], old_size, is_whole=is_whole), tree_root(leaves[split:]))
    return (*_subproof(leaves[split:], old_size - split, is_whole=False), tree_root(leaves[:split]))


def _split(size: int) -> int:
    """Return the largest power of two smaller than ``size``."""
    return 1 << ((size - 1).bit_length() - 1)
