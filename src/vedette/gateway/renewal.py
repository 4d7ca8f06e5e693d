"""Certificate renewal over the hub connection: proved by the very certificate of the session."""

from __future__ import annotations

import base64
import binascii
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from vedette.bus import BusRefused, RemoteProblem
from vedette.bus.contract import RENEW_CERTIFICATE, RenewCertificate, RenewedCertificate
from vedette.gateway.hub_answers import error_body
from vedette.gateway.pacing import TokenBucket
from vedette.gateway.reception import Reception
from vedette.kernel import Problem, to_rfc3339
from vedette.protocols.hub import credential_response_topic

if TYPE_CHECKING:
    from vedette.gateway.session import HubSession

log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 20.0
_MAX_BODY_BYTES: Final = 16_384
_MAX_CSR_BYTES: Final = 8_192
_REQUESTS_PER_S: Final = 0.1
_REQUESTS_BURST: Final = 5
_RETRY_AFTER_S: Final = 10

_BAD_REQUEST, _CONFLICT, _PRECONDITION_FAILED = 400040, 409005, 412001
_TOO_MANY, _SERVER_ERROR, _UNAVAILABLE = 429002, 500001, 503001
_STATUS_OF_PROBLEM: Final = {429: _TOO_MANY, 503: _UNAVAILABLE, 504: _UNAVAILABLE}
_SERVER_ERRORS: Final = 500


class _Request(msgspec.Struct):
    id: str
    csr: str
    replace: str | None = None


class CertificateRenewal:
    """The renewals of one session; one at a time."""

    __slots__ = ("_open", "_rate", "_reception", "_session")

    def __init__(self, reception: Reception, session: HubSession) -> None:
        self._reception = reception
        self._session = session
        self._rate = TokenBucket(_REQUESTS_PER_S, _REQUESTS_BURST, reception.clock.monotonic_s())
        self._open: tuple[str, str] | None = None

    def request(self, request_id: str, body: bytes) -> None:
        """Check a request and ask control; every outcome is answered on the request's topic."""
        if not self._rate.try_take(1, self._reception.clock.monotonic_s()):
            self._refuse(request_id, 429, _TOO_MANY, "too many certificate requests", retry_after_s=_RETRY_AFTER_S)
            return
        try:
            if len(body) > _MAX_BODY_BYTES:
                raise ValueError("over its limit")  # noqa: TRY301 - one answer for all
            request = msgspec.json.decode(body, type=_Request)
            csr = base64.b64decode(request.csr, validate=True)
        except (msgspec.MsgspecError, ValueError, binascii.Error):
            self._refuse(request_id, 400, _BAD_REQUEST, "the body is not {id, csr: base64 DER, replace}")
            return
        record = self._session.record
        own = record.device_id if record.module_id is None else f"{record.device_id}/{record.module_id}"
        if request.id != own or not 0 < len(csr) <= _MAX_CSR_BYTES:
            self._refuse(request_id, 400, _BAD_REQUEST, "id is not this identity's, or csr is empty or too large")
            return
        if self._is_in_conflict(request_id, request.replace):
            return
        expires = to_rfc3339(self._reception.clock.now() + timedelta(seconds=_TIMEOUT_S))
        self._open = (request_id, expires)
        accepted = {"correlationId": self._reception.ids.new("op"), "operationExpires": expires}
        self._session.publish(credential_response_topic(202, request_id), msgspec.json.encode(accepted))
        self._reception.start(self._ask(request_id, csr), "renew certificate")

    def _is_in_conflict(self, request_id: str, replace: str | None) -> bool:
        if self._open is None:
            if replace not in {None, "*"}:
                self._refuse(request_id, 412, _PRECONDITION_FAILED, "no such request is open")
                return True
            return False
        open_id, expires = self._open
        if replace in {"*", open_id}:
            return False
        if replace is None:
            information = {"requestId": open_id, "operationExpires": expires}
            self._refuse(request_id, 409, _CONFLICT, "a certificate request is open", information=information)
        else:
            self._refuse(request_id, 412, _PRECONDITION_FAILED, "no such request is open")
        return True

    async def _ask(self, request_id: str, csr: bytes) -> None:
        session, reception = self._session, self._reception
        certificate = session.peer.certificate
        request = RenewCertificate(
            organization_id=reception.anchor.organization_id,
            gateway=reception.gateway,
            generation_id=session.generation_id,
            certificate_sha256=certificate.sha256 if certificate is not None else "",
            csr=csr,
        )
        try:
            renewed = await reception.bus.call(RENEW_CERTIFICATE, request, RenewedCertificate, timeout_s=_TIMEOUT_S)
        except RemoteProblem as problem:
            self._answer_problem(request_id, problem)
            return
        except Problem as problem:
            log.warning("certificate renewal not answered", extra={"reason": problem.detail})
            if self._close(request_id):
                code = _SERVER_ERROR if isinstance(problem, BusRefused) else _UNAVAILABLE
                self._refuse(request_id, code // 1000, code, "try again", retry_after_s=_RETRY_AFTER_S)
            return
        if self._close(request_id):
            chain = [base64.b64encode(der).decode("ascii") for der in renewed.chain]
            session.publish(credential_response_topic(200, request_id), msgspec.json.encode({"certificates": chain}))

    def _answer_problem(self, request_id: str, problem: RemoteProblem) -> None:
        if not self._close(request_id):
            return
        code = _STATUS_OF_PROBLEM.get(problem.remote_status)
        if code is None:
            code = _SERVER_ERROR if problem.remote_status >= _SERVER_ERRORS else _BAD_REQUEST
        retry_after_s = _RETRY_AFTER_S if code in {_TOO_MANY, _UNAVAILABLE} else None
        detail = problem.detail if code != _SERVER_ERROR else "the request failed"
        self._refuse(request_id, code // 1000, code, detail, retry_after_s=retry_after_s)

    def _close(self, request_id: str) -> bool:
        """End a request; false when another has replaced it, so that its answer is nobody's."""
        if self._open is None or self._open[0] != request_id:
            return False
        self._open = None
        return True

    def _refuse(
        self,
        request_id: str,
        status: int,
        error_code: int,
        message: str,
        *,
        information: dict[str, str] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        body = error_body(self._reception, error_code, message, information=information, retry_after_s=retry_after_s)
        self._session.publish(credential_response_topic(status, request_id), body)
