"""``/v1/alert-exceptions``: alerts that nobody needs to look at, and what hiding them would have hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from vedette.api.alert_views import (
    AlertView,
    PatternView,
    read_pattern,
    show_alert,
    show_pattern_view,
)
from vedette.api.schema import (
    REASON_MAX_CHARS,
    After,
    Limit,
    Moment,
    Page,
    Reason,
    Timestamp,
    View,
    Who,
    api_router,
    refusals,
)
from vedette.incidents import AlertException, Effect, ExceptionService, NewException, Preview, Severity
from vedette.kernel import Clock, OrganizationId
from vedette.network import SensorService

Id = Annotated[str, Path(max_length=64, description="Generated id of the exception.", examples=["exc_06h0"])]


class NewExceptionView(View):
    """Alerts that nobody needs to look at from now on."""

    pattern: PatternView = Field(description="Names a rule, or both ends of what happens.")
    effect: Literal["mute", "learn"] = Field(
        default="mute", description="`learn`: this is normal here; of one rule between named ends, from one alert."
    )
    reason: str = Field(min_length=1, max_length=REASON_MAX_CHARS, description="Why, in your own words.")
    owner: str = Field(min_length=1, max_length=256, description="Who answers for it.")
    ends_at: Moment | None = Field(default=None, description="Within a year; of what is learned none.")
    hides_up_to: Severity = Field(default=Severity.HIGH, description="A graver alert stays loud.")
    learned_from: str = Field(default="", max_length=64, description="The alert that it is learned from.")
    is_at_sensors: bool = Field(
        default=False,
        description="Sensors hold such alerts back themselves, up to one step less grave, and only count them.",
    )


class ExceptionView(View):
    """Alerts that nobody needs to look at."""

    exception_id: str
    effect: Effect
    pattern: PatternView
    reason: str
    owner: str
    hides_up_to: Severity
    is_in_force: bool
    is_at_sensors: bool
    ends_at: Timestamp | None
    created_at: Timestamp
    created_by: str
    matched: int = Field(description="How many alerts it has hidden.")
    held_back: int = Field(
        description="How many alerts more stayed at sensors by it, since those were started; they are not kept."
    )
    last_matched_at: Timestamp | None
    ended_at: Timestamp | None
    ended_by: str


class MadeException(View):
    """An exception, and what it hid at once."""

    exception: ExceptionView
    hushed: int = Field(description="Open alerts that nobody needs to look at any more.")


class PreviewView(View):
    """What an exception would have hidden."""

    since: Timestamp
    scanned: int = Field(description="Alerts of that time that were looked at.")
    is_complete: bool = Field(description="Whether those were all.")
    hidden: int
    open_now: int = Field(description="Of those, how many somebody has still to look at.")
    real: int = Field(description="Of those, how many turned out to be true: to hide such is dangerous.")
    by_severity: dict[str, int]
    by_rule: dict[str, int]
    samples: list[AlertView] = Field(description="The youngest of them.")


class ExceptionRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self, organization_id: OrganizationId, exceptions: ExceptionService, sensors: SensorService, *, clock: Clock
    ) -> None:
        self._organization_id = organization_id
        self._exceptions = exceptions
        self._sensors = sensors
        self._clock = clock

    def build(self) -> list[APIRouter]:
        """Return the routes, and the one that tries an exception."""
        router = api_router("alerts", "/v1/alert-exceptions")
        add = router.add_api_route
        add("", self.list_exceptions, methods=["GET"], summary="List alert exceptions", responses=refusals(400, 422))
        add(
            "",
            self.make,
            methods=["POST"],
            status_code=201,
            summary="Make an alert exception",
            responses=refusals(404, 409, 422, is_change=True),
        )
        trial = api_router("alerts", "/v1/alert-exception-preview")
        trial.add_api_route(
            "",
            self.preview,
            methods=["POST"],
            summary="Preview an alert exception",
            responses=refusals(404, 422, is_change=True),
        )
        one = "/{exception_id}"
        add(one, self.show, methods=["GET"], summary="Show an alert exception", responses=refusals(404, 422))
        add(
            f"{one}/end",
            self.end,
            methods=["POST"],
            summary="End an alert exception",
            responses=refusals(404, 422, is_change=True),
        )
        return [router, trial]

    async def list_exceptions(
        self,
        *,
        limit: Limit = 100,
        after: After = "",
        is_in_force: Annotated[bool | None, Query(description="Only those, or only the others.")] = None,
    ) -> Page[ExceptionView]:
        """Youngest first."""
        found, following = await self._exceptions.search(
            self._organization_id, is_in_force=is_in_force, after=after, limit=limit
        )
        held = await self._sensors.held_back(self._organization_id)
        return Page(items=[self._show(each, held) for each in found], next=following)

    async def make(self, new: NewExceptionView, who: Who) -> MadeException:
        """Hidden alerts are kept, counted and listed; none is dropped. Malware is hidden by its rule's name only."""
        made, hushed = await self._exceptions.make(self._organization_id, _read(new), actor=who)
        return MadeException(exception=self._show(made, {}), hushed=hushed)

    async def preview(
        self,
        new: NewExceptionView,
        days: Annotated[int, Query(ge=1, le=90, description="How far to look back.")] = 14,
    ) -> PreviewView:
        """Changes nothing."""
        return _show_preview(await self._exceptions.preview(self._organization_id, _read(new), days=days))

    async def show(self, exception_id: Id) -> ExceptionView:
        """One exception."""
        found = await self._exceptions.get(self._organization_id, exception_id)
        return self._show(found, await self._sensors.held_back(self._organization_id))

    async def end(self, exception_id: Id, why: Reason, who: Who) -> ExceptionView:
        """What it hid stays hidden until it goes on; a second time changes nothing."""
        ended = await self._exceptions.end(self._organization_id, exception_id, actor=who, reason=why.reason)
        return self._show(ended, await self._sensors.held_back(self._organization_id))

    def _show(self, found: AlertException, held: Mapping[str, int]) -> ExceptionView:
        names = ExceptionView.model_fields.keys() - {"pattern", "is_in_force", "held_back"}
        return ExceptionView(
            pattern=show_pattern_view(found.pattern),
            is_in_force=found.is_in_force(self._clock.now()),
            held_back=held.get(found.exception_id, 0),
            **{name: getattr(found, name) for name in names},
        )


def _read(new: NewExceptionView) -> NewException:
    return NewException(
        pattern=read_pattern(new.pattern),
        effect=Effect(new.effect),
        reason=new.reason,
        owner=new.owner,
        ends_at=new.ends_at,
        hides_up_to=new.hides_up_to,
        learned_from=new.learned_from,
        is_at_sensors=new.is_at_sensors,
    )


def _show_preview(found: Preview) -> PreviewView:
    names = PreviewView.model_fields.keys() - {"samples"}
    return PreviewView(
        samples=[show_alert(each) for each in found.samples], **{name: getattr(found, name) for name in names}
    )
