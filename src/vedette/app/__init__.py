"""The hall: the composition root. Builds every room and door once, owns the processes, their start and their stop.

Terms: the *supervisor* is the parent process of ``vedette up``; its children are *roles* (control, signer, gateway),
each started as ``python -m vedette.app ROLE`` with the settings it needs and nothing else. What is exported here loads
no SQL: each role imports what it needs when it starts.
"""

from __future__ import annotations

from vedette.app.child import ProcessFailed, Program
from vedette.app.configuration import Configuration
from vedette.app.configuration_file import BadConfiguration, Finding, ReadConfiguration, all_options, read_configuration
from vedette.app.data_directory import DataDirectory, DataDirectoryInUse, default_data_path
from vedette.app.demo import demo_data_path, demo_programs
from vedette.app.offline import OfflineLedger, find_offline_ledger
from vedette.app.open_ports import OpenPort, PortFinding, PortsUnreadable, check_open_ports
from vedette.app.options import Option
from vedette.app.plan import Plan
from vedette.app.ports import PortUnavailable
from vedette.app.recover import Recovery, recover_admin
from vedette.app.state import NotRunning, ProcessState, RunState, read_state
from vedette.app.up import Ready, find_configuration, up

__all__ = [
    "BadConfiguration",
    "Configuration",
    "DataDirectory",
    "DataDirectoryInUse",
    "Finding",
    "NotRunning",
    "OfflineLedger",
    "OpenPort",
    "Option",
    "Plan",
    "PortFinding",
    "PortUnavailable",
    "PortsUnreadable",
    "ProcessFailed",
    "ProcessState",
    "Program",
    "ReadConfiguration",
    "Ready",
    "Recovery",
    "RunState",
    "all_options",
    "check_open_ports",
    "default_data_path",
    "demo_data_path",
    "demo_programs",
    "find_configuration",
    "find_offline_ledger",
    "read_configuration",
    "read_state",
    "recover_admin",
    "up",
]
