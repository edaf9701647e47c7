# -*- test-case-name: tests.integration.test_stopping -*-
"""
C{twistd jmapaccess} comes to its end, and takes over other settings, while clients are in the
middle of everything.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import time
from base64 import b64encode

from twisted.internet.threads import deferToThread

from tests.integration.test_twistd import NOT_TAKEN_OVER, TAKEN_OVER, TwistdTestCase
from tests.support.certificate import writeCertificate
from tests.support.demo import PASSWORDS, DemoTestCase
from tests.support.ports import freePort
from tests.support.sessions import Session
from tests.support.twistd import Running, listens, waitUntil

#: Seconds: less than the ten after which whoever is left is cut off.
SOON = 9.5

BYE = b"* BYE [UNAVAILABLE] The server is shutting down"
LOGIN = b"LOGIN ada lovelace"
MESSAGE = b"Subject: x\r\n\r\nBody\r\n"


class LiveTestCase(TwistdTestCase):
    """
    A server with clients in every state.
    """

    refusalSeconds = 1.0

    def setUp(self) -> None:
        super().setUp()
        self.tlsPort = freePort()
        writeCertificate(self.path("server.pem"), "localhost")
        self.context = ssl.create_default_context(cafile=self.path("server.pem"))
        self.running = self.start(self.configureLive(), self.auth)

    def configureLive(self, jmap: str = "") -> str:
        """
        @return: the option with the path of the configuration file.
        """
        return self.configure(
            f'certificate = "{self.path("server.pem")}"\n'
            f"[imap.limits]\nrefusal_seconds = {self.refusalSeconds}\n",
            jmap,
            f', "ssl:{self.tlsPort}:interface=127.0.0.1"',
        )

    def session(self, loggedIn: bool = True, tls: bool = False) -> Session:
        """
        @return: a session that is closed after the test.
        """
        port, context = (self.tlsPort, self.context) if tls else (self.port, None)
        session = Session(port, context)
        self.addCleanup(session.close)
        if loggedIn:
            session.command(LOGIN)
        return session

    def idling(self, tls: bool = False) -> Session:
        """
        @return: a session in IDLE.
        """
        session = self.session(tls=tls)
        session.command(b"SELECT INBOX")
        session.send(b"i IDLE")
        self.assertTrue(session.line().startswith(b"+"))
        return session

    def appending(self) -> Session:
        """
        @return: a session that has sent half a message.
        """
        session = self.session()
        session.send(b"a APPEND INBOX {%d}" % len(MESSAGE))
        self.assertTrue(session.line().startswith(b"+"))
        session.sendRaw(MESSAGE[:10])
        return session

    def loggingIn(self) -> Session:
        """
        @return: a session whose login is under way: it will be refused after some time.
        """
        session = self.session(loggedIn=False)
        session.send(b"l LOGIN ada wrong")
        waitUntil(lambda: "was refused" in self.running.log())
        return session

    def authenticating(self) -> Session:
        """
        @return: a session that owes the server its credentials.
        """
        session = self.session(loggedIn=False)
        session.send(b"s AUTHENTICATE PLAIN")
        self.assertTrue(session.line().startswith(b"+"))
        return session

    def messages(self) -> int:
        """
        @return: how many messages are in the INBOX.
        """
        found = 0
        for root, _, files in os.walk(self.path("mail")):
            if os.path.basename(root) in ("new", "cur"):
                found += len(files)
        return found


class StopTests(LiveTestCase):
    """
    SIGTERM.
    """

    def test_everybody(self) -> None:
        """
        Who waits hears BYE at once (RFC 3501, section 7.1.5); what is under way comes to its end
        first: a login, an APPEND, an exchange of credentials. Nobody else comes in.
        """
        quiet = [
            self.session(loggedIn=False),
            self.session(),
            self.session(tls=True),
            self.idling(),
            self.idling(tls=True),
        ]
        mute = socket.create_connection(("127.0.0.1", self.tlsPort), 20)
        self.addCleanup(mute.close)
        login = self.loggingIn()
        append = self.appending()
        authenticate = self.authenticating()
        started = time.monotonic()
        self.running.terminate()
        for session in quiet:
            self.assertEqual(session.rest(), [BYE])
        self.assertLess(time.monotonic() - started, SOON)
        self.assertFalse(listens(self.port))
        self.assertFalse(listens(self.tlsPort))
        append.sendRaw(MESSAGE[10:] + b"\r\nb NOOP\r\n")
        answer, *rest = append.rest()
        self.assertTrue(answer.startswith(b"a OK"), answer)
        self.assertEqual(rest, [BYE])
        self.assertEqual(self.messages(), 1)
        # "\0ada\0lovelace"
        authenticate.send(b"AGFkYQBsb3ZlbGFjZQ==")
        answer, *rest = authenticate.rest()
        self.assertTrue(answer.startswith(b"s OK"), answer)
        self.assertEqual(rest, [BYE])
        answer, *rest = login.rest()
        self.assertTrue(answer.startswith(b"l NO [AUTHENTICATIONFAILED]"), answer)
        self.assertEqual(rest, [BYE])
        # It has not even begun with TLS, in which BYE could be said, and had five seconds to do so.
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(mute.recv(1000), b"")
        self.ends(self.running)
        self.assertLess(time.monotonic() - started, SOON)

    def ends(self, running: Running) -> None:
        """
        The process comes to an orderly end.
        """
        # Twisted ends a process by the signal that it got.
        self.assertEqual(running.ended(), -signal.SIGTERM)
        self.assertIn("Server Shut Down.", running.log())
        self.assertNotIn("Traceback", running.log())

    def test_tenSeconds(self) -> None:
        """
        Who is not ready after ten seconds is cut off.
        """
        session = self.authenticating()
        started = time.monotonic()
        self.running.terminate()
        self.assertEqual(session.rest(), [])
        self.assertTrue(9 < time.monotonic() - started < 30)
        self.ends(self.running)

    def test_again(self) -> None:
        """
        A second SIGTERM waits for nobody; a SIGHUP in between has no effect.
        """
        session = self.authenticating()
        started = time.monotonic()
        self.running.terminate()
        waitUntil(lambda: "Shutting down with 1 connections" in self.running.log())
        os.kill(self.running.pid, signal.SIGHUP)
        self.running.terminate()
        self.assertEqual(session.rest(), [])
        self.ends(self.running)
        self.assertLess(time.monotonic() - started, SOON)


class ReloadTests(LiveTestCase):
    """
    SIGHUP with live connections.
    """

    def carryOn(self, *sessions: Session) -> None:
        """
        Check that no session was dropped, by going on with what each was about.
        """
        loggedIn, overTLS, idle, append, login, authenticate = sessions
        for session in (loggedIn, overTLS):
            session.command(b"NOOP")
        idle.send(b"DONE")
        self.assertTrue(idle.line().startswith(b"i OK"))
        append.sendRaw(MESSAGE[10:] + b"\r\n")
        self.assertTrue(append.line().startswith(b"a OK"))
        self.assertTrue(login.line().startswith(b"l NO [AUTHENTICATIONFAILED]"))
        login.command(LOGIN)
        authenticate.send(b"AGFkYQBsb3ZlbGFjZQ==")
        self.assertTrue(authenticate.line().startswith(b"s OK"))

    def sessions(self) -> list[Session]:
        """
        @return: what L{carryOn} goes on with.
        """
        return [
            self.session(),
            self.session(tls=True),
            self.idling(),
            self.appending(),
            self.loggingIn(),
            self.authenticating(),
        ]

    def test_takenOver(self) -> None:
        """
        Clients notice nothing; those that come afterwards are met with the new settings.
        """
        self.assertEqual(self.verdict(), "usable")
        sessions = self.sessions()
        self.configureLive("passwords = false")
        self.running.hangUp(TAKEN_OVER)
        self.carryOn(*sessions)
        self.assertEqual(self.verdict(), "known")

    def test_broken(self) -> None:
        """
        With a broken file they notice nothing either; the old settings stay, and the log has one
        line about it.
        """
        sessions = self.sessions()
        for text in ("[imap", "[imap]\nlisten = 143\n", "[jmap]\nsession_url = 'ftp://x'\n"):
            self.write("imap.toml", text)
            before = len(self.running.log().splitlines())
            self.running.hangUp(NOT_TAKEN_OVER)
            time.sleep(0.1)
            [line] = self.running.log().splitlines()[before:]
            self.assertIn(f"{NOT_TAKEN_OVER}: {self.path('imap.toml')}: ", line)
        self.carryOn(*sessions)
        self.assertEqual(self.verdict(), "usable")


class JMAPTests(DemoTestCase):
    """
    The end of a JMAP server, which the demonstration has.
    """

    def request(self) -> tuple[bytes, bytes]:
        """
        @return: a request with credentials, in two parts.
        """
        body = b'{"using": ["urn:ietf:params:jmap:core"], "methodCalls": [["Core/echo", {}, "c"]]}'
        credentials = b64encode(b"arnt:" + PASSWORDS["arnt"].encode("ascii"))
        head = (
            b"POST /.well-known/jmap/api HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n"
            b"Authorization: Basic %s\r\n\r\n" % (len(body), credentials)
        )
        return head + body[:20], body[20:]

    def connect(self) -> socket.socket:
        """
        @return: a connection to the JMAP server.
        """
        connection = socket.create_connection(("127.0.0.1", self.ports.http), timeout=60)
        self.addCleanup(connection.close)
        return connection

    def answer(self, connection: socket.socket) -> bytes:
        """
        @return: a response with a short body.
        """
        data = b""
        while not data.rstrip().endswith(b"}"):
            received = connection.recv(4096)
            if not received:
                break
            data += received
        return data

    def rest(self, connection: socket.socket) -> bytes:
        """
        @return: all to the end of the connection.
        """
        data = self.answer(connection)
        return data + connection.recv(4096)

    async def test_inFlight(self) -> None:
        """
        A connection that waits for a request is closed; a request that is coming in is answered
        first.
        """
        first, second = self.request()
        quiet, busy = self.connect(), self.connect()
        quiet.sendall(first + second)
        self.assertIn(b"200 OK", await deferToThread(self.answer, quiet))
        busy.sendall(first)
        # Until the server has read it.
        quiet.sendall(first + second)
        await deferToThread(self.answer, quiet)
        stopped = self.demo.stopService()
        self.assertEqual(await deferToThread(self.rest, quiet), b"")
        busy.sendall(second)
        response = await deferToThread(self.rest, busy)
        self.assertIn(b"200 OK", response)
        self.assertIn(b"Core/echo", response)
        await stopped
