"""``vedette sensor``: see what has no agent, from capture files or an interface; needs no running platform."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vedette.cli.session import ReportOption

ZeekOption = Annotated[
    Path | None, typer.Option("--zeek", metavar="DIRECTORY", help="Write logs there as Zeek does, JSON lines.")
]

RulesOption = Annotated[
    Path | None, typer.Option("--rules", metavar="FILE", help="Changes the catalogue of rules; TOML.")
]


BaselineOption = Annotated[
    Path | None, typer.Option("--baseline", metavar="FILE", help="Learn what is usual, and keep it there.")
]
LearnForOption = Annotated[
    float, typer.Option("--learn-for", help="Seconds until what repeats daily is learned.", min=1)
]
EnforceOption = Annotated[
    bool, typer.Option("--enforce", help="Learn nothing more: what the baseline does not know raises alerts.")
]
ModelOption = Annotated[
    Path | None, typer.Option("--model", metavar="FILE", help="Types of devices that `train` learned.")
]
ExceptionsOption = Annotated[
    Path | None, typer.Option("--exceptions", metavar="FILE", help="What baselines are not to raise, TOML.")
]


def read(
    files: Annotated[list[Path], typer.Argument(help="Captures: pcap or pcapng, also with gzip.")],
    output: ReportOption = "table",
    zeek: ZeekOption = None,
    rules: RulesOption = None,
    send_as: Annotated[
        Path | None, typer.Option("--send-as", metavar="FILE", help="Settings of a sensor; its platform is told.")
    ] = None,
    *,
    baseline: BaselineOption = None,
    learn_for_s: LearnForOption = 86_400.0,
    is_enforced: EnforceOption = False,
    exceptions: ExceptionsOption = None,
    model: ModelOption = None,
) -> None:
    """Read captures: inventory, protocols, external connections, broken rules and alerts."""
    from vedette.sensor import baseline_settings, read_files  # noqa: PLC0415 - other commands need none of it

    usual = baseline_settings(baseline, learn_for_s=learn_for_s, is_enforced=is_enforced, exceptions=exceptions)
    is_json = output == "json"
    raise typer.Exit(
        read_files(
            files, is_json=is_json, zeek=zeek, send_as=send_as, rules=rules, baseline=usual, model=model
        )
    )  # fmt: skip


def run(
    interface: Annotated[
        list[str] | None, typer.Option("--interface", "-i", help="Where to listen: an interface, a named pipe, `-`.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Settings of a sensor; its platform is told, nothing printed."),
    ] = None,
    for_s: Annotated[
        float | None, typer.Option("--for", help="Seconds; until interrupted by default.", min=0.1)
    ] = None,
    *,
    output: ReportOption = "table",
    zeek: ZeekOption = None,
    rules: RulesOption = None,
    baseline: BaselineOption = None,
    learn_for_s: LearnForOption = 86_400.0,
    is_enforced: EnforceOption = False,
    exceptions: ExceptionsOption = None,
    model: ModelOption = None,
) -> None:
    """Listen until interrupted, then print what was seen; alerts are printed as they come.

    ``-`` and named pipes give a capture that is still being written, pcap or pcapng.
    """
    from vedette.sensor import baseline_settings  # noqa: PLC0415 - other commands need none of it
    from vedette.sensor import run as run_sensor  # noqa: PLC0415 - same

    usual = baseline_settings(baseline, learn_for_s=learn_for_s, is_enforced=is_enforced, exceptions=exceptions)
    is_json = output == "json"
    raise typer.Exit(
        run_sensor(
            interface or [], config=config, for_s=for_s, is_json=is_json, zeek=zeek, rules=rules, baseline=usual,
            model=model,
        )
    )  # fmt: skip


def enroll(
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The sensor's settings; made if not there.")],
    name: Annotated[str, typer.Argument(help="Registration id of a new sensor.")] = "",
    *,
    anchor: Annotated[
        Path | None, typer.Option("--anchor", metavar="FILE", help="The platform's `public/trust-anchor.json`.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="The platform's name, if it has several.")] = "",
    port: Annotated[int, typer.Option("--port", help="Where devices connect.", min=1, max=65_535)] = 8883,
    id_scope: Annotated[str, typer.Option("--id-scope", help="Without an anchor: the ID scope.")] = "",
    root: Annotated[
        Path | None, typer.Option("--root", metavar="FILE", help="Without an anchor: the root certificate to trust.")
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="FILE", help="Onboarding certificate of its maker; else one is made."),
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Its private key.")] = None,
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", metavar="FILE", help="Instead of a certificate: a symmetric key, base64."),
    ] = None,
    must_wait: Annotated[bool, typer.Option("--wait", help="Ask again until the platform lets it in.")] = False,
) -> None:
    """Make this sensor a device of a platform: its certificate is short-lived and renewed by itself."""
    from vedette.sensor import Enrolling  # noqa: PLC0415 - other commands need none of it
    from vedette.sensor import enroll as enroll_sensor  # noqa: PLC0415 - same

    told = Enrolling(
        config=config, name=name, anchor=anchor, host=host, port=port, id_scope=id_scope, root=root,
        certificate=certificate, key=key, key_file=key_file, must_wait=must_wait,
    )  # fmt: skip
    raise typer.Exit(enroll_sensor(told))
