"""How old a device's system is: which it names, anywhere, and until when its maker supplied security updates.

Source:
    Dates as the makers published them: Microsoft's lifecycle pages (end of extended support), Android security
    bulletins (the last for a version), kernel.org's notices of end of life.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from vedette.sensor.assets import Asset, Fact
from vedette.sensor.model import Attribute
from vedette.sensor.recognize.knowledge import SOURCE

_MAX_TEXT_CHARS: Final = 256


class Support(NamedTuple):
    """A system that a device names."""

    system: str
    until: str
    """The day after which no more updates came: ``2014-04-08``."""
    confidence: int
    source: str
    """What named it."""


# The first that fits counts, so what is narrower stands first. Names that two systems of different age share are left
# out: to call a supported server an old desktop would be worse than to say nothing.
_SYSTEMS: Final = tuple(
    (re.compile(pattern), name, until)
    for pattern, name, until in (
        (r"windows 95\b", "Windows 95", "2001-12-31"),
        (r"windows 98|win98|msft 98|windows me\b", "Windows 98 or Me", "2006-07-11"),
        (r"windows nt 4\.0|windows nt 4\b", "Windows NT 4.0", "2004-12-31"),
        (r"windows ce 5|wince 5", "Windows CE 5.0", "2014-10-14"),
        (r"windows ce\b|windows embedded ce 6", "Windows CE", "2018-04-10"),
        (r"windows nt 5\.0|windows 2000|windows 5\.0\b|iis/5\.0", "Windows 2000", "2010-07-13"),
        (r"windows nt 5\.1|windows xp|windows 5\.1\b|iis/5\.1", "Windows XP", "2014-04-08"),
        (r"windows nt 5\.2|windows server 2003|windows 5\.2\b|iis/6\.0", "Windows Server 2003", "2015-07-14"),
        (r"windows vista or server 2008|windows nt 6\.0|iis/7\.0", "Windows Vista or Server 2008", "2020-01-14"),
        (r"windows vista|windows \(tm\) vista", "Windows Vista", "2017-04-11"),
        (r"windows server \(r\) 2008|windows server 2008", "Windows Server 2008", "2020-01-14"),
        (r"windows 7|windows nt 6\.1|iis/7\.5", "Windows 7 or Server 2008 R2", "2020-01-14"),
        (r"windows 8 or server 2012|windows nt 6\.2|iis/8\.0", "Windows 8 or Server 2012", "2023-10-10"),
        (r"windows 8\.1|windows nt 6\.3|iis/8\.5", "Windows 8.1 or Server 2012 R2", "2023-10-10"),
        (r"windows server 2012", "Windows Server 2012", "2023-10-10"),
        (r"windows server 2016", "Windows Server 2016", "2027-01-12"),
        (r"windows server 2019", "Windows Server 2019", "2029-01-09"),
        (r"windows server 2022", "Windows Server 2022", "2031-10-14"),
        (r"\bandroid [1-4]\b", "Android 4 or older", "2017-10-01"),
        (r"\bandroid 5\b", "Android 5", "2018-03-01"),
        (r"\bandroid 6\b", "Android 6", "2018-08-01"),
        (r"\bandroid 7\b", "Android 7", "2019-10-01"),
        (r"\bandroid 8\b", "Android 8", "2021-10-01"),
        (r"\bandroid 9\b", "Android 9", "2022-01-01"),
        (r"\bandroid 10\b", "Android 10", "2023-02-01"),
        (r"\blinux[ /]2\.[0-4]\b", "Linux 2.4 or older", "2011-12-25"),
        (r"\blinux[ /]2\.6\b", "Linux 2.6", "2016-03-12"),
    )
)
_PLACES: Final = (Attribute.OPERATING_SYSTEM, Attribute.SOFTWARE, Attribute.FINGERPRINT, Attribute.DESCRIPTION)
_FINGERPRINTS: Final = ("dhcp_vendor:", "ssdp_server:")


def support_of(asset: Asset) -> list[Support]:
    """Return every system that a device names and whose age is known, the surest first."""
    found: dict[str, Support] = {}
    for attribute in _PLACES:
        for fact in asset.facts.get(attribute, ()):
            if _is_told(attribute, fact) and (known := _known(fact)) is not None:
                before = found.get(known.system)
                if before is None or before.confidence < known.confidence:
                    found[known.system] = known
    return sorted(found.values(), key=lambda each: (-each.confidence, each.until))


def _is_told(attribute: Attribute, fact: Fact) -> bool:
    if fact.source.startswith(SOURCE):
        return False
    return attribute is not Attribute.FINGERPRINT or fact.value.startswith(_FINGERPRINTS)


def _known(fact: Fact) -> Support | None:
    text = fact.value[:_MAX_TEXT_CHARS].lower()
    for pattern, name, until in _SYSTEMS:
        if pattern.search(text):
            return Support(name, until, fact.confidence, f"{fact.source}: {fact.value[:60]}")
    return None
