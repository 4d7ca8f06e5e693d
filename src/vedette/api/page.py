"""The status page: plain HTML without script, from this host alone, readable in light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from vedette.kernel import escape_html

STYLE: Final = """\
:root { color-scheme: light dark; --line: #d0d5dd; --soft: #667085; --bad: #b42318; --good: #067647; --warn: #93370d; }
@media (prefers-color-scheme: dark) {
  :root { --line: #344054; --soft: #98a2b3; --bad: #fda29b; --good: #75e0a7; --warn: #fec84b; }
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1.5rem; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .75rem .35rem 0; text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
td { overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; }
p { margin: .25rem 0; }
.soft { color: var(--soft); }
.good::before { content: "● "; color: var(--good); }
.bad::before { content: "▲ "; color: var(--bad); }
.warn::before { content: "◆ "; color: var(--warn); }
.wide { overflow-x: auto; }
form { display: inline; }
button { font: inherit; }
"""


def document(title: str, body: str) -> str:
    """Return a whole page; ``body`` is HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape_html(title)}</title>\n<link rel="stylesheet" href="/style.css">\n</head>\n'
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> str:
    """Return a section with a table, or what to do while there is nothing to show.

    Args:
        caption: Text of the section's heading.
        heads: Texts of the columns.
        rows: HTML of the cells: escape text from outside with ``cell``.
        empty: HTML shown instead of an empty table.
    """
    lines = ["<tr>" + "".join(f"<td>{each}</td>" for each in row) + "</tr>" for row in rows]
    title = f"<h2>{escape_html(caption)}</h2>\n"
    if not lines:
        return f'{title}<p class="soft">{empty}</p>\n'
    head = "".join(f'<th scope="col">{escape_html(each)}</th>' for each in heads)
    body = "\n".join(lines)
    return (
        f'{title}<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>\n'
    )


def cell(text: object) -> str:
    """Return any text as HTML."""
    return escape_html(str(text))


def marked(text: str, *, is_good: bool, is_warning: bool = False) -> str:
    """Return a state in words and with a sign: never by colour alone."""
    kind = "good" if is_good else "warn" if is_warning else "bad"
    return f'<span class="{kind}">{escape_html(text)}</span>'


def refused_page(message: str, hint: str) -> str:
    """Return the page that somebody without a session sees; both are HTML."""
    return document("Vedette", f"<h1>Vedette</h1>\n<p>{message}</p>\n<p>{hint}</p>")
