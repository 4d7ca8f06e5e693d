"""The pages of the device flow: plain HTML without script."""

from __future__ import annotations

from vedette.api.page import cell, document
from vedette.kernel import to_rfc3339
from vedette.operators import DeviceAuthorization


def ask_page() -> str:
    """Return the page that asks for the code."""
    return document(
        "Log a command line in",
        "<h1>Log a command line in</h1>\n"
        '<form method="get" action="/device/plain">\n'
        '<p><label for="user_code">The code that it shows</label></p>\n'
        '<p><input id="user_code" name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false" '
        'maxlength="64" required autofocus> <button>Continue</button></p>\n</form>',
    )


def confirm_page(found: DeviceAuthorization) -> str:
    """Return the page on which a person compares and decides."""
    code = cell(found.shown_code)
    return document(
        "Log a command line in",
        "<h1>Log this command line in?</h1>\n"
        f"<p>It shows the code <strong><code>{code}</code></strong>.</p>\n"
        f"<p>It is at <code>{cell(found.client.address)}</code>, says it is "
        f"<code>{cell(found.client.user_agent or 'nothing')}</code>, and has waited since "
        f"{cell(to_rfc3339(found.created_at))}.</p>\n"
        '<p class="bad">Approve only a command that you started yourself, just now. It will act as you. If somebody '
        "sent you this code or this link, deny it.</p>\n"
        '<form method="post" action="/login/device/decision">\n'
        f'<input type="hidden" name="user_code" value="{code}">\n'
        '<button name="decision" value="approve">Approve</button>\n'
        '<button name="decision" value="deny">Deny</button>\n</form>',
    )


def decided_page(decided: DeviceAuthorization) -> str:
    """Return the page that says what was decided."""
    is_approved = decided.state.value == "approved"
    said = "The command line is logged in. You can close this page." if is_approved else "It was denied."
    hint = "See it, or log it out: <code>vedette session list</code>" if is_approved else ""
    return document("Log a command line in", f"<h1>Vedette</h1>\n<p>{said}</p>\n<p>{hint}</p>")
