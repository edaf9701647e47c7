# -*- test-case-name: tests.docs.test_service -*-
"""
docs/service.md and docs/several-machines.md say what the code and the examples do. That it works is
in C{tests.integration}: C{test_stopping}, C{test_systemd}, C{test_severalmachines}.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil

from twisted.trial.unittest import SynchronousTestCase

from tests.docs.test_pages import ROOT, read
from tests.support.haproxy import exampleText
from txjmapaccess.twistd.config import parse
from txjmapaccess.twistd.endpoints import BACKLOG, parseListen
from txjmapaccess.twistd.service import JMAPAccessService
from txjmapaccess.twistd.shutdown import GOODBYE

PAGES = ("service.md", "several-machines.md")
UNITS = os.path.join(ROOT, "examples", "systemd")


def blocks(page: str, language: str) -> list[str]:
    """
    @return: the code blocks of a page.
    """
    return re.findall(rf"```{language}\n(.*?)```", read("docs", page), re.DOTALL)


def unit(name: str, *more: str) -> configparser.RawConfigParser:
    """
    @param more: the texts of drop-ins.

    @return: a unit. Of keys that are there again and again, the last one.
    """
    found = configparser.RawConfigParser(strict=False, delimiters="=", comment_prefixes="#")
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read(os.path.join(UNITS, name))
    for text in more:
        found.read_string(text)
    return found


class BlockTests(SynchronousTestCase):
    """
    Code blocks.
    """

    def test_known(self) -> None:
        """
        Every block is of a kind that is looked at below.
        """
        for page in PAGES:
            kinds = re.findall(r"^```(.*)$", read("docs", page), re.MULTILINE)[::2]
            self.assertTrue(set(kinds) <= {"sh", "toml", "ini", "text"}, kinds)

    def test_configuration(self) -> None:
        """
        Configuration is accepted, and endpoints are understood.
        """
        for page in PAGES:
            [block] = blocks(page, "toml")
            imap = parse(block).imap
            listens = [parseListen(description) for description in imap.listen]
            self.assertEqual([listen.tls for listen in listens], [False, True])
        self.assertEqual(imap.proxy_protocol_from, ("192.0.2.1",))

    def test_sameInExamples(self) -> None:
        """
        The examples give the same lines.
        """
        with open(os.path.join(UNITS, "txjmapaccess.service")) as file:
            service = file.read()
        for block, text in (
            (blocks("service.md", "toml")[0], service),
            (blocks("several-machines.md", "toml")[0], exampleText()),
        ):
            for line in block.strip().splitlines():
                self.assertIn(f"#   {line}\n", text)

    def test_systemctl(self) -> None:
        """
        Commands name units and files that are there.
        """
        known = set(os.listdir(UNITS))
        [install, reload, stop] = blocks("service.md", "sh")
        for block in (install, reload, stop):
            named = set(re.findall(r"\btxjmapaccess\.\w+", block))
            self.assertTrue(named and named <= known, block)
        for path in re.findall(r"examples/\S+", install):
            self.assertTrue(os.path.exists(os.path.join(ROOT, path)), path)

    def test_haproxy(self) -> None:
        """
        Commands for HAProxy name servers and the socket of the example, and are those of the test.
        """
        text = exampleText()
        drain, ready = blocks("several-machines.md", "sh")
        for block, state in ((drain, "drain"), (ready, "ready")):
            for line in block.splitlines():
                found = re.fullmatch(
                    rf'echo "set server (\w+)/(\w+) state {state}" \| socat stdio (\S+)', line
                )
                assert found is not None, line
                backend, server, path = found.groups()
                self.assertRegex(text, rf"backend {backend}\n(    .*\n)*    server {server} ")
                self.assertIn(f"stats socket {path} ", text)
        test = read("tests", "integration", "test_severalmachines.py")
        self.assertIn('"set server {backend}/node1 state drain"', test)
        self.assertIn('"set server {backend}/node1 state ready"', test)

    def test_dropIns(self) -> None:
        """
        Drop-ins change what they say: the service may open ports, or write elsewhere.
        """
        ports, mail = blocks("service.md", "ini")
        self.assertEqual(unit("txjmapaccess.service")["Service"]["CapabilityBoundingSet"], "")
        changed = unit("txjmapaccess.service", ports, mail)
        self.assertEqual(changed["Service"]["CapabilityBoundingSet"], "CAP_NET_BIND_SERVICE")
        self.assertEqual(changed["Service"]["ReadWritePaths"], "/srv/mail")

    def test_text(self) -> None:
        """
        The line about a broken file is the one that the service writes.
        """
        [line] = blocks("service.md", "text")
        self.assertIn("The settings were not reloaded: ", line)
        test = read("tests", "integration", "test_twistd.py")
        self.assertIn("[jmap] paswords: unknown key", line)
        self.assertIn("[jmap] paswords: unknown key", test)


class PromiseTests(SynchronousTestCase):
    """
    Numbers and sentences.
    """

    def test_stop(self) -> None:
        """
        Ten seconds, and systemd waits longer.
        """
        page = read("docs", "service.md")
        self.assertEqual(JMAPAccessService.farewell, 10)
        self.assertIn("10 seconds at most", page)
        patience = unit("txjmapaccess.service")["Service"]["TimeoutStopSec"]
        self.assertIn(f"`TimeoutStopSec={patience}`", page)
        self.assertGreater(int(patience), 10)
        self.assertIn(f"`* BYE {GOODBYE.decode()}`", page)

    def test_descriptors(self) -> None:
        """
        The service may have a descriptor for each connection of the default limit.
        """
        limit = int(unit("txjmapaccess.service")["Service"]["LimitNOFILE"])
        self.assertGreater(limit, 2 * parse("").limits.connections)

    def test_process(self) -> None:
        """
        The service may read /proc/stat: without it prometheus-client is silent about the process.
        """
        self.assertEqual(unit("txjmapaccess.service")["Service"].get("ProcSubset", "all"), "all")

    def test_backlog(self) -> None:
        """
        As many clients may come at once as on ports of our own.
        """
        backlog = unit("txjmapaccess.socket")["Socket"]["Backlog"]
        self.assertEqual(int(backlog), BACKLOG)
        self.assertIn(f"is {backlog} unless given", read("docs", "configuration.md"))

    def test_tools(self) -> None:
        """
        What the examples start is there by this name where the tests run, too.
        """
        command = unit("txjmapaccess.service")["Service"]["ExecReload"].split()[0]
        self.assertIsNotNone(shutil.which(command))
