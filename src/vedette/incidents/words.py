"""Why an alert matters, in words for whoever has to decide. Pure."""

from __future__ import annotations

from typing import Final

from vedette.incidents.model import Alert, Engine
from vedette.protocols.attack import TECHNIQUES

# By tactic of ATT&CK for ICS, the gravest first: a technique may serve several.
_BY_TACTIC: Final = {
    "impact": "This is what an attack on a plant is after: control, sight or safety of the process may be lost.",
    "inhibit-response-function": "It can keep protection, alarms or operators from answering when a process needs it.",
    "impair-process-control": "It reaches into the process itself: what the controller does may no longer be what was "
    "meant.",
    "execution": "Somebody makes a device run what they want, or changes how it runs.",
    "persistence": "It changes what stays in a device after a restart: whoever did it can come back.",
    "command-and-control": "Somebody outside may be steering a device in here.",
    "initial-access": "It is a way in: whoever uses it stands inside the network afterwards.",
    "lateral-movement": "It is a step from one device to the next.",
    "privilege-escalation": "Somebody gets more rights than they were given.",
    "evasion": "It hides what is done, from people and from protection.",
    "collection": "Somebody gathers what they need to know to touch the process.",
    "discovery": "Somebody looks around: what comes next uses what they find.",
}
_BY_ENGINE: Final = {
    Engine.POLICY: "It is not what is usual or allowed here.",
    Engine.ANOMALY: "It is not how these devices behaved before.",
    Engine.PROTOCOL: "A message broke its protocol: a fault in a device, or an attempt at one.",
    Engine.MALWARE: "This is known to belong to attacks, not to plants.",
    Engine.OPERATIONAL: "A device is not doing its work as it should.",
}
_BY_RULE: Final = {
    "baseline.new_asset": "Nobody has said what this device is or who brought it. An attacker's laptop looks the same.",
    "network.unknown_asset": "Nobody has said what this device is or who brought it. An attacker's laptop looks the "
    "same.",
    "network.zones_violated": "The approved plan does not allow this. Where no firewall stops it, an attack can take "
    "the same way.",
    "vedette.alert_flood": "What is counted here is not listed: an attack may hide in the noise.",
}


def why_it_matters(alert: Alert) -> str:
    """Return what is at stake, in one sentence or two."""
    if alert.rule in _BY_RULE:
        return _BY_RULE[alert.rule]
    if alert.engine is Engine.MALWARE:
        return _BY_ENGINE[Engine.MALWARE]
    technique = TECHNIQUES.get(alert.technique)
    tactics = () if technique is None else technique.tactics
    return next((text for tactic, text in _BY_TACTIC.items() if tactic in tactics), _BY_ENGINE[alert.engine])
