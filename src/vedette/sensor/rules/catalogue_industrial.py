"""Rules about controllers, outstations and what is done to them."""

from __future__ import annotations

from typing import Final

from vedette.sensor.alerts import Engine, Severity
from vedette.sensor.rules.model import RuleSpec

_POLICY: Final = Engine.POLICY
_ANOMALY: Final = Engine.ANOMALY
_PROTOCOL: Final = Engine.PROTOCOL
_WORKS: Final = Engine.OPERATIONAL
_INFO: Final = Severity.INFORMATIONAL
_LOW: Final = Severity.LOW
_MEDIUM: Final = Severity.MEDIUM
_HIGH: Final = Severity.HIGH
_CRITICAL: Final = Severity.CRITICAL
_DAY: Final = 86_400

CONTROLLERS: Final = (
    RuleSpec("ot.controller_stop", "A controller is told to stop", "{source} told {target} to stop: {what}",
             _WORKS, _CRITICAL, "T0858"),
    RuleSpec("ot.controller_start", "A controller is told to start", "{source} told {target} to start: {what}",
             _WORKS, _HIGH, "T0858"),
    RuleSpec("ot.controller_reset", "A device is told to restart", "{source} told {target} to restart: {what}",
             _WORKS, _HIGH, "T0816"),
    RuleSpec("ot.factory_reset", "A device is told to forget its configuration",
             "{source} told {target} to return to factory state: {what}", _WORKS, _CRITICAL, "T0816"),
    RuleSpec("profinet.factory_reset", "A PROFINET device is reset to factory state",
             "{source} told {target} to return to factory state: {what}", _WORKS, _CRITICAL, "T0816"),
    RuleSpec("ot.mode_change", "A controller's mode is changed", "{source} changed the mode of {target}: {what}",
             _WORKS, _HIGH, "T0858"),
    RuleSpec("ot.key_switch", "A controller's key switch or mode is another",
             "{target} is in another mode: {what}", _WORKS, _HIGH, "T0858"),
    RuleSpec("ot.silenced", "A device is told to be silent", "{source} told {target} to be silent: {what}",
             _WORKS, _HIGH, "T0803"),
    RuleSpec("s7.control_function", "An S7 controller is told to run a control function",
             "{source} started a function of {target}: {what}", _POLICY, _HIGH, "T0855"),
    RuleSpec("ot.program_download", "A program is written to a controller",
             "{source} wrote a program to {target}: {what}", _POLICY, _CRITICAL, "T0843"),
    RuleSpec("ot.program_upload", "A program is read from a controller",
             "{source} read a program from {target}: {what}", _POLICY, _HIGH, "T0845"),
    RuleSpec("ot.program_delete", "A program is deleted in a controller",
             "{source} deleted a program in {target}: {what}", _POLICY, _CRITICAL, "T0889"),
    RuleSpec("mms.program_access", "A program in an MMS device is touched",
             "{source} touched a program of {target}: {what}", _POLICY, _HIGH, "T0889"),
    RuleSpec("ot.configuration_write", "A device's configuration is written",
             "{source} changed the configuration of {target}: {what}", _POLICY, _HIGH, "T0836"),
    RuleSpec("ot.configuration_read", "A device's configuration is read",
             "{source} read the configuration of {target}: {what}", _POLICY, _MEDIUM, "T0845", is_learnable=True),
    RuleSpec("ot.firmware_update", "Firmware is sent to a device", "{source} sent firmware to {target}: {what}",
             _PROTOCOL, _CRITICAL, "T0857"),
    RuleSpec("ot.file_write", "A file in a controller is written", "{source} wrote a file in {target}: {what}",
             _POLICY, _HIGH, "T0843", is_learnable=True),
    RuleSpec("ot.file_read", "A file in a controller is read", "{source} read a file of {target}: {what}",
             _POLICY, _LOW, "T0845", is_learnable=True),
    RuleSpec("ot.forced_value", "A value is forced", "{source} forced a value in {target}: {what}",
             _POLICY, _HIGH, "T0835"),
    RuleSpec("ot.alarm_suppressed", "Alarms are locked", "{source} locked alarms of {target}: {what}",
             _POLICY, _HIGH, "T0878"),
    RuleSpec("ot.new_writer", "A source writes that never wrote before",
             "{source} never wrote to {target} before: {what}", _POLICY, _HIGH, "T0855", is_learnable=True,
             thresholds={"settle_s": 600, "arrive_s": 180}),
    RuleSpec("profinet.set", "A PROFINET device gets another name or address",
             "{source} set {what} of {target}", _POLICY, _HIGH, "T0836", is_learnable=True),
    RuleSpec("ot.stops", "Many stop commands", "{target} was told to stop again and again", _ANOMALY, _HIGH, "T0806",
             thresholds={"commands": 20, "window_s": 10_800}),
    RuleSpec("ot.restarts", "Many restart commands", "{target} was told to restart again and again", _ANOMALY, _HIGH,
             "T0816", thresholds={"commands": 10, "window_s": 3_600}),
)  # fmt: skip

REFUSALS: Final = (
    RuleSpec("ot.exceptions", "A device answers with many errors", "{source} gets many errors from {target}: {what}",
             _ANOMALY, _MEDIUM, "T0861", cool_down_s=3_600,
             thresholds={"errors": 20, "window_s": 3_600, "same_errors": 5}),
    *(
        RuleSpec(name, title, "{target} refused {source}: {what}", engine, severity, technique, is_learnable=True,
                 cool_down_s=_DAY, thresholds={"settle_s": 600})
        for name, title, engine, severity, technique in (
            ("ot.exception", "A request is refused that was not before", _POLICY, _INFO, "T0855"),
            ("modbus.exception", "A Modbus device answers with an exception", _PROTOCOL, _INFO, "T0855"),
            ("modbus.illegal_function", "A Modbus function that the device refuses", _PROTOCOL, _LOW, "T0855"),
            ("modbus.data_address", "A Modbus address that is not there", _PROTOCOL, _LOW, "T0861"),
            ("modbus.data_value", "A Modbus value that is not allowed", _PROTOCOL, _LOW, "T0836"),
            ("modbus.device_failure", "A Modbus device says that it failed", _WORKS, _MEDIUM, ""),
            ("iec104.type", "An IEC 60870-5 type that is not there", _PROTOCOL, _LOW, "T0855"),
            ("iec104.cause", "An IEC 60870-5 cause that does not fit", _PROTOCOL, _LOW, "T0855"),
            ("iec104.common_address", "An IEC 60870-5 common address that is not there", _PROTOCOL, _LOW, "T0861"),
            ("iec104.object_address", "An IEC 60870-5 object address that is not there", _PROTOCOL, _LOW, "T0861"),
            ("dnp3.not_supported", "An outstation does not know the function", _PROTOCOL, _LOW, "T0855"),
            ("dnp3.unknown_object", "An outstation does not know the object", _PROTOCOL, _LOW, "T0861"),
            ("dnp3.parameter_error", "An outstation refuses a parameter", _PROTOCOL, _LOW, "T0836"),
            ("cip.failed", "A CIP request is refused", _WORKS, _INFO, ""),
            ("enip.failed", "An EtherNet/IP command is refused", _WORKS, _INFO, ""),
            ("mms.failed", "An MMS request is refused", _WORKS, _INFO, ""),
            ("bacnet.failed", "A BACnet request is refused", _WORKS, _INFO, ""),
            ("opcua.failed", "An OPC UA request is refused", _WORKS, _INFO, ""),
            ("srtp.failed", "An SRTP request is refused", _WORKS, _INFO, ""),
            ("profinet.failed", "A PROFINET DCP request is refused", _WORKS, _INFO, ""),
            ("rpc.failed", "A remote procedure call is refused", _WORKS, _INFO, ""),
            ("protocol.version", "A version that the protocol does not have", _PROTOCOL, _MEDIUM, "T0866"),
        )
    ),
)  # fmt: skip

VIOLATIONS: Final = (
    RuleSpec("protocol.malformed", "Several malformed messages", "{source} sent {target} malformed messages: {what}",
             _PROTOCOL, _MEDIUM, "T0814", thresholds={"messages": 2, "window_s": 600}),
    RuleSpec("protocol.reserved_function", "A function code that the standard reserves",
             "{source} asked {target} for a function that is not defined: {what}", _PROTOCOL, _MEDIUM, "T0855"),
    RuleSpec("protocol.illegal_value", "A field outside of what the standard allows",
             "{source} sent {target} what the protocol forbids: {what}", _PROTOCOL, _MEDIUM, "T0855"),
    RuleSpec("protocol.wrong_direction", "A message that goes the wrong way",
             "{source} sent {target} what only the other side may send: {what}", _PROTOCOL, _MEDIUM, "T0856"),
    RuleSpec("protocol.unexpected_response", "Answers to nothing that was asked",
             "{source} answered what {target} did not ask: {what}", _PROTOCOL, _MEDIUM, "T0830",
             thresholds={"messages": 20, "window_s": 600}),
    RuleSpec("protocol.checksum", "Wrong checksums", "{source} sent {target} wrong checksums: {what}", _PROTOCOL, _LOW,
             "T0814", thresholds={"messages": 3, "window_s": 600}),
    RuleSpec("modbus.function_zero", "Modbus function 0", "{source} sent {target} Modbus function 0", _PROTOCOL,
             _MEDIUM, "T0855"),
    RuleSpec("modbus.exception_from_master", "A Modbus master sends an exception",
             "{source} sent {target} an exception, as only a device may", _PROTOCOL, _MEDIUM, "T0856"),
    RuleSpec("bacnet.illegal", "BACnet that the standard forbids", "{source} sent {target} illegal BACnet: {what}",
             _PROTOCOL, _MEDIUM, "T0855"),
    RuleSpec("message.length", "A message that is longer than any should be",
             "{source} sent {target} {what} bytes without an end of line", _ANOMALY, _HIGH, "T0866",
             thresholds={"length_bytes": 32_768}),
)  # fmt: skip

OUTSTATIONS: Final = (
    RuleSpec("dnp3.illegal", "DNP3 that the standard forbids", "{source} sent {target} illegal DNP3: {what}",
             _PROTOCOL, _MEDIUM, "T0855"),
    RuleSpec("dnp3.initialize_data", "An obsolete function: initialize data",
             "{source} told {target} to initialize data, which is obsolete", _PROTOCOL, _MEDIUM, "T0855"),
    RuleSpec("dnp3.save_configuration", "An obsolete function: save configuration",
             "{source} told {target} to save its configuration, which is obsolete", _PROTOCOL, _MEDIUM, "T0855"),
    RuleSpec("dnp3.master_wants_confirmation", "A DNP3 master asks for a confirmation",
             "{source} asked {target} for a confirmation, as only an outstation may", _PROTOCOL, _LOW, "T0855"),
    RuleSpec("dnp3.formatting", "An outstation's message is badly formed",
             "{source} sent {target} a badly formed message: {what}", _PROTOCOL, _LOW, ""),
    RuleSpec("dnp3.reserved_iin", "Reserved internal indications", "{source} set reserved indications: {what}",
             _PROTOCOL, _LOW, ""),
    RuleSpec("dnp3.restarted", "An outstation restarted", "{target} restarted", _WORKS, _MEDIUM, "T0816"),
    RuleSpec("dnp3.restarts_often", "An outstation restarts again and again", "{target} restarts again and again",
             _WORKS, _MEDIUM, "T0816", thresholds={"restarts": 2, "window_s": 600}),
    RuleSpec("dnp3.device_trouble", "An outstation is in trouble", "{target} says that it is in trouble", _WORKS,
             _MEDIUM, ""),
    RuleSpec("dnp3.overflow", "An outstation lost events", "{target} lost events: its buffer is full", _WORKS,
             _MEDIUM, "T0804"),
    RuleSpec("dnp3.overflows", "An outstation loses events again and again", "{target} loses events again and again",
             _WORKS, _HIGH, "T0804", thresholds={"times": 3, "window_s": 600}),
    RuleSpec("dnp3.configuration_corrupt", "An outstation's configuration is corrupt",
             "{target} says that its configuration is corrupt", _WORKS, _HIGH, "T0836"),
    RuleSpec("dnp3.configuration_changed", "An outstation's configuration changed",
             "{source} changed the configuration of {target}: {what}", _WORKS, _HIGH, "T0836"),
    RuleSpec("dnp3.authentication", "DNP3 authentication fails", "{source} and {target} fail to authenticate", _WORKS,
             _MEDIUM, "T0859"),
    RuleSpec("dnp3.integrity_scan", "A new source reads all of an outstation",
             "{source} never read all of {target} before", _POLICY, _MEDIUM, "T0801", is_learnable=True,
             thresholds={"settle_s": 600}),
    RuleSpec("mms.device_state", "An MMS device says that it does not work", "{target} says: {what}", _WORKS, _MEDIUM,
             ""),
    RuleSpec("device.unresponsive", "A device does not answer", "{target} does not answer {source}: {what}", _WORKS,
             _MEDIUM, "T0814", thresholds={"attempts": 8, "window_s": 300}),
    RuleSpec("modbus.unresponsive", "A Modbus device leaves requests without an answer",
             "{target} leaves requests of {source} without an answer: {what}", _WORKS, _MEDIUM, "T0814",
             thresholds={"requests": 3, "window_s": 300}),
)  # fmt: skip

PROCESS_BUS: Final = (
    RuleSpec("goose.other_source", "A GOOSE message comes from another device",
             "{source} publishes {what}, which is another device's", _ANOMALY, _CRITICAL, "T0856"),
    RuleSpec("goose.state_jump", "A GOOSE state number jumps", "{source} jumped the state of {what}", _ANOMALY, _HIGH,
             "T0856", thresholds={"states": 100}),
    RuleSpec("goose.sequence", "GOOSE sequence numbers go back", "{source} repeats old messages: {what}", _ANOMALY,
             _MEDIUM, "T0856", thresholds={"messages": 3, "window_s": 60}),
    RuleSpec("goose.settings", "A GOOSE message changed its settings", "{source} changed {what}", _POLICY, _MEDIUM,
             "T0836"),
    RuleSpec("goose.dataset", "A GOOSE message has another data set", "{source} changed {what}", _WORKS, _MEDIUM,
             "T0836"),
    RuleSpec("goose.needs_commissioning", "GOOSE needs commissioning", "{source} says that {what} needs commissioning",
             _WORKS, _MEDIUM, ""),
    RuleSpec("sv.other_source", "Sampled values come from another device",
             "{source} publishes {what}, which is another device's", _ANOMALY, _CRITICAL, "T0856"),
    RuleSpec("sv.settings", "Sampled values changed their settings", "{source} changed {what}", _POLICY, _MEDIUM,
             "T0836"),
    RuleSpec("sv.dataset", "Sampled values have another data set", "{source} changed {what}", _WORKS, _MEDIUM,
             "T0836"),
)  # fmt: skip
