"""How much a vulnerability of an asset matters. Pure, and each factor with its reason.

    priority = 100 x certainty x (exploitability x exposure x criticality) ^ (1/3)
    exploitability = severity x likelihood x reach x ease

The geometric mean of the three keeps one small factor from being hidden by two large ones, and the scale even. It
sorts; nothing is decided by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from vedette.health.advisories import Attack, Certainty, Exploitation, read_vector
from vedette.network.exposure.model import Factor, Ranking
from vedette.network.model import Criticality

_CERTAINTY: Final[Mapping[Certainty, float]] = MappingProxyType({Certainty.PROVEN: 1.0, Certainty.MAYBE: 0.5})
_REACH: Final[Mapping[str, float]] = MappingProxyType(
    {"network": 1.0, "adjacent": 0.8, "local": 0.4, "physical": 0.2, "": 0.8}
)
_CRITICALITY: Final[Mapping[Criticality, float]] = MappingProxyType(
    {Criticality.LOW: 0.4, Criticality.NORMAL: 0.6, Criticality.HIGH: 0.85, Criticality.CRITICAL: 1.0}
)
_SCORE_UNKNOWN: Final = 0.5
_LIKELIHOOD_UNKNOWN: Final = 0.5
_LIKELIHOOD_MIN: Final = 0.3
_EASE: Final = 0.8
_UNSEEN: Final = Factor("exposure", 0.6, "no sensor sees who reaches it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Who reaches an asset, as its links tell.

    Attributes:
        inbound: Connections that somebody outside began.
        outbound: Connections with the outside that it began.
        clients: Assets that talk to a service of it.
        levels: Purdue levels of those, other than its own.
        services: What it offers, such as ``tcp/502 modbus``.
        is_seen: A sensor sees it; without one, nothing of this is known.
    """

    inbound: int = 0
    outbound: int = 0
    clients: int = 0
    levels: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    is_seen: bool = True

    @property
    def key(self) -> tuple[object, ...]:
        """What of it changes a priority."""
        return bool(self.inbound), bool(self.outbound), bool(self.clients), self.levels, bool(self.services)


def rank(
    certainty: Certainty,
    *,
    score: float | None,
    vector: str,
    exploitation: Exploitation,
    surroundings: Surroundings,
    level: str,
    criticality: Criticality,
) -> Ranking:
    """Return how much a vulnerability matters, and by which factors."""
    attack = read_vector(vector)
    factors = (
        Factor("certainty", _CERTAINTY[certainty], f"the vulnerability is {_CERTAIN_WORDS[certainty]}"),
        _severity(score),
        _likelihood(exploitation),
        _reach(attack),
        _ease(attack),
        _exposure(surroundings, level) if surroundings.is_seen else _UNSEEN,
        Factor("criticality", _CRITICALITY[criticality], f"a person says that its loss is {criticality.value}"),
    )
    sure, severity, likelihood, reach, ease, exposure, worth = (factor.value for factor in factors)
    product: float = severity * likelihood * reach * ease * exposure * worth
    return Ranking(priority=round(100 * sure * float(product ** (1 / 3))), factors=factors)


_CERTAIN_WORDS: Final = MappingProxyType({Certainty.PROVEN: "proven by its version", Certainty.MAYBE: "not proven"})


def _severity(score: float | None) -> Factor:
    if score is None:
        return Factor("severity", _SCORE_UNKNOWN, "the advisory tells no score")
    return Factor("severity", max(0.05, score / 10), f"base score {score:g} of 10")


def _likelihood(exploitation: Exploitation) -> Factor:
    if exploitation.known is not None:
        by = " by ransomware" if exploitation.known.is_ransomware else ""
        return Factor("likelihood", 1.0, f"known to be exploited{by} since {exploitation.known.added_on}")
    if exploitation.score is None:
        return Factor("likelihood", _LIKELIHOOD_UNKNOWN, "no file tells how likely it is exploited")
    value = _LIKELIHOOD_MIN + (1 - _LIKELIHOOD_MIN) * exploitation.score.percentile
    told = f"{exploitation.score.probability:.1%} within 30 days, more than {exploitation.score.percentile:.0%} of all"
    return Factor("likelihood", round(value, 3), f"{told}, as of {exploitation.scored_on}")


def _reach(attack: Attack) -> Factor:
    told = f"an attack needs {attack.reach} access" if attack.reach else "the advisory does not tell from where"
    return Factor("reach", _REACH[attack.reach], told)


def _ease(attack: Attack) -> Factor:
    needs = [
        word
        for word, is_needed in (
            ("a login", attack.needs_login),
            ("a person's help", attack.needs_person),
            ("special conditions", attack.is_simple is False),
        )
        if is_needed
    ]
    return Factor(
        "ease", round(_EASE ** len(needs), 3), f"it needs {', '.join(needs)}" if needs else "it needs nothing else"
    )


def _exposure(around: Surroundings, level: str) -> Factor:
    if around.inbound:
        return Factor("exposure", 1.0, f"{around.inbound} connections from outside the network reach it")
    if around.outbound:
        return Factor("exposure", 0.9, f"it talks to the outside in {around.outbound} connections")
    if around.levels:
        return Factor("exposure", 0.75, f"level {', '.join(around.levels)} reaches it at level {level or 'unknown'}")
    if around.clients:
        return Factor("exposure", 0.6, f"{around.clients} others of its network talk to it")
    if around.services:
        return Factor("exposure", 0.5, f"it offers {around.services[0]}, and nobody was seen to use it")
    return Factor("exposure", 0.4, "nobody was seen to talk to it")
