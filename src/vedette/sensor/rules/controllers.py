"""What is done to controllers: stops, programs, firmware, forced values, and who writes for the first time."""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import PROTOCOLS
from vedette.sensor.flows import Side
from vedette.sensor.model import AssetEvidence, Attribute, Direction, OpKind, OtOp
from vedette.sensor.rules.desk import Desk, Rate, Wide
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood, ends_of, facts_of, key_of, words_of

_REQUEST: Final = Direction.REQUEST
_REPORT: Final = Direction.REPORT
_STOP: Final = "ot.controller_stop"
_START: Final = "ot.controller_start"
_RESET: Final = "ot.controller_reset"
_FACTORY: Final = "ot.factory_reset"
_MODE: Final = "ot.mode_change"
_SILENCED: Final = "ot.silenced"
_DOWNLOAD: Final = "ot.program_download"
_UPLOAD: Final = "ot.program_upload"
_CONFIGURE: Final = "ot.configuration_write"
_READ: Final = "ot.configuration_read"
_PROCESS: Final = ""
"""A command to the process, not to the controller: counts as a write."""

# By area, then by service; what neither names is a command to the process.
_CONTROLS: Final[dict[tuple[str, str], str]] = {
    ("s7comm", "plc_stop"): _STOP, ("s7comm", "start"): _START, ("s7comm", "cold_start"): _START,
    ("s7comm", "pi_service"): "s7.control_function",
    ("s7comm_plus", "stop"): _STOP, ("s7comm_plus", "start"): _START, ("s7comm_plus", "reset"): _RESET,
    ("s7comm_plus", "set_variable"): _MODE,
    ("umas", "stop_plc"): _STOP, ("umas", "start_plc"): _START,
    ("cip", "lock_controller"): _MODE, ("cip", "unlock_controller"): _MODE,
    ("cip", "factory_reset"): _FACTORY, ("cip", "stop"): _STOP, ("cip", "start"): _START, ("cip", "reset"): _RESET,
    ("pccc", "set_cpu_mode"): _MODE, ("pccc", "change_mode"): _MODE,
    ("fins", "stop"): _STOP, ("fins", "run"): _START, ("fins", "reset"): _RESET,
    ("melsec", "remote_stop"): _STOP, ("melsec", "remote_pause"): _STOP, ("melsec", "remote_run"): _START,
    ("melsec", "remote_reset"): _RESET, ("melsec", "remote_latch_clear"): _RESET,
    ("ads", "stop"): _STOP, ("ads", "run"): _START, ("ads", "start"): _START, ("ads", "reset"): _RESET,
    ("ads", "write_control"): _MODE, ("ads", "start_process"): "s7.control_function",
    ("srtp", "stop"): _STOP, ("srtp", "stop_io_scan"): _STOP, ("srtp", "stop_fault"): _STOP, ("srtp", "run"): _START,
    ("srtp", "run_io_disabled"): _MODE, ("srtp", "set_plc_state"): _MODE,
    ("mms", "stop"): _STOP, ("mms", "kill"): _STOP, ("mms", "start"): _START, ("mms", "resume"): _START,
    ("mms", "reset"): _RESET,
    ("dnp3", "cold_restart"): _RESET, ("dnp3", "warm_restart"): _RESET, ("dnp3", "reset_user_process"): _RESET,
    ("dnp3", "stop_appl"): _STOP, ("dnp3", "start_appl"): _START, ("dnp3", "initialize_appl"): _RESET,
    ("iec104", "c_rp_na_1"): _RESET,
    ("modbus", "restart_communications_option"): _RESET, ("modbus", "force_listen_only_mode"): _SILENCED,
    ("bacnet", "reinitialize_device"): _RESET, ("bacnet", "device_communication_control"): _SILENCED,
    ("bacnet", "enable"): _PROCESS, ("bacnet", "start_backup"): _READ, ("bacnet", "end_backup"): _READ,
    ("bacnet", "start_restore"): _CONFIGURE, ("bacnet", "end_restore"): _CONFIGURE,
    ("bacnet", "abort_restore"): _CONFIGURE, ("bacnet", "activate_changes"): _CONFIGURE,
    ("bsap", "reset_system"): _RESET, ("hart_ip", "device_reset"): _RESET,
    ("knx", "restart"): _RESET, ("knx", "remote_reset_request"): _RESET, ("knx", "reset"): _RESET,
    ("s7comm", "memory_reset"): _RESET,
    ("profinet_dcp", "reset_to_factory"): "profinet.factory_reset",
}  # fmt: skip
_WAYS: Final = frozenset({"upload", "download", "delete"})
_FETCHED: Final = frozenset({"download_block", "download_ended"})
"""An S7 controller asks for these once it was told of a download: what it fetches goes to it all the same."""
_FROM_CONTROLLER: Final = frozenset({"upload"})
_DELETES: Final = frozenset({"delete", "delete_domain", "program_area_clear", "clear_file", "initialize_memory",
                             "erase", "delete_object"})  # fmt: skip
# Programs that are no programs: settings by which a device works.
_CONFIGURATION: Final = frozenset(
    {
        "save_config", "activate_config", "initialize_data", "parameter_area_write", "parameter_area_clear",
        "parameter_area_file_transfer", "parameter_update", "create_object", "add_nodes", "add_references",
        "delete_nodes", "delete_references", "individual_address_write", "memory_write", "user_memory_write",
        "key_write", "individual_address_serial_number_write", "remote_basic_configuration_request",
        "program_area_protect", "program_area_protect_clear", "create", "restore", "save",
    }
)  # fmt: skip
_CONFIGURATION_READ: Final = frozenset(
    {"parameter_area_read", "parameter_get", "memory_read", "user_memory_read", "read_bytes_physical"}
)
_DNP3_OWN: Final = frozenset({"save_config", "activate_config", "initialize_data"})
_UNALARMING: Final = frozenset({"get_edit_resource", "return_edit_resource", "add_link", "remove_link"})
# Classes in which Logix controllers keep their logic, and those by which a device is configured.
_LOGIC: Final = frozenset(
    {"program", "program_name", "io_map", "task", "symbol", "template", "change_log", "controller_status",
     "class_6d", "class_6e", "class_6f", "class_70", "class_73"}
)  # fmt: skip
_SETTINGS: Final = frozenset(
    {"tcp_ip_interface", "ethernet_link", "port", "security", "identity", "device_level_ring", "qos", "wall_clock_time"}
)
_READS_LOGIC: Final = frozenset({("service_4f", "program"), ("service_4f", "program_name"), ("service_4f", "task")})
_PLUS_PROGRAM: Final = 3
"""The object under which an S7-1200 keeps its blocks; others that are created are subscriptions of panels."""
_STUXNET_BLOCK: Final = "DB890"
"""By which Stuxnet marks a controller (Symantec, "W32.Stuxnet Dossier", 2011)."""
_STREAMS: Final = 4
_STREAMS_NS: Final = 60_000_000_000
_FORCES: Final = frozenset({"force", "forces", "forced_set_reset", "toggle_force_system_memory", "disable_forces"})
_LOCKS: Final = frozenset({"alarm_8_lock"})
_CONFIGURING_WRITES: Final = frozenset({"ip_address_set", "name_set", "set_control_id", "apply_port_configuration"})
_FILE_PROTOCOLS: Final = frozenset(protocol.name for protocol in PROTOCOLS if protocol.family == "ot")
_IT: Final = frozenset(protocol.name for protocol in PROTOCOLS if protocol.family != "ot")
_FILE_WRITES: Final = frozenset(
    {"file_write", "file_delete", "file_rename", "delete_file", "authenticate_file", "f_sr_na_1", "f_fr_na_1"}
)


class Controllers(Detector):
    """Hears operations that change what a controller does or holds."""

    __slots__ = ("_arrive_ns", "_met", "_modes", "_pairs", "_restarts", "_settle_ns", "_stops", "_streams")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        settings = desk.settings
        self._pairs: Final[Wide[tuple[str, str, str], int]] = Wide(65_536)
        self._met: Final[Wide[tuple[str, str], int]] = Wide(65_536)
        """Since when two talk, one of them answering."""
        self._modes: Final[Wide[tuple[str, Attribute], str]] = Wide()
        self._settle_ns: Final = settings.window_ns("ot.new_writer", "settle_s")
        self._arrive_ns: Final = settings.window_ns("ot.new_writer", "arrive_s")
        self._streams: Final[Rate[tuple[str, str]]] = Rate(_STREAMS, _STREAMS_NS)
        self._stops: Final[Rate[str]] = Rate(settings.limit("ot.stops", "commands"), settings.window_ns("ot.stops"))
        self._restarts: Final[Rate[str]] = Rate(
            settings.limit("ot.restarts", "commands"), settings.window_ns("ot.restarts")
        )

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:
        """Hear what changes something."""
        if protocol in _IT:
            return None
        handlers: dict[OpKind, Handler] = {
            OpKind.CONTROL: self._control, OpKind.PROGRAM: self._program, OpKind.FIRMWARE: self._firmware,
            OpKind.WRITE: self._write,
        }  # fmt: skip
        special: dict[tuple[str, OpKind], Handler] = {
            ("cip", OpKind.OTHER): self._of_maker, ("s7comm_plus", OpKind.READ): self._streamed,
        }  # fmt: skip
        if (protocol, kind) in special:
            return special[protocol, kind]
        if kind is OpKind.FILE and (protocol in _FILE_PROTOCOLS or protocol == "pccc"):
            return self._file
        return handlers.get(kind)

    def side_heard(self, side: Side, at_ns: int) -> None:
        """Note since when an address is known."""
        flow = side.flow
        address = flow.client if side.is_client else flow.server
        if not side.is_client:
            pair = (flow.client, flow.server)
            if self._met.get(pair) is None:
                self._met.put(pair, at_ns)
        if address not in self.place.first_ns:
            self.place.first_ns.put(address, at_ns)

    def evidence(self, evidence: list[AssetEvidence]) -> None:
        """Hear of roles, and of modes that controllers tell of themselves."""
        for piece in evidence:
            if piece.attribute is Attribute.ROLE:
                self.place.learn_role(piece.address, piece.value)
            elif piece.attribute in {Attribute.MODE, Attribute.KEY_SWITCH}:
                key = (piece.address, piece.attribute)
                before = self._modes.get(key)
                if before is not None and before != piece.value:
                    what = f"{piece.attribute.replace('_', ' ')} {before} → {piece.value}"
                    self.desk.report(
                        "ot.key_switch", piece.at_ns, "", piece.address, what, key=what, protocol=piece.source
                    )
                self._modes.put(key, piece.value)

    def _tell(self, rule: str, op: OtOp, key: str = "") -> None:
        source, target = ends_of(op)
        if op.service in _FETCHED and op.is_from_client != (op.direction is _REQUEST):
            source, target = target, source
        if op.direction is _REQUEST or op.direction is _REPORT:
            self.desk.report(
                rule, op.at_ns, source, target, words_of(op), key=key or key_of(op), protocol=op.protocol, flow=op.flow,
                detail=facts_of(op),
            )  # fmt: skip
        elif op.result:
            alert = self.desk.ongoing(rule, target, source, key or key_of(op))
            if alert is not None:
                alert.detail["result"] = op.result

    def _control(self, op: OtOp) -> None:
        protocol = op.protocol
        rule = _CONTROLS.get((protocol, op.area))
        if rule is None:
            rule = _CONTROLS.get((protocol, op.service), _PROCESS)
        if rule == _RESET and protocol == "cip" and op.area not in {"identity", ""}:
            rule = _CONFIGURE  # of one object in it
        if not rule and protocol == "c1222" and op.name in {"cold_start", "warm_start", "remote_reset"}:
            rule = _RESET
        if not rule:
            self._write(op)
            return
        self._tell(rule, op)
        if op.direction is _REQUEST:
            source, target = ends_of(op)
            counted = {_STOP: (self._stops, "ot.stops"), _RESET: (self._restarts, "ot.restarts")}.get(rule)
            if counted is not None and counted[0].hit(target, op.at_ns):
                self.desk.report(counted[1], op.at_ns, source, target, protocol=protocol, flow=op.flow)

    def _program(self, op: OtOp) -> None:
        service, area = op.service, op.area
        if service in _UNALARMING:
            return
        if op.protocol == "dnp3" and service in _DNP3_OWN:
            return  # the outstations' rules say it
        if op.protocol == "mms" and area == "invocation":
            rule = "mms.program_access"
        elif service in _DELETES or area in _DELETES:
            rule = "ot.program_delete"
        elif op.protocol == "s7comm_plus" and service == "create_object":
            if op.first != _PLUS_PROGRAM:
                return
            rule = _DOWNLOAD
        elif op.protocol == "cip" and area in _LOGIC:
            rule = _DOWNLOAD
        elif service in _CONFIGURATION_READ:
            rule = _READ
        elif service in _CONFIGURATION:
            rule = _CONFIGURE
        elif area in _FROM_CONTROLLER:
            rule = _UPLOAD
        elif service.endswith("response"):
            return
        else:
            rule = _DOWNLOAD
        # One transfer is many messages: what they have in common is what they do.
        self._tell(rule, op, f"{op.protocol} {area if area in _WAYS else 'program'}")
        if rule == _DOWNLOAD and op.direction is _REQUEST and op.name == _STUXNET_BLOCK and op.protocol == "s7comm":
            source, target = ends_of(op)
            self.desk.report(
                "malware.stuxnet", op.at_ns, source, target, f"block {op.name} is written, as Stuxnet does",
                protocol=op.protocol, flow=op.flow, detail=facts_of(op),
            )  # fmt: skip

    def _of_maker(self, op: OtOp) -> None:
        """Hear services that only the maker knows, on objects of which it is known what they are."""
        if (op.service, op.area) in _READS_LOGIC:
            self._tell(_UPLOAD, op, "cip program")

    def _streamed(self, op: OtOp) -> None:
        """Hear blocks that are read from an S7-1200 or S7-1500; a panel reads one or two when it connects."""
        if (
            op.service == "get_var_sub_streamed"
            and op.direction is _REQUEST
            and self._streams.hit(ends_of(op), op.at_ns)
        ):
            self._tell(_UPLOAD, op, "s7comm_plus program")

    def _firmware(self, op: OtOp) -> None:
        self._tell("ot.firmware_update", op, f"{op.protocol} firmware")

    def _file(self, op: OtOp) -> None:
        if op.area == "download" or op.service in _FILE_WRITES:
            self._tell("ot.file_write", op, f"{op.protocol} file")
        elif op.area == "upload" or op.service in {"file_read", "open_file"}:
            self._tell("ot.file_read", op, f"{op.protocol} file")

    def _write(self, op: OtOp) -> None:
        if op.direction is not _REQUEST:
            return
        service = op.service
        if op.protocol == "profinet_dcp":
            self._tell("profinet.set", op)
            return
        if service in _FORCES or op.area == "forces":
            self._tell("ot.forced_value", op)
        elif op.protocol == "cip" and op.area in _SETTINGS:
            self._tell(_CONFIGURE, op, f"cip {op.area}")
        elif service == "set_var_sub_streamed":
            self._tell(_DOWNLOAD, op, "s7comm_plus program")
        elif op.protocol == "dnp3" and op.area == "file":
            self._tell("ot.file_write", op, "dnp3 file")
        elif service in _LOCKS:
            self._tell("ot.alarm_suppressed", op)
        elif service in _CONFIGURING_WRITES:
            self._tell(_CONFIGURE, op)
        source, target = ends_of(op)
        pair = (source, target, op.protocol)
        if pair in self._pairs:
            return
        self._pairs.put(pair, op.at_ns)
        # Who writes soon after the device was first seen is taken for one of its masters; less time has who never
        # talked with it before.
        known_ns = self.place.known_for_ns(target, op.at_ns)
        met_ns = self._met.get((source, target)) or op.at_ns
        if known_ns > self._settle_ns or known_ns - (op.at_ns - met_ns) > self._arrive_ns:
            self._tell("ot.new_writer", op, op.protocol)
