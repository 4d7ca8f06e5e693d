"""Windows computers: exploits of SMB, and services managed from afar."""

from __future__ import annotations

from typing import Final

from vedette.sensor.flows import Flow
from vedette.sensor.model import Direction, OpKind, OtOp
from vedette.sensor.rules.desk import Desk, Memory
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood

_REQUEST: Final = Direction.REQUEST
_TRANSACTION_2: Final = 0x32
_SECONDARY_2: Final = 0x33
_NT_TRANSACT: Final = 0xA0
_TRANSACTIONS: Final = frozenset({_TRANSACTION_2, _SECONDARY_2, _NT_TRANSACT, 0xA1, 0x25, 0x26})
_PULSAR: Final = 0x51
"""The implant answers with a multiplex number that is 16 above the question's."""
_WANNACRY_SHARE: Final = "\\\\192.168.56.20\\IPC$"
"""An address that the worm's packets carry from where they were recorded."""
_PROGRAMS: Final = (".exe", ".dll", ".sys", ".scr", ".bat", ".ps1", ".vbs", ".com")
_HIDDEN: Final = ("admin$", "c$", "d$", "e$")
_CONTENT_CHARS: Final = 64
_WSMAN: Final = "/wsman"
_MAX_AGE_NS: Final = 600_000_000_000


class Windows(Detector):
    """Hears SMB."""

    __slots__ = ("_programs", "_transactions")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        self._transactions: Final[Memory[Flow, set[int]]] = Memory(4_096)
        """The kinds of transactions that a conversation began."""
        self._programs: Final[Memory[tuple[str, str], tuple[int, str]]] = Memory(4_096)

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:  # noqa: ARG002 - all of SMB
        """Hear SMB, and HTTP that carries WinRM."""
        if protocol == "http":
            return self._web
        return self._hear if protocol == "smb" else None

    def flow_closed(self, flow: Flow) -> None:
        """Forget what is over."""
        self._transactions.drop(flow)

    def _report(self, rule: str, op: OtOp, what: str = "", key: str = "") -> None:
        flow = op.flow
        self.desk.report(rule, op.at_ns, flow.client, flow.server, what, key=key, protocol=op.protocol, flow=flow)

    def _web(self, op: OtOp) -> None:
        if op.direction is _REQUEST and op.name.startswith(_WSMAN) and op.service == "post":
            self._report("windows.remote_shell", op)

    def _hear(self, op: OtOp) -> None:
        if op.value == "overflows":
            self._report("windows.exploit", op, "an attempt at SMBGhost (CVE-2020-0796)")
        if op.direction is _REQUEST:
            if op.name:
                self._named(op)
            elif op.code in _TRANSACTIONS and op.service not in {"lock", "ioctl"}:
                self._transaction(op)
        elif op.code in _TRANSACTIONS:
            self._answer(op)

    def _transaction(self, op: OtOp) -> None:
        begun = self._transactions.get(op.flow)
        if begun is None:
            begun = set()
            self._transactions.put(op.flow, begun)
        begun.add(op.code)
        # Parts of one kind of transaction behind the beginning of another: what EternalBlue overflows a buffer with.
        if op.code == _SECONDARY_2 and _NT_TRANSACT in begun and _TRANSACTION_2 not in begun:
            self._report("malware.smb_transaction", op)

    def _answer(self, op: OtOp) -> None:
        if op.code == _TRANSACTION_2 and op.result == "not_implemented" and (op.transaction or 0) & 0xFFFF == _PULSAR:
            self._report("malware.doublepulsar", op)
        elif op.result == "invalid_parameter" and _NT_TRANSACT in (self._transactions.get(op.flow) or ()):
            self._report("malware.smb_parameters", op)

    def _named(self, op: OtOp) -> None:
        name = op.name.lower().strip("\\")
        pair = (op.flow.client, op.flow.server)
        if op.area == "share":
            if op.name.upper() == _WANNACRY_SHARE.upper():
                self._report("malware.wannacry", op, "the share that WannaCry asks for")
            if (share := name.rpartition("\\")[2]) in _HIDDEN:
                self._report("windows.admin_share", op, share.upper(), share)
        elif "psexesvc" in name:
            self._report("windows.psexec", op)
        elif name.rpartition("\\")[2] == "svcctl":
            self._report("windows.service_control", op)
            written = self._programs.get(pair)
            if written is not None and op.at_ns - written[0] < _MAX_AGE_NS:
                self._report("windows.service_made", op, written[1])
        elif op.kind is OpKind.FILE and name.endswith(_PROGRAMS) and op.service.endswith(("create", "create_andx")):
            program = name.rpartition("\\")[2][:_CONTENT_CHARS]
            self._programs.put(pair, (op.at_ns, program))
            if op.value == "write":
                self._report("windows.program_written", op, program, program)
