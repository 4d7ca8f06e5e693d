"""``/v1/authorities``: outside authorities that vouch for devices at enrollment, and our own."""

from __future__ import annotations

from typing import Annotated

from cryptography import x509
from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from vedette.api.certificate_text import TEXT_MAX_CHARS, read_certificate, write_certificate, write_chain
from vedette.api.schema import (
    PAGE_MAX,
    REASON_MAX_CHARS,
    After,
    Limit,
    Page,
    Reason,
    Revision,
    Timestamp,
    View,
    Who,
    api_router,
    refusals,
)
from vedette.kernel import AuthorityId, OrganizationId
from vedette.pki import Authority, AuthorityScope, AuthorityState, Purpose, SignerClient
from vedette.pki.records import OnboardingAuthorityService
from vedette.trust import certificate_sha256

_NO_REASON = Reason()
Id = Annotated[str, Path(max_length=64, description="Generated id of the authority.", examples=["ath_06h0"])]


class AuthorityView(View):
    """An outside authority that may vouch for devices at enrollment, within its scope."""

    authority_id: str
    name: str
    state: AuthorityState
    enrollment_group: str | None = Field(description="Only for this group enrollment; null for any.")
    device_id_pattern: str = Field(description="Registration ids it may name; `*` stands for any characters.")
    is_hub_trusted: bool = Field(
        description="It vouches at the hub, for devices that connect with its certificates, and no more at enrollment."
    )
    sha256: str
    subject: str = Field(description="Text from outside.")
    not_before: Timestamp
    not_after: Timestamp
    registered_at: Timestamp
    verified_at: Timestamp | None
    verification_code: str | None = Field(
        description="While unverified: have the authority sign a certificate with this common name, for `verify`."
    )
    verification_expires_at: Timestamp | None
    certificate_pem: str
    revision: int


class NewAuthority(View):
    """An authority to be registered."""

    name: str = Field(min_length=1, max_length=128, examples=["Acme Pumps factory"])
    certificate: str = Field(min_length=1, max_length=TEXT_MAX_CHARS, description="PEM, or base64 of DER.")
    enrollment_group: str | None = Field(default=None, max_length=64)
    device_id_pattern: str = Field(default="*", min_length=1, max_length=128, examples=["pump-*"])
    is_hub_trusted: bool = Field(default=False, description="It is to vouch at the hub instead of at enrollment.")


class HubTrust(View):
    """Where an authority vouches, and why that changes."""

    is_hub_trusted: bool = Field(description="True: at the hub; false: at enrollment. Never both.")
    reason: str = Field(default="", max_length=REASON_MAX_CHARS, description="Why, in your own words.")


class Proof(View):
    """The proof that the operator holds the authority's key."""

    certificate: str = Field(
        min_length=1,
        max_length=TEXT_MAX_CHARS,
        description="A certificate signed by the authority whose common name is the verification code.",
    )


class OwnAuthority(View):
    """An authority of this platform."""

    purpose: Purpose = Field(description="`operational` issues to devices, `services` to our servers.")
    subject: str
    sha256: str
    not_before: Timestamp
    not_after: Timestamp
    chain_pem: str = Field(description="The issuing authority and the root.")


class OwnAuthorities(View):
    """The authorities of this platform."""

    items: list[OwnAuthority]


class AuthorityRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self, organization_id: OrganizationId, authorities: OnboardingAuthorityService, signer: SignerClient
    ) -> None:
        self._organization_id = organization_id
        self._authorities = authorities
        self._signer = signer

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("authorities", "/v1/authorities")
        change = refusals(404, 409, 412, 422, is_change=True)
        add = router.add_api_route
        add("", self.list_authorities, methods=["GET"], summary="List onboarding authorities", responses=refusals(422))
        add(
            "",
            self.register,
            methods=["POST"],
            status_code=201,
            summary="Register an onboarding authority",
            responses=refusals(409, 422, is_change=True),
        )
        add("/{authority_id}", self.show, methods=["GET"], summary="Show an authority", responses=refusals(404, 422))
        add(
            "/{authority_id}",
            self.remove,
            methods=["DELETE"],
            status_code=204,
            summary="Remove an authority",
            responses=change,
        )
        for verb, endpoint, summary in (
            ("verify", self.verify, "Verify an authority"),
            ("renew-code", self.renew_code, "Replace the verification code"),
            ("disable", self.disable, "Disable an authority"),
            ("enable", self.enable, "Enable an authority"),
            ("hub-trust", self.set_hub_trust, "Set whether an authority vouches at the hub"),
        ):
            add(f"/{{authority_id}}/{verb}", endpoint, methods=["POST"], summary=summary, responses=change)
        return router

    def build_own(self) -> APIRouter:
        """Return the route of our own authorities."""
        router = api_router("authorities", "/v1/own-authorities")
        router.add_api_route(
            "", self.list_own, methods=["GET"], summary="List our own authorities", responses=refusals(504)
        )
        return router

    async def list_authorities(self, *, limit: Limit = 100, after: After = "") -> Page[AuthorityView]:
        """In the order they were registered."""
        limit = min(limit, PAGE_MAX - 1)
        found = await self._authorities.list_all(self._organization_id, after=after, limit=limit + 1)
        page = found[:limit]
        return Page(
            items=[_show(authority) for authority in page],
            next=page[-1].authority_id if len(found) > limit else None,
        )

    async def register(self, new: NewAuthority, who: Who, response: Response) -> AuthorityView:
        """It vouches for nobody until the operator has proved to hold its key: see `verification_code`."""
        authority = await self._authorities.register(
            organization_id=self._organization_id,
            certificate=read_certificate(new.certificate),
            name=new.name,
            scope=AuthorityScope(enrollment_group=new.enrollment_group, device_id_pattern=new.device_id_pattern),
            is_hub_trusted=new.is_hub_trusted,
            actor=who,
        )
        return _tagged(authority, response)

    async def list_own(self) -> OwnAuthorities:
        """The authorities that issue to devices and to our servers."""
        chains = await self._signer.get_chains()
        return OwnAuthorities(items=[_show_own(purpose, chain) for purpose, chain in sorted(chains.items())])

    async def show(self, authority_id: Id, response: Response) -> AuthorityView:
        """One authority."""
        return _tagged(await self._authorities.get(self._organization_id, AuthorityId(authority_id)), response)

    async def verify(self, authority_id: Id, proof: Proof, who: Who, response: Response) -> AuthorityView:
        """From now on it vouches for devices within its scope."""
        authority = await self._authorities.verify(
            organization_id=self._organization_id,
            authority_id=AuthorityId(authority_id),
            proof=read_certificate(proof.certificate),
            actor=who,
        )
        return _tagged(authority, response)

    async def renew_code(self, authority_id: Id, who: Who, response: Response) -> AuthorityView:
        """A code is good for seven days."""
        authority = await self._authorities.renew_code(
            organization_id=self._organization_id, authority_id=AuthorityId(authority_id), actor=who
        )
        return _tagged(authority, response)

    async def disable(
        self, authority_id: Id, who: Who, revision: Revision, response: Response, why: Reason = _NO_REASON
    ) -> AuthorityView:
        """It vouches for nobody from now on; devices that it vouched for at enrollment keep what they have."""
        authority = await self._authorities.disable(
            organization_id=self._organization_id,
            authority_id=AuthorityId(authority_id),
            actor=who,
            reason=why.reason,
            revision=revision,
        )
        return _tagged(authority, response)

    async def enable(
        self, authority_id: Id, who: Who, revision: Revision, response: Response, why: Reason = _NO_REASON
    ) -> AuthorityView:
        """It vouches again; the proof it gave still stands."""
        authority = await self._authorities.enable(
            organization_id=self._organization_id,
            authority_id=AuthorityId(authority_id),
            actor=who,
            reason=why.reason,
            revision=revision,
        )
        return _tagged(authority, response)

    async def set_hub_trust(
        self, authority_id: Id, trust: HubTrust, who: Who, revision: Revision, response: Response
    ) -> AuthorityView:
        """Let it vouch at the hub instead of at enrollment, or at enrollment again; what rested on it is cut."""
        authority = await self._authorities.set_hub_trust(
            organization_id=self._organization_id,
            authority_id=AuthorityId(authority_id),
            is_trusted=trust.is_hub_trusted,
            actor=who,
            reason=trust.reason,
            revision=revision,
        )
        return _tagged(authority, response)

    async def remove(
        self,
        authority_id: Id,
        who: Who,
        revision: Revision,
        reason: Annotated[str, Query(max_length=REASON_MAX_CHARS, description="Why; it stands in the ledger.")] = "",
    ) -> None:
        """Take it off record; registered again, it must be verified again."""
        await self._authorities.remove(
            organization_id=self._organization_id,
            authority_id=AuthorityId(authority_id),
            actor=who,
            reason=reason,
            revision=revision,
        )


def _tagged(authority: Authority, response: Response) -> AuthorityView:
    response.headers["ETag"] = f'"{authority.revision}"'
    return _show(authority)


def _show(authority: Authority) -> AuthorityView:
    derived = {"enrollment_group", "device_id_pattern", "certificate_pem"}
    return AuthorityView(
        enrollment_group=authority.scope.enrollment_group,
        device_id_pattern=authority.scope.device_id_pattern,
        certificate_pem=write_certificate(authority.der),
        **{name: getattr(authority, name) for name in AuthorityView.model_fields.keys() - derived},
    )


def _show_own(purpose: Purpose, chain: list[bytes]) -> OwnAuthority:
    certificate = x509.load_der_x509_certificate(chain[0])
    return OwnAuthority(
        purpose=purpose,
        subject=certificate.subject.rfc4514_string(),
        sha256=certificate_sha256(chain[0]),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        chain_pem=write_chain(chain),
    )
