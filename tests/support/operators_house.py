"""The operators' room on a real store, wired as ``app`` wires it, with a clock that is moved by hand."""

from __future__ import annotations

from datetime import timedelta

from virtual_authenticator import VirtualAuthenticator

from vedette.kernel import OrganizationId, RandomIds
from vedette.ledger import Actor, Ledger, Record
from vedette.operators import (
    Ceremonies,
    Challenges,
    Client,
    Logins,
    NewSession,
    PasskeyService,
    PeopleService,
    Registration,
    SessionService,
    SessionSettings,
    relying_party,
)
from vedette.simulation import ManualClock
from vedette.store import Store

HOST = "localhost"
ORIGIN = "http://localhost:8480"
CLIENT = Client("Test/1.0", "192.0.2.7")
TOKEN_ACTOR = Actor("operator", "operator-token")


class OperatorsHouse:
    """The services of one organization.

    Attributes:
        authenticator: Of whoever registers and logs in here.
    """

    def __init__(self, store: Store, clock: ManualClock) -> None:
        ids = RandomIds(clock)
        self.store = store
        self.clock = clock
        self.organization_id = OrganizationId(ids.new("org"))
        self.ledger = Ledger(store, clock=clock, ids=ids)
        settings = SessionSettings(lifetime=timedelta(hours=12), idle=timedelta(minutes=30))
        logins = Logins(self.ledger, clock=clock, ids=ids, settings=settings)
        self.sessions = SessionService(store, self.ledger, logins, clock=clock, ids=ids)
        self.people = PeopleService(store, self.ledger, logins, clock=clock, ids=ids)
        self.passkeys = PasskeyService(
            store,
            self.ledger,
            self.people,
            logins,
            ceremonies=Ceremonies(relying_party(HOST, url=ORIGIN, hostnames=(HOST,), port=8480)),
            challenges=Challenges(b"c" * 32, clock=clock, ids=ids),
            clock=clock,
            ids=ids,
        )
        self.authenticator = VirtualAuthenticator(ORIGIN)

    async def link_session(self) -> NewSession:
        """Log in by a fresh one-time link."""
        self._pass_a_moment()
        link = await self.sessions.make_link(self.organization_id, actor=TOKEN_ACTOR)
        return await self.sessions.begin_by_link(self.organization_id, link.token, client=CLIENT)

    async def register(
        self,
        name: str = "Ada",
        *,
        begun: NewSession | None = None,
        authenticator: VirtualAuthenticator | None = None,
        passkey_name: str = "laptop",
    ) -> Registration:
        """Register a passkey: as a new person, by a fresh link, unless a session is given."""
        self._pass_a_moment()
        session = (begun or await self.link_session()).session
        asked = await self.passkeys.ask_to_register(session, host=HOST, person_name=name)
        answer = (authenticator or self.authenticator).make(asked)
        return await self.passkeys.register(session, answer, passkey_name=passkey_name, person_name=name, client=CLIENT)

    async def log_in(self, authenticator: VirtualAuthenticator | None = None, *, former: str = "") -> NewSession:
        """Log in by passkey."""
        self._pass_a_moment()
        browser = b"b" * 32
        answer = (authenticator or self.authenticator).sign(self.passkeys.ask_to_log_in(browser, host=HOST))
        return await self.passkeys.log_in(self.organization_id, browser, answer, client=CLIENT, former_token=former)

    async def is_in(self, begun: NewSession) -> bool:
        """Tell whether a session lasts."""
        return await self.sessions.find(self.organization_id, begun.token) is not None

    async def acts(self) -> list[Record]:
        return list(await self.ledger.entries(self.organization_id, limit=1000))

    async def actions(self) -> list[str]:
        return [record.action.removeprefix("operators.") for record in await self.acts()]

    def _pass_a_moment(self) -> None:
        """Let ids sort by when they were made, as they do when time passes."""
        self.clock.advance(timedelta(milliseconds=2))
