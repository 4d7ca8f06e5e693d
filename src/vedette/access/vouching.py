"""Connecting by a certificate that a registered authority vouches for: judged once, then permitted by its digest."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import sqlalchemy as sa

from vedette.access.errors import UnknownOrganization
from vedette.bus.contract import CertificateVouched, VouchCertificate
from vedette.kernel import Clock, OrganizationId
from vedette.ledger import Actor
from vedette.pki.records import NamedIdentity, Voucher
from vedette.registry import (
    AccessSubject,
    AuthenticationType,
    ClockGuard,
    Device,
    Module,
    Register,
    find_by_name,
    find_module,
)
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)


class CertificateVouching:
    """Answers ``svc.pki.vouch_certificate``.

    Whoever asks is not believed in anything but that the handshake proved possession of the leaf's key.

    Args:
        organization_id: The one organization served here.
        store: Where devices and authorities are.
        register: Of devices, with their credentials.
        guard: A clock that cannot be believed vouches for nobody.
        clock: For the validity of chains.
    """

    def __init__(
        self, organization_id: OrganizationId, store: Store, register: Register, guard: ClockGuard, *, clock: Clock
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._register = register
        self._vouched = register.credentials.vouched
        self._guard = guard
        self._clock = clock

    async def vouch(self, request: VouchCertificate) -> CertificateVouched:
        """Judge a leaf that an identity presents, and permit it if an authority vouches for it.

        Raises:
            UnknownOrganization: Not the one kept here.
            ClockJumped: The clock cannot be believed.
        """
        if request.organization_id != self._organization_id:
            raise UnknownOrganization("this control keeps another organization")
        self._guard.check()
        chain = request.certificate_chain
        found = await self._store.read(lambda connection: self._judge(connection, request, chain))
        if isinstance(found, str):
            return CertificateVouched(is_vouched=False, detail=found)
        detail = await self._store.write(lambda tx: self._permit(tx, request, found))
        return CertificateVouched(is_vouched=not detail, detail=detail)

    def _judge(self, connection: sa.Connection, request: VouchCertificate, chain: Sequence[bytes]) -> Voucher | str:
        identity = self._identify(connection, request)
        if isinstance(identity, str):
            return identity
        return self._vouched.judge(connection, identity[0], chain, self._clock.now())

    def _permit(self, tx: Transaction, request: VouchCertificate, voucher: Voucher) -> str:
        """Decide again, now that nothing can come between, and put the leaf on record; why not, or nothing."""
        identity = self._identify(tx.connection, request)
        if isinstance(identity, str):
            return identity
        named, device = identity
        if named.generation_id != voucher.certificate.generation_id:
            return "the name has passed on meanwhile"
        rules = self._register.rules(tx.connection, self._organization_id)
        subject = AccessSubject(
            device_id=device.device_id,
            certificates=voucher.blocked_by,
            authorities=frozenset({voucher.authority.authority_id}),
            enrollment_id=device.origin.enrollment_id,
        )
        if rules.judge(subject).is_blocked:
            return "the access lists block this certificate or its authority"
        actor = Actor("service", request.gateway)
        if not self._vouched.store(tx, voucher, subject_name=named.subject_name, actor=actor):
            return "the authority has changed meanwhile"
        if request.module_id is None:
            self._register.note_authority(tx, device, voucher.authority.authority_id, actor=actor)
        return ""

    def _identify(self, connection: sa.Connection, request: VouchCertificate) -> tuple[NamedIdentity, Device] | str:
        device = find_by_name(connection, self._organization_id, request.device_id)
        if device is None:
            return "there is no such device"
        holder: Device | Module = device
        name = str(device.device_id)
        if request.module_id is not None:
            module = find_module(connection, self._organization_id, device.generation_id, request.module_id)
            if module is None:
                return "the device has no such module"
            holder, name = module, module.full_name
        is_vouched = device.is_vouched if request.module_id is None else _is_by_authority(holder)
        if not is_vouched:
            return "it does not authenticate by a registered authority"
        if not device.takes_part or (isinstance(holder, Module) and not holder.is_enabled):
            return "it is kept out for another reason"
        named = NamedIdentity(
            organization_id=self._organization_id,
            generation_id=holder.generation_id,
            device_id=device.device_id,
            subject_name=name,
            enrollment_id=device.origin.enrollment_id,
        )
        return named, device


def _is_by_authority(holder: Device | Module) -> bool:
    return holder.authentication.type is AuthenticationType.CERTIFICATE_AUTHORITY
