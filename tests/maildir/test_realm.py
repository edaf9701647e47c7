# -*- test-case-name: tests.maildir.test_realm -*-
"""
The embedded store's realm.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.mail.interfaces import IAccountIMAP, IMailboxPOP3
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from tests.support.maildir import Here, MaildirTestCase
from txjmapaccess.errors import ConfigurationError, Refused, TemporaryFailure
from txjmapaccess.maildir import MaildirRealm
from txjmapaccess.maildir.jobqueue import JobQueue


class RealmTests(MaildirTestCase):
    """
    L{MaildirRealm}.
    """

    def request(self, realm: MaildirRealm, user: object, *interfaces: Any) -> Deferred[Any]:
        """
        @return: what C{requestAvatar} returns.
        """
        return realm.requestAvatar(user, None, *(interfaces or (IAccountIMAP,)))

    def test_avatar(self) -> None:
        """
        The avatar is an account, by L{str} or L{bytes} the same.
        """
        realm = MaildirRealm(self.path, Here(), Here())
        verifyObject(IRealm, realm)
        interface, account, logout = self.now(
            self.request(realm, "ada", IMailboxPOP3, IAccountIMAP)
        )
        self.assertIs(interface, IAccountIMAP)
        self.assertTrue(IAccountIMAP.providedBy(account))
        self.assertIs(self.now(self.request(realm, b"ada"))[1], account)
        self.assertIsNone(logout())

    def test_otherInterfaces(self) -> None:
        """
        There are no avatars for anything else.
        """
        realm = MaildirRealm(self.path, Here(), Here())
        self.assertRaises(NotImplementedError, self.request, realm, "ada", IMailboxPOP3)

    def test_noEscape(self) -> None:
        """
        A user name that could be a path is a refused login, and nothing is made on disk.
        """
        realm = MaildirRealm(self.path, Here(), Here())
        for name in ("..", "../x", "a/b", "/x", "", ".x", "a\0", b"\xff", "x" * 300, ()):
            self.failureResultOf(self.request(realm, name), Refused)
        self.assertFalse(os.path.exists(self.path))
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [])

    def test_path(self) -> None:
        """
        The realm's directory is made at the first login, for nobody else to read; where the one
        above it is missing, or something else has the name, that is a configuration error.
        """
        self.account()
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o700)
        missing = os.path.join(self.path, "a", "b")
        error = self.assertRaises(ConfigurationError, MaildirRealm, missing, Here(), Here())
        self.assertIn(os.path.dirname(missing), str(error))
        for path in (__file__, os.path.join(__file__, "x")):
            error = self.assertRaises(ConfigurationError, MaildirRealm, path, Here(), Here())
            self.assertNotIn("\n", str(error))

    def test_unusableDirectory(self) -> None:
        """
        When the user's directory cannot be made, that is no refusal, and the log says where.
        """
        os.mkdir(self.path)
        with open(os.path.join(self.path, "ada"), "w"):
            pass
        realm = MaildirRealm(self.path, Here(), Here())
        failure = self.failureResultOf(self.request(realm, "ada"))
        self.assertTrue(failure.check(TemporaryFailure))
        self.assertIn(self.path, str(failure.value))
        self.assertIn("File exists", str(failure.value))


class WorkerTests(TestCase):
    """
    L{JobQueue}, with real threads.
    """

    def setUp(self) -> None:
        self.pool = ThreadPool(0, 4)
        self.pool.start()
        self.addCleanup(self.pool.stop)

    def test_turns(self) -> Deferred[Any]:
        """
        The jobs of an account run one after the other, in order, and not in the reactor's thread.
        """
        worker = JobQueue(reactor, self.pool)
        ran: list[Any] = []

        def job(number: int) -> int:
            ran.append(number)
            self.assertNotEqual(threading.current_thread(), threading.main_thread())
            self.assertEqual(running.acquire(blocking=False), True)
            running.release()
            return number

        running = threading.Lock()
        done = gatherResults([worker.run(job, number) for number in range(50)])
        done.addCallback(lambda results: self.assertEqual(results, ran))
        return done.addCallback(lambda _: self.assertEqual(ran, list(range(50))))

    def test_failure(self) -> Deferred[Any]:
        """
        A job that raises fails its Deferred, and the next one runs.
        """
        worker = JobQueue(reactor, self.pool)
        failed = self.assertFailure(worker.run(lambda: 1 // 0), ZeroDivisionError)
        return gatherResults([failed, worker.run(lambda: None)])

    def test_accounts(self) -> Deferred[Any]:
        """
        Accounts do not wait for each other.
        """
        event = threading.Event()
        slow = JobQueue(reactor, self.pool).run(event.wait, 10)
        quick = JobQueue(reactor, self.pool).run(event.set)
        return gatherResults([slow, quick]).addCallback(lambda r: self.assertTrue(r[0]))

    def test_soon(self) -> Deferred[Any]:
        """
        C{soon} lets what runs now come to its end.
        """
        order = []
        soon = JobQueue(reactor, self.pool).soon().addCallback(lambda _: order.append("soon"))
        order.append("now")
        soon.addCallback(lambda _: self.assertEqual(order, ["now", "soon"]))
        return soon


class ThreadTests(TestCase):
    """
    The realm's own threads.
    """

    def test_own(self) -> Deferred[Any]:
        """
        Without a pool the realm has one of its own, which ends with the reactor.
        """
        triggers: list[Any] = []

        class Reactor:
            callFromThread = reactor.callFromThread

            def addSystemEventTrigger(self, phase: str, event: str, call: Any) -> None:
                triggers.append((phase, event, call))

        path = self.mktemp()
        realm = MaildirRealm(path, Reactor())
        self.assertEqual(triggers, [])

        def check(avatar: Any) -> Any:
            [(phase, event, stop)] = triggers
            self.assertEqual((phase, event), ("during", "shutdown"))
            stop()
            return deferLater(reactor, 0, lambda: None)

        return realm.requestAvatar("ada", None, IAccountIMAP).addCallback(check)
