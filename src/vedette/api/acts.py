"""``/v1/acts``: what a person is asked to sign before an act that asks for it, with their passkey."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field

from vedette.api.protection import host_name
from vedette.api.schema import Caller, View, api_router, refusals
from vedette.operators import Act, ConfirmationService


class ActView(View):
    """The request that is going to be made."""

    method: str = Field(pattern="^(POST|PUT|PATCH|DELETE)$", examples=["POST"])
    path: str = Field(
        min_length=4,
        max_length=4096,
        pattern="^/v1/[!-~]*$",
        description="With its query, exactly as it will stand in the request line.",
        examples=["/v1/devices/pump-7/keys/rotate"],
    )
    body_sha256: str = Field(
        pattern="^[0-9a-f]{64}$", description="Of the body, byte by byte; of nothing when there is none."
    )


class ActToSignView(View):
    """What a browser gives to `navigator.credentials.get`.

    Its answer goes into the header `Vedette-Act-Assertion` of the request itself: base64url of
    `{"nonce": …, "credential": …}`.
    """

    nonce: str = Field(description="Comes back in the header; good once, for five minutes, in this session.")
    canonical: str = Field(description="What is signed: the SHA-256 of this text is the challenge.")
    options: dict[str, Any] = Field(description="`PublicKeyCredentialRequestOptions` in JSON.")  # Any: the standard's


class ActRoutes:
    """What the routes below do."""

    def __init__(self, confirmations: ConfirmationService) -> None:
        self._confirmations = confirmations

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("roles", "/v1/acts")
        router.add_api_route(
            "",
            self.ask,
            methods=["POST"],
            summary="Ask for what signs an act",
            responses=refusals(409, 422, is_change=True),
        )
        return router

    async def ask(self, act: ActView, caller: Caller, request: Request) -> ActToSignView:
        """Changes nothing: it announces no act and is kept by nobody."""
        asked = self._confirmations.ask_to_sign(
            caller.session, Act(act.method, act.path, act.body_sha256), host=host_name(request.headers)
        )
        return ActToSignView(nonce=asked.nonce, canonical=asked.canonical, options=asked.options)
