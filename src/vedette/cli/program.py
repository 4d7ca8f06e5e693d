"""The command tree, and what becomes of a problem that a command did not foresee."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from vedette.cli import (
    access,
    access_list,
    alert,
    alert_exception,
    approval,
    authority,
    clock,
    clone_alert,
    command,
    configuration,
    credential,
    decision,
    device,
    device_create,
    device_life,
    enrollment,
    enrollment_create,
    enrollment_pending,
    group,
    ledger,
    listener_check,
    login,
    method,
    module,
    operator_session,
    person,
    platform,
    policy,
    policy_stage,
    quarantine,
    query,
    recover_admin,
    reported_certificate,
    review,
    role,
    service_policy,
    signal,
    status,
    symmetric_key,
    telemetry,
    ticket,
    token,
    twin,
)
from vedette.cli.network_nouns import NETWORK, Commands
from vedette.cli.output import tell_problem
from vedette.cli.problems import exit_code_of
from vedette.kernel import Problem

_EPILOG: Final = "Exit codes: 0 done, 1 failed, 2 usage, 3 denied, 4 not found."


_ALONE: Final[Commands] = {
    "up": platform.up,
    "demo": platform.demo,
    "status": status.status,
    "login-link": status.login_link,
    "query": query.query,
    "login": login.login,
    "logout": login.logout,
    "recover-admin": recover_admin.recover_admin,
}
_DEVICE: Final[Commands] = {
    "list": device.list_devices,
    "show": device.show,
    "create": device_create.create,
    "update": device_create.update,
    "disable": device.disable,
    "enable": device.enable,
    "move": device_life.move,
    "retire": device_life.retire,
    "delete": device_life.delete,
    "certificates": credential.certificates,
    "issue-certificate": credential.issue_certificate,
    "keys": symmetric_key.keys,
    "rotate-key": symmetric_key.rotate_key,
    "revoke": credential.revoke,
    "history": credential.history,
    "accesses": credential.accesses,
    "allow-reenrollment": credential.allow_reenrollment,
}
_MODULE: Final[Commands] = {
    "list": module.list_modules,
    "show": module.show,
    "create": module.create,
    "update": module.update,
    "disable": module.disable,
    "enable": module.enable,
    "delete": module.delete,
    "issue-certificate": module.issue_certificate,
    "keys": module.keys,
    "rotate-key": module.rotate_key,
}
_GROUP: Final[Commands] = {
    "list": group.list_groups,
    "show": group.show,
    "create": group.create,
    "update": group.update,
    "delete": group.delete,
    "add": group.add,
    "remove": group.remove,
    "members": group.members,
}
_ENROLLMENT: Final[Commands] = {
    "list": enrollment.list_enrollments,
    "show": enrollment.show,
    "create-group": enrollment_create.create_group,
    "create-individual": enrollment_create.create_individual,
    "update": enrollment_create.update,
    "disable": enrollment.disable,
    "enable": enrollment.enable,
    "delete": enrollment.delete,
    "registrations": enrollment.registrations,
    "pending": enrollment_pending.pending,
    "approve": enrollment_pending.approve,
    "reject": enrollment_pending.reject,
    "rotate-key": enrollment_pending.rotate_key,
}
_AUTHORITY: Final[Commands] = {
    "list": authority.list_authorities,
    "show": authority.show,
    "add": authority.add,
    "verify": authority.verify,
    "renew-code": authority.renew_code,
    "disable": authority.disable,
    "enable": authority.enable,
    "set-hub-trust": authority.set_hub_trust,
    "remove": authority.remove,
    "own": authority.show_own,
    "reports": reported_certificate.list_reports,
    "acknowledge": reported_certificate.acknowledge,
}
_POLICY: Final[Commands] = {
    "check": policy.check,
    "test": policy.try_cases,
    "diff": policy.diff,
    "simulate": policy.simulate,
    "simulations": policy.simulations,
    "stop": policy.stop,
    "apply": policy.apply,
    "list": policy.list_bundles,
    "show": policy.show,
    "status": policy_stage.status,
    "approve": policy_stage.approve,
    "shadow": policy_stage.shadow,
    "canary": policy_stage.canary,
    "promote": policy_stage.promote,
    "withdraw": policy_stage.withdraw,
    "rollback": policy_stage.rollback,
    "discard": policy.discard,
}
_NOUNS: Final[dict[str, tuple[str, Commands]]] = {
    "device": ("Devices: who they are, and what can be done with them.", _DEVICE),
    "module": ("Parts of a device with an identity of their own.", _MODULE),
    "twin": (
        "What a device should be set to, what it reports, and its tags.",
        {"show": twin.show, "patch": twin.patch, "replace": twin.replace},
    ),
    "method": ("Ask a connected device to do something, and get its answer.", {"invoke": method.invoke}),
    "command": (
        "Messages to a device, which wait until it is there.",
        {"send": command.send, "list": command.list_commands, "purge": command.purge, "feedback": command.feedback},
    ),
    "group": ("Devices that belong together, named one by one or by a condition.", _GROUP),
    "enrollment": ("Who may register with an onboarding identity, and what they get.", _ENROLLMENT),
    "authority": ("Authorities that vouch for devices, and our own.", _AUTHORITY),
    "access-list": (
        "Who may not enter, and who alone may.",
        {"list": access_list.list_entries, "add": access_list.add, "remove": access_list.remove},
    ),
    "telemetry": (
        "What devices send.",
        {"list": telemetry.list_messages, "tail": telemetry.tail_messages},
    ),
    "refusal": ("Who was refused, why, and what to do.", {"list": decision.list_refusals}),
    "clone-alert": (
        "Identities that two clients used at once.",
        {"list": clone_alert.list_alerts, "acknowledge": clone_alert.acknowledge},
    ),
    "alert": (
        "What sensors raise about behavior, and what you say to it.",
        {
            "list": alert.list_alerts,
            "overview": alert.overview,
            "show": alert.show,
            "acknowledge": alert.acknowledge,
            "close": alert.close,
            "reopen": alert.reopen,
            "merge": alert.merge,
            "unmerge": alert.unmerge,
            "groups": alert.groups,
            "export": alert.export,
            "slice": alert.read_slice,
        },
    ),
    "exception": (
        "Alerts that nobody needs to look at.",
        {
            "list": alert_exception.list_exceptions,
            "show": alert_exception.show,
            "preview": alert_exception.preview,
            "add": alert_exception.add,
            "end": alert_exception.end,
        },
    ),
    "ticket": (
        "Changes that were announced, whose alerts are raised to nobody.",
        {"list": ticket.list_tickets, "show": ticket.show, "open": ticket.open_ticket, "end": ticket.end},
    ),
    "signal": (
        "What bears on trust in a device, and what it comes to.",
        {
            "list": signal.list_signals,
            "show": signal.show,
            "risky": signal.risky,
            "send": signal.send,
            "withdraw": signal.withdraw,
        },
    ),
    "quarantine": (
        "Devices that may be repaired and nothing else, and their way back.",
        {
            "list": quarantine.list_quarantines,
            "show": quarantine.show,
            "preview": quarantine.preview,
            "put": quarantine.put,
            "approve": quarantine.approve,
            "recover": quarantine.recover,
            "sign-off": quarantine.sign_off,
            "release": quarantine.release,
        },
    ),
    "decision": (
        "Every access decision.",
        {"list": decision.list_decisions, "show": decision.show, "export": decision.export},
    ),
    "access": ("What a device may do, and why.", {"explain": access.explain}),
    "policy": ("What decides who may do what: from files over a simulation to the fleet, and back.", _POLICY),
    "event": ("What happens, as it happens.", {"tail": telemetry.tail_events}),
    "ledger": (
        "What was done, by whom and why; and that nobody edited it.",
        {
            "list": ledger.list_entries,
            "show": ledger.show_entry,
            "checkpoint": ledger.checkpoint,
            "verify": ledger.verify,
            "export": ledger.export,
        },
    ),
    "role": (
        "Who may do what, and where.",
        {
            "kinds": role.kinds,
            "rights": role.rights,
            "list": role.list_grants,
            "grant": role.grant,
            "withdraw": role.withdraw,
        },
    ),
    "elevation": (
        "Roles that count for a while, for a reason.",
        {"list": role.list_elevations, "begin": role.begin_elevation, "end": role.end_elevation},
    ),
    "approval": (
        "Acts that wait for another person.",
        {
            "list": approval.list_approvals,
            "show": approval.show,
            "approve": approval.approve,
            "refuse": approval.refuse,
        },
    ),
    "review": (
        "Who may what, signed off line by line.",
        {
            "list": review.list_reviews,
            "begin": review.begin,
            "show": review.show,
            "sign": review.sign,
            "export": review.export,
            "close": review.close,
        },
    ),
    "command-schema": (
        "What devices may be told, and nothing else.",
        {"list": approval.list_schemas, "add": approval.add_schema, "remove": approval.remove_schema},
    ),
    "person": (
        "Who may operate the platform.",
        {"list": person.list_people, "disable": person.disable, "enable": person.enable, "delete": person.delete},
    ),
    "passkey": (
        "What people log in with.",
        {"list": person.list_passkeys, "remove": person.remove_passkey},
    ),
    "session": (
        "Browsers that are logged in.",
        {"list": operator_session.list_sessions, "end": operator_session.end},
    ),
    "token": (
        "What programs show instead of a person.",
        {"list": token.list_tokens, "show": token.show, "create": token.create, "revoke": token.revoke},
    ),
    "service-policy": (
        "Programs that use the service API, and their keys.",
        {
            "list": service_policy.list_policies,
            "create": service_policy.create,
            "connection-string": service_policy.connection_string,
            "rotate": service_policy.rotate,
            "delete": service_policy.delete,
        },
    ),
    **NETWORK,
    "clock": (
        "The platform's clock: whether it is believed.",
        {"show": clock.show, "accept": clock.accept},
    ),
    "listener": ("What is open, and who may connect.", {"check": listener_check.check}),
    "config": (
        "The configuration: what is wrong with it, and what holds.",
        {"check": configuration.check, "show": configuration.show},
    ),
}


def build_program(only: str = "") -> typer.Typer:
    """Return the command tree.

    Args:
        only: The branch to build, for a command that begins with it; all of them take a tenth of a second.
    """
    app = _group("Zero Trust security for IoT and OT fleets, on a machine of your own.")
    app.info.epilog = _EPILOG
    app.info.no_args_is_help = False  # to ask for help this way is no mistake
    app.callback(invoke_without_command=True)(_root)
    is_known = only in _ALONE or only in _NOUNS
    for name, function in _ALONE.items():
        if name == only or not is_known:
            app.command(name)(function)
    for noun, (text, verbs) in _NOUNS.items():
        if noun != only and is_known:
            continue
        group = _group(text)
        for verb, function in verbs.items():
            group.command(verb)(function)
        app.add_typer(group, name=noun)
    return app


def run(arguments: list[str]) -> int:
    """Run one command line; return the exit code."""
    try:
        build_program(arguments[0] if arguments else "")(args=arguments, prog_name="vedette")
    except Problem as problem:
        tell_problem(problem)
        return exit_code_of(problem)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _root(
    context: typer.Context,
    *,
    is_version_asked: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if is_version_asked:
        from importlib.metadata import version  # noqa: PLC0415 - a fifth of what it takes to show the help

        sys.stdout.write(f"vedette {version('vedette')}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")
        raise typer.Exit


def _group(text: str) -> typer.Typer:
    return typer.Typer(
        help=text,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
    )
