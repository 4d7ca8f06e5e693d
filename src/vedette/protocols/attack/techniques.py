"""Techniques of MITRE ATT&CK for ICS: their ids, names and tactics, none of them revoked or deprecated.

Source:
    MITRE ATT&CK for ICS, version 18.1 (November 2025): ``attack-pattern`` objects of ``ics-attack-18.1.json``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

VERSION: Final = "18.1"


class Technique(NamedTuple):
    """What the matrix says of a technique.

    Attributes:
        tactics: What it serves, as the matrix spells it: ``inhibit-response-function``.
    """

    name: str
    tactics: tuple[str, ...]


# fmt: off
TECHNIQUES: Final[dict[str, Technique]] = {
    "T0800": Technique("Activate Firmware Update Mode", ("inhibit-response-function",)),
    "T0801": Technique("Monitor Process State", ("collection",)),
    "T0802": Technique("Automated Collection", ("collection",)),
    "T0803": Technique("Block Command Message", ("inhibit-response-function",)),
    "T0804": Technique("Block Reporting Message", ("inhibit-response-function",)),
    "T0805": Technique("Block Serial COM", ("inhibit-response-function",)),
    "T0806": Technique("Brute Force I/O", ("impair-process-control",)),
    "T0807": Technique("Command-Line Interface", ("execution",)),
    "T0809": Technique("Data Destruction", ("inhibit-response-function",)),
    "T0811": Technique("Data from Information Repositories", ("collection",)),
    "T0812": Technique("Default Credentials", ("lateral-movement",)),
    "T0813": Technique("Denial of Control", ("impact",)),
    "T0814": Technique("Denial of Service", ("inhibit-response-function",)),
    "T0815": Technique("Denial of View", ("impact",)),
    "T0816": Technique("Device Restart/Shutdown", ("inhibit-response-function",)),
    "T0817": Technique("Drive-by Compromise", ("initial-access",)),
    "T0819": Technique("Exploit Public-Facing Application", ("initial-access",)),
    "T0820": Technique("Exploitation for Evasion", ("evasion",)),
    "T0821": Technique("Modify Controller Tasking", ("execution",)),
    "T0822": Technique("External Remote Services", ("initial-access",)),
    "T0823": Technique("Graphical User Interface", ("execution",)),
    "T0826": Technique("Loss of Availability", ("impact",)),
    "T0827": Technique("Loss of Control", ("impact",)),
    "T0828": Technique("Loss of Productivity and Revenue", ("impact",)),
    "T0829": Technique("Loss of View", ("impact",)),
    "T0830": Technique("Adversary-in-the-Middle", ("collection",)),
    "T0831": Technique("Manipulation of Control", ("impact",)),
    "T0832": Technique("Manipulation of View", ("impact",)),
    "T0834": Technique("Native API", ("execution",)),
    "T0835": Technique("Manipulate I/O Image", ("inhibit-response-function",)),
    "T0836": Technique("Modify Parameter", ("impair-process-control",)),
    "T0837": Technique("Loss of Protection", ("impact",)),
    "T0838": Technique("Modify Alarm Settings", ("inhibit-response-function",)),
    "T0839": Technique("Module Firmware", ("persistence", "impair-process-control")),
    "T0840": Technique("Network Connection Enumeration", ("discovery",)),
    "T0842": Technique("Network Sniffing", ("discovery",)),
    "T0843": Technique("Program Download", ("lateral-movement",)),
    "T0845": Technique("Program Upload", ("collection",)),
    "T0846": Technique("Remote System Discovery", ("discovery",)),
    "T0847": Technique("Replication Through Removable Media", ("initial-access",)),
    "T0848": Technique("Rogue Master", ("initial-access",)),
    "T0849": Technique("Masquerading", ("evasion",)),
    "T0851": Technique("Rootkit", ("evasion", "inhibit-response-function")),
    "T0852": Technique("Screen Capture", ("collection",)),
    "T0853": Technique("Scripting", ("execution",)),
    "T0855": Technique("Unauthorized Command Message", ("impair-process-control",)),
    "T0856": Technique("Spoof Reporting Message", ("evasion", "impair-process-control")),
    "T0857": Technique("System Firmware", ("persistence", "inhibit-response-function")),
    "T0858": Technique("Change Operating Mode", ("execution", "evasion")),
    "T0859": Technique("Valid Accounts", ("persistence", "lateral-movement")),
    "T0860": Technique("Wireless Compromise", ("initial-access",)),
    "T0861": Technique("Point & Tag Identification", ("collection",)),
    "T0862": Technique("Supply Chain Compromise", ("initial-access",)),
    "T0863": Technique("User Execution", ("execution",)),
    "T0864": Technique("Transient Cyber Asset", ("initial-access",)),
    "T0865": Technique("Spearphishing Attachment", ("initial-access",)),
    "T0866": Technique("Exploitation of Remote Services", ("initial-access", "lateral-movement")),
    "T0867": Technique("Lateral Tool Transfer", ("lateral-movement",)),
    "T0868": Technique("Detect Operating Mode", ("collection",)),
    "T0869": Technique("Standard Application Layer Protocol", ("command-and-control",)),
    "T0871": Technique("Execution through API", ("execution",)),
    "T0872": Technique("Indicator Removal on Host", ("evasion",)),
    "T0873": Technique("Project File Infection", ("persistence",)),
    "T0874": Technique("Hooking", ("execution", "privilege-escalation")),
    "T0877": Technique("I/O Image", ("collection",)),
    "T0878": Technique("Alarm Suppression", ("inhibit-response-function",)),
    "T0879": Technique("Damage to Property", ("impact",)),
    "T0880": Technique("Loss of Safety", ("impact",)),
    "T0881": Technique("Service Stop", ("inhibit-response-function",)),
    "T0882": Technique("Theft of Operational Information", ("impact",)),
    "T0883": Technique("Internet Accessible Device", ("initial-access",)),
    "T0884": Technique("Connection Proxy", ("command-and-control",)),
    "T0885": Technique("Commonly Used Port", ("command-and-control",)),
    "T0886": Technique("Remote Services", ("initial-access", "lateral-movement")),
    "T0887": Technique("Wireless Sniffing", ("discovery", "collection")),
    "T0888": Technique("Remote System Information Discovery", ("discovery",)),
    "T0889": Technique("Modify Program", ("persistence",)),
    "T0890": Technique("Exploitation for Privilege Escalation", ("privilege-escalation",)),
    "T0891": Technique("Hardcoded Credentials", ("lateral-movement", "persistence")),
    "T0892": Technique("Change Credential", ("inhibit-response-function",)),
    "T0893": Technique("Data from Local System", ("collection",)),
    "T0894": Technique("System Binary Proxy Execution", ("evasion",)),
    "T0895": Technique("Autorun Image", ("execution",)),
}
# fmt: on
