# -*- test-case-name: tests.test_docs -*-
"""
The documentation says what the code does.
"""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from ldaptor.protocols.ldap.ldifdelta import LDIFDelta
from ldaptor.protocols.ldap.ldifprotocol import LDIF
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import IRealm, Portal
from twisted.internet.address import IPv4Address
from twisted.internet.ssl import ClientContextFactory
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementedBy
from zope.interface.verify import verifyClass

from tests.support_docs import ROOT, Block, Files, blocks, pages, read, yourServer
from tests.support_imap import URL, Connection, RecordingRealm, TLSStringTransport
from tests.support_shell import checkShell
from twisted import internet
from txjmapaccess.credentials import Evidence, leaveEvidence
from txjmapaccess.demo.text import demoText
from txjmapaccess.errors import ConfigurationError, Refused
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.limits import Limits
from txjmapaccess.oauth.judging import judge
from txjmapaccess.oauth.settings import IntrospectionSettings
from txjmapaccess.policy import EvidencePolicy
from txjmapaccess.server import JMAPAccessIMAP4Server, JMAPAccessMixin
from txjmapaccess.twistd.certificate import readContext
from txjmapaccess.twistd.config import (
    IMAPSettings,
    JMAPSettings,
    LimitSettings,
    LogSettings,
    MetricsSettings,
    parse,
)
from txjmapaccess.twistd.service import JMAPAccessService
from txjmapaccess.verdict import Reason

SECTIONS = {
    "[imap]": (IMAPSettings,),
    "[imap.limits]": (LimitSettings,),
    "[jmap]": (JMAPSettings,),
    "[ldap]": (LDAPSettings,),
    "[introspection]": (IntrospectionSettings,),
    "[log], [metrics]": (LogSettings, MetricsSettings),
}


class ConfigurationTests(SynchronousTestCase):
    """
    docs/configuration.md and README.md.
    """

    def test_everyKey(self):
        """
        Every section has a table with every key, and no other.
        """
        sections = re.split(r"^## ", read("docs", "configuration.md"), flags=re.MULTILINE)[1:]
        found = {}
        for section in sections:
            title, _, body = section.partition("\n")
            rows = re.findall(r"^\| (`[^|]*)\|", body, re.MULTILINE)
            found[title] = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
        expected = {
            title: {field.name for kind in kinds for field in fields(kind) if field.init}
            for title, kinds in SECTIONS.items()
        }
        self.assertEqual(found, expected)

    def test_readmeTranscript(self):
        """
        What the README says that the demonstration says is what it says.
        """
        shown = re.search(r"<!-- demo: begin -->\n```\n(.*?)```", read("README.md"), re.DOTALL)
        self.assertEqual(shown[1], demoText(1143, 8080, 1389))


class ArchitectureTests(SynchronousTestCase):
    """
    docs/architecture.md.
    """

    def test_layers(self) -> None:
        """
        Every module is in the table of what depends on what, and none imports, when it runs, from a
        line below its own.
        """
        _, _, section = read("docs", "architecture.md").partition("## What depends on what\n")
        rows = re.findall(r"^\| (`[^|]*)\|", section.partition("\n## ")[0], re.MULTILINE)
        names = [re.findall(r"`(\w+)/?`", row) for row in rows]
        line = {name: number for number, row in enumerate(names) for name in row}
        wrong = []
        for path in (ROOT / "txjmapaccess").rglob("*.py"):
            own = path.relative_to(ROOT / "txjmapaccess").parts[0].removesuffix(".py")
            for other in {name.split(".")[1] for name in _imported(path)} - {own, "_version"}:
                if not own.startswith("__") and line[other] > line[own]:
                    wrong.append(f"{path} imports {other}")
        self.assertEqual(wrong, [])


def _imported(path: Path) -> set[str]:
    """
    @return: the modules of the package that a module imports when it runs.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    forTypes = {
        id(inside)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inside in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in forTypes:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("txjmapaccess.")}


class LinkTests(SynchronousTestCase):
    """
    docs/links.py, which follows the links of the pages that are built.
    """

    def test_broken(self) -> None:
        """
        Links to files and places that are not there are found, others are not followed.
        """
        directory = self.mktemp()
        os.mkdir(directory)
        good = '<p id="here"><a href="b.html#there">b</a><a href="https://example.com/x">x</a>'
        bad = '<p id="there"><a href="a.html#there">a</a><img src="c.svg"><a href="#here">h</a>'
        for name, text in (("a.html", good), ("b.html", bad)):
            with open(os.path.join(directory, name), "w") as file:
                file.write(text)
        done = subprocess.run(
            [sys.executable, str(ROOT / "docs" / "links.py"), directory],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(
            done.stdout.splitlines(),
            [
                "b.html: #here: there is no such place",
                "b.html: a.html#there: there is no such place",
                "b.html: c.svg: there is no such file",
            ],
        )
        self.assertEqual(done.returncode, 1)


class BlockTestCase(SynchronousTestCase):
    """
    Blocks of code in the pages.
    """

    def files(self) -> Files:
        """
        @return: a place for the files that blocks name.
        """
        return Files(self.mktemp())

    def check(self, *languages: str) -> int:
        """
        Check all blocks in these languages, and say which of them are wrong.

        @return: how many there are.
        """
        wrong, count = [], 0
        for block in blocks(*languages):
            count += 1
            try:
                self.checkBlock(block)
            except subprocess.CalledProcessError as e:
                wrong.append(f"{block.where}: {e.stderr}")
            except (Exception, SystemExit) as e:
                wrong.append(f"{block.where}: {type(e).__name__}: {e}")
        self.assertEqual(wrong, [])
        return count

    def checkBlock(self, block: Block) -> None:
        """
        @raise Exception: when it is wrong.
        """
        raise NotImplementedError


class LanguageTests(SynchronousTestCase):
    """
    No block of code is in a language that nobody checks.
    """

    def test_languages(self) -> None:
        """
        Every language has a test here. What is in braces, Sphinx takes for its own; in files that
        are read as they are on a site, there is none of that.
        """
        checked = {
            language
            for kind in BlockTestCase.__subclasses__()
            for language in kind.languages  # type: ignore[attr-defined]
        }
        unknown = [
            f"{block.where}: {block.language}"
            for block in blocks()
            if block.language not in checked
            and not (block.language == "{toctree}" and block.page == "docs/index.md")
        ]
        self.assertEqual(unknown, [])

    def test_pages(self) -> None:
        """
        The pages are found, and nearly all have blocks.
        """
        self.assertGreater(len(pages()), 15)
        self.assertGreater(len({block.page for block in blocks()}), 12)


class TOMLTests(BlockTestCase):
    """
    Configurations.
    """

    languages = ("toml",)

    def test_blocks(self) -> None:
        """
        Every configuration is understood, with the files that it names; a service is made of one
        that is complete.
        """
        self.assertGreater(self.check("toml"), 15)

    def checkBlock(self, block: Block) -> None:
        settings = parse(self.files().configuration(block.text))
        isComplete = settings.imap.listen and settings.imap.realm
        if isComplete and (settings.ldap or settings.introspection):
            JMAPAccessService(lambda: settings, [], MemoryReactorClock())

    def test_readme(self) -> None:
        """
        Those of the README go together.
        """
        found = [block.text for block in blocks("toml") if block.page == "README.md"]
        settings = parse(self.files().configuration("".join(found)))
        self.assertEqual(settings.imap.listen, ("tcp:143", "ssl:993"))
        self.assertIsNotNone(settings.ldap)
        self.assertIsNotNone(settings.introspection)


class PythonTests(BlockTestCase):
    """
    Python, block by block, in one namespace for each page, and on a reactor that does nothing.
    """

    languages = ("python",)

    def setUp(self) -> None:
        """
        Have the server that the pages call yours.
        """
        self.reactor = MemoryReactorClock()
        self.have("twisted.internet.reactor", self.reactor)
        if hasattr(internet, "reactor"):
            self.patch(internet, "reactor", self.reactor)
        self.have("yourserver", yourServer())
        self.names: dict[str, dict[str, Any]] = {}

    def test_blocks(self) -> None:
        """
        All of them run. Classes provide what they say that they implement.
        """
        self.assertGreater(self.check("python"), 10)
        for page, names in self.names.items():
            for value in names.values():
                if isinstance(value, type) and value.__module__ == page:
                    for interface in implementedBy(value):
                        self.assertTrue(verifyClass(interface, value))

    def have(self, name: str, module: Any) -> None:
        """
        Have C{module} imported under C{name}, for the time of a test.
        """
        before = sys.modules.get(name)
        self.addCleanup(
            lambda: sys.modules.pop(name) if before is None else sys.modules.update({name: before})
        )
        sys.modules[name] = module

    def test_factories(self) -> None:
        """
        What their factories build is extended.
        """
        self.check("python")
        for page, name in (("README.md", "yourFactory"), ("docs/integrating.md", "factory")):
            server = self.names[page][name].buildProtocol(None)
            self.assertIsInstance(server, JMAPAccessMixin)
            self.assertIsNotNone(server.jmapAccessPolicy)

    def test_listening(self) -> None:
        """
        Those that listen, listen: on the ports for IMAP and HTTPS.
        """
        self.check("python")
        self.assertEqual([143], [port for port, *_ in self.reactor.tcpServers])
        self.assertEqual([443], [port for port, *_ in self.reactor.sslServers])

    def test_capabilityProvider(self) -> None:
        """
        The example of one is joined after the login, and not before.
        """
        self.check("python")
        server = self.names["docs/integrating.md"]["ServerWithQuota"]()
        connection = Connection(server)
        self.assertNotIn(b"QUOTA=RES-STORAGE", connection.greeting[0])
        self.assertIn(b"QUOTA=RES-STORAGE", connection.send(b"1 LOGIN arnt trondheim")[-1])

    def test_checkerAndPolicy(self) -> None:
        """
        The example of a checker leaves evidence that the policy of the package goes by, and the
        example of a policy goes by its list.
        """
        self.check("python")
        names = self.names["docs/integrating.md"]
        for user, password, isUsable in (
            (b"arnt", b"trondheim", True),
            (b"bron", b"melbourne", False),
        ):
            for policy in (EvidencePolicy(URL), names["StaffPolicy"](URL, {"bron"})):
                portal = Portal(RecordingRealm(), [names["passwords"]])
                connection = Connection(portal=portal, jmapAccessPolicy=policy)
                answer = connection.send(b"1 LOGIN " + user + b" " + password)[-1]
                self.assertIn(b"1 OK", answer)
                isEvident = isinstance(policy, EvidencePolicy)
                self.assertEqual(isUsable and isEvident, b"JMAPACCESS" in answer)

    def test_realmFactory(self) -> None:
        """
        The example of one makes a realm, and objects in a sentence.
        """
        self.check("python")
        factory = self.names["docs/integrating.md"]["yourRealm"]
        self.assertTrue(IRealm.providedBy(factory.generateRealm("/var/mail")))
        self.assertRaises(ConfigurationError, factory.generateRealm, "")

    def checkBlock(self, block: Block) -> None:
        server = sys.modules["yourserver"]
        names = self.names.setdefault(
            block.page,
            {
                "__name__": block.page,
                "yourFactory": server.YourFactory(),
                "yourRealm": server.YourRealm(),
            },
        )
        exec(compile(self.files().anything(block.text), block.where, "exec"), names)


class ShellTests(BlockTestCase):
    """
    Shell commands. Transcripts, with prompts and output, are run by tests/integration/test_docs.py.
    """

    languages = ("sh", "console")

    def test_blocks(self) -> None:
        """
        Every block is a script; programs of ours take the options, and modules and files are there.
        """
        self.assertGreater(self.check("sh", "console"), 10)

    def checkBlock(self, block: Block) -> None:
        text = block.text
        if block.language == "console":
            text = "".join(re.findall(r"^\$ .*\n", text, re.MULTILINE)).replace("$ ", "")
        checkShell(self.files().anything(text) if "--auth file:" in text else text)

    def test_transcripts(self) -> None:
        """
        Transcripts have commands that the integration tests run.
        """
        for block in blocks("console"):
            known = r"^\$ (python3 examples/compare.py|txjmapaccess check .*)\n"
            self.assertRegex(block.text, known, block.where)

    def test_certificate(self) -> None:
        """
        The command that makes a certificate makes one that can be used.
        """
        (block,) = (block for block in blocks("sh") if block.text.startswith("openssl req"))
        directory = self.mktemp()
        os.mkdir(directory)
        subprocess.run(
            ["bash", "-e", "-c", block.text], cwd=directory, check=True, capture_output=True
        )
        readContext(
            os.path.join(directory, "certificate.pem"), os.path.join(directory, "certificate.key")
        )


class LDIFTests(BlockTestCase):
    """
    Entries and changes of a directory. tests/integration/test_docs.py loads them into one.
    """

    languages = ("ldif",)

    def test_blocks(self) -> None:
        """
        All of them are well-formed (RFC 2849).
        """
        self.assertGreater(self.check("ldif"), 2)

    def checkBlock(self, block: Block) -> None:
        parser = LDIFDelta() if "changetype:" in block.text else LDIF()
        found: list[object] = []
        parser.gotEntry = found.append
        parser.dataReceived(block.text.encode() + b"\n\n")
        parser.connectionLost()
        assert found, "nothing is in it"


class JSONTests(BlockTestCase):
    """
    Answers of providers, and lines of the log.
    """

    languages = ("json",)

    def test_blocks(self) -> None:
        """
        All of them are JSON, and an introspection answer is good for both protocols with the
        configuration before it.
        """
        self.assertGreater(self.check("json"), 0)

    def checkBlock(self, block: Block) -> None:
        if not block.text.startswith("{\n"):
            for line in block.text.splitlines():
                json.loads(line)
            return
        before = [
            other
            for other in blocks("toml")
            if other.page == block.page and other.line < block.line
        ]
        settings = parse(self.files().configuration(before[-1].text)).introspection
        assert settings is not None
        info = judge(json.loads(block.text), settings, now=1_800_000_000)
        assert (info.username, info.objection) == ("arnt", None), info


class Checker:
    """
    arnt may use JMAP, bron may not.
    """

    credentialInterfaces = (IUsernamePassword,)

    def requestAvatarId(self, credentials: Any) -> str:
        """
        See L{twisted.cred.checkers.ICredentialsChecker}.
        """
        objections = {
            (b"arnt", b"trondheim"): None,
            (b"bron", b"melbourne"): Reason.NOT_ALLOWED,
        }
        key = (credentials.username, credentials.password)
        if key not in objections:
            raise Refused("another password")
        name = credentials.username.decode()
        leaveEvidence(credentials, Evidence(name, "test", objections[key]))
        return name


class IMAPTests(BlockTestCase):
    """
    Conversations. The argument of the block says with whom: C{arnt}, who may use JMAP; C{bron}, who
    may not; C{unknown}, where no JMAP server is known; C{clear}, without TLS; C{blocked}, from an
    address from which too many logins were refused.
    """

    languages = ("imap",)

    def test_blocks(self) -> None:
        """
        The server says what the pages say; three dots stand for anything.
        """
        self.assertGreater(self.check("imap"), 4)

    def checkBlock(self, block: Block) -> None:
        connection = self.connect(block.argument)
        said = list(connection.greeting)
        for line in block.text.splitlines():
            side, _, text = line.partition(": ")
            if side == "C":
                if not text.startswith("1 ") or said[0:1] != connection.greeting:
                    self.assertEqual(said, [], f"{block.where}: not shown before {line}")
                said = connection.send(text.encode())
            else:
                self.assertEqual(side, "S")
                self.assertTrue(said, f"{block.where}: nothing is said instead of {line}")
                pattern = ".*".join(map(re.escape, text.split("...")))
                self.assertRegex(said.pop(0).decode(), f"^{pattern}$")
        self.assertEqual(said, [], f"{block.where}: not shown at the end")

    def connect(self, who: str) -> Connection:
        """
        @return: a connection in the state that a block wants.
        """
        limits = Limits()
        transport = TLSStringTransport()
        if who == "blocked":
            transport = StringTransport(peerAddress=IPv4Address("TCP", "192.0.2.1", 1))
            for _ in range(20):
                limits.refused("192.0.2.1")
        policy = EvidencePolicy(None if who == "unknown" else URL)
        context = ClientContextFactory() if who == "clear" else None
        return Connection(
            JMAPAccessIMAP4Server(contextFactory=context),
            portal=Portal(RecordingRealm(), [Checker()]),
            transport=transport,
            jmapAccessPolicy=policy,
            limits=limits,
            requireTLS=who == "clear",
        )


class ExampleTests(BlockTestCase):
    """
    Parts of the files in examples/, which have tests of their own.
    """

    languages = ("js", "haproxy")

    def test_blocks(self) -> None:
        """
        Every block is a part of an example, letter by letter.
        """
        self.assertGreater(self.check("js", "haproxy"), 0)

    def checkBlock(self, block: Block) -> None:
        examples = [path for path in (ROOT / "examples").rglob("*") if path.is_file()]
        assert any(block.text in path.read_text(encoding="utf-8") for path in examples), (
            "it is in no example"
        )


class UnitTests(BlockTestCase):
    """
    Parts of units of systemd; tests/integration/test_docs.py has systemd look at them.
    """

    languages = ("ini",)

    def test_blocks(self) -> None:
        """
        They have sections and keys.
        """
        self.assertGreater(self.check("ini"), 0)

    def checkBlock(self, block: Block) -> None:
        unit = configparser.ConfigParser()
        unit.read_string(block.text)
        assert unit.sections(), "there are no sections"


class TextTests(BlockTestCase):
    """
    What has no language is compared with what says it.
    """

    languages = ("text",)

    def test_blocks(self) -> None:
        """
        Every such text is known here.
        """
        self.assertGreater(self.check("text"), 1)

    def checkBlock(self, block: Block) -> None:
        for start, check in self.known.items():
            if block.text.startswith(start):
                check(self, block.text)
                return
        raise AssertionError("nobody compares it with anything")

    def demonstration(self, text: str) -> None:
        """
        What C{--demo} says.
        """
        self.assertEqual(text, demoText(1143, 8080, 1389))

    def flow(self, text: str) -> None:
        """
        The picture of the flow, whose names are in the package or Twisted's, and in the other
        picture.
        """
        source = "".join(path.read_text() for path in (ROOT / "txjmapaccess").rglob("*.py"))
        picture = read("docs", "flow.svg")
        for name in set(re.findall(r"\bI?[A-Z]+[a-z]+\w*[A-Z]\w*|Evidence|Verdict|Standing", text)):
            self.assertIn(name, source)
            self.assertIn(name, picture)

    def reloaded(self, text: str) -> None:
        """
        What the log says of a file that cannot be used.
        """
        _, _, sentence = text.strip().partition("imap.toml: ")
        key = re.search(r"\] (\w+):", sentence)
        assert key is not None
        error = self.assertRaises(ConfigurationError, parse, f"[jmap]\n{key[1]} = true\n")
        self.assertEqual(str(error), sentence)

    known = {
        "The JMAPACCESS demonstration": demonstration,
        "bytes ──> IMAP4Server": flow,
        "The settings are not taken over: ": reloaded,
    }
