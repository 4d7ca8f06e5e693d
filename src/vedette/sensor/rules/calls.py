"""Remote procedure calls of Windows: what only administrators do, and what only attackers do."""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import Direction, OpKind, OtOp
from vedette.sensor.rules.desk import Desk, Memory, Rate
from vedette.sensor.rules.detector import Detector, Handler, Neighbourhood

_REQUEST: Final = Direction.REQUEST
_MAX_CHARS: Final = 64
_CONTROLLERS: Final = frozenset({"kerberos", "ldap"})

RULES_OF_CALLS: Final[dict[tuple[str, str], str]] = {
    (interface, service): rule
    for rule, rows in {
        "windows.service_created": (("svcctl", "create_service change_service delete_service"),),
        "windows.task_scheduled": (("atsvc", "add_job"), ("task_scheduler", "register_task run_task enable_task")),
        "windows.registry_changed": (("winreg", "create_key delete_key delete_value load_key set_value"),),
        "windows.registry_read": (("winreg", "list_keys list_values read_value"),),
        "windows.secrets_read": (("winreg", "save_key"), ("lsarpc", "query_secret retrieve_private_data")),
        "windows.wmi_method": (("wmi", "run_method put_instance put_class delete_instance"),),
        "windows.wmi_login": (("wmi_login", "log_in"),),
        "windows.dcom_called": (("dcom_dispatch", "invoke"),),
        "windows.directory_copied": (("drsuapi", "get_changes"),),
        "windows.directory_forged": (("drsuapi", "add_replica add_entry"),),
        "windows.coerced": (
            ("efsrpc", "open_file encrypt_file decrypt_file query_users query_recovery_agents remove_users"),
            ("efsrpc", "add_users file_key duplicate_encryption"),
            ("spoolss", "watch_printer"), ("netdfs", "add_root remove_root"),
            ("fsrvp", "is_path_supported is_path_copied"),
        ),
        "windows.driver_added": (("spoolss", "add_driver"), ("print_async", "add_driver")),
        "windows.account_changed": (("samr", "create_user create_group create_alias add_member delete_user set_user"),
                                    ("lsarpc", "create_secret set_secret store_private_data")),
        "windows.accounts_listed": (("samr", "list_users list_groups list_aliases list_members list_display"),
                                    ("lsarpc", "list_accounts")),
        "windows.shares_listed": (("srvsvc", "list_shares list_sessions list_connections list_files"),
                                  ("wkssvc", "list_users")),
        "windows.endpoints_listed": (("epmapper", "list_endpoints"),),
        "windows.log_cleared": (("eventlog", "clear_log"), ("eventlog6", "clear_log")),
        "windows.shut_down": (("winreg", "shut_down"), ("initshutdown", "shut_down"),
                                ("windows_shutdown", "shut_down")),
    }.items()
    for interface, services in rows
    for service in services.split()
}  # fmt: skip
_NAMED: Final = frozenset(
    {"windows.service_created", "windows.task_scheduled", "windows.registry_changed", "windows.driver_added"}
)
"""Those whose words end with what the call names, if that can be read."""


class Calls(Detector):
    """Hears DCE/RPC."""

    __slots__ = ("_attempts", "_controllers")

    def __init__(self, desk: Desk, place: Neighbourhood) -> None:
        super().__init__(desk, place)
        limit, window_ns = desk.settings.limit, desk.settings.window_ns
        self._attempts: Final[Rate[tuple[str, str]]] = Rate(
            limit("windows.zerologon", "attempts"), window_ns("windows.zerologon")
        )
        self._controllers: Final[Memory[str, bool]] = Memory(1_024)
        """Who gives tickets or keeps a directory: domain controllers copy it from one another."""

    def wants(self, protocol: str, kind: OpKind) -> Handler | None:  # noqa: ARG002 - all of them
        """Hear calls, and who is a domain controller."""
        if protocol in _CONTROLLERS:
            return self._controller
        return self._hear if protocol == "dce_rpc" else None

    def _controller(self, op: OtOp) -> None:
        if op.direction is Direction.RESPONSE and op.result == "ok":
            self._controllers.put(op.flow.server, True)

    def _hear(self, op: OtOp) -> None:
        if op.direction is not _REQUEST:
            return
        interface = op.area
        if interface == "netlogon":
            self._netlogon(op)
        elif interface == "mimikatz":
            self._report("windows.exploit", op, "calls of Mimikatz, which reads passwords")
        elif op.value == "climbs":
            self._report("windows.exploit", op, "an attempt at MS08-067 (CVE-2008-4250)")
        elif (rule := RULES_OF_CALLS.get((interface, op.service))) is not None:
            if rule == "windows.directory_copied" and op.flow.client in self._controllers.known:
                return
            name = op.name[:_MAX_CHARS]
            named = f": {name}" if name else ""
            self._report(rule, op, named if rule in _NAMED else f"{interface} {op.service}".replace("_", " "))

    def _netlogon(self, op: OtOp) -> None:
        if op.value == "zeros":
            self._report("windows.zerologon", op, "a credential of zeros")
        elif op.service == "authenticate" and self._attempts.hit((op.flow.client, op.flow.server), op.at_ns):
            self._report("windows.zerologon", op, "many attempts to authenticate")

    def _report(self, rule: str, op: OtOp, what: str) -> None:
        flow = op.flow
        self.desk.report(
            rule, op.at_ns, flow.client, flow.server, what, key=op.area, protocol="dce_rpc", flow=flow,
            detail={"interface": op.area, "service": op.service, "code": op.code, "name": op.name[:256]},
        )  # fmt: skip
