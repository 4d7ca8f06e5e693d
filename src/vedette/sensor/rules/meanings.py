"""What a well-known industrial monitor alerts on, meaning by meaning, and which rule of ours says the same.

The list to compare with is the alert reference of Microsoft Defender for IoT as it stood in November 2022: 202 alerts
of five engines. ``name`` is what that reference calls an alert, ``words`` what it means in ours. A meaning counts as
covered once a row of the tests shows traffic that raises the rule, and like traffic that does not.

Source:
    Microsoft, "OT monitoring alert types and descriptions" (2022-11-01).
"""

from __future__ import annotations

from typing import Final

import msgspec

from vedette.sensor.alerts import Engine
from vedette.sensor.rules.meanings_policy import POLICY

Row = tuple[str, str, str]
"""Known name, our words, rules that cover it, separated by spaces."""


class Meaning(msgspec.Struct, frozen=True):
    """One alert of the reference."""

    engine: Engine
    name: str
    words: str
    rules: tuple[str, ...]
    """Ids of the rules that say the same; empty: none does."""


_ANOMALY: Final[tuple[Row, ...]] = (
    ("Abnormal Exception Pattern in Slave", "a device answers with many errors", "ot.exceptions"),
    ("Abnormal HTTP Header Length", "an HTTP header is far too long", "http.header_length"),
    ("Abnormal Number of Parameters in HTTP Header", "an HTTP message has far too many headers", "http.header_count"),
    (
        "Abnormal Periodic Behavior In Communication Channel",
        "the rhythm of a link changed",
        "baseline.period_faster baseline.period_slower",
    ),
    ("Abnormal Termination of Applications", "many stop commands", "ot.stops"),
    ("Abnormal Traffic Bandwidth", "a device's amount of traffic changed", ""),
    ("Abnormal Traffic Bandwidth Between Devices", "a link's amount of traffic changed", "baseline.bandwidth"),
    ("Address Scan Detected", "one source tries many addresses", "scan.address"),
    ("ARP Address Scan Detected", "one source asks for many addresses with ARP", "scan.arp"),
    ("ARP Spoofing", "an address is claimed by another MAC address", "arp.spoofing"),
    ("Excessive Login Attempts", "many logins in a minute", "login.attempts"),
    ("Excessive Number of Sessions", "many sessions in a minute", "flood.sessions"),
    ("Excessive Restart Rate of an Outstation", "many restarts in an hour", "ot.restarts"),
    ("Excessive SMB login attempts", "many SMB logins", "login.smb"),
    ("ICMP Flooding", "too many ICMP messages", "flood.icmp"),
    ("Illegal HTTP Header Content", "an HTTP header holds what it must not", "http.header_content"),
    (
        "Inactive Communication Channel",
        "a link that was always busy fell silent",
        "baseline.period_lost baseline.device_silent",
    ),
    ("Long Duration Address Scan Detected", "one source tries many addresses, slowly", "scan.address_slow"),
    ("Password Guessing Attempt Detected", "logins at the speed of a program", "login.guessing"),
    ("PLC Scan Detected", "one source tries many controllers", "scan.controllers"),
    ("Port Scan Detected", "one source tries many ports of a device", "scan.port"),
    ("Unexpected message length", "a message is longer than any should be", "message.length"),
    ("Unexpected Traffic for Standard Port", "another protocol than the port's own", "port.other_protocol"),
)
_PROTOCOL: Final[tuple[Row, ...]] = (
    ("Excessive Malformed Packets In a Single Session", "several malformed messages", "protocol.malformed"),
    ("Firmware Update", "firmware is sent to a device", "ot.firmware_update"),
    ("Function Code Not Supported by Outstation", "an outstation does not know the function", "dnp3.not_supported"),
    ("Illegal BACNet message", "BACnet that the standard forbids", "bacnet.illegal"),
    ("Illegal Connection Attempt on Port 0", "a connection to port 0", "port.zero"),
    ("Illegal DNP3 Operation", "DNP3 that the standard forbids", "dnp3.illegal"),
    ("Illegal MODBUS Operation (Exception Raised by Master)", "a master sends an exception",
     "modbus.exception_from_master"),
    ("Illegal MODBUS Operation (Function Code Zero)", "Modbus function 0", "modbus.function_zero"),
    ("Illegal Protocol Version", "a version that the protocol does not have", "protocol.version"),
    ("Incorrect Parameter Sent to Outstation", "an outstation refuses a parameter", "dnp3.parameter_error"),
    ("Initiation of an Obsolete Function Code (Initialize Data)", "DNP3 initialize data", "dnp3.initialize_data"),
    ("Initiation of an Obsolete Function Code (Save Config)", "DNP3 save configuration", "dnp3.save_configuration"),
    ("Master Requested an Application Layer Confirmation", "a DNP3 master asks for a confirmation",
     "dnp3.master_wants_confirmation"),
    ("Modbus Exception", "a Modbus device answers with an exception", "modbus.exception"),
    ("Slave Device Received Illegal ASDU Type", "a type that IEC 60870-5 does not have", "iec104.type"),
    ("Slave Device Received Illegal Command Cause of Transmission", "a cause that does not fit the command",
     "iec104.cause"),
    ("Slave Device Received Illegal Common Address", "a common address that is not there", "iec104.common_address"),
    ("Slave Device Received Illegal Data Address Parameter", "a data address that is not there",
     "modbus.data_address"),
    ("Slave Device Received Illegal Data Value Parameter", "a data value that is not allowed", "modbus.data_value"),
    ("Slave Device Received Illegal Function Code", "a function that the device refuses", "modbus.illegal_function"),
    ("Slave Device Received Illegal Information Object Address", "an object address that is not there",
     "iec104.object_address"),
    ("Unknown Object Sent to Outstation", "an outstation does not know the object", "dnp3.unknown_object"),
    ("Usage of a Reserved Function Code", "a function code that the standard reserves", "protocol.reserved_function"),
    ("Usage of Improper Formatting by Outstation", "an outstation's message is badly formed", "dnp3.formatting"),
    ("Usage of Reserved Status Flags (IIN)", "reserved bits of the internal indications", "dnp3.reserved_iin"),
)  # fmt: skip
_MALWARE: Final[tuple[Row, ...]] = (
    ("Connection Attempt to Known Malicious IP", "talk with an address on a list", "indicator.address"),
    ("Invalid SMB Message (DoublePulsar Backdoor Implant)", "the answer of the DoublePulsar implant",
     "malware.doublepulsar"),
    ("Malicious Domain Name Request", "a question for a name on a list", "indicator.name"),
    ("Malware Test File Detected - EICAR AV Success", "the EICAR test file", "malware.eicar"),
    ("Suspicion of Conficker Malware", "traits of Conficker", "malware.conficker"),
    ("Suspicion of Denial Of Service Attack", "thousands of new connections", "flood.connections"),
    ("Suspicion of Malicious Activity", "an indicator of compromise: a URL or a file", "indicator.url"),
    ("Suspicion of Malicious Activity (BlackEnergy)", "traits of BlackEnergy", "malware.black_energy"),
    ("Suspicion of Malicious Activity (DarkComet)", "traits of DarkComet", "malware.dark_comet"),
    ("Suspicion of Malicious Activity (Duqu)", "traits of Duqu", "malware.duqu"),
    ("Suspicion of Malicious Activity (Flame)", "traits of Flame", "malware.flame"),
    ("Suspicion of Malicious Activity (Havex)", "traits of Havex: looks for OPC and industrial ports",
     "malware.havex"),
    ("Suspicion of Malicious Activity (Karagany)", "traits of Karagany", ""),
    ("Suspicion of Malicious Activity (LightsOut)", "traits of LightsOut", ""),
    ("Suspicion of Malicious Activity (Name Queries)", "many names asked for that do not exist", "dns.name_queries"),
    ("Suspicion of Malicious Activity (Poison Ivy)", "traits of Poison Ivy", "malware.poison_ivy"),
    ("Suspicion of Malicious Activity (Regin)", "traits of Regin", "malware.regin"),
    ("Suspicion of Malicious Activity (Stuxnet)", "traits of Stuxnet", "malware.stuxnet"),
    ("Suspicion of Malicious Activity (WannaCry)", "traits of WannaCry", "malware.wannacry"),
    ("Suspicion of NotPetya Malware - Illegal SMB Parameters Detected", "SMB parameters of EternalBlue",
     "malware.smb_parameters"),
    ("Suspicion of NotPetya Malware - Illegal SMB Transaction Detected", "SMB transactions of EternalBlue",
     "malware.smb_transaction"),
    ("Suspicion of Remote Code Execution with PsExec", "a service of PsExec", "windows.psexec"),
    ("Suspicion of Remote Windows Service Management", "services managed from afar", "windows.service_control"),
    ("Suspicious Executable File Detected on Endpoint", "a program is sent to an industrial device",
     "malware.executable"),
    ("Suspicious Traffic Detected", "a remote-control program's or exploit's own bytes", "malware.signature"),
    ("Backup Activity with Antivirus Signatures", "a backup that carries signatures of an antivirus", ""),
)  # fmt: skip
_OPERATIONAL: Final[tuple[Row, ...]] = (
    ("An S7 Stop PLC Command was Sent", "an S7 controller is told to stop", "ot.controller_stop"),
    ("BACNet Operation Failed", "a BACnet device answers with an error", "bacnet.failed"),
    ("Bad MMS Device State", "an MMS device says that it does not work", "mms.device_state"),
    ("Change of Device Configuration", "a device's configuration is changed", "ot.configuration_write"),
    ("Continuous Event Buffer Overflow at Outstation", "events are lost again and again", "dnp3.overflows"),
    ("Controller Reset", "a controller is told to restart", "ot.controller_reset"),
    ("Controller Stop", "a controller is told to stop", "ot.controller_stop"),
    ("Device Failed to Receive a Dynamic IP Address", "DHCP gives a device no address", "dhcp.failed"),
    ("Device is Suspected to be Disconnected (Unresponsive)", "a device does not answer", "device.unresponsive"),
    ("EtherNet/IP CIP Service Request Failed", "a CIP request is refused", "cip.failed"),
    ("EtherNet/IP Encapsulation Protocol Command Failed", "an EtherNet/IP command is refused", "enip.failed"),
    ("Event Buffer Overflow in Outstation", "an outstation lost events", "dnp3.overflow"),
    ("Expected Backup Operation Did Not Occur", "a backup did not come", ""),
    ("GE SRTP Command Failure", "an SRTP request is refused", "srtp.failed"),
    ("GE SRTP Stop PLC Command was Sent", "a GE controller is told to stop", "ot.controller_stop"),
    ("GOOSE Control Block Requires Further Configuration", "GOOSE needs commissioning", "goose.needs_commissioning"),
    ("GOOSE Dataset Configuration was Changed", "a GOOSE message has another data set", "goose.dataset"),
    ("Honeywell Controller Unexpected Status", "a Honeywell controller's status", ""),
    ("HTTP Client Error", "an HTTP request is wrong", "http.client_error"),
    ("Illegal IP Address", "an address that nobody may have", "address.illegal"),
    ("Master-Slave Authentication Error", "DNP3 authentication fails", "dnp3.authentication"),
    ("MMS Service Request Failed", "an MMS request is refused", "mms.failed"),
    ("No Traffic Detected on Sensor Interface", "the sensor hears nothing any more", "sensor.silent"),
    ("OPC UA Server Raised an Event That Requires User's Attention", "an OPC UA event asks for attention", ""),
    ("OPC UA Service Request Failed", "an OPC UA request is refused", "opcua.failed"),
    ("Outstation Restarted", "an outstation restarted", "dnp3.restarted"),
    ("Outstation Restarts Frequently", "an outstation restarts again and again", "dnp3.restarts_often"),
    ("Outstation's Configuration Changed", "an outstation's configuration changed", "dnp3.configuration_changed"),
    ("Outstation's Corrupted Configuration Detected", "an outstation's configuration is corrupt",
     "dnp3.configuration_corrupt"),
    ("PLC Operating Mode Changed", "a controller's mode changed", "ot.mode_change"),
    ("Profinet DCP Command Failed", "a PROFINET DCP command is refused", "profinet.failed"),
    ("Profinet Device Factory Reset", "a PROFINET device is reset to factory state", "profinet.factory_reset"),
    ("RPC Operation Failed", "a remote procedure call is refused", "rpc.failed"),
    ("Sampled Values Message Dataset Configuration was Changed", "sampled values have another data set",
     "sv.dataset"),
    ("Slave Device Unrecoverable Failure", "a device says that it has failed", "modbus.device_failure"),
    ("Suspicion of Hardware Problems in Outstation", "an outstation says that it is in trouble",
     "dnp3.device_trouble"),
    ("Suspicion of Unresponsive MODBUS Device", "a Modbus device leaves requests without an answer",
     "modbus.unresponsive"),
    ("Traffic Detected on Sensor Interface", "the sensor hears something again", "sensor.heard_again"),
)  # fmt: skip

MEANINGS: Final[tuple[Meaning, ...]] = tuple(
    Meaning(engine, name, words, tuple(rules.split()))
    for engine, rows in (
        (Engine.POLICY, POLICY),
        (Engine.ANOMALY, _ANOMALY),
        (Engine.PROTOCOL, _PROTOCOL),
        (Engine.MALWARE, _MALWARE),
        (Engine.OPERATIONAL, _OPERATIONAL),
    )
    for name, words, rules in rows
)
