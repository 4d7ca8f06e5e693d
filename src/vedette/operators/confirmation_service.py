"""Signed acts: a passkey confirms that a person means one very act, and not only that they are there.

The challenge is the SHA-256 of the act itself: who does what, with which body, to which path, and a nonce of
ours that ends after five minutes and is good once. What is signed is taken from the request that is carried out, never
from what was announced, so an assertion over another act does not verify. It is kept in the ledger with all that is
needed to verify it again without us.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import Any, Final

from vedette.kernel import Clock, OrganizationId
from vedette.ledger import Entry, Ledger
from vedette.operators import repository
from vedette.operators import session_repository as session_rows
from vedette.operators.ceremonies import Assertion, Ceremonies, Json, challenge_of, credential_id_of
from vedette.operators.challenges import Challenges, end_of
from vedette.operators.errors import LoginFailed, PersonNeeded
from vedette.operators.model import Passkey, PersonId, Session
from vedette.operators.role_errors import ConfirmationFailed
from vedette.store import Store, Transaction

NONCE_MAX_CHARS: Final = 256
_SIGN: Final = "sign an act"
_DOMAIN: Final = "vedette act 1"
_AGAIN: Final = "confirm again"


@dataclass(frozen=True, slots=True)
class Act:
    """One request, as a passkey signs it.

    Attributes:
        method: HTTP method, in capitals.
        path: With its query, as it stands in the request line.
        body_sha256: Lower-case hex; of no bytes when there is no body.
    """

    method: str
    path: str
    body_sha256: str

    @classmethod
    def of(cls, method: str, path: str, query: bytes, body: bytes) -> Act:
        """Return the act that a request is."""
        target = f"{path}?{query.decode('latin-1')}" if query else path
        return cls(method, target, hashlib.sha256(body).hexdigest())


@dataclass(frozen=True, slots=True)
class AskedAct:
    """What a browser is asked to sign.

    Attributes:
        nonce: Comes back with the answer.
        canonical: The text whose SHA-256 is the challenge.
        options: For ``navigator.credentials.get``; JSON.
    """

    nonce: str
    canonical: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Proof:
    passkey: Passkey
    said: Assertion
    nonce: bytes


def canonical_act(organization_id: str, person_id: str, act: Act, nonce: str) -> str:
    """Return the one spelling of an act that is signed: JSON with sorted members and no spaces."""
    members = {
        "body_sha256": act.body_sha256,
        "domain": _DOMAIN,
        "method": act.method,
        "nonce": nonce,
        "organization_id": organization_id,
        "path": act.path,
        "person_id": person_id,
    }
    return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


class ConfirmationService:
    """The use cases of signed acts."""

    def __init__(
        self, store: Store, ledger: Ledger, *, ceremonies: Ceremonies, challenges: Challenges, clock: Clock
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._ceremonies = ceremonies
        self._challenges = challenges
        self._clock = clock

    def ask_to_sign(self, session: Session | None, act: Act, *, host: str) -> AskedAct:
        """Return what a browser is asked to sign; costs neither memory nor disk.

        Raises:
            PersonNeeded: A token or a link asks.
            PasskeysImpossible: Browsers use none at the host name under which the page was opened.
        """
        found, person_id = _person(session)
        self._ceremonies.party.check(host)
        nonce = _encode(self._challenges.issue(_SIGN, found.token_sha256, person_id.encode("ascii")))
        canonical = canonical_act(found.organization_id, person_id, act, nonce)
        challenge = hashlib.sha256(canonical.encode("ascii")).digest()
        return AskedAct(nonce, canonical, self._ceremonies.ask_to_log_in(challenge))

    async def verify_act(self, session: Session | None, act: Act, nonce: str, answer: Json) -> None:
        """Check that a person signed the act that is about to be carried out, and put that on record.

        Raises:
            PersonNeeded: A token or a link asks.
            ConfirmationFailed: The signature is over another act, not valid, too late, used, or of somebody else.
        """
        found, person_id = _person(session)
        token = _decode(nonce)
        if self._challenges.open(_SIGN, found.token_sha256, token) != person_id.encode("ascii"):
            raise ConfirmationFailed("this act was not to be signed here, or too long ago", hint=_AGAIN)
        canonical = canonical_act(found.organization_id, person_id, act, nonce)
        challenge = hashlib.sha256(canonical.encode("ascii")).digest()
        if challenge_of(answer) != challenge:
            raise ConfirmationFailed(
                "the signature is over another act than this one", hint="sign the request exactly as it is sent"
            )
        proof = await self._prove(found, answer, challenge=challenge, nonce=token)

        def change(tx: Transaction) -> None:
            self._use(tx, found, proof)
            evidence = {
                "act": canonical,
                "act_sha256": challenge.hex(),
                "public_key": _encode(proof.passkey.public_key),
                "authenticator_data": _text(answer, "authenticatorData"),
                "client_data_json": _text(answer, "clientDataJSON"),
                "signature": _text(answer, "signature"),
            }
            self._record(tx, found, "operators.sign_act", target=challenge.hex(), details={**_told(proof), **evidence})

        await self._store.write(change)

    async def _prove(self, session: Session, answer: Json, *, challenge: bytes, nonce: bytes) -> _Proof:
        """Verify an answer with the passkey that it names, which must be the person's own."""
        organization_id, credential_id = session.organization_id, credential_id_of(answer)
        passkey = await self._store.read(
            lambda connection: repository.find_credential(connection, organization_id, credential_id)
        )
        if passkey is None or passkey.person_id != session.person_id:
            raise ConfirmationFailed("this passkey is not yours here", hint="use the one that you log in with")
        try:
            said = await asyncio.to_thread(self._ceremonies.verify_login, answer, challenge, passkey)
        except LoginFailed as problem:
            raise ConfirmationFailed(problem.detail, hint=_AGAIN) from problem
        if said.person_id != passkey.person_id:
            raise ConfirmationFailed("this passkey is not yours here", hint="use the one that you log in with")
        return _Proof(passkey, said, nonce)

    def _use(self, tx: Transaction, session: Session, proof: _Proof) -> None:
        """Use up the nonce, and judge anew what may have changed since it was looked up."""
        organization_id, now = session.organization_id, self._clock.now()
        person = repository.find_person(tx.connection, organization_id, proof.passkey.person_id)
        passkey = repository.find_credential(tx.connection, organization_id, proof.passkey.credential_id)
        is_known = passkey is not None and passkey.passkey_id == proof.passkey.passkey_id
        if person is None or person.is_disabled or passkey is None or not is_known:
            raise ConfirmationFailed("this passkey opens nothing any more", hint="use another one")
        if session_rows.find_session(tx.connection, organization_id, session.session_id) is None:
            raise ConfirmationFailed("the session has ended meanwhile", hint="log in again")
        counts = proof.said.sign_count or passkey.sign_count
        if counts and proof.said.sign_count <= passkey.sign_count:
            raise ConfirmationFailed(
                "the passkey's counter went back: somebody may hold a copy", hint="use another one and remove it"
            )
        if not session_rows.use_challenge(
            tx.connection,
            organization_id,
            hashlib.sha256(proof.nonce).digest(),
            expires_at=end_of(proof.nonce),
            now=now,
        ):
            raise ConfirmationFailed("this answer was taken before", hint=_AGAIN)
        repository.note_use(tx.connection, passkey, sign_count=proof.said.sign_count, at=now)

    def _record(
        self,
        tx: Transaction,
        session: Session,
        action: str,
        *,
        target: str,
        details: dict[str, Any],  # Any: JSON values
    ) -> None:
        self._ledger.append(
            tx,
            Entry(
                organization_id=OrganizationId(session.organization_id),
                actor=session.actor,
                action=action,
                target=target,
                details={"session_id": session.session_id, **details},
            ),
        )


def _person(session: Session | None) -> tuple[Session, PersonId]:
    if session is None or session.person_id is None:
        raise PersonNeeded("only a person can confirm by passkey", hint="log in to the console by passkey")
    return session, session.person_id


def _told(proof: _Proof) -> dict[str, Any]:  # Any: JSON values
    return {
        "passkey_id": proof.passkey.passkey_id,
        "credential_sha256": hashlib.sha256(proof.passkey.credential_id).hexdigest(),
    }


def _text(answer: Json, member: str) -> str:
    """Return a member that the verification has read already; bounded, since it is kept for good."""
    return str(answer["response"][member])[:8192]


def _encode(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    if not 0 < len(text) <= NONCE_MAX_CHARS or not text.isascii():
        return b""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        return b""
