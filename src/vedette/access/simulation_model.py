"""What a simulation asks and what it finds: the fleet as it is, and the decision log, under another bundle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from vedette.kernel import to_rfc3339
from vedette.trust import Lifecycle, PostureRecord
from vedette.trust.replay import Change, Facts, Finding, FleetItem, LogItem, Replayed, SeenSession

DAYS_MAX: Final = 90
SAMPLES_EACH: Final = 3
SAMPLES_MAX: Final = 60
KEYS_MAX: Final = 200
# So many different sessions of one identity are looked at; more would only say the same again.
SESSIONS_EACH: Final = 4
_VOLATILE: Final = frozenset(
    {"credentialAgeHours", "gateway", "isWithinHours", "localMinute", "localWeekday", "secondsSinceOtherLocation"}
)


class Tally(msgspec.Struct):
    """How many identities change, for one group, site, action or policy."""

    newly_denied: int = 0
    newly_allowed: int = 0
    reason_changed: int = 0

    def add(self, change: Change) -> None:
        """Count one more."""
        setattr(self, change, getattr(self, change) + 1)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One identity whose answer changes, as an example."""

    change: Change
    action: str
    generation_id: str
    device_id: str
    module_id: str | None
    site: str | None
    before: list[str]
    after: list[str]
    facts: Facts
    seen_at: str
    is_assumed: bool


class LogTally(msgspec.Struct, kw_only=True):
    """The same for decisions of the log, as the identities were then.

    Attributes:
        replayed: Decisions of which everything is known that they were made on.
        skipped: Others: they are older than this release, or what the identity looked like is not kept.
        is_cut: There were more than are looked at; the newest were.
    """

    since: str = ""
    replayed: int = 0
    skipped: int = 0
    newly_denied: int = 0
    newly_allowed: int = 0
    reason_changed: int = 0
    is_cut: bool = False


class SimulationReport(msgspec.Struct, kw_only=True):
    """What a bundle would change for a fleet.

    Attributes:
        identities: How many take part and were looked at.
        left_out: Disabled, blocked, retired and never onboarded ones: no policy lets them in.
        assumed: How many were not seen in the log; their session is made up from what their record permits.
        changed: How many get another answer to at least one action.
        by_action: Identities by action.
        by_group: By group id; ``names`` tells their names.
        by_policy: By the policy that newly decides.
        decisions: How many were made, both bundles counted.
    """

    identities: int = 0
    left_out: int = 0
    unreadable: int = 0
    assumed: int = 0
    changed: int = 0
    totals: Tally = msgspec.field(default_factory=Tally)
    by_action: dict[str, Tally] = {}
    by_site: dict[str, Tally] = {}
    by_group: dict[str, Tally] = {}
    by_policy: dict[str, Tally] = {}
    names: dict[str, str] = {}
    samples: list[Sample] = []
    log: LogTally = msgspec.field(default_factory=LogTally)
    decisions: int = 0
    seconds: float = 0.0

    def take(self, items: list[FleetItem | LogItem], replayed: Replayed) -> None:
        """Add what a chunk came to."""
        self.decisions += replayed.decisions
        self.unreadable += len(replayed.unreadable)
        found: dict[int, list[Finding]] = {}
        for finding in replayed.findings:
            found.setdefault(finding.index, []).append(finding)
        for index, item in enumerate(items):
            if isinstance(item, LogItem):
                self._take_logged(item, found.get(index, ()))
            else:
                self.identities += 1
                self.assumed += any(session.is_assumed for session in item.sessions)
                self._take_identity(item, found.get(index, ()))

    def _take_logged(self, item: LogItem, findings: Iterable[Finding]) -> None:
        self.log.replayed += item.count
        for finding in findings:
            setattr(self.log, finding.change, getattr(self.log, finding.change) + item.count)

    def _take_identity(self, item: FleetItem, findings: Iterable[Finding]) -> None:
        placement = item.record.placement.value
        site = None if placement is None else placement.site
        seen: set[tuple[str, str, str]] = set()
        for finding in findings:
            marks = [("total", ""), ("action", finding.action), ("site", site or "")]
            marks += [("group", group) for group in (() if placement is None else placement.groups)]
            marks += [("policy", policy) for policy in finding.after]
            for kind, key in marks:
                # An identity counts once, whatever number of its sessions and actions change.
                if (kind, key, finding.change) in seen:
                    continue
                seen.add((kind, key, finding.change))
                self._count(kind, key, finding.change)
            self._sample(item, finding, site)
        self.changed += bool(seen)

    def _count(self, kind: str, key: str, change: Change) -> None:
        if kind == "total":
            self.totals.add(change)
            return
        table: dict[str, Tally] = getattr(self, f"by_{kind}")
        if key in table or len(table) < KEYS_MAX:
            table.setdefault(key, Tally()).add(change)

    def _sample(self, item: FleetItem, finding: Finding, site: str | None) -> None:
        alike = [each for each in self.samples if (each.change, each.action) == (finding.change, finding.action)]
        is_known = any(each.generation_id == item.record.generation_id for each in alike)
        if is_known or len(alike) >= SAMPLES_EACH or len(self.samples) >= SAMPLES_MAX:
            return
        session = item.sessions[finding.session]
        self.samples.append(
            Sample(
                change=finding.change,
                action=finding.action,
                generation_id=item.record.generation_id,
                device_id=item.record.device_id,
                module_id=item.record.module_id,
                site=site,
                before=finding.before,
                after=finding.after,
                facts=session.facts,
                seen_at=to_rfc3339(session.at),
                is_assumed=session.is_assumed,
            )
        )


def takes_part(record: PostureRecord) -> bool:
    """Tell whether policies have a say about an identity: what is disabled or not onboarded is refused without them."""
    registration, quarantine = record.registration.value, record.quarantine.value
    if registration is None or quarantine is None or record.credentials.value is None:
        return False
    if quarantine.is_cut or registration.is_blocked or not registration.is_enabled:
        return False
    return registration.lifecycle in {Lifecycle.ONBOARDED, Lifecycle.ACTIVE}


def assume_session(record: PostureRecord, now: datetime) -> SeenSession:
    """Make up a session for an identity that was never seen: an ordinary one, by what its record permits."""
    credentials = record.credentials.value
    certificates = () if credentials is None else credentials.certificates
    facts: Facts = {
        "credential": certificates[0].origin if certificates else "symmetric_key",
        "tlsVersion": "TLSv1.3",
        "address": "192.0.2.1",
        "cipher": "TLS_AES_256_GCM_SHA384",
        "protocol": "mqtt",
        "isSecondLocation": False,
    }
    if certificates or credentials is None or not credentials.keys:
        facts |= {"credential": certificates[0].origin if certificates else "issued", "keyAlgorithm": "EC"}
        facts |= {"keyBits": 256, "credentialAgeHours": 24}
    return SeenSession(now, facts, is_assumed=True)


def session_key(facts: Mapping[str, object]) -> frozenset[tuple[str, object]]:
    """Return what makes a session another one than the last: not the minute, nor the gateway."""
    return frozenset((name, value) for name, value in facts.items() if name not in _VOLATILE)


class SessionsSeen:
    """Collects the sessions of identities from the log, the newest few of each.

    Args:
        identities_max: Of so many identities; later ones are assumed.
    """

    def __init__(self, identities_max: int = 1_000_000) -> None:
        self._max = identities_max
        self._seen: dict[str, dict[frozenset[tuple[str, object]], SeenSession]] = {}

    def add(self, generation_id: str, seen: SeenSession) -> None:
        """Take one more; the log is read from its oldest decision on."""
        sessions = self._seen.get(generation_id)
        if sessions is None:
            if len(self._seen) >= self._max:
                return
            sessions = self._seen[generation_id] = {}
        key = session_key(seen.facts)
        sessions.pop(key, None)
        sessions[key] = seen
        if len(sessions) > SESSIONS_EACH:
            del sessions[next(iter(sessions))]

    def of(self, record: PostureRecord, now: datetime) -> list[SeenSession]:
        """Return the sessions of an identity, newest first; an assumed one if there are none."""
        sessions = self._seen.get(record.generation_id)
        return list(reversed(sessions.values())) if sessions else [assume_session(record, now)]
