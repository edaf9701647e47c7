# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
The pure parts of the benchmarks: counting, and the results.
"""

from __future__ import annotations

import io
import math
import os
import re
from argparse import ArgumentParser
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from benchmarks import hanging, latency, sessions, storm
from benchmarks.__main__ import main
from benchmarks.catalogue import CATALOGUE, listing
from benchmarks.hanging import Waits
from benchmarks.latency import Latency
from benchmarks.load.loops import Outcome
from benchmarks.load.session import Script, answer
from benchmarks.plan import Plan, addOptions, planOf
from benchmarks.results.chart import chart
from benchmarks.results.claims import Claim, summary
from benchmarks.results.document import BEGIN, END, replaced, section, write
from benchmarks.results.figures import (
    Rate,
    Ratio,
    decimal,
    medianOf,
    medianRate,
    percentile,
    ratio,
    whole,
)
from benchmarks.results.machine import describe
from benchmarks.results.table import Table
from benchmarks.servers.process import treeCPU, treeMemory
from benchmarks.servers.stage import CONTENDERS, STARTERS
from benchmarks.sessions import Case
from benchmarks.storm import Storm
from tests.support.paths import ROOT

SVG = "{http://www.w3.org/2000/svg}"


class FiguresTests(SynchronousTestCase):
    """
    L{benchmarks.results.figures}.
    """

    def test_medianRate(self) -> None:
        """
        Each figure has a median of its own: one round that was disturbed does not count.
        """
        rounds = [Rate(100, 9), Rate(300, 1), Rate(200, 2)]
        self.assertEqual(medianRate(rounds), Rate(200, 2))

    def test_ratio(self) -> None:
        """
        A ratio is the median of those of the rounds, not the ratio of the medians; less CPU is
        better.
        """
        mine = [Rate(200, 10), Rate(20, 100), Rate(300, 10)]
        other = [Rate(100, 30), Rate(10, 200), Rate(100, 10)]
        self.assertEqual(ratio(mine, other), Ratio(2.0, 2.0))

    def test_percentile(self) -> None:
        """
        A percentile is one of the values: the smallest that so many of all do not exceed.
        """
        values = [float(n) for n in range(100, 0, -1)]
        shares = {0.5: 50.0, 0.99: 99.0, 1.0: 100.0, 0.0: 1.0}
        self.assertEqual({share: percentile(values, share) for share in shares}, shares)
        self.assertEqual(percentile([7.0], 0.99), 7.0)

    def test_nothing(self) -> None:
        """
        Where nothing was measured there is no number, and a table says so.
        """
        self.assertTrue(math.isnan(percentile([], 0.5)))
        self.assertTrue(math.isnan(medianOf([])))
        self.assertEqual((whole(math.nan), decimal(math.nan)), ("-", "-"))
        self.assertEqual((whole(12345.6), decimal(1234.56)), ("12,346", "1,234.6"))


class TableTests(SynchronousTestCase):
    """
    L{benchmarks.results.table}.
    """

    table = Table("Title", "Note.", ["name", "rate", "CPU"], [["a|b", "10", "-"], ["c", "2", "-"]])

    def test_text(self) -> None:
        """
        On the terminal, words are on the left of a column and numbers on the right.
        """
        expected = "Title\nname  rate  CPU\na|b     10    -\nc        2    -\n"
        self.assertEqual(self.table.text(), expected)

    def test_markdown(self) -> None:
        """
        In Markdown it has a heading and its note, and nothing in a cell ends the cell.
        """
        self.assertEqual(
            self.table.markdown().splitlines(),
            [
                *("### Title", "", "Note.", ""),
                *("| name | rate | CPU |", "|---|---:|---:|", "| a\\|b | 10 | - |"),
                "| c | 2 | - |",
            ],
        )

    def test_compact(self) -> None:
        """
        Columns in which nothing was measured are left out.
        """
        compact = self.table.compact()
        self.assertEqual(compact.head, ["name", "rate"])
        self.assertEqual(compact.rows, [["a|b", "10"], ["c", "2"]])


class ClaimTests(SynchronousTestCase):
    """
    L{benchmarks.results.claims}.
    """

    def test_met(self) -> None:
        """
        A limit is met from either side, and by nothing that was not measured.
        """
        for claim, expected in (
            (Claim("", 3.0, 3.0), "yes"),
            (Claim("", 2.9, 3.0), "no"),
            (Claim("", 1.3, 1.3, atMost=True), "yes"),
            (Claim("", 1.4, 1.3, atMost=True), "no"),
            (Claim("", math.nan, 1.3), "-"),
        ):
            self.assertEqual(claim.met(), expected, claim)

    def test_summary(self) -> None:
        """
        The table has what was wanted beside what was measured.
        """
        rows = summary([Claim("waits", 12.345, 20.0, atMost=True, unit=" ms")]).rows
        self.assertEqual(rows, [["waits", "at most 20 ms", "12.35 ms", "yes"]])


class ChartTests(SynchronousTestCase):
    """
    L{benchmarks.results.chart}.
    """

    def setUp(self) -> None:
        text = chart(
            "A & B", ("clear", "TLS"), {"one <1>": [200.0, 50.0], "two": [100.0, math.nan]}
        )
        self.root = ElementTree.fromstring(text)

    def texts(self) -> list[str]:
        """
        @return: all of its text.
        """
        return [each.text or "" for each in self.root.iter(f"{SVG}text")]

    def test_bars(self) -> None:
        """
        The bars are as long as the numbers are large, and where there is no number there is none.
        """
        widths = [
            float(each.attrib["width"])
            for each in self.root.iter(f"{SVG}rect")
            if each.attrib["height"] == "14"
        ]
        self.assertEqual(widths, [420.0, 105.0, 210.0])

    def test_words(self) -> None:
        """
        Labels, numbers and the legend are written, escaped.
        """
        self.assertEqual(
            self.texts(), ["A & B", "clear", "TLS", "one <1>", "200", "50", "two", "100"]
        )

    def test_empty(self) -> None:
        """
        Without a number it is a picture all the same.
        """
        ElementTree.fromstring(chart("Nothing", ("clear",), {"one": [math.nan], "two": [0.0]}))


class DocumentTests(SynchronousTestCase):
    """
    L{benchmarks.results.document}.
    """

    def test_replaced(self) -> None:
        """
        What is between the marks is replaced, again and again, and nothing else.
        """
        page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
        once = replaced(page, "new")
        self.assertEqual(once, f"before\n{BEGIN}\nnew\n{END}\nafter\n")
        self.assertEqual(replaced(once, "new"), once)

    def test_noMarks(self) -> None:
        """
        A page without both marks, in order, is an error.
        """
        for page in ("", BEGIN, f"{END} {BEGIN}"):
            self.assertRaises(ValueError, replaced, page, "new")

    def test_write(self) -> None:
        """
        The page gets the tables, the machine and the command, and the chart is beside it.
        """
        directory = self.mktemp()
        os.mkdir(directory)
        page = os.path.join(directory, "performance.md")
        with open(page, "w") as file:
            file.write(f"# P\n{BEGIN}\n{END}\n")
        text = section({"memory": "8 GiB"}, "run it", [TableTests.table], "performance.svg")
        write(directory, text, "<svg/>")
        with open(page) as file:
            written = file.read()
        for expected in ("](performance.svg)", "| a\\|b |", "| memory | 8 GiB |", "`run it`"):
            self.assertIn(expected, written)
        with open(os.path.join(directory, "performance.svg")) as file:
            self.assertEqual(file.read(), "<svg/>")

    def test_page(self) -> None:
        """
        The project's own page has the marks.
        """
        root = ROOT
        with open(os.path.join(root, "docs", "performance.md"), encoding="utf-8") as file:
            self.assertIn("new", replaced(file.read(), "new"))

    def test_machine(self) -> None:
        """
        The machine is described by its size and the versions of all that took part.
        """
        machine = describe()
        self.assertRegex(machine["processor"], r", \d+ cores$")
        self.assertRegex(machine["memory"], r"^\d+ GiB$")
        self.assertRegex(machine["Python"], r"^3\.\d+")
        for name in ("kernel", "Twisted", "slapd", "Dovecot", "oidc-provider", "node"):
            self.assertTrue(machine[name], name)


class CommandTests(SynchronousTestCase):
    """
    The command line.
    """

    def test_listing(self) -> None:
        """
        Without a name, every benchmark is listed with one line.
        """
        with redirect_stdout(io.StringIO()) as out:
            main([])
        self.assertEqual(out.getvalue(), listing() + "\n")
        lines = listing().splitlines()[2:]
        self.assertEqual([line.split()[0] for line in lines], list(CATALOGUE))
        self.assertLessEqual(max(map(len, lines)), 80)

    def test_modules(self) -> None:
        """
        Every benchmark takes options, those by which it differs among them, and can be run.
        """
        for benchmark in CATALOGUE.values():
            module = benchmark.load()
            parser = ArgumentParser()
            module.options(parser)
            known = {action.dest for action in parser._actions}
            self.assertLessEqual(set(benchmark.defaults), known, benchmark.name)
            self.assertTrue(callable(module.run))

    def test_unknown(self) -> None:
        """
        A name that is not there ends with the list.
        """
        error = self.assertRaises(SystemExit, main, ["nonsense"])
        self.assertIn("There is no benchmark nonsense", str(error))

    def test_help(self) -> None:
        """
        C{--help} tells what it measures and which options it has.
        """
        with redirect_stdout(io.StringIO()) as out:
            self.assertRaises(SystemExit, main, ["storm", "--help"])
        self.assertIn("reconnect", out.getvalue())
        self.assertIn("--connections", out.getvalue())

    def plan(self, *arguments: str) -> Plan:
        """
        @return: what a command line means.
        """
        parser = ArgumentParser()
        addOptions(parser, "rounds", "at-once", "only", "servers")
        return planOf(parser.parse_args(arguments))

    def test_plan(self) -> None:
        """
        Options that a benchmark does not have are as in the plan itself.
        """
        self.assertEqual(self.plan(), Plan())
        plan = self.plan("--rounds=2", "--at-once=5", "--only=clear,short", "--servers=bare,ldap")
        expected = Plan(rounds=2, atOnce=5, only=("clear", "short"), servers=("bare", "ldap"))
        self.assertEqual(plan, expected)
        self.assertEqual((plan.tls(), plan.long()), ((False,), (False,)))
        self.assertEqual((Plan().tls(), Plan().long()), ((False, True), (False, True)))

    def test_unknownServer(self) -> None:
        """
        A server that is not there is one sentence, with those that are.
        """
        error = self.assertRaises(SystemExit, self.plan, "--servers=bare,bear")
        self.assertIn("there is no bear, only bare,", str(error))

    def test_contenders(self) -> None:
        """
        The plan chooses among a benchmark's servers, and the reason for an omission is given once.
        """
        told: list[str] = []
        chosen = Plan(servers=("bare", "memory")).contenders(["bare", "extended"], told.append)
        self.assertEqual([each.server for each in chosen], ["bare"])
        self.assertEqual(told, [])
        self.patch(type(CONTENDERS["tuned"]), "whyNot", lambda self: "it is not here")
        self.assertEqual(Plan().contenders(["tuned", "dovecot"], told.append), [])
        self.assertEqual(told, ["omitted: it is not here"])

    def test_everyContenderStarts(self) -> None:
        """
        There is one way to start each server, and each benchmark's servers exist.
        """
        self.assertEqual(set(STARTERS), set(CONTENDERS))
        for module in (latency, storm, hanging):
            self.assertLessEqual(set(module._NAMES), set(CONTENDERS))

    def test_nowhereToWrite(self) -> None:
        """
        A directory without the page is noticed before ten minutes have gone by.
        """
        with redirect_stderr(io.StringIO()):
            error = self.assertRaises(SystemExit, main, ["all", "--write", self.mktemp()])
        self.assertIn("There is no performance.md", str(error))


class SessionTests(SynchronousTestCase):
    """
    What a client of the load says and understands.
    """

    def test_lines(self) -> None:
        """
        Every command has its number as the tag; LOGOUT ends a session, unless it is to stay.
        """
        script = Script((b"LOGIN a b", b"LOGIN c d"), (b"NOOP",))
        self.assertEqual(
            script.lines(),
            [
                [b"0 LOGIN a b\r\n", b"1 NOOP\r\n", b"2 LOGOUT\r\n"],
                [b"0 LOGIN c d\r\n", b"1 NOOP\r\n", b"2 LOGOUT\r\n"],
            ],
        )
        self.assertEqual(Script((b"LOGIN a b",), ends=False).lines(), [[b"0 LOGIN a b\r\n"]])

    def test_answer(self) -> None:
        """
        An answer is the whole last line, when it has the tag (RFC 3501, section 2.2.2).
        """
        for data, tag, expected in (
            (b"* OK hello\r\n", b"*", b"* OK hello"),
            (b"* OK hel", b"*", None),
            (b"* BYE so long\r\n12 OK bye\r\n", b"12", b"12 OK bye"),
            (b"* CAPABILITY 1 OK x\r\n", b"1", None),
            (b"* BYE so long\r\n1 OK", b"1", None),
            (b"11 OK yes\r\n", b"1", None),
            (b"", b"1", None),
        ):
            self.assertEqual(answer(data, tag), expected, data)

    def test_outcomes(self) -> None:
        """
        What several processes did at the same time is added up; the time is that of the longest.
        """
        outcome = Outcome(1, 2.0, [0.1], Counter(NO=1))
        outcome.add(Outcome(2, 3.0, [0.2, 0.3], Counter(NO=1, closed=1)))
        expected = Outcome(3, 3.0, [0.1, 0.2, 0.3], Counter(NO=2, closed=1))
        self.assertEqual(outcome, expected)


class ReportTests(SynchronousTestCase):
    """
    From measurements to tables.
    """

    def test_sessions(self) -> None:
        """
        A row has rate and CPU of what was measured; servers are compared where both were.
        """
        figures = {
            Case("ldap"): [Rate(3000, 100)],
            Case("ldap", tls=True): [Rate(900, 500)],
            Case("tuned"): [Rate(1000, 250)],
        }
        numbers, ratios = sessions.tables(figures)
        self.assertEqual(
            [list(row) for row in numbers.rows],
            [
                ["txjmapaccess", "LDAP", "3,000", "100", "900", "500"],
                ["Dovecot, tuned", "LDAP", "1,000", "250", "-", "-"],
            ],
        )
        self.assertEqual(
            ratios.rows,
            [["txjmapaccess, LDAP", "Dovecot, tuned, LDAP", "clear", "3.00", "2.50"]],
        )
        self.assertEqual(
            [claim.met() for claim in sessions.claims(figures)], ["yes", "no", *"----"]
        )
        drawn = sessions.drawing(figures)
        self.assertEqual(re.findall(r">([\d,]+)</text>", drawn), ["3,000", "900", "1,000"])

    def test_latency(self) -> None:
        """
        Milliseconds, the median of the rounds; every failure counts.
        """
        rounds = [Latency(0.001, 0.005, 0), Latency(0.003, 0.02, 1), Latency(0.002, 0.01, 2)]
        (row,) = latency.table({("bare", False): rounds}, Plan()).rows
        self.assertEqual(row, ["Twisted alone", "memory", "2.00", "10.00", "3"])

    def test_storm(self) -> None:
        """
        Memory is compared with that of Twisted alone.
        """
        figures = {
            ("bare", False): [Storm(4096.0, 1.0, 0.5, 0)],
            ("memory", False): [Storm(6144.0, 2.0, 1.5, 3)],
        }
        row = storm.table(figures, Plan()).rows[1]
        expected = ["txjmapaccess", "memory", "clear", "6.0", "1.50", "2.0", "1.5", "3"]
        self.assertEqual(row, expected)
        (claim,) = storm.claims(figures)
        self.assertEqual((claim.measured, claim.met()), (1.5, "no"))
        (claim,) = storm.claims({})
        self.assertEqual(claim.met(), "-")

    def test_hanging(self) -> None:
        """
        The wait that counts is the longest one while the directory hung.
        """
        figures = {"ldap": [Waits([0.001], [0.002, 0.012], [0.003])]}
        (row,) = hanging.table(figures, Plan()).rows
        expected = ["txjmapaccess", "LDAP", "1.0", "1.0", "12.0", "12.0", "3.0", "3.0"]
        self.assertEqual(row, expected)
        (claim,) = hanging.claims(figures)
        self.assertEqual((round(claim.measured, 6), claim.met()), (12.0, "yes"))


class ProcessTests(SynchronousTestCase):
    """
    What a process costs.
    """

    def test_own(self) -> None:
        """
        This process has used CPU and occupies memory, and one that is not there does neither.
        """
        self.assertGreater(treeCPU(os.getpid()), 0.0)
        self.assertGreater(treeMemory(os.getpid()), 1 << 20)
        self.assertEqual((treeCPU(-1), treeMemory(-1)), (0, 0))
