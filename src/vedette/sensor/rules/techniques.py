"""Techniques of MITRE ATT&CK for ICS, version 18.1, that rules name; none of them is revoked or deprecated there.

``T0841`` and ``T0818``, which older lists of alerts name, are gone.
"""

from __future__ import annotations

from typing import Final

TECHNIQUES: Final[dict[str, str]] = {
    "T0801": "Monitor Process State",
    "T0803": "Block Command Message",
    "T0804": "Block Reporting Message",
    "T0806": "Brute Force I/O",
    "T0812": "Default Credentials",
    "T0814": "Denial of Service",
    "T0816": "Device Restart/Shutdown",
    "T0830": "Adversary-in-the-Middle",
    "T0831": "Manipulation of Control",
    "T0835": "Manipulate I/O Image",
    "T0836": "Modify Parameter",
    "T0838": "Modify Alarm Settings",
    "T0839": "Module Firmware",
    "T0840": "Network Connection Enumeration",
    "T0842": "Network Sniffing",
    "T0843": "Program Download",
    "T0845": "Program Upload",
    "T0846": "Remote System Discovery",
    "T0848": "Rogue Master",
    "T0855": "Unauthorized Command Message",
    "T0856": "Spoof Reporting Message",
    "T0857": "System Firmware",
    "T0858": "Change Operating Mode",
    "T0859": "Valid Accounts",
    "T0861": "Point & Tag Identification",
    "T0866": "Exploitation of Remote Services",
    "T0867": "Lateral Tool Transfer",
    "T0869": "Standard Application Layer Protocol",
    "T0872": "Indicator Removal on Host",
    "T0877": "I/O Image",
    "T0878": "Alarm Suppression",
    "T0882": "Theft of Operational Information",
    "T0883": "Internet Accessible Device",
    "T0884": "Connection Proxy",
    "T0885": "Commonly Used Port",
    "T0886": "Remote Services",
    "T0888": "Remote System Information Discovery",
    "T0889": "Modify Program",
    "T0892": "Change Credential",
    "T0893": "Data from Local System",
}
