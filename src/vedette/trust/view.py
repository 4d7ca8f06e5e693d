"""What an enforcement point believes: the highest head it saw, the changes since, and whether it is stale.

The bus carries records and heads; it never vouches. A head is only believed when it is signed and newer than the last
one, a change only when it is signed and follows the last sequence, an answer only when it is signed over our nonce.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vedette.kernel import Clock
from vedette.trust.anchor import TrustAnchor
from vedette.trust.errors import Replayed, Untrusted
from vedette.trust.model import Head, Opening, PostureRecord
from vedette.trust.opening_keys import OpeningKey
from vedette.trust.promptness import Promptness
from vedette.trust.signing import RecordVerifier, extend_root

STALE_AFTER_S: Final = 3.0
# A head further from our own clock than this is refused: one of the two clocks has jumped.
CLOCK_SKEW_LIMIT: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class OpeningRequest:
    """What was asked, to hold the answer against.

    Attributes:
        asked_s: When, by the monotonic clock; the answer then tells how late heads come.
    """

    nonce: bytes
    device_id: str
    module_id: str | None
    asked_s: float | None = None


class PostureView:
    """One enforcement point's view of one organization's records.

    Args:
        anchor: Pinned organization and administrator key.
        policy_hash: Of the manifest this process enforces; a head that names another makes the view stale.
        clock: Monotonic time for staleness, wall time for the head's plausibility.
        floor: The highest head of an earlier run, if one was kept.
    """

    def __init__(self, anchor: TrustAnchor, policy_hash: str, clock: Clock, floor: Head | None = None) -> None:
        self._anchor = anchor
        self._policy_hash = policy_hash
        self._clock = clock
        self._verifier = RecordVerifier(anchor.administrator_key)
        self._head = floor
        self._head_seen_s: float | None = None
        self._sequence: int | None = None
        self._root: bytes | None = None
        self._has_gap = False
        self._promptness = Promptness()
        self._is_late = False

    @property
    def head(self) -> Head | None:
        """The highest head believed so far."""
        return self._head

    @property
    def sequence(self) -> int:
        """The highest sequence up to which no change is missing; 0 before the first head."""
        return self._sequence or 0

    @property
    def has_gap(self) -> bool:
        """Whether changes are known to be missing: ask control for those after ``sequence``."""
        return self._has_gap

    @property
    def is_late(self) -> bool:
        """Whether the newest head came late, or the administrator's clock was set back: an opening tells which."""
        return self._is_late

    @property
    def wants_policies(self) -> str | None:
        """The manifest that the head names, when it is another than the one enforced here."""
        if self._head is None or self._head_seen_s is None or self._head.policy_hash == self._policy_hash:
            return None
        return self._head.policy_hash

    def enforce(self, policy_hash: str) -> None:
        """Note which manifest is enforced from now on."""
        self._policy_hash = policy_hash

    def is_stale(self) -> bool:
        """Whether new access must be refused: no fresh head, a gap, or other policies than ours."""
        if self._head is None or self._head_seen_s is None or self._has_gap:
            return True
        if self._head.policy_hash != self._policy_hash:
            return True
        return self._clock.monotonic_s() - self._head_seen_s > STALE_AFTER_S

    def stale_for_s(self) -> float:
        """Seconds since the last fresh head; infinite before the first."""
        if self._head_seen_s is None:
            return float("inf")
        return self._clock.monotonic_s() - self._head_seen_s

    def accept_head(self, signed: bytes) -> Head:
        """Believe a head if it is signed and newer than the last.

        Raises:
            Untrusted: Badly signed, of another organization, or implausible in time.
            Replayed: Not newer than the last one, or of a lower epoch or sequence.
        """
        head = self._verifier.head(signed)
        self._check_head(head)
        if self._head is not None and head.issued_at <= self._head.issued_at:
            raise Replayed("a head that is not newer than the last one")
        self._adopt_head(head)
        return head

    def accept_change(self, signed: bytes) -> PostureRecord:
        """Believe a changed record pushed by the bus.

        Raises:
            Untrusted: Badly signed or of another organization.
            Replayed: Of a lower epoch, or a sequence already applied.
        """
        record = self._verifier.record(signed)
        self._check_record(record)
        if self._head is not None and record.epoch < self._head.epoch:
            raise Replayed(f"a record of epoch {record.epoch}, older than {self._head.epoch}")
        if self._sequence is None or self._root is None:
            return record
        if record.sequence <= self._sequence:
            raise Replayed(f"a record of sequence {record.sequence}, not above {self._sequence}")
        if record.sequence == self._sequence + 1 and not self._has_gap:
            self._sequence = record.sequence
            self._root = extend_root(self._root, signed)
        else:
            self._has_gap = True
        return record

    def accept_opening(self, signed: bytes, asked: OpeningRequest, key: OpeningKey | None = None) -> Opening:
        """Believe the answer to our own question.

        Args:
            signed: Or sealed.
            asked: The question.
            key: With which it is sealed; ``None``: it is signed.

        Raises:
            Untrusted: Badly signed or sealed, of another organization, or its record is not the one asked for.
            Replayed: Made over another nonce, or with an older head than one already seen.
        """
        opening = self._verifier.opening(signed) if key is None else key.unseal(signed)
        if not hmac.compare_digest(opening.nonce, asked.nonce):
            raise Replayed("an answer to another question")
        if (opening.device_id, opening.module_id) != (asked.device_id, asked.module_id):
            raise Untrusted("an answer about another identity")
        self._check_head(opening.head)
        record = opening.record
        if record is not None:
            self._check_record(record)
            if (record.device_id, record.module_id) != (asked.device_id, asked.module_id):
                raise Untrusted("a record of another identity")
            if record.epoch != opening.head.epoch:
                raise Untrusted("a record of another epoch than its own head")
        if asked.asked_s is not None:
            heard_s = self._clock.monotonic_s()
            self._promptness.learn(opening.head.issued_at, asked_s=asked.asked_s, heard_s=heard_s)
        # Bound to our nonce, it is fresh whatever the pushed heads say; gaps are found by those, which come in order.
        if self._head is None or self._root is None:
            self._adopt_head(opening.head)
        return opening

    def accept_resync(self, records: list[bytes], signed_head: bytes, *, is_complete: bool) -> list[PostureRecord]:
        """Close a gap with the latest records after ``sequence``, as control hands them out.

        Returns:
            The records believed, for the caller to apply to live sessions.

        Raises:
            Untrusted: A record or the head is not believable; the gap stays.
            Replayed: The head is older than one already seen; the gap stays.
        """
        head = self._verifier.head(signed_head)
        self._check_head(head)
        believed = [self._verifier.record(signed) for signed in records]
        for record in believed:
            self._check_record(record)
        if is_complete:
            self._sequence, self._root, self._has_gap = head.sequence, head.root_hash, False
            self._see(head)
        elif believed:
            # The next page is asked for in the epoch of this one, else a new epoch would begin anew with each page.
            self._head = head
            self._sequence, self._root = believed[-1].sequence, None
            self._has_gap = True
        return believed

    def _check_head(self, head: Head) -> None:
        if head.organization_id != self._anchor.organization_id:
            raise Untrusted("a head of another organization")
        if abs(head.issued_at - self._clock.now()) > CLOCK_SKEW_LIMIT:
            raise Untrusted(
                "a head whose time is far from this machine's clock", hint="check the clocks of gateway and control"
            )
        if self._head is None:
            return
        if head.epoch < self._head.epoch:
            raise Replayed(f"a head of epoch {head.epoch}, older than {self._head.epoch}")
        if head.epoch == self._head.epoch and head.sequence < self._head.sequence:
            raise Replayed(f"a head of sequence {head.sequence}, older than {self._head.sequence}")

    def _check_record(self, record: PostureRecord) -> None:
        if record.organization_id != self._anchor.organization_id:
            raise Untrusted("a record of another organization")

    def _see(self, head: Head) -> None:
        """Take a head as the newest. One that took too long is no sign that nothing newer was said."""
        now_s = self._clock.monotonic_s()
        self._head = head
        self._is_late = self._promptness.lateness_s(head.issued_at, now_s) > STALE_AFTER_S
        if not self._is_late:
            self._head_seen_s = now_s

    def _adopt_head(self, head: Head) -> None:
        is_new_epoch = self._head is not None and head.epoch > self._head.epoch
        self._see(head)
        if is_new_epoch or self._root is None:
            # Live sessions must be read again after a new epoch; at the start there are none.
            self._has_gap = is_new_epoch or (self._has_gap and self._sequence is not None)
            if not self._has_gap:
                self._sequence, self._root = head.sequence, head.root_hash
            return
        if head.sequence != self._sequence or not hmac.compare_digest(head.root_hash, self._root):
            self._has_gap = True
