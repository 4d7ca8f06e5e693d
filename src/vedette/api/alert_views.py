"""Alerts as the API shows them, and as it takes what people say to them."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import Field

from vedette.api.schema import REASON_MAX_CHARS, Timestamp, View
from vedette.incidents import (
    ALARM,
    Alert,
    AlertGroup,
    AlertState,
    Counts,
    End,
    Engine,
    Pattern,
    Severity,
    Step,
    Verdict,
    pattern_of,
    signal_class,
    why_it_matters,
)
from vedette.network import Criticality
from vedette.protocols.attack import TECHNIQUES

Given = Literal["true-positive", "benign", "false-positive", "authorized"]
Standing = Literal["loud", "muted", "authorized", "merged"]
_Text = Annotated[str, Field(min_length=1, max_length=512)]
_Texts = Annotated[list[_Text], Field(default_factory=list, max_length=64)]


class EndView(View):
    """One end of what happened."""

    address: str = Field(description="IP or MAC address; it can be spoofed.")
    asset_id: str = Field(description="Of the inventory; empty: it knows nothing of the address.")
    name: str
    criticality: Criticality
    generation_id: str = Field(description="Of the registered device that it is taken for; empty: none.")
    device_id: str


class PatternView(View):
    """Which alerts are meant; an empty list matches anything."""

    rules: _Texts = Field(description="Ids of rules; `ot.*` is all that begin so.", examples=[["ot.controller_stop"]])
    sources: _Texts = Field(description="Addresses or networks of who did it.", examples=[["10.0.0.9"]])
    targets: _Texts = Field(description="Addresses or networks of whom it was done to.", examples=[["10.0.0.0/24"]])
    keys: _Texts = Field(description="What learning matches beside rule and ends.")
    sites: _Texts = Field(description="Of the sensor.")


class SuggestionView(View):
    """Something that could be done now."""

    act: Literal["quarantine"]
    device_id: str
    mode: Literal["cut"]
    method: Literal["POST"]
    path: str
    because: str


class AlertStepView(View):
    """Something that was done to an alert."""

    act: str = Field(description="`acknowledge`, `close`, `reopen`, `merge`, `unmerge`, or `join`: the platform's own.")
    at: Timestamp
    by: str = Field(description="`kind:id`.")
    reason: str
    verdict: str
    other_id: str = Field(description="The other alert of `merge`, `unmerge` and `join`.")


class AlertView(View):
    """A detection on behavior."""

    alert_id: str
    rule: str = Field(examples=["ot.controller_stop"])
    engine: Engine
    severity: Severity = Field(description="Mindful of how critical the assets are.")
    raised_severity: Severity = Field(description="As the sensor rates it.")
    title: str = Field(description="What happened, in words.")
    source: EndView
    target: EndView
    protocol: str
    technique: str = Field(description="ATT&CK for ICS id; empty: none.", examples=["T0858"])
    technique_name: str = Field(examples=["Change Operating Mode"])
    tactics: list[str] = Field(description="What the technique serves, as ATT&CK spells it.", examples=[["execution"]])
    why: str = Field(description="Why it matters, in words.")
    site: str
    sensor_id: str = Field(description="Generation of the sensor.")
    sensor_name: str
    state: AlertState
    standing: Standing = Field(
        description="`loud`: somebody is to look at it. `muted` by an exception, `authorized` by a ticket, `merged` "
        "into another."
    )
    verdict: Verdict = Field(description="Empty until it is closed.")
    exception_id: str
    ticket_id: str
    merged_into: str
    first_at: Timestamp
    last_at: Timestamp
    received_at: Timestamp
    times: int
    is_learnable: bool = Field(description="Whether a person may say that this is normal from now on.")
    key: str
    detail: dict[str, str | int | None]
    slice_bytes: int = Field(description="Size of the packets that are kept; 0: none.")
    signaled_at: Timestamp | None = Field(description="When the posture of the devices behind it last heard of it.")
    changed_at: Timestamp | None
    changed_by: str = Field(description="Who last acted on it, `kind:id`.")
    reason: str
    revision: int = Field(description="Grows with each act; the `ETag` is this number in quotes.")
    incident_id: str = Field(
        description="Alerts about the same doer at a site, without a pause of half an hour, share it; empty: it was "
        "never loud."
    )
    history: list[AlertStepView] = Field(description="What was done to it, the last 40 steps, oldest first.")
    offered_exception: PatternView = Field(description="What would match this and its like, and nothing else.")
    suggestions: list[SuggestionView]


class CountsView(View):
    """How many alerts there are, by what one asks first."""

    open: int = Field(description="Somebody is to look at them: loud, and not closed.")
    by_state: dict[str, int]
    open_by_severity: dict[str, int]
    open_by_engine: dict[str, int]
    open_by_rule: dict[str, int] = Field(description="The ten that most come from.")
    quiet: dict[str, int] = Field(description="Not closed, and `muted`, `authorized` or `merged`.")


class AlertGroupView(View):
    """Alerts that share something."""

    key: str = Field(description="What they share: an incident's id, an address, a rule …")
    name: str = Field(description="What the inventory calls who did it, or whom it was done to.")
    site: str = Field(description="Empty where what they share is the same everywhere.")
    count: int
    open: int = Field(description="Somebody is to look at them: loud, and not closed.")
    severity: Severity = Field(description="Of the gravest that is open, else of the gravest.")
    first_at: Timestamp
    last_at: Timestamp
    rules: list[str] = Field(description="What happened, in the order in which it began; twelve at most.")
    title: str = Field(description="What happened, of the gravest.")


class AlertGroupsView(View):
    """Alerts, counted by what they share."""

    items: list[AlertGroupView]


class Closing(View):
    """What an alert turned out to be."""

    verdict: Given
    reason: str = Field(min_length=1, max_length=REASON_MAX_CHARS, description="Why, in your own words.")
    gives_back: bool = Field(
        default=False,
        description="With a harmless verdict: also take back what alerts said of the devices behind it, unless another "
        "one stands. Takes the right to quarantine them.",
    )


class Merging(View):
    """Alerts that another one speaks for."""

    alert_ids: list[str] = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=REASON_MAX_CHARS, description="Why, in your own words.")


class ManyAlerts(View):
    """One act on many alerts."""

    alert_ids: list[str] = Field(min_length=1, max_length=200)
    act: Literal["acknowledge", "close", "reopen"]
    verdict: Given | None = Field(default=None, description="Of `close`.")
    reason: str = Field(default="", max_length=REASON_MAX_CHARS, description="Needed to close and to reopen.")


class AlertsView(View):
    """Some alerts."""

    items: list[AlertView]


def show_alert(alert: Alert) -> AlertView:
    """Return an alert as it is shown."""
    names = AlertView.model_fields.keys() - {
        "source",
        "target",
        "standing",
        "detail",
        "offered_exception",
        "suggestions",
        "technique_name",
        "tactics",
        "why",
        "history",
    }
    technique = TECHNIQUES.get(alert.technique)
    return AlertView(
        source=_show_end(alert.source),
        target=_show_end(alert.target),
        standing=_standing(alert),
        detail=dict(alert.detail),
        offered_exception=show_pattern_view(pattern_of(alert)),
        suggestions=_suggest(alert),
        technique_name="" if technique is None else technique.name,
        tactics=[] if technique is None else list(technique.tactics),
        why=why_it_matters(alert),
        history=[_show_step(each) for each in alert.history],
        **{name: getattr(alert, name) for name in names},
    )


def show_group(group: AlertGroup) -> AlertGroupView:
    """Return a group as it is shown."""
    names = AlertGroupView.model_fields.keys() - {"rules"}
    return AlertGroupView(rules=list(group.rules), **{name: getattr(group, name) for name in names})


def show_counts(counts: Counts) -> CountsView:
    """Return counts as they are shown."""
    return CountsView(
        open=sum(counts.open_by_severity.values()),
        by_state=counts.by_state,
        open_by_severity={each.value: counts.open_by_severity.get(each.value, 0) for each in Severity},
        open_by_engine=counts.open_by_engine,
        open_by_rule=counts.open_by_rule,
        quiet=counts.quiet,
    )


def show_pattern_view(pattern: Pattern) -> PatternView:
    """Return a pattern as it is shown."""
    return PatternView(**{name: list(getattr(pattern, name)) for name in PatternView.model_fields})


def read_pattern(told: PatternView) -> Pattern:
    """Return the pattern that a request names."""
    return Pattern(**{name: tuple(getattr(told, name)) for name in PatternView.model_fields})


def _show_step(step: Step) -> AlertStepView:
    return AlertStepView(**{name: getattr(step, name) for name in AlertStepView.model_fields})


def _show_end(end: End) -> EndView:
    return EndView(**{name: getattr(end, name) for name in EndView.model_fields})


def _standing(alert: Alert) -> Standing:
    if alert.merged_into:
        return "merged"
    if alert.ticket_id:
        return "authorized"
    return "muted" if alert.exception_id else "loud"


def _suggest(alert: Alert) -> list[SuggestionView]:
    """Offer the cut of the devices that a grave alert narrowed: only a person decides it."""
    if not alert.is_loud or alert.state is AlertState.CLOSED:
        return []
    return [
        SuggestionView(
            act="quarantine",
            device_id=end.device_id,
            mode="cut",
            method="POST",
            path=f"/v1/devices/{quote(end.device_id, safe='')}/quarantine",
            because=alert.title,
        )
        for end in alert.managed_ends
        if signal_class(alert, end) == ALARM
    ]
