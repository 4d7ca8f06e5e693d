"""Interfaces that Windows offers by remote procedure call, and what their operations do.

Source:
    The IDL appendices of [MS-SCMR], [MS-TSCH], [MS-RRP], [MS-WMI], [MS-DCOM], [MS-OAUT], [MS-DRSR], [MS-NRPC],
    [MS-SAMR], [MS-LSAD], [MS-EFSR], [MS-RPRN], [MS-PAR], [MS-DFSNM], [MS-FSRVP], [MS-SRVS], [MS-WKST], [MS-EVEN],
    [MS-EVEN6], [MS-RSP], [MS-BKRP]; C706 appendix O (endpoint mapper). ``mimikatz`` is named after the program whose
    own interface it is.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from vedette.sensor.model import OpKind

_READ: Final = OpKind.READ
_WRITE: Final = OpKind.WRITE
_CONTROL: Final = OpKind.CONTROL
_SESSION: Final = OpKind.SESSION
_OTHER: Final = OpKind.OTHER

INTERFACES: Final[dict[bytes, str]] = {
    UUID(text).bytes_le: name
    for text, name in (
        ("367abb81-9844-35f1-ad32-98f038001003", "svcctl"),
        ("1ff70682-0a51-30e8-076d-740be8cee98b", "atsvc"),
        ("378e52b0-c0a9-11cf-822d-00aa0051e40f", "sasec"),
        ("86d35949-83c9-4044-b424-db363231fd0c", "task_scheduler"),
        ("338cd001-2244-31f1-aaaa-900038001003", "winreg"),
        ("000001a0-0000-0000-c000-000000000046", "dcom_activator"),
        ("4d9f4ab8-7d1c-11cf-861e-0020af6e7c57", "dcom_activation"),
        ("99fcfec4-5260-101b-bbcb-00aa0021347a", "dcom_resolver"),
        ("00000143-0000-0000-c000-000000000046", "dcom_objects"),
        ("00000131-0000-0000-c000-000000000046", "dcom_objects"),
        ("00020400-0000-0000-c000-000000000046", "dcom_dispatch"),
        ("f309ad18-d86a-11d0-a075-00c04fb68820", "wmi_login"),
        ("9556dc99-828c-11cf-a37e-00aa003240c7", "wmi"),
        ("e3514235-4b06-11d1-ab04-00c04fc2dcd2", "drsuapi"),
        ("12345678-1234-abcd-ef00-01234567cffb", "netlogon"),
        ("12345778-1234-abcd-ef00-0123456789ac", "samr"),
        ("12345778-1234-abcd-ef00-0123456789ab", "lsarpc"),
        ("c681d488-d850-11d0-8c52-00c04fd90f7e", "efsrpc"),
        ("df1941c5-fe89-4e79-bf10-463657acf44d", "efsrpc"),
        ("12345678-1234-abcd-ef00-0123456789ab", "spoolss"),
        ("76f03f96-cdfd-44fc-a22c-64950a001209", "print_async"),
        ("4fc742e0-4a10-11cf-8273-00aa004ae673", "netdfs"),
        ("a8e0653c-2744-4389-a61d-7373df8b2292", "fsrvp"),
        ("4b324fc8-1670-01d3-1278-5a47bf6ee188", "srvsvc"),
        ("6bffd098-a112-3610-9833-46c3f87e345a", "wkssvc"),
        ("82273fdc-e32a-18c3-3f78-827929dc23ea", "eventlog"),
        ("f6beaff7-1e19-4fbb-9f8f-b89e2018337c", "eventlog6"),
        ("894de0c0-0d55-11d3-a322-00c04fa321a1", "initshutdown"),
        ("d95afe70-a6d5-4259-822e-2c84da1ddb0d", "windows_shutdown"),
        ("3dde7c30-165d-11d1-ab8f-00805f14db40", "backup_key"),
        ("e1af8308-5d1f-11c9-91a4-08002b14a0fa", "epmapper"),
        ("17fc11e9-c258-4b8d-8d07-2f4125156244", "mimikatz"),
    )
}
"""By the bytes of a UUID as little-endian machines send it."""

PIPES: Final = {
    "svcctl": "svcctl", "atsvc": "atsvc", "winreg": "winreg", "netlogon": "netlogon", "samr": "samr",
    "lsarpc": "lsarpc", "efsrpc": "efsrpc", "spoolss": "spoolss", "netdfs": "netdfs", "fssagentrpc": "fsrvp",
    "srvsvc": "srvsvc", "wkssvc": "wkssvc", "eventlog": "eventlog", "initshutdown": "initshutdown",
    "protected_storage": "backup_key", "epmapper": "epmapper", "browser": "", "ntsvcs": "", "trkwks": "",
}  # fmt: skip
"""What is usually behind a pipe, for conversations whose beginning was not heard."""

Operation = tuple[str, OpKind]

OPERATIONS: Final[dict[tuple[str, int], Operation]] = {
    (interface, number): (service, kind)
    for interface, rows in (
        ("svcctl", ((1, "control_service", _CONTROL), (2, "delete_service", _WRITE), (11, "change_service", _WRITE),
                    (12, "create_service", _WRITE), (14, "list_services", _READ), (15, "open_manager", _SESSION),
                    (16, "open_service", _SESSION), (19, "start_service", _CONTROL), (23, "change_service", _WRITE),
                    (24, "create_service", _WRITE), (27, "open_manager", _SESSION), (28, "open_service", _SESSION),
                    (31, "start_service", _CONTROL), (42, "list_services", _READ), (45, "create_service", _WRITE),
                    (60, "create_service", _WRITE))),
        ("atsvc", ((0, "add_job", _WRITE), (1, "delete_job", _WRITE), (2, "list_jobs", _READ))),
        ("task_scheduler", ((1, "register_task", _WRITE), (2, "read_task", _READ), (7, "list_tasks", _READ),
                            (12, "run_task", _CONTROL), (13, "delete_task", _WRITE), (19, "enable_task", _WRITE))),
        ("winreg", ((6, "create_key", _WRITE), (7, "delete_key", _WRITE), (8, "delete_value", _WRITE),
                    (9, "list_keys", _READ), (10, "list_values", _READ), (13, "load_key", _WRITE),
                    (15, "open_key", _SESSION), (17, "read_value", _READ), (20, "save_key", _READ),
                    (22, "set_value", _WRITE), (24, "shut_down", _CONTROL), (30, "shut_down", _CONTROL),
                    (31, "save_key", _READ))),
        ("dcom_activator", ((3, "get_class", _SESSION), (4, "create_instance", _SESSION))),
        ("dcom_activation", ((0, "create_instance", _SESSION),)),
        ("dcom_dispatch", ((5, "get_names", _READ), (6, "invoke", _CONTROL))),
        ("wmi_login", ((6, "log_in", _SESSION),)),
        ("wmi", ((6, "get_object", _READ), (8, "put_class", _WRITE), (14, "put_instance", _WRITE),
                 (16, "delete_instance", _WRITE), (18, "list_instances", _READ), (20, "query", _READ),
                 (21, "query", _READ), (22, "subscribe", _READ), (23, "subscribe", _READ),
                 (24, "run_method", _CONTROL), (25, "run_method", _CONTROL))),
        ("drsuapi", ((0, "bind", _SESSION), (1, "unbind", _SESSION), (3, "get_changes", _READ),
                     (5, "add_replica", _WRITE), (6, "delete_replica", _WRITE), (12, "crack_names", _READ),
                     (16, "list_controllers", _READ), (17, "add_entry", _WRITE))),
        ("netlogon", ((4, "challenge", _SESSION), (5, "authenticate", _SESSION), (6, "set_password", _WRITE),
                      (15, "authenticate", _SESSION), (26, "authenticate", _SESSION), (30, "set_password", _WRITE))),
        ("samr", ((8, "list_domain", _READ), (10, "create_group", _WRITE), (11, "list_groups", _READ),
                  (12, "create_user", _WRITE), (13, "list_users", _READ), (14, "create_alias", _WRITE),
                  (15, "list_aliases", _READ), (17, "look_up_names", _READ), (22, "add_member", _WRITE),
                  (25, "list_members", _READ), (31, "add_member", _WRITE), (33, "list_members", _READ),
                  (35, "delete_user", _WRITE), (37, "set_user", _WRITE), (38, "change_password", _WRITE),
                  (40, "list_display", _READ), (48, "list_display", _READ), (50, "create_user", _WRITE),
                  (51, "list_display", _READ), (54, "change_password", _WRITE), (55, "change_password", _WRITE),
                  (58, "set_user", _WRITE), (63, "change_password", _WRITE))),
        ("lsarpc", ((11, "list_accounts", _READ), (16, "create_secret", _WRITE), (29, "set_secret", _WRITE),
                    (30, "query_secret", _READ), (42, "store_private_data", _WRITE),
                    (43, "retrieve_private_data", _READ))),
        ("efsrpc", ((0, "open_file", _OTHER), (4, "encrypt_file", _OTHER), (5, "decrypt_file", _OTHER),
                    (6, "query_users", _OTHER), (7, "query_recovery_agents", _OTHER), (8, "remove_users", _OTHER),
                    (9, "add_users", _OTHER), (12, "file_key", _OTHER), (13, "duplicate_encryption", _OTHER),
                    (15, "add_users", _OTHER))),
        ("spoolss", ((1, "open_printer", _SESSION), (9, "add_driver", _WRITE), (62, "watch_printer", _OTHER),
                     (65, "watch_printer", _OTHER), (89, "add_driver", _WRITE))),
        ("print_async", ((39, "add_driver", _WRITE),)),
        ("netdfs", ((12, "add_root", _OTHER), (13, "remove_root", _OTHER))),
        ("fsrvp", ((8, "is_path_supported", _OTHER), (9, "is_path_copied", _OTHER))),
        ("srvsvc", ((8, "list_connections", _READ), (9, "list_files", _READ), (12, "list_sessions", _READ),
                    (14, "add_share", _WRITE), (15, "list_shares", _READ), (18, "delete_share", _WRITE),
                    (31, "canonicalize_path", _OTHER), (32, "compare_paths", _OTHER), (36, "list_shares", _READ))),
        ("wkssvc", ((2, "list_users", _READ),)),
        ("eventlog", ((0, "clear_log", _WRITE), (7, "open_log", _SESSION), (12, "clear_log", _WRITE))),
        ("eventlog6", ((6, "clear_log", _WRITE),)),
        ("initshutdown", ((0, "shut_down", _CONTROL), (2, "shut_down", _CONTROL))),
        ("windows_shutdown", ((0, "shut_down", _CONTROL), (2, "shut_down", _CONTROL))),
        ("backup_key", ((0, "backup_key", _READ),)),
        ("epmapper", ((2, "list_endpoints", _READ), (3, "find_endpoint", _READ))),
    )
    for number, service, kind in rows
}  # fmt: skip
