# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
The page of the documentation that holds the numbers of one run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.results.table import Table

BEGIN = "<!-- benchmarks: begin -->"
END = "<!-- benchmarks: end -->"


def section(machine: Mapping[str, str], command: str, tables: Sequence[Table], image: str) -> str:
    """
    @param machine: the machine of the run: names and values.
    @param command: what was run.
    @param image: the chart's file, relative to the page.

    @return: Markdown.
    """
    where = Table(
        "The machine", "Repeat with `" + command + "`.", ("", ""), list(machine.items()), 2
    )
    parts = [table.markdown() for table in tables]
    picture = f"![Whole sessions a second, by server and back end]({image})\n"
    return "\n".join([picture, *parts, where.markdown()])


def replaced(page: str, text: str) -> str:
    """
    @return: the page with C{text} between its markers.

    @raise ValueError: when it does not have them.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there is no {BEGIN} followed by {END}")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def write(directory: str, text: str, drawing: str) -> None:
    """
    Put the numbers into C{performance.md} of the directory, and the chart beside it.
    """
    page = Path(directory, "performance.md")
    page.write_text(replaced(page.read_text(encoding="utf-8"), text), encoding="utf-8")
    Path(directory, "performance.svg").write_text(drawing, encoding="utf-8")
