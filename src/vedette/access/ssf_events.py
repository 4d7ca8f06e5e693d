"""What happens here in CAEP's words, and what CAEP's words mean here. Pure.

Source:
    OpenID Continuous Access Evaluation Profile 1.0; OpenID Shared Signals Framework 1.0 §3, §4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from vedette.ledger import Envelope
from vedette.trust import RiskLevel

_CAEP: Final = "https://schemas.openid.net/secevent/caep/event-type/"
_SSF: Final = "https://schemas.openid.net/secevent/ssf/event-type/"
SESSION_REVOKED: Final = f"{_CAEP}session-revoked"
CREDENTIAL_CHANGE: Final = f"{_CAEP}credential-change"
COMPLIANCE_CHANGE: Final = f"{_CAEP}device-compliance-change"
RISK_LEVEL_CHANGE: Final = f"{_CAEP}risk-level-change"
EVENT_TYPES: Final = (SESSION_REVOKED, CREDENTIAL_CHANGE, COMPLIANCE_CHANGE, RISK_LEVEL_CHANGE)
VERIFICATION: Final = f"{_SSF}verification"
STREAM_UPDATED: Final = f"{_SSF}stream-updated"
SESSION_REVOKED_LASTS: Final = timedelta(hours=1)
_INITIATORS: Final = {"operator": "admin", "system": "policy", "service": "policy", "device": "system"}
_REASON_MAX_CHARS: Final = 256
_NAME_MAX_CHARS: Final = 260

Claims = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True)
class CaepEvent:
    """One event to be told."""

    type: str
    claims: Claims


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardEvent:
    """What a CAEP event that was received means as a signal."""

    signal_class: str
    level: RiskLevel
    lasts: timedelta | None = None


def caep_events(envelope: Envelope) -> list[CaepEvent]:
    """Return what a domain event is to CAEP; most are nothing."""
    translate = _TRANSLATIONS.get(envelope.name)
    if translate is None:
        return []
    told = translate(envelope.data)
    reason = str(envelope.data.get("reason") or "") or envelope.name.replace(".", ": ").replace("_", " ")
    common = {
        "event_timestamp": _unix(envelope.occurred_at),
        "initiating_entity": _INITIATORS.get(envelope.actor.kind, "system"),
        "reason_admin": {"en": reason[:_REASON_MAX_CHARS]},
    }
    return [CaepEvent(kind, {**claims, **common}) for kind, claims in told]


def heard_event(kind: str, claims: Mapping[str, Any]) -> HeardEvent | None:
    """Return what a CAEP event means as a signal; ``None``: nothing to us."""
    match kind:
        case _ if kind == SESSION_REVOKED:
            return HeardEvent(signal_class="session-revoked", level=RiskLevel.HIGH, lasts=SESSION_REVOKED_LASTS)
        case _ if kind == RISK_LEVEL_CHANGE:
            level = _LEVELS.get(str(claims.get("current_level", "")).upper())
            return None if level is None else HeardEvent(signal_class="risk-level", level=level)
        case _ if kind == COMPLIANCE_CHANGE:
            is_bad = claims.get("current_status") != "compliant"
            return HeardEvent(signal_class="compliance", level=RiskLevel.MEDIUM if is_bad else RiskLevel.LOW)
        case _ if kind == CREDENTIAL_CHANGE:
            is_taken = claims.get("change_type") in {"revoke", "delete"}
            return HeardEvent(signal_class="credential-change", level=RiskLevel.MEDIUM) if is_taken else None
        case _:
            return None


def subject_of(issuer: str, device_id: str, module_id: str | None) -> Claims:
    """Return the subject of an event: the identity's name, as its issuer gave it."""
    name = device_id if module_id is None else f"{device_id}/{module_id}"
    return {"format": "iss_sub", "iss": issuer, "sub": name}


def name_in_subject(subject: object) -> tuple[str, str | None] | None:
    """Return the device, and the module, that a subject names; ``None``: it names no device in a way we know.

    Args:
        subject: ``sub_id``: ``iss_sub`` or ``opaque``, or a complex one with a member ``device``.
    """
    if not isinstance(subject, dict):
        return None
    if subject.get("format") == "complex" or ("format" not in subject and "device" in subject):
        return name_in_subject(subject.get("device"))
    name = subject.get({"iss_sub": "sub", "opaque": "id"}.get(str(subject.get("format")), ""))
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_MAX_CHARS:
        return None
    device_id, slash, module_id = name.partition("/")
    return device_id, (module_id if slash else None)


_Translation = Callable[[Mapping[str, Any]], list[tuple[str, Claims]]]
_LEVELS: Final = {"LOW": RiskLevel.LOW, "MEDIUM": RiskLevel.MEDIUM, "HIGH": RiskLevel.HIGH}


def _risk(data: Mapping[str, Any]) -> list[tuple[str, Claims]]:
    if data["risk_level"] == data["previous_risk_level"]:
        return []
    # CAEP knows no "unknown": a receiver that was told of a risk must hear when nothing is left of it.
    current = "LOW" if data["risk_level"] == "unknown" else data["risk_level"].upper()
    claims: Claims = {"principal": "DEVICE", "current_level": current}
    if data["previous_risk_level"] != "unknown":
        claims["previous_level"] = data["previous_risk_level"].upper()
        if claims["previous_level"] == current:
            return []
    reasons = data.get("added") or ()
    claims["risk_reason"] = ", ".join(reasons)[:_REASON_MAX_CHARS] or "signals are over"
    return [(RISK_LEVEL_CHANGE, claims)]


def _quarantined(data: Mapping[str, Any]) -> list[tuple[str, Claims]]:
    told: list[tuple[str, Claims]] = []
    if not data.get("previous_mode"):
        told.append((COMPLIANCE_CHANGE, {"previous_status": "compliant", "current_status": "not-compliant"}))
    if data["mode"] == "cut":
        told.append((SESSION_REVOKED, {}))
    return told


def _released(_: Mapping[str, Any]) -> list[tuple[str, Claims]]:
    return [(COMPLIANCE_CHANGE, {"previous_status": "not-compliant", "current_status": "compliant"})]


def _revoked(_: Mapping[str, Any]) -> list[tuple[str, Claims]]:
    return [(SESSION_REVOKED, {})]


def _credential(change: str, kind: str = "x509") -> _Translation:
    def translate(data: Mapping[str, Any]) -> list[tuple[str, Claims]]:
        claims: Claims = {"credential_type": kind, "change_type": change}
        if isinstance(data.get("serial"), str):
            claims["x509_serial"] = data["serial"]
        return [(CREDENTIAL_CHANGE, claims)]

    return translate


_TRANSLATIONS: Final[Mapping[str, _Translation]] = {
    "health.posture_changed": _risk,
    "access.device_quarantined": _quarantined,
    "access.device_released": _released,
    "registry.device_disabled": _revoked,
    "registry.device_revoked": _revoked,
    "registry.device_retired": _revoked,
    "registry.device_deleted": _revoked,
    "pki.identity_frozen": _revoked,
    "pki.certificate_issued": _credential("create"),
    "pki.certificate_renewed": _credential("update"),
    "pki.certificate_revoked": _credential("revoke"),
    "pki.symmetric_keys_revoked": _credential("revoke", "symmetric-key"),
}


def _unix(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())
