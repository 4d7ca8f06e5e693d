"""A paper drawn as PDF, with fonts that every reader has, or one that has more letters, which then is in the file.

Characters that the font lacks are written as their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from vedette.kernel import escape_terminal
from vedette.paper.letters import Letters
from vedette.paper.model import CELL_CHARS, ROWS_MAX, Column, Paper, Section, Table

_FONT: Final = "helvetica"
_EMBEDDED: Final = "letters"
_MARGIN_MM: Final = 15.0
_BODY_PT, _SMALL_PT, _HEADING_PT, _TITLE_PT = 9.0, 7.5, 12.0, 18.0
_LINE_MM, _SMALL_LINE_MM = 4.6, 3.6
_GAP_MM: Final = 1.2
_CELL_LINES_MAX: Final = 6
_TEXT_CHARS: Final = 2_000
_LATIN_1_END: Final = 0x100
_INK, _SOFT, _LINE, _SHADE = (20, 24, 31), (90, 98, 112), (205, 210, 218), (243, 245, 248)


def draw(paper: Paper, letters: Letters | None = None) -> bytes:
    """Return a paper as PDF.

    Args:
        paper: What stands on it.
        letters: The font that has the letters it needs beyond Latin-1; of it those are embedded that are used.
    """
    pdf = _Sheet(paper, letters)
    pdf.add_page()
    pdf.print_head()
    for section in paper.sections:
        pdf.print_section(section)
    return bytes(pdf.output())


def printable(text: str, *, max_chars: int = _TEXT_CHARS, extra: frozenset[str] = frozenset()) -> str:
    """Return a text in characters that the font has: what cannot be seen, or is not among them, as its number.

    Args:
        text: Of anybody.
        max_chars: What is longer is cut.
        extra: What the font has beyond Latin-1.
    """
    shown = escape_terminal(text, max_chars=max_chars).replace("…", "...")
    return "".join(char if ord(char) < _LATIN_1_END or char in extra else _numbered(char) for char in shown)


def _numbered(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the width of the escape


class _Sheet(FPDF):
    """Pages with a foot, drawn from top to bottom."""

    def __init__(self, paper: Paper, letters: Letters | None) -> None:
        super().__init__(orientation="landscape", unit="mm", format="A4")
        self._paper: Final = paper
        self._family: Final = _FONT if letters is None else _EMBEDDED
        self._extra: Final = frozenset() if letters is None else letters.extra
        if letters is not None:
            self.add_font(_EMBEDDED, "", letters.regular)
            self.add_font(_EMBEDDED, "B", letters.bold)
        self.set_margin(_MARGIN_MM)
        self.set_auto_page_break(auto=False)
        self.set_title(self._printable(paper.title, max_chars=200))
        self.set_author("Vedette")
        self.set_creator("Vedette")
        self.set_lang("en")
        self.set_creation_date(datetime.fromisoformat(paper.at).astimezone(UTC))
        self.alias_nb_pages()

    def _printable(self, text: str, *, max_chars: int = _TEXT_CHARS) -> str:
        return printable(text, max_chars=max_chars, extra=self._extra)

    def footer(self) -> None:
        """Print the foot of a page."""
        self.set_y(-_MARGIN_MM + 3)
        self._write("", _SMALL_PT, _SOFT)
        self.cell(self.epw / 2, 4, self._printable(self._paper.title, max_chars=100))
        self.cell(
            self.epw / 2, 4, f"{self._paper.at[:16].replace('T', ' ')} UTC, page {self.page_no()} of {{nb}}", align="R"
        )

    def print_head(self) -> None:
        """Print title and facts."""
        self._write("B", _TITLE_PT, _INK)
        for line in self._wrapped(self._printable(self._paper.title, max_chars=200), self.epw):
            self._line(line, 8.5)
        self.ln(2)
        for name, value in self._paper.facts:
            self._write("B", _BODY_PT, _SOFT)
            self.cell(42, _LINE_MM, self._printable(name, max_chars=60))
            self._write("", _BODY_PT, _INK)
            for line in self._wrapped(self._printable(value), self.epw - 42):
                self.set_x(_MARGIN_MM + 42)
                self._line(line, _LINE_MM)

    def print_section(self, section: Section) -> None:
        """Print a section, on the next page if only its heading had room."""
        self._need(26)
        self.ln(5)
        heading = self._printable(section.heading, max_chars=120)
        self.start_section(heading)
        self._write("B", _HEADING_PT, _INK)
        self._line(heading, 6.5)
        self.ln(0.8)
        for text in section.lines:
            self._print_text(text)
        if section.table is not None:
            self._print_table(section.table)

    def _print_text(self, text: str, *, size_pt: float = _BODY_PT) -> None:
        self._write("", size_pt, _INK)
        for line in self._wrapped(self._printable(text), self.epw):
            self._need(_LINE_MM)
            self._line(line, _LINE_MM)

    def _print_table(self, table: Table) -> None:
        if not table.rows:
            self._print_text(table.empty)
            return
        whole = sum(column.width for column in table.columns)
        widths = [self.epw * column.width / whole for column in table.columns]
        self._print_heads(table.columns, widths)
        for number, row in enumerate(table.rows[:ROWS_MAX]):
            self._print_row(row, widths, table.columns, is_shaded=number % 2 == 1)
        missing = len(table.rows[ROWS_MAX:]) + table.left_out
        if missing:
            self.ln(1)
            self._print_text(f"{missing} more are not printed. {self._paper.hint}", size_pt=_SMALL_PT)

    def _print_heads(self, columns: Sequence[Column], widths: Sequence[float]) -> None:
        self._write("B", _SMALL_PT, _SOFT)
        top = self.get_y()
        for column, width in zip(columns, widths, strict=True):
            self.cell(width, _SMALL_LINE_MM + 1.4, self._printable(column.head, max_chars=60))
        self.set_xy(_MARGIN_MM, top + _SMALL_LINE_MM + 1.4)
        self.set_draw_color(*_LINE)
        self.line(_MARGIN_MM, self.get_y(), _MARGIN_MM + self.epw, self.get_y())

    def _print_row(
        self, row: Sequence[str], widths: Sequence[float], columns: Sequence[Column], *, is_shaded: bool
    ) -> None:
        self._write("", _SMALL_PT, _INK)
        cells = [
            self._cut(self._printable(text, max_chars=CELL_CHARS), width - _GAP_MM)
            for text, width in zip(row, widths, strict=True)
        ]
        height = max(len(lines) for lines in cells) * _SMALL_LINE_MM + _GAP_MM
        if self._need(height):
            self._print_heads(columns, widths)
            self._write("", _SMALL_PT, _INK)
        top, left = self.get_y(), _MARGIN_MM
        if is_shaded:
            self.set_fill_color(*_SHADE)
            self.rect(_MARGIN_MM, top, self.epw, height, style="F")
        for lines, width in zip(cells, widths, strict=True):
            for number, line in enumerate(lines):
                self.set_xy(left, top + _GAP_MM / 2 + number * _SMALL_LINE_MM)
                self.cell(width, _SMALL_LINE_MM, line)
            left += width
        self.set_xy(_MARGIN_MM, top + height)

    def _cut(self, text: str, width: float) -> list[str]:
        lines: list[str] = []
        for line in self._wrapped(text, width):
            if len(lines) == _CELL_LINES_MAX:
                lines[-1] = lines[-1][:-3] + "..."
                break
            lines.append(line)
        return lines or [""]

    def _wrapped(self, text: str, width: float) -> Iterator[str]:
        """Yield the lines of a text, broken at spaces, or anywhere in a word that is too long."""
        line = ""
        room = width - 2 * self.c_margin
        for word in text.split(" "):
            longer = f"{line} {word}" if line else word
            if self.get_string_width(longer) <= room:
                line = longer
                continue
            if line:
                yield line
            line = word
            while self.get_string_width(line) > room and len(line) > 1:
                fitting = self._fitting(line, room)
                yield line[:fitting]
                line = line[fitting:]
        yield line

    def _fitting(self, word: str, room: float) -> int:
        least, most = 1, len(word)
        while least < most:
            middle = (least + most + 1) // 2
            if self.get_string_width(word[:middle]) <= room:
                least = middle
            else:
                most = middle - 1
        return least

    def _need(self, height: float) -> bool:
        """Begin a page if this one has no room; tell whether it was."""
        if self.get_y() + height <= self.h - _MARGIN_MM - 4:
            return False
        self.add_page()
        return True

    def _line(self, text: str, height: float) -> None:
        self.cell(0, height, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _write(self, style: str, size_pt: float, color: tuple[int, int, int]) -> None:
        self.set_font(self._family, style, size_pt)
        self.set_text_color(*color)
