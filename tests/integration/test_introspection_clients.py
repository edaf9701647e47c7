"""
Mail clients that others wrote log in with real tokens, over TLS.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import threading
from typing import Any
from unittest import skipIf

from twisted.internet.threads import deferToThread

from tests.support.coroutines import asynchronous
from tests.support.demo import run
from tests.support.introspection import JMAP_SCOPE
from tests.support.oidc import nodeModules, whyNoProvider
from tests.support.tokenserver import TokenServerTestCase
from txjmapaccess import JMAPAccessMixin
from txjmapaccess.imap import tlsrequirement
from txjmapaccess.imap.sasl import Mechanism
from txjmapaccess.maildir import MaildirRealm

MESSAGE = b"""\
From: Arnt <arnt@example.com>
To: Bron <bron@example.com>
Subject: Hello from Trondheim
Date: Fri, 20 Nov 2026 10:00:00 +0000
Message-ID: <1@example.com>

God morgen
"""


def missing(*programs: str) -> str:
    """
    @return: why the tests cannot run, or C{""}.
    """
    absent = [program for program in programs if shutil.which(program) is None]
    return f"{absent[0]} is not installed" if absent else whyNoProvider()


class ClientTestCase(TokenServerTestCase):
    """
    A server with one message for arnt.
    """

    def setUp(self) -> None:
        super().setUp()
        self.directory = os.path.abspath(self.mktemp())
        inbox = os.path.join(self.directory, "mail", "arnt")
        for name in ("new", "cur", "tmp"):
            os.makedirs(os.path.join(inbox, name))
        with open(os.path.join(inbox, "new", "1.1.localhost"), "wb") as file:
            file.write(MESSAGE)
        self.authority = os.path.join(self.directory, "ca.pem")
        with open(self.authority, "wb") as file:
            file.write(self.certificate)
        self.listen(realm=MaildirRealm(os.path.join(self.directory, "mail")), imap_scopes=["imap"])
        self.good = self.provider.mint("arnt", f"imap {JMAP_SCOPE}")
        self.weak = self.provider.mint("arnt", JMAP_SCOPE)


@skipIf(missing("curl"), missing("curl"))
class CurlTests(ClientTestCase):
    """
    curl.
    """

    def offerOnly(self, mechanism: str) -> None:
        """
        Let the server have one mechanism: curl takes OAUTHBEARER wherever it is offered.
        """
        known = tlsrequirement.knownMechanisms

        def only(server: JMAPAccessMixin) -> dict[bytes, Mechanism]:
            name = mechanism.encode()
            return {name: known(server)[name]}

        self.patch(tlsrequirement, "knownMechanisms", only)

    async def curl(self, token: str, *options: str) -> subprocess.CompletedProcess[str]:
        """
        Read the message.
        """
        url = f"imaps://localhost:{self.port}/INBOX;UID=1"
        login = ["-u", "arnt:", "--oauth2-bearer", token]
        return await run(["curl", "-sv", "--cacert", self.authority, *login, *options, url])

    async def readAndFail(self, mechanism: str) -> None:
        """
        A good token reads the message. One that is not good for IMAP is a login error (67), after
        a challenge.
        """
        self.offerOnly(mechanism)
        for options in ([], ["--sasl-ir"]):
            done = await self.curl(self.good, *options)
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertIn(f"AUTHENTICATE {mechanism}", done.stderr)
            self.assertIn("God morgen", done.stdout)
        done = await self.curl(self.weak)
        self.assertEqual((67, ""), (done.returncode, done.stdout), done.stderr)
        # curl answers the challenge of OAUTHBEARER only, and hangs up at that of XOAUTH2.
        self.assertRegex(done.stderr, r"(?m)^< \+ eyJ")

    @asynchronous
    async def test_oauthbearer(self) -> None:
        """
        OAUTHBEARER (RFC 7628).
        """
        await self.readAndFail("OAUTHBEARER")

    @asynchronous
    async def test_xoauth2(self) -> None:
        """
        XOAUTH2.
        """
        await self.readAndFail("XOAUTH2")


@skipIf(missing("mutt"), missing("mutt"))
class MuttTests(ClientTestCase):
    """
    mutt.
    """

    def mutt(self, token: str, mechanism: str) -> bytes:
        """
        Save what the first message says, on a terminal.

        @return: what was saved.
        """
        saved = os.path.join(self.directory, f"saved-{mechanism}")
        lines = (
            f'set folder="imaps://localhost:{self.port}/" spoolfile="+INBOX" imap_user="arnt"',
            f"set imap_authenticators='{mechanism}'",
            f"set imap_oauth_refresh_command='echo {token}'",
            f'set certificate_file="{self.authority}"',
            "set pipe_decode=yes wait_key=no quit=yes",
            "set header_cache='' message_cachedir='' record='' move=no",
            f"push '<pipe-message>cat > {saved}<enter><exit>'",
        )
        configuration = os.path.join(self.directory, "muttrc")
        with open(configuration, "w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines)
        self.onTerminal("mutt", "-n", "-F", configuration)
        with open(saved, "rb") as file:
            return file.read()

    def onTerminal(self, *command: str) -> None:
        """
        Run a program that wants a terminal to its end.
        """
        master, slave = pty.openpty()
        environment = {**os.environ, "TERM": "vt100", "HOME": self.directory, "LC_ALL": "C.UTF-8"}
        process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, cwd=self.directory, env=environment
        )
        os.close(slave)
        # A program that asks something would wait forever.
        killer = threading.Timer(20, process.kill)
        killer.start()
        shown = b""
        try:
            # A read fails when the program has ended.
            while chunk := os.read(master, 65536):
                shown += chunk
        except OSError:
            pass
        finally:
            killer.cancel()
            os.close(master)
        self.assertEqual(process.wait(90), 0, shown)

    @asynchronous
    async def test_tokens(self) -> None:
        """
        OAUTHBEARER and XOAUTH2.
        """
        for mechanism in ("oauthbearer", "xoauth2"):
            text = await deferToThread(self.mutt, self.good, mechanism)
            self.assertIn(b"God morgen", text)


@skipIf(missing("node"), missing("node"))
class ImapflowTests(ClientTestCase):
    """
    imapflow, of npm.
    """

    async def imapflow(self, token: str, mechanism: str) -> dict[str, Any]:
        """
        @return: what the script says.
        """
        options = {
            "modules": str(nodeModules().resolve()),
            "port": self.port,
            "ca": self.authority,
            "user": "arnt",
            "token": token,
            "mechanism": mechanism,
        }
        script = os.path.join(os.path.dirname(__file__), "oidc", "imapflow_client.mjs")
        done = await run(["node", script, json.dumps(options)])
        self.assertEqual((0, ""), (done.returncode, done.stderr), done.stderr)
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    @asynchronous
    async def test_tokens(self) -> None:
        """
        OAUTHBEARER and XOAUTH2; it sees JMAPACCESS.
        """
        for mechanism in ("OAUTHBEARER", "XOAUTH2"):
            said = await self.imapflow(self.good, mechanism)
            self.assertEqual(["Hello from Trondheim"], said.get("subjects"), said)
            self.assertIn("JMAPACCESS", said["capabilities"])
            self.assertEqual([f"AUTH={mechanism}"], said["mechanisms"])

    @asynchronous
    async def test_refused(self) -> None:
        """
        It understands the challenge, and is told how the login failed.
        """
        for mechanism, status in (("OAUTHBEARER", "insufficient_scope"), ("XOAUTH2", "401")):
            said = await self.imapflow(self.weak, mechanism)
            self.assertEqual(status, said["refused"]["status"], said)
            self.assertEqual("imap", said["refused"]["scope"])
            self.assertEqual("AUTHENTICATIONFAILED", said["code"])
