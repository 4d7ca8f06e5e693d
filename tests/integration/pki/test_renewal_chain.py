"""The renewal chain as a state machine: whatever two holders of one identity do, no certificate has two heirs."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from vedette.kernel import GenerationId, OrganizationId
from vedette.ledger import Actor, Ledger
from vedette.pki import (
    AuthoritySettings,
    Certificate,
    CertificateNotCurrent,
    IdentityIsFrozen,
    RenewalForked,
    RevocationReason,
    SignerClient,
    SignerSettings,
    Standing,
    run_signer,
)
from vedette.pki.records import CertificateService
from vedette.simulation import ManualClock, SequentialIds, make_request
from vedette.store import Store

T = TypeVar("T")
ORGANIZATION = OrganizationId("org_0123456789abcdefghijklmnop")
LIFETIME, OVERLAP = timedelta(hours=6), timedelta(hours=1)
CSRS = [make_request("pump-7")[1] for _ in range(8)]


class RenewalChain(RuleBasedStateMachine):
    """Two parties that may hold any certificate of one identity renew, use and lose them in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.clock, self.ids = ManualClock(), SequentialIds()
        self.device = GenerationId(self.ids.new("dev"))
        self.actor = Actor("device", self.device)
        self.known: list[str] = []
        self.used: set[str] = set()
        self.is_frozen = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:  # Any: a coroutine's other two parameters
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        self.store = Store.open(f"sqlite:///{self.folder}/vedette.db", clock=self.clock, reserve_bytes=0)
        self.store.migrate()
        signer = SignerSettings(
            authorities=AuthoritySettings(
                organization_id=ORGANIZATION,
                pki_directory=self.folder / "pki",
                offline_directory=self.folder / "offline",
            ),
            socket_path=self.folder / "signer.sock",
        )
        ready = asyncio.Event()
        self.signer = self.runner.get_loop().create_task(
            run_signer(signer, clock=self.clock, ids=self.ids, ready=ready.set)
        )
        self.run(ready.wait())
        self.client = SignerClient(signer.socket_path, deadline_s=60)
        ledger = Ledger(self.store, clock=self.clock, ids=self.ids)
        self.service = CertificateService(self.store, ledger, self.client, clock=self.clock, ids=self.ids)
        self.issue()

    def next_csr(self) -> bytes:
        return CSRS[len(self.known) % len(CSRS)]

    def get(self, sha256: str) -> Certificate:
        return self.run(self.service.get(ORGANIZATION, sha256))

    def issue(self) -> None:
        prepared = self.run(
            self.service.issue(
                organization_id=ORGANIZATION,
                generation_id=self.device,
                subject_name="pump-7",
                csr=self.next_csr(),
                actor=self.actor,
                lifetime=LIFETIME,
            )
        )
        self.known.append(prepared.certificate.sha256)

    @rule(which=st.integers(0, 50))
    def renew(self, which: int) -> None:
        current = self.get(self.known[which % len(self.known)])
        standing = current.standing(self.clock.now())
        has_used_successor = current.successor_sha256 in self.used
        renewal = self.service.renew(
            organization_id=ORGANIZATION,
            current_sha256=current.sha256,
            csr=self.next_csr(),
            actor=self.actor,
            lifetime=LIFETIME,
        )
        if standing is Standing.REVOKED or (standing is not Standing.PERMITTED and not has_used_successor):
            with pytest.raises(CertificateNotCurrent):
                self.run(renewal)
        elif has_used_successor:
            with pytest.raises(RenewalForked):
                self.run(renewal)
            self.is_frozen = True
        elif self.is_frozen:
            with pytest.raises(IdentityIsFrozen):
                self.run(renewal)
        else:
            self.known.append(self.run(renewal).certificate.sha256)

    @rule(which=st.integers(0, 50))
    def connect(self, which: int) -> None:
        """Use a certificate as a gateway lets it be used: only while it is permitted."""
        sha256 = self.known[which % len(self.known)]
        if self.get(sha256).standing(self.clock.now()) is Standing.PERMITTED:
            is_first = self.run(self.store.write(lambda tx: self.service.mark_used(tx, ORGANIZATION, sha256)))
            assert is_first == (sha256 not in self.used)
            self.used.add(sha256)

    @rule(which=st.integers(0, 50))
    def revoke(self, which: int) -> None:
        self.run(
            self.service.revoke(
                organization_id=ORGANIZATION,
                sha256=self.known[which % len(self.known)],
                reason=RevocationReason.KEY_COMPROMISE,
                actor=self.actor,
            )
        )

    @precondition(lambda self: self.is_frozen)
    @rule()
    def thaw(self) -> None:
        self.run(
            self.service.thaw(
                organization_id=ORGANIZATION, generation_id=self.device, actor=self.actor, reason="looked at it"
            )
        )
        self.is_frozen = False

    @rule(minutes=st.sampled_from([1, 59, 60, 200]))
    def wait(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    @invariant()
    def no_certificate_has_two_living_heirs(self) -> None:
        heirs: dict[str, list[str]] = {}
        for certificate in (self.get(sha256) for sha256 in self.known):
            if certificate.predecessor_sha256 is not None and certificate.revoked_at is None:
                heirs.setdefault(certificate.predecessor_sha256, []).append(certificate.sha256)
        assert all(len(each) == 1 for each in heirs.values())

    @invariant()
    def what_is_permitted_is_what_stands(self) -> None:
        now = self.clock.now()
        listed = self.run(
            self.store.read(lambda c: self.service.permitted_certificates(c, ORGANIZATION, self.device, now))
        )
        certificates = [self.get(sha256) for sha256 in self.known]
        standing = {each.sha256: each.ends_at() for each in certificates if each.standing(now) is Standing.PERMITTED}
        assert {each.digest: each.permitted_until for each in listed} == standing

    @invariant()
    def a_used_successor_ends_its_predecessor_within_the_overlap(self) -> None:
        now = self.clock.now()
        for certificate in (self.get(sha256) for sha256 in self.known):
            if certificate.first_used_at is None or certificate.predecessor_sha256 is None:
                continue
            predecessor = self.get(certificate.predecessor_sha256)
            assert predecessor.permitted_until is not None
            assert predecessor.permitted_until <= certificate.first_used_at + OVERLAP
            if now >= certificate.first_used_at + OVERLAP:
                assert predecessor.standing(now) is not Standing.PERMITTED

    @invariant()
    def it_is_frozen_as_a_fork_says(self) -> None:
        frozen = self.run(self.store.read(lambda c: self.service.is_frozen(c, ORGANIZATION, self.device)))
        assert frozen == self.is_frozen

    def teardown(self) -> None:
        async def close() -> None:
            await self.client.close()
            self.signer.cancel()
            await asyncio.wait([self.signer])
            await self.store.close()

        self.run(close())
        self.runner.close()
        shutil.rmtree(self.folder)


RenewalChain.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestRenewalChain = RenewalChain.TestCase
