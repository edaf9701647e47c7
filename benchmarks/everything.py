# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
The numbers of docs/performance.md, in one session: sessions, latency, storm, hanging.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import hanging, latency, sessions, storm
from benchmarks.plan import Plan, addOptions, planOf, say
from benchmarks.results.claims import summary
from benchmarks.results.document import section, write
from benchmarks.results.machine import describe
from benchmarks.results.table import Table
from benchmarks.servers.stage import Stage

COMMAND = "python -m benchmarks all"


def options(parser: argparse.ArgumentParser) -> None:
    """
    The command line.
    """
    addOptions(parser, "rounds", "seconds", "at-once", "helpers", "rate", "connections")
    addOptions(parser, "hang", "load", "only", "servers")
    parser.add_argument(
        "--write",
        metavar="DIRECTORY",
        help="put the numbers into DIRECTORY/performance.md, and the chart beside it",
    )


def run(arguments: argparse.Namespace) -> None:
    """
    Measure, print, and write.
    """
    if arguments.write and not Path(arguments.write, "performance.md").exists():
        sys.exit(f"There is no performance.md in {arguments.write}")
    tables, drawing = measure(planOf(arguments))
    for table in tables:
        print(table.text())
    if arguments.write:
        command = " ".join([COMMAND, *sys.argv[2:]])
        text = section(describe(), command, tables, "performance.svg")
        write(arguments.write, text, drawing)
        say(f"written to {arguments.write}")


def measure(plan: Plan) -> tuple[list[Table], str]:
    """
    @return: the tables and the chart.
    """
    with Stage() as stage:
        rates = sessions.measure(stage, plan)
        latencies = latency.measure(stage, plan)
    # These start servers of their own.
    with Stage() as stage:
        storms = storm.measure(stage, plan)
        waits = hanging.measure(stage, plan)
    tables = [
        summary([*sessions.claims(rates), *storm.claims(storms), *hanging.claims(waits)]),
        *sessions.tables(rates),
        latency.table(latencies, plan),
        storm.table(storms, plan),
        hanging.table(waits, plan),
    ]
    return tables, sessions.drawing(rates)
