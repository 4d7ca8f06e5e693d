"""Logs as Zeek writes them: JSON lines with its field names, so that what reads Zeek's reads these.

Source:
    docs.zeek.org, script reference ``conn.log``; ICSNPP's parsers for the logs of industrial protocols.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from vedette.sensor.alerts import Alert
from vedette.sensor.assets import Assets
from vedette.sensor.capture import CaptureProblem
from vedette.sensor.community_id import community_id_of
from vedette.sensor.flows import FIN, RST, SYN, Flow
from vedette.sensor.listener import Listener
from vedette.sensor.model import Anomaly, AssetEvidence, OtOp

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MAX_LOGS: Final = 128
_MAX_UIDS: Final = 65_536
_BUFFER_BYTES: Final = 256 * 1024
_PROTOCOLS: Final = {1: "icmp", 58: "icmp"}


def uid_of(flow: Flow) -> str:
    """Return a name for a flow, the same whenever the same capture is read."""
    text = f"{flow.first_ns}|{flow.transport}|{flow.client}|{flow.client_port}|{flow.server}|{flow.server_port}"
    digest = hashlib.blake2b(text.encode(), digest_size=12).digest()
    return "C" + base64.b64encode(digest, b"xy").decode()


def connection_state(flow: Flow) -> str:
    """Return Zeek's ``conn_state``."""
    client, server = flow.from_client, flow.from_server
    if flow.transport != "tcp":
        return "SF" if client.packets and server.packets else "S0" if client.packets else "SHR"
    has_opened, has_accepted = client.flags & SYN, server.flags & SYN
    if not has_opened:
        return "RSTRH" if has_accepted and server.flags & RST else "SHR" if has_accepted else "OTH"
    if not has_accepted:
        if server.flags & RST:
            return "REJ"
        if client.flags & RST:
            return "RSTOS0"
        return "SH" if client.flags & FIN else "S0" if not server.packets else "OTH"
    if client.flags & RST:
        return "RSTO"
    if server.flags & RST:
        return "RSTR"
    finished = client.flags & FIN, server.flags & FIN
    if all(finished):
        return "SF"
    return "S2" if finished[0] else "S3" if finished[1] else "S1"


class ZeekLogs(Listener):
    """Writes logs into a directory: ``conn``, one for each protocol, ``operations`` for those without, ``weird``.

    Zeek's own columns leave out what the sensor knows beside them, so a row that stands for an operation also carries
    the whole of it, in the column ``op``; with ``layer2`` and ``asset_evidence``, that makes the logs enough to tell
    everything again.

    Args:
        directory: Made if it is not there; files in it are written anew.
        assets: Tells what is local.

    Raises:
        CaptureProblem: The directory can't be made.
    """

    __slots__ = ("_assets", "_directory", "_files", "_uids", "failure", "rows_written")

    def __init__(self, directory: Path, assets: Assets) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CaptureProblem(f"{directory}: {error.strerror}", hint="give a folder that can be written") from None
        self._directory: Final = directory
        self._assets: Final = assets
        self._files: Final[dict[str, BinaryIO]] = {}
        self._uids: Final[dict[Flow, tuple[str, dict[str, object]]]] = {}
        self.rows_written = 0
        self.failure = ""
        """Why the logs end early, a full disk say; empty while all is well."""

    def operations(self, operations: list[OtOp]) -> None:
        """Write a row, or several, for each operation."""
        for op in operations:
            entry = op.flow.entry
            rows = entry.zeek(op) if entry is not None and entry.zeek is not None else []
            if not rows:
                self._write("operations", op.flow, op.at_ns, _columns(op))
                continue
            rows[0][1]["op"] = _whole(op, rows[0][1])
            # As ICSNPP has it: who sent the message, beside who opened the conversation.
            ends = _ends(op) if entry is not None and entry.family == "ot" else {}
            for name, columns in rows:
                columns.setdefault("op", None)  # a row more of the same operation
                columns.update(ends)
                self._write(name, op.flow, op.at_ns, columns)

    def evidence(self, evidence: list[AssetEvidence]) -> None:
        """Write what messages tell of assets."""
        for piece in evidence:
            columns = {
                "ts": piece.at_ns / 1e9, "address": piece.address, "attribute": str(piece.attribute),
                "value": piece.value, "confidence": piece.confidence, "source": piece.source,
            }  # fmt: skip
            self._line("asset_evidence", columns)

    def anomalies(self, anomalies: list[Anomaly]) -> None:
        """Write what broke a protocol's rules as Zeek writes what is weird."""
        for anomaly in anomalies:
            columns: dict[str, object] = {
                "name": f"{anomaly.protocol}_{anomaly.kind}",
                "addl": anomaly.detail,
                "is_orig": anomaly.is_from_client,
                "source": anomaly.protocol.upper(),
            }
            self._write("weird", anomaly.flow, anomaly.at_ns, columns)

    def flow_closed(self, flow: Flow) -> None:
        """Write the flow's row of ``conn.log``, or of a log of its own where Zeek has none: beneath IP."""
        self._write("conn" if flow.transport != "ethernet" else "layer2", flow, flow.first_ns, self._connection(flow))
        self._uids.pop(flow, None)

    def alert(self, alert: Alert) -> None:
        """Write an alert as Zeek writes a notice."""
        columns = {
            "ts": alert.at_ns / 1e9, "note": alert.rule, "msg": alert.title, "src": alert.source, "dst": alert.target,
            "severity": str(alert.severity), "technique": alert.technique, "engine": str(alert.engine),
            "proto": alert.protocol, "n": alert.times,
        }  # fmt: skip
        self._line("notice", columns)

    def close(self) -> None:
        """Write what is buffered and close the files."""
        for file in self._files.values():
            try:
                file.close()
            except OSError as error:
                self.failure = self.failure or f"{file.name}: {error.strerror}"
        self._files.clear()

    def _connection(self, flow: Flow) -> dict[str, object]:
        client, server = flow.from_client, flow.from_server
        columns: dict[str, object] = {
            "proto": flow.transport
            if flow.transport != "ip"
            else _PROTOCOLS.get(flow.server_port, "unknown_transport"),
            "duration": (flow.last_ns - flow.first_ns) / 1e9,
            "orig_bytes": client.payload_bytes,
            "resp_bytes": server.payload_bytes,
            "conn_state": connection_state(flow),
            "local_orig": self._assets.is_inside(flow.client),
            "local_resp": self._assets.is_inside(flow.server),
            "missed_bytes": client.missed_bytes + server.missed_bytes,
            "orig_pkts": client.packets,
            "orig_ip_bytes": client.bytes,
            "resp_pkts": server.packets,
            "resp_ip_bytes": server.bytes,
        }
        if flow.protocol:
            columns["service"] = flow.protocol
            columns["service_certainty"] = flow.certainty
        if name := community_id_of(flow):
            columns["community_id"] = name
        if flow.vlan is not None:
            columns["vlan"] = flow.vlan
        if client.mac:
            columns["orig_l2_addr"] = client.mac.hex(":")
        if server.mac:
            columns["resp_l2_addr"] = server.mac.hex(":")
        return columns

    def _write(self, name: str, flow: Flow, at_ns: int, columns: dict[str, object]) -> None:
        known = self._uids.get(flow)
        if known is None:
            if len(self._uids) >= _MAX_UIDS:
                self._uids.clear()
            ends: dict[str, object] = {
                "id.orig_h": flow.client, "id.orig_p": flow.client_port,
                "id.resp_h": flow.server, "id.resp_p": flow.server_port,
            }  # fmt: skip
            known = self._uids[flow] = (uid_of(flow), ends)
        self._line(name, {"ts": at_ns / 1e9, "uid": known[0], **known[1], **columns})

    def _line(self, name: str, columns: dict[str, object]) -> None:
        if self.failure:
            return
        try:
            file = self._files.get(name)
            if file is None:
                if len(self._files) >= _MAX_LOGS or not _NAME.fullmatch(name):
                    return
                file = self._files[name] = (self._directory / f"{name}.log").open("wb", buffering=_BUFFER_BYTES)
            file.write(msgspec.json.encode(columns) + b"\n")
        except OSError as error:
            self.failure = f"{self._directory / name}.log: {error.strerror}"
            return
        self.rows_written += 1


def _ends(op: OtOp) -> dict[str, object]:
    """Return the columns that tell who sent a message to whom."""
    flow = op.flow
    ends = (flow.client, flow.client_port, flow.server, flow.server_port)
    source, source_port, target, target_port = ends if op.is_from_client else (*ends[2:], *ends[:2])
    return {
        "is_orig": op.is_from_client, "source_h": source, "source_p": source_port, "destination_h": target,
        "destination_p": target_port,
    }  # fmt: skip


def _whole(op: OtOp, columns: dict[str, object]) -> list[object]:
    """Return the fields of an operation in their order; ``true`` for a detail that is just the row's columns."""
    detail = True if op.detail and op.detail == columns else op.detail
    return [
        op.is_from_client, op.protocol, op.service, op.code, op.kind, int(op.direction), op.unit, op.area, op.first,
        op.count, op.name, op.value, op.result, op.transaction, op.latency_ns, detail,
    ]  # fmt: skip


def _columns(op: OtOp) -> dict[str, object]:
    """Return a row in the sensor's own form."""
    columns: dict[str, object] = {
        "is_orig": op.is_from_client,
        "protocol": op.protocol,
        "service": op.service,
        "code": op.code,
        "kind": str(op.kind),
        "direction": op.direction.name.lower(),
    }
    for name in ("unit", "first", "count", "transaction", "latency_ns"):
        if (value := getattr(op, name)) is not None:
            columns[name] = value
    for name in ("area", "name", "result"):
        if text := getattr(op, name):
            columns[name] = text
    if op.value is not None:
        columns["value"] = op.value
    if op.detail:
        columns.update(op.detail)
    return columns
