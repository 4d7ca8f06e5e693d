"""The PKI's records in SQL: certificates and authorities, and the use cases over store, ledger and signer.

Invariants: every change has its ledger entry and its event in the same transaction; an identity's public key is bound
to it for ever; an outside authority vouches only when verified, and only inside its scope. Apart from ``vedette.pki``,
whose other half runs in the signer's process, where there is no SQL.
"""

from __future__ import annotations

from vedette.pki.records.issuance import PreparedCertificate, Signer
from vedette.pki.records.onboarding import OnboardingAuthorityService, Vouching
from vedette.pki.records.reports import CertificateReports, Sighting
from vedette.pki.records.service import CertificateService
from vedette.pki.records.symmetric_keys import SymmetricKeyService
from vedette.pki.records.tokens import named_registration
from vedette.pki.records.vouching import NamedIdentity, VouchedCertificates, Voucher, covers

__all__ = [
    "CertificateReports",
    "CertificateService",
    "NamedIdentity",
    "OnboardingAuthorityService",
    "PreparedCertificate",
    "Sighting",
    "Signer",
    "SymmetricKeyService",
    "VouchedCertificates",
    "Voucher",
    "Vouching",
    "covers",
    "named_registration",
]
