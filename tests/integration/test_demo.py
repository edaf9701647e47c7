# -*- test-case-name: tests.integration.test_demo -*-
"""
C{twistd -n jmapaccess --demo} as a newcomer sees it: the text on the terminal, each command in it,
and the table of accounts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase

from tests.support.demo import PASSWORDS, TOKEN, DemoTestCase, run
from tests.support.paths import ROOT
from tests.support.ports import demoPorts
from tests.support.twistd import command, environment, heedSIGINT, twistd
from txjmapaccess.demo import DemoPorts, makeDemoService
from txjmapaccess.errors import ConfigurationError

_COMPARE = os.path.join(ROOT, "examples", "compare.py")
_PORTS = DemoPorts()

_RUN_HIDING = (
    "import sys; sys.path.insert(0, 'hidden'); from twisted.scripts.twistd import run; run()"
)


def _needPorts() -> None:
    """
    @raise SkipTest: when something else listens on the demonstration's ports.
    """
    for port in (_PORTS.ldap, _PORTS.http, _PORTS.imap):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                if not os.environ.get("TXJMAPACCESS_CI"):
                    raise SkipTest(f"something else listens on port {port}") from None


class TerminalTests(TestCase):
    """
    The demonstration on the ports that its text and the README name.
    """

    def setUp(self) -> None:
        if not shutil.which("curl"):
            raise SkipTest("curl is not installed")
        held = ExitStack()
        self.addCleanup(held.close)
        held.enter_context(demoPorts())
        _needPorts()
        self.directory = self.mktemp()
        os.mkdir(self.directory)
        self.temporary = os.path.join(self.directory, "tmp")
        os.mkdir(self.temporary)
        self.output = os.path.join(self.directory, "output")
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                command("-n", "jmapaccess", "--demo"),
                cwd=self.directory,
                env={**environment(), "TMPDIR": os.path.abspath(self.temporary)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=heedSIGINT,
            )
        self.addCleanup(self.kill)
        self.waitFor("starting up")
        self.waitFor("reactor class")
        # Before the reactor runs, a signal may be lost.
        with socket.create_connection(("127.0.0.1", _PORTS.imap), 90) as connection:
            connection.recv(1)

    def kill(self) -> None:
        """
        End the process when a test has not.
        """
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def said(self) -> str:
        """
        @return: what is on the terminal.
        """
        with open(self.output, encoding="utf-8") as file:
            return file.read()

    def waitFor(self, text: str) -> None:
        """
        Wait until something is on the terminal.
        """
        deadline = time.monotonic() + 90
        while text not in self.said():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.fail(f"it did not say {text}: {self.said()}")
            time.sleep(0.05)

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        """
        Run a line as a person would who has it from the text.
        """
        # The Python that runs the tests is there on every machine; python3 need not be new.
        line = line.replace("python3 ", f"{sys.executable} ", 1)
        return subprocess.run(
            line, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
        )

    def test_commands(self) -> None:
        """
        Each command in the text works, and shows what the table of accounts says.
        """
        lines = re.findall(r"^  ((?:curl|python3) .*)$", self.said(), re.MULTILINE)
        shown = [self.shell(line) for line in lines]
        self.assertEqual(len(shown), 8)
        for line, done in zip(lines, shown, strict=True):
            self.assertEqual((done.returncode, done.stderr), (0, ""), line)
        url = '* JMAPACCESS "http://127.0.0.1:8080/.well-known/jmap"'
        advertised = [
            bool(re.search(r"CAPABILITY [^]]*\bJMAPACCESS\b", d.stdout)) for d in shown[:3]
        ]
        self.assertEqual(advertised, [True, False, True])
        for done in shown[:3]:
            self.assertEqual(done.stdout.count(url), 1)
        statuses = [json.loads(done.stdout).get("status", 200) for done in shown[3:6]]
        self.assertEqual(statuses, [200, 401, 200])
        self.assertIn("http://127.0.0.1:8080/.well-known/jmap", shown[6].stdout)
        self.assertIn(
            "All identifiers of 4 mailboxes and 7 messages are the same.", shown[7].stdout
        )

    def test_ends(self) -> None:
        """
        Ctrl-C ends it, and nothing is left of the mail.
        """
        self.assertEqual(len(os.listdir(self.temporary)), 1)
        self.process.send_signal(signal.SIGINT)
        # Twisted hands the signal on when all is closed.
        self.assertEqual(self.process.wait(90), -signal.SIGINT)
        self.assertEqual(os.listdir(self.temporary), [])
        self.assertNotIn("Traceback", self.said())

    def test_portInUse(self) -> None:
        """
        A second one is told in one sentence that a port is in use.
        """
        other = self.mktemp()
        os.mkdir(other)
        outcome = twistd(other, ["-n", "jmapaccess", "--demo"])
        self.assertEqual((outcome.status, outcome.stdout), (1, ""))
        self.assertEqual(
            outcome.stderr,
            "twistd jmapaccess: --demo cannot listen on port 1389 on 127.0.0.1:"
            " Address already in use\n",
        )


class BadInputTests(TestCase):
    """
    What can be wrong before the demonstration runs.
    """

    def test_portInUse(self) -> None:
        """
        When one port is in use, the others are free again.
        """
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            shown: list[str] = []
            with self.assertRaises(ConfigurationError) as caught:
                makeDemoService(reactor, DemoPorts(0, 0, port), shown.append)
        self.assertIn(f"port {port} ", str(caught.exception))
        self.assertEqual(shown, [])

    def test_withoutLdaptor(self) -> None:
        """
        Without ldaptor, one sentence names the extra to install.
        """
        directory = self.mktemp()
        os.makedirs(os.path.join(directory, "hidden", "ldaptor"))
        with open(os.path.join(directory, "hidden", "ldaptor", "__init__.py"), "w") as file:
            file.write("raise ImportError('not installed')\n")
        done = subprocess.run(
            [sys.executable, "-c", _RUN_HIDING, "-n", "jmapaccess", "--demo"],
            cwd=directory,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(
            done.stderr,
            "twistd jmapaccess: --demo requires ldaptor: pip install 'txjmapaccess[demo]'\n",
        )


class AccountsTests(DemoTestCase):
    """
    The table of accounts: IMAP's verdict and the HTTP status of the session agree.
    """

    timeout = 180

    async def compare(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """
        Run the example.
        """
        return await run([sys.executable, _COMPARE, "--imap", self.imapURL, *arguments])

    def secretFile(self, secret: str) -> str:
        """
        @return: the name of a file with C{secret} in it.
        """
        name = self.mktemp()
        with open(name, "w", encoding="ascii") as file:
            file.write(secret + "\n")
        return name

    async def status(self, *arguments: str) -> int:
        """
        @return: the HTTP status of the session resource.
        """
        done = await run(
            ["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", *arguments, self.sessionURL]
        )
        return int(done.stdout)

    async def test_arnt(self) -> None:
        """
        arnt's password is usable: all his identifiers are the same.
        """
        done = await self.compare(
            "--user", "arnt", "--password-file", self.secretFile(PASSWORDS["arnt"])
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("JMAPACCESS is advertised", done.stdout)
        self.assertIn(f"GETJMAPACCESS gives {self.sessionURL}", done.stdout)
        self.assertIn("All identifiers of 4 mailboxes and 7 messages are the same.", done.stdout)
        self.assertEqual(await self.status("-u", "arnt:trondheim"), 200)

    async def test_bron(self) -> None:
        """
        bron's password is known: IMAP names the server and promises nothing.
        """
        done = await self.compare(
            "--user", "bron", "--password-file", self.secretFile(PASSWORDS["bron"])
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("JMAPACCESS is not advertised", done.stdout)
        self.assertIn(f"GETJMAPACCESS gives {self.sessionURL}", done.stdout)
        self.assertIn("Both sides agree", done.stdout)
        self.assertEqual(await self.status("-u", "bron:melbourne"), 401)

    async def test_token(self) -> None:
        """
        The token is usable, through OAUTHBEARER and as a bearer token.
        """
        done = await self.compare("--token-file", self.secretFile(TOKEN))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("JMAPACCESS is advertised", done.stdout)
        self.assertIn("All identifiers of 4 mailboxes and 7 messages are the same.", done.stdout)
        self.assertEqual(await self.status("--oauth2-bearer", TOKEN), 200)

    async def test_refused(self) -> None:
        """
        Wrong passwords, a wrong token and nobody at all are refused on both sides.
        """
        done = await self.compare("--user", "arnt", "--password-file", self.secretFile("wrong"))
        self.assertEqual(
            (done.returncode, done.stderr), (2, "Cannot compare: IMAP refused these credentials\n")
        )
        self.assertEqual(await self.status("-u", "arnt:wrong"), 401)
        self.assertEqual(await self.status("-u", "nobody:trondheim"), 401)
        self.assertEqual(await self.status("--oauth2-bearer", "wrong"), 401)
        self.assertEqual(await self.status(), 401)

    async def test_text(self) -> None:
        """
        The text names the ports that are used.
        """
        for port in (self.ports.imap, self.ports.http, self.ports.ldap):
            self.assertIn(str(port), self.shown)


class JMAPTests(DemoTestCase):
    """
    What the session's apiUrl answers about the sample mail.
    """

    timeout = 180

    async def call(self, *calls: Any) -> list[Any]:
        """
        @return: the method responses.
        """
        import urllib.request

        def ask(url: str, body: Any = None) -> Any:
            request = urllib.request.Request(
                url,
                None if body is None else json.dumps(body).encode(),
                {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)

        session = await deferToThread(ask, self.sessionURL)
        (accountID,) = session["accounts"]
        sent = [[n, {"accountId": accountID, **a}, str(i)] for i, (n, a) in enumerate(calls)]
        body = {"using": list(session["capabilities"]), "methodCalls": sent}
        answer = await deferToThread(ask, session["apiUrl"], body)
        return [arguments for _, arguments, _ in answer["methodResponses"]]

    async def test_mailboxes(self) -> None:
        """
        Mailbox/get has the mailboxes, a name outside of ASCII among them.
        """
        (answer,) = await self.call(("Mailbox/get", {"ids": None}))
        counts = {m["name"]: (m["totalEmails"], m["unreadEmails"]) for m in answer["list"]}
        self.assertEqual(
            counts,
            {"Inbox": (4, 2), "Lists/IMAP": (1, 0), "R\xe9serv\xe9": (1, 1), "Sent": (1, 0)},
        )

    async def test_thread(self) -> None:
        """
        The conversation about lunch is one Thread, over two mailboxes, oldest first.
        """
        answers = await self.call(
            (
                "Email/query",
                {"sort": [{"property": "receivedAt", "isAscending": True}], "limit": 1},
            ),
            (
                "Email/get",
                {
                    "#ids": {"resultOf": "0", "name": "Email/query", "path": "/ids"},
                    "properties": ["threadId"],
                },
            ),
            (
                "Thread/get",
                {"#ids": {"resultOf": "1", "name": "Email/get", "path": "/list/*/threadId"}},
            ),
            (
                "Email/get",
                {
                    "#ids": {"resultOf": "2", "name": "Thread/get", "path": "/list/*/emailIds"},
                    "properties": ["messageId"],
                },
            ),
        )
        messageIDs = [email["messageId"] for email in answers[3]["list"]]
        self.assertEqual(messageIDs, [[f"lunch-{n}@example.com"] for n in (1, 2, 3)])

    async def test_attachment(self) -> None:
        """
        The timetable is an attachment, and the text is decoded.
        """
        (_, answer) = await self.call(
            ("Email/query", {"filter": {"hasKeyword": "$flagged"}}),
            (
                "Email/get",
                {
                    "#ids": {"resultOf": "0", "name": "Email/query", "path": "/ids"},
                    "properties": ["subject", "hasAttachment", "attachments", "preview"],
                },
            ),
        )
        (email,) = answer["list"]
        self.assertEqual((email["subject"], email["hasAttachment"]), ("Your timetable", True))
        self.assertEqual([part["name"] for part in email["attachments"]], ["timetable.csv"])
        self.assertIn("The caf\xe9 in the train", email["preview"])
