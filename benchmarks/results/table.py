# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
Tables, for the terminal and in Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.results.figures import NOTHING


@dataclass(frozen=True)
class Table:
    """
    @ivar title: its subject.
    @ivar note: a sentence or two about how to read it.
    @ivar head: the names of the columns. The first one is of words, the others of numbers, unless
        C{words} says more.
    @ivar words: how many columns are of words.
    """

    title: str
    note: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1

    def compact(self) -> Table:
        """
        @return: the same without the columns in which nothing was measured.
        """
        kept = [
            column
            for column in range(len(self.head))
            if column < self.words or any(row[column] != NOTHING for row in self.rows)
        ]
        rows = [[row[column] for column in kept] for row in self.rows]
        return replace(self, head=[self.head[column] for column in kept], rows=rows)

    def text(self) -> str:
        """
        @return: for the terminal.
        """
        lines = [self.head, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.head))]
        drawn = (
            "  ".join(
                cell.ljust(width) if column < self.words else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )
        return "\n".join([self.title, *drawn, ""])

    def markdown(self) -> str:
        """
        @return: for the documentation.
        """
        rules = ["---" if column < self.words else "---:" for column in range(len(self.head))]
        lines = [_row(self.head), "|" + "|".join(rules) + "|", *map(_row, self.rows)]
        return "\n".join([f"### {self.title}", "", self.note, "", *lines, ""])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
