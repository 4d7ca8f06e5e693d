"""Reports on paper: what is said in one, and the process that prints it as PDF.

Terms: a *paper* is a title, facts and sections, each a paragraph or a table. Invariants: all its text may come from
strangers, so it is written as it would be shown, with what cannot be seen made visible; every table has a limit and
says what it left out; the same paper gives the same bytes; whoever prints holds no right and does not make others wait.
"""

from __future__ import annotations

from vedette.paper.capture import Part as CapturePart
from vedette.paper.model import Column, Paper, Section, Table
from vedette.paper.printer import Printer, PrintingFailed

__all__ = ["CapturePart", "Column", "Paper", "Printer", "PrintingFailed", "Section", "Table"]
