"""Rules about Windows computers and their domains: what is done to them from afar."""

from __future__ import annotations

from typing import Final

from vedette.sensor.alerts import Engine, Severity
from vedette.sensor.rules.model import RuleSpec

_POLICY: Final = Engine.POLICY
_ANOMALY: Final = Engine.ANOMALY
_MALWARE: Final = Engine.MALWARE
_LOW: Final = Severity.LOW
_MEDIUM: Final = Severity.MEDIUM
_HIGH: Final = Severity.HIGH
_CRITICAL: Final = Severity.CRITICAL
_DAY: Final = 86_400

WINDOWS: Final = (
    *(
        RuleSpec(name, title, says, _POLICY, severity, technique, is_learnable=True, cool_down_s=3_600)
        for name, title, says, severity, technique in (
            ("windows.service_created", "A service is made or changed on a Windows computer",
             "{source} makes or changes a service on {target}{what}", _HIGH, "T0886"),
            ("windows.task_scheduled", "A task is scheduled on a Windows computer",
             "{source} schedules a task on {target}{what}", _HIGH, "T0886"),
            ("windows.registry_changed", "The registry of a Windows computer is changed",
             "{source} changes the registry of {target}{what}", _HIGH, "T0886"),
            ("windows.wmi_method", "A method of WMI is run: a program is started, a service made",
             "{source} runs a method of WMI on {target}", _HIGH, "T0886"),
            ("windows.dcom_called", "An application is worked through DCOM",
             "{source} works an application on {target} through DCOM", _HIGH, "T0886"),
            ("windows.program_written", "A program is written to a shared folder",
             "{source} writes a program to {target}: {what}", _HIGH, "T0867"),
            ("windows.driver_added", "A printer driver is added, as PrintNightmare does it",
             "{source} adds a printer driver to {target}{what}", _HIGH, "T0866"),
            ("windows.account_changed", "An account is made or given rights, or its password set",
             "{source} changes accounts of {target}: {what}", _HIGH, "T0892"),
            ("windows.secrets_read", "Stored secrets of a Windows computer are read",
             "{source} reads secrets of {target}: {what}", _HIGH, "T0893"),
            ("windows.log_cleared", "The event log of a Windows computer is cleared",
             "{source} clears an event log of {target}", _HIGH, "T0872"),
            ("windows.shut_down", "A Windows computer is shut down or restarted from afar",
             "{source} shuts {target} down", _HIGH, "T0816"),
            ("windows.remote_shell", "A Windows computer is managed through WinRM",
             "{source} manages {target} through WinRM", _MEDIUM, "T0886"),
            ("windows.admin_share", "An administrative share is opened", "{source} opens {what} of {target}", _MEDIUM,
             "T0886"),
            ("windows.accounts_listed", "Accounts or groups of a Windows computer are listed",
             "{source} lists accounts of {target}: {what}", _MEDIUM, "T0888"),
            ("ldap.services_listed", "A directory is searched for accounts that services run under",
             "{source} searches the directory of {target} for service accounts", _MEDIUM, "T0888"),
        )
    ),
    *(
        RuleSpec(name, title, says, _POLICY, _LOW, "T0888", is_learnable=True, cool_down_s=_DAY)
        for name, title, says in (
            ("windows.registry_read", "The registry of a Windows computer is read",
             "{source} reads the registry of {target}"),
            ("windows.shares_listed", "Shares, sessions or users of a Windows computer are listed",
             "{source} lists what {target} shares, and with whom: {what}"),
            ("windows.endpoints_listed", "The services of a Windows computer are listed",
             "{source} lists the services of {target}"),
            ("windows.wmi_login", "WMI is used from afar", "{source} signs in to WMI of {target}"),
        )
    ),
    RuleSpec("windows.directory_copied", "Passwords of a domain are copied by who is no domain controller",
             "{source}, no domain controller, copies the directory with its passwords from {target}", _MALWARE,
             _CRITICAL, "T0859", is_learnable=True),
    RuleSpec("windows.directory_forged", "Somebody makes itself a domain controller",
             "{source} tells {target} to take changes of the directory from it", _MALWARE, _CRITICAL, "T0859",
             is_learnable=True),
    RuleSpec("windows.coerced", "A Windows computer is made to sign in elsewhere",
             "{source} makes {target} sign in to somebody else ({what})", _MALWARE, _HIGH, "T0830", is_learnable=True),
    RuleSpec("windows.zerologon", "A domain controller is tried with empty credentials, or again and again",
             "{source} tries Zerologon (CVE-2020-1472) on {target}: {what}", _MALWARE, _CRITICAL, "T0866",
             thresholds={"attempts": 20, "window_s": 60}),
    RuleSpec("windows.exploit", "A known exploit of Windows", "{source} and {target}: {what}", _MALWARE, _CRITICAL,
             "T0866"),
    RuleSpec("kerberos.roasting", "Tickets of many services in a weak cipher",
             "{source} fetches tickets of {what} in a cipher that can be broken", _ANOMALY, _HIGH, "T0859",
             thresholds={"services": 3, "window_s": 600}),
    RuleSpec("kerberos.unproved", "A ticket is given to who did not prove to know the password",
             "{source} got a ticket of {what} without its password from {target}", _ANOMALY, _HIGH, "T0859",
             is_learnable=True),
    RuleSpec("kerberos.weak_proof", "Somebody signs in with a cipher that is retired, though better ones are known",
             "{source} signs in to {target} as {what} with a retired cipher", _ANOMALY, _MEDIUM, "T0859",
             is_learnable=True, cool_down_s=_DAY),
    RuleSpec("login.spray", "Logins of many accounts fail",
             "{source} tries passwords of many accounts at {target}: {what}", _ANOMALY, _HIGH, "T0859",
             thresholds={"accounts": 5, "window_s": 600}),
    RuleSpec("dns.texts", "Long texts are fetched by many names, as commands and programs are",
             "{source} fetches long texts by DNS: {what}", _MALWARE, _HIGH, "T0869",
             thresholds={"names": 8, "window_s": 600}),
    RuleSpec("names.poisoned", "Somebody answers to names of others",
             "{source} answers to names that are not its own: {what}", _ANOMALY, _HIGH, "T0830",
             thresholds={"names": 3, "window_s": 600}),
)  # fmt: skip
