# -*- test-case-name: tests.integration.test_imapflow -*-
"""
Object identifiers (RFC 8474) as imapflow, a mail client that others wrote, reads them over TLS. It
asks for EMAILID by itself as soon as OBJECTID is advertised.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

from twisted.internet import reactor
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.internet.task import deferLater
from twisted.internet.tcp import Server
from twisted.mail.interfaces import INamespacePresenter
from twisted.trial.unittest import SkipTest
from zope.interface import implementer

from tests.support.ca import CertificateAuthority
from tests.support.coroutines import AsyncTestCase, asynchronous
from tests.support.demo import run
from tests.support.imap import RecordingRealm, makePortal
from tests.support.mail import HELLO, IdentifiedAccount
from tests.support.maildir import mail
from tests.support.maildir_server import Factory, Shutdown
from tests.support.oidc import nodeModules
from txjmapaccess import JMAPAccessIMAP4Server
from txjmapaccess.maildir import MaildirRealm

_SCRIPT = os.path.join(os.path.dirname(__file__), "oidc", "imapflow_identifiers.mjs")

#: The names of two versions of imapflow. The first fails at THREADID NIL.
OLDER, NEWER = "imapflow", "imapflow-newer"


def missing() -> str:
    """
    @return: why the tests cannot run, or C{""}.
    """
    if shutil.which("node") is None:
        return "node is not installed"
    for package in (OLDER, NEWER):
        if not (nodeModules() / package).is_dir():
            return f"{package} is not installed in {nodeModules()} (TXJMAPACCESS_NODE_MODULES)"
    return ""


class ImapflowTestCase(AsyncTestCase):
    """
    A server over TLS.
    """

    timeout = 180

    def setUp(self) -> None:
        if why := missing():
            raise SkipTest(why)
        self.authority = CertificateAuthority(os.path.abspath(self.mktemp()))
        certificate, key = self.authority.issue("localhost", "127.0.0.1")
        self.factory = Factory(makePortal(self.makeRealm()), JMAPAccessIMAP4Server)
        port = reactor.listenSSL(  # type: ignore[attr-defined]
            0, self.factory, DefaultOpenSSLContextFactory(key, certificate), interface="127.0.0.1"
        )
        self.addCleanup(self.connectionsClosed)
        self.addCleanup(port.stopListening)
        self.port = port.getHost().port

    def makeRealm(self) -> Any:
        """
        @return: the realm of the store.
        """
        raise NotImplementedError

    @asynchronous
    async def connectionsClosed(self) -> None:
        """
        Wait until the server has noticed that its clients are gone.
        """
        while any(isinstance(reader, Server) for reader in reactor.getReaders()):
            await deferLater(reactor, 0.01, lambda: None)

    async def imapflow(self, package: str, *steps: list[Any]) -> list[Any]:
        """
        Let imapflow do something.

        @param package: L{OLDER} or L{NEWER}.

        @return: the results.
        """
        options = {
            "modules": str(nodeModules().resolve()),
            "package": package,
            "port": self.port,
            "ca": self.authority.path,
            "user": "arnt",
            "password": "trondheim",
            "steps": steps,
        }
        done = await run(["node", _SCRIPT, json.dumps(options)])
        self.assertEqual((0, ""), (done.returncode, done.stderr), done.stderr)
        results: list[Any] = json.loads(done.stdout)
        return results


class MaildirTests(ImapflowTestCase):
    """
    The embedded store: a thread of two messages, and another message.
    """

    def makeRealm(self) -> MaildirRealm:
        directory = self.mktemp()
        inbox = os.path.join(directory, "arnt")
        for name in ("new", "cur", "tmp"):
            os.makedirs(os.path.join(inbox, name))
        for number, more in ((1, ""), (2, "References: <1@example.com>\r\n"), (3, "")):
            with open(os.path.join(inbox, "new", f"170000000{number}.x.host"), "wb") as file:
                file.write(mail(number, more).replace(b"\r\n", b"\n"))
        return MaildirRealm(directory, Shutdown(self))

    async def test_unasked(self) -> None:
        """
        It reads EMAILID by itself, and THREADID when it is told to: the thread is one, and all the
        rest is different (RFC 8474, sections 5.1 to 5.3).
        """
        for package in (OLDER, NEWER):
            _, plain, threads = await self.imapflow(
                package,
                ["open", "INBOX"],
                ["fetch", {"flags": True}],
                ["fetch", {"threadId": True}],
            )
            self.assertEqual(sorted(plain), ["1", "2", "3"])
            emails = [plain[uid]["emailId"] for uid in sorted(plain)]
            for email in emails:
                self.assertRegex(email, "^M[a-z2-7]{26}$")
            self.assertEqual(len(set(emails)), 3)
            self.assertEqual([threads[uid]["emailId"] for uid in sorted(threads)], emails)
            first, second, third = (threads[uid]["threadId"] for uid in sorted(threads))
            self.assertRegex(first, "^T[a-z2-7]{26}$")
            self.assertEqual(first, second)
            self.assertNotEqual(first, third)

    async def test_moved(self) -> None:
        """
        It finds messages again that were copied and moved, in a mailbox that was renamed (RFC
        8474, sections 4 and 5.1).
        """
        for package in (OLDER, NEWER):
            box = f"box of {package}"
            created, _, before, copied, moved, left, renamed, opened, after = await self.imapflow(
                package,
                ["create", box],
                ["open", "INBOX"],
                ["fetch", {"threadId": True}],
                ["copy", "1", box],
                ["move", "2", box],
                ["fetch", {"threadId": True}],
                ["rename", box, f"{box}, renamed"],
                ["open", f"{box}, renamed"],
                ["fetch", {"threadId": True}],
            )
            self.assertEqual((copied, moved), (box, box))
            self.assertEqual(renamed, f"{box}, renamed")
            self.assertRegex(created, "^F[a-z2-7]{26}$")
            self.assertEqual(opened, created)
            uids = sorted(before)
            self.assertEqual(left, {uid: before[uid] for uid in uids if uid != uids[1]})
            self.assertEqual(after, {"1": before[uids[0]], "2": before[uids[1]]})

    async def test_search(self) -> None:
        """
        It searches by both (RFC 8474, section 6).
        """
        for package in (OLDER, NEWER):
            _, found = await self.imapflow(
                package, ["open", "INBOX"], ["fetch", {"threadId": True}]
            )
            email, thread = found["2"]["emailId"], found["2"]["threadId"]
            _, byEmail, byThread, byNone = await self.imapflow(
                package,
                ["open", "INBOX"],
                ["search", {"emailId": email}],
                ["search", {"threadId": thread}],
                ["search", {"emailId": thread}],
            )
            self.assertEqual((byEmail, byThread, byNone), ([2], [1, 2], []))


@implementer(INamespacePresenter)
class ThreadlessAccount(IdentifiedAccount):
    """
    An account of a store that has no threads, with three messages.
    """

    def __init__(self, name: object = None) -> None:
        super().__init__(name)
        for number in range(3):
            self.mailboxes["INBOX"].put(HELLO + b"%d" % number, threadID=None)

    def getPersonalNamespaces(self) -> list[list[bytes]]:
        """
        The one that there is: imapflow waits forever when there is none.
        """
        return [[b"", b"/"]]

    def getSharedNamespaces(self) -> None:
        """
        None.
        """

    def getUserNamespaces(self) -> None:
        """
        None.
        """


class NoThreadsTests(ImapflowTestCase):
    """
    A store that has no threads.
    """

    def makeRealm(self) -> RecordingRealm:
        return RecordingRealm(ThreadlessAccount)

    async def test_unasked(self) -> None:
        """
        Both versions read EMAILID by themselves, and no message is lost.
        """
        for package in (OLDER, NEWER):
            opened, found = await self.imapflow(
                package, ["open", "INBOX"], ["fetch", {"flags": True}]
            )
            self.assertEqual(opened, "F1")
            self.assertEqual(
                found, {"1": {"emailId": "M1"}, "2": {"emailId": "M2"}, "3": {"emailId": "M3"}}
            )

    async def test_threads(self) -> None:
        """
        THREADID NIL (RFC 8474, section 5.2) is understood by the newer one.
        """
        _, found, byThread = await self.imapflow(
            NEWER,
            ["open", "INBOX"],
            ["fetch", {"threadId": True}],
            ["search", {"threadId": "T1"}],
        )
        self.assertEqual(sorted(found), ["1", "2", "3"])
        self.assertEqual(byThread, [])

    async def test_olderThreads(self) -> None:
        """
        The older one fails at THREADID NIL where it was told to ask for it, which is its own
        error; afterwards it still reads everything else on that connection.
        """
        _, lost, found = await self.imapflow(
            OLDER,
            ["open", "INBOX"],
            ["fetch", {"threadId": True}],
            ["fetch", {"flags": True}],
        )
        self.assertEqual(lost, {})
        self.assertEqual(sorted(found), ["1", "2", "3"])
