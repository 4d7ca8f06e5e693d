"""Which gateways live, and when the directory is all there is to know."""

from __future__ import annotations

from datetime import timedelta

import pytest
from messaging_room import RecordedBus

from vedette.bus.contract import PepStatus, SessionOpened, SessionsReport
from vedette.kernel import GenerationId, OrganizationId
from vedette.messaging.downlinks import Downlinks
from vedette.messaging.gateway_watch import GatewayWatch
from vedette.messaging.session_directory import SessionDirectory
from vedette.messaging.settings import DirectorySettings
from vedette.registry import PresenceChange
from vedette.simulation import ManualClock, SequentialIds

IDS = SequentialIds()
ORGANIZATION = OrganizationId(IDS.new("org"))
PUMP, METER = GenerationId(IDS.new("dev")), GenerationId(IDS.new("dev"))
SECOND = timedelta(seconds=1)


class Watch:
    def __init__(self, *expected: str, settings: DirectorySettings | None = None) -> None:
        self.clock = ManualClock()
        self.changes: list[PresenceChange] = []
        limits = settings or DirectorySettings()
        self.directory = SessionDirectory(limits, self.changes.append, clock=self.clock)
        self.bus = RecordedBus()
        downlinks = Downlinks(ORGANIZATION, clock=self.clock)
        downlinks.attach(self.bus)  # type: ignore[arg-type] # it publishes, and that is all
        self.watch = GatewayWatch(self.directory, downlinks, limits, expected=expected, clock=self.clock, ids=IDS)
        self.settled = 0
        self.watch.on_settled(self._count)

    def _count(self) -> None:
        self.settled += 1

    def beat(self, gateway: str = "gateway-1", sessions: int = 0, boot_id: str = "boot-1") -> None:
        self.watch.heard(
            PepStatus(
                organization_id=ORGANIZATION,
                gateway=gateway,
                boot_id=boot_id,
                epoch=1,
                sequence=1,
                sessions=sessions,
                observed_at="",
            )
        )

    def open(self, generation_id: str, session_id: str = "s1", gateway: str = "gateway-1") -> None:
        self.watch.touched(gateway, generation_id)
        self.directory.opened(
            gateway, SessionOpened(generation_id=generation_id, session_id=session_id, opened_at_ms=1)
        )

    def report(
        self,
        *sessions: tuple[str, str, int],
        gateway: str = "gateway-1",
        part: int = 0,
        is_last: bool = True,
        report_id: str = "",
        boot_id: str = "boot-1",
    ) -> None:
        asked = self.bus.reports_asked()[-1].report_id
        self.watch.reported(
            gateway,
            SessionsReport(
                report_id=report_id or asked, boot_id=boot_id, part=part, is_last=is_last, sessions=list(sessions)
            ),
        )

    def pass_seconds(self, count: int, *beating: tuple[str, int]) -> None:
        """Let time pass, with these gateways alive and this number of sessions at each."""
        for _ in range(count):
            self.clock.advance(SECOND)
            for gateway, sessions in beating:
                self.beat(gateway, sessions)
            self.watch.tick()

    def is_settled(self) -> bool:
        return self.directory.is_settled

    @property
    def asked(self) -> int:
        return len(self.bus.reports_asked())


def test_the_first_heartbeat_asks_for_all_sessions() -> None:
    it = Watch("gateway-1")
    assert not it.is_settled()
    it.beat(sessions=1)
    assert it.asked == 1
    assert not it.is_settled()
    it.report((PUMP, "s1", 1))
    assert it.is_settled()
    assert it.directory.session_of(PUMP) == "s1"
    assert it.settled == 1
    it.beat(sessions=1)
    assert it.asked == 1


def test_every_gateway_that_should_be_there_is_waited_for_but_not_for_ever() -> None:
    it = Watch("gateway-1", "gateway-2")
    it.beat("gateway-1")
    it.report()
    assert not it.is_settled()
    it.pass_seconds(3, ("gateway-1", 0))
    assert not it.is_settled()
    it.pass_seconds(1, ("gateway-1", 0))
    assert it.is_settled()
    assert it.watch.names() == {"gateway-1", "gateway-2"}
    it.beat("gateway-2", sessions=1)  # it comes at last
    assert not it.is_settled()
    it.report((PUMP, "s1", 1), gateway="gateway-2")
    assert it.is_settled()
    assert it.settled == 2


def test_without_gateways_there_is_nothing_to_wait_for_after_a_while() -> None:
    it = Watch()
    it.pass_seconds(3)
    assert not it.is_settled()
    it.pass_seconds(1)
    assert it.is_settled()


def test_a_silent_gateway_loses_its_sessions_after_three_seconds() -> None:
    it = Watch("gateway-1")
    it.beat()
    it.report()
    it.open(PUMP)
    it.pass_seconds(3)
    assert it.directory.session_of(PUMP) == "s1"
    it.pass_seconds(1)
    assert it.directory.find(PUMP) is None
    assert it.changes[-1].reason == "gateway_lost"
    assert it.is_settled()  # what a lost gateway held is not connected
    it.beat(sessions=1)
    assert it.asked == 2
    it.report((PUMP, "s1", 1))
    assert it.directory.session_of(PUMP) == "s1"


def test_a_wall_clock_that_jumps_ends_nothing() -> None:
    it = Watch("gateway-1")
    it.beat()
    it.report()
    it.open(PUMP)
    it.clock.jump(timedelta(days=3))
    it.pass_seconds(1, ("gateway-1", 1))
    it.clock.jump(-timedelta(days=9))
    it.pass_seconds(1, ("gateway-1", 1))
    assert it.directory.session_of(PUMP) == "s1"
    assert it.asked == 1


def test_when_we_were_held_up_ourselves_nobody_else_was_silent() -> None:
    it = Watch("gateway-1")
    it.beat()
    it.report()
    it.open(PUMP)
    it.clock.advance(timedelta(minutes=30))
    it.watch.tick()
    assert it.directory.session_of(PUMP) == "s1"
    it.pass_seconds(4)
    assert it.directory.find(PUMP) is None


def test_another_boot_means_that_all_sessions_are_gone() -> None:
    it = Watch("gateway-1")
    it.beat()
    it.report()
    it.open(PUMP)
    it.beat(sessions=0, boot_id="boot-2")
    assert it.directory.find(PUMP) is None
    assert it.changes[-1].reason == "gateway_restarted"
    assert it.asked == 2
    it.report(boot_id="boot-1")  # of the former life
    assert not it.is_settled()
    it.beat(sessions=0, boot_id="boot-2")
    it.report(boot_id="boot-2")
    assert it.is_settled()


def test_counts_that_differ_for_three_seconds_have_the_gateway_asked() -> None:
    it = Watch("gateway-1")
    it.beat()
    it.report()
    it.open(PUMP)
    it.pass_seconds(1, ("gateway-1", 2))
    it.pass_seconds(1, ("gateway-1", 1))  # it was on its way only
    it.pass_seconds(3, ("gateway-1", 2))
    assert it.asked == 1
    it.pass_seconds(1, ("gateway-1", 2))
    assert it.asked == 2
    assert it.is_settled()
    it.report((METER, "s2", 1))
    assert it.directory.find(PUMP) is None
    assert it.directory.session_of(METER) == "s2"


def test_a_report_comes_in_parts_and_in_order_or_counts_for_nothing() -> None:
    it = Watch("gateway-1")
    it.beat(sessions=2)
    it.report((PUMP, "s1", 1), is_last=False)
    assert it.directory.find(PUMP) is None
    it.report((METER, "s2", 1), part=1)
    assert len(it.directory) == 2
    it.beat(sessions=5, boot_id="boot-1")
    it.pass_seconds(4, ("gateway-1", 5))
    it.report(is_last=False)
    it.report(part=2)  # the second is missing
    assert len(it.directory) == 2
    it.pass_seconds(1, ("gateway-1", 5))
    assert it.asked == 3
    it.report(part=7)
    assert len(it.directory) == 2


def test_parts_may_be_numbered_from_one() -> None:
    it = Watch("gateway-1")
    it.beat(sessions=1)
    it.report(part=1, is_last=False)
    it.report((PUMP, "s1", 1), part=2)
    assert it.is_settled()


def test_reports_that_were_not_asked_for_are_not_heard() -> None:
    it = Watch("gateway-1", "gateway-2")
    it.beat("gateway-1", sessions=1)
    it.report((PUMP, "s1", 1), report_id="rep-guessed")
    it.report((PUMP, "s1", 1), gateway="gateway-2")
    it.report((PUMP, "s1", 1), gateway="gateway-9")
    assert not it.directory
    it.report((PUMP, "s1", 1))
    assert len(it.directory) == 1
    it.report((METER, "s1", 1))  # once is enough
    assert len(it.directory) == 1


def test_what_happens_while_a_report_is_on_its_way_wins() -> None:
    it = Watch("gateway-1")
    it.open(METER, "s1")
    it.beat(sessions=2)
    it.open(PUMP, "s2")
    it.report((PUMP, "s0", 1), (METER, "s1", 1))
    assert it.directory.session_of(PUMP) == "s2"
    assert it.directory.session_of(METER) == "s1"


def test_a_report_that_does_not_come_is_asked_for_again() -> None:
    it = Watch("gateway-1")
    it.beat()
    it.pass_seconds(9, ("gateway-1", 0))
    assert it.asked == 1
    it.pass_seconds(1, ("gateway-1", 0))
    assert it.asked == 2


def test_a_report_larger_than_the_directory_counts_for_nothing() -> None:
    it = Watch("gateway-1", settings=DirectorySettings(sessions=1))
    it.beat(sessions=2)
    it.report((PUMP, "s1", 1), (METER, "s2", 1))
    assert not it.directory


def test_more_gateways_than_are_remembered_are_passed_over() -> None:
    it = Watch(settings=DirectorySettings(gateways=1))
    it.beat("gateway-1")
    it.beat("gateway-2")
    assert it.watch.names() == {"gateway-1"}


def test_without_the_bus_nobody_is_silent_and_afterwards_all_are_asked() -> None:
    it = Watch("gateway-1")
    it.beat()
    it.report()
    it.open(PUMP)
    it.watch.bus_changed(is_connected=False)
    assert not it.is_settled()
    it.pass_seconds(60)
    assert it.directory.session_of(PUMP) == "s1"
    it.watch.bus_changed(is_connected=True)
    assert not it.is_settled()
    it.pass_seconds(1, ("gateway-1", 0))
    assert it.asked == 2
    it.report()
    assert it.directory.find(PUMP) is None
    assert it.is_settled()
    assert it.settled == 2


@pytest.mark.parametrize("is_first", [True, False])
def test_a_question_that_the_bus_did_not_take_is_put_again(*, is_first: bool) -> None:
    from vedette.bus import BusUnavailable

    it = Watch("gateway-1")
    it.bus.failure = BusUnavailable("not there")
    it.beat()
    if not is_first:
        it.pass_seconds(1, ("gateway-1", 0))
    it.bus.failure = None
    it.pass_seconds(1, ("gateway-1", 0))
    assert it.asked == 1
    it.report()
    assert it.is_settled()
