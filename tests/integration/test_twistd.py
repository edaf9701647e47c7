# -*- test-case-name: tests.integration.test_twistd -*-
"""
C{twistd jmapaccess} as a process: logins, certificates, SIGHUP, the background.
"""

from __future__ import annotations

import imaplib
import os
import signal
import ssl

from twisted.trial.unittest import TestCase

from tests.support.certificate import writeCertificate
from tests.support.ports import freePort
from tests.support.twistd import Running, listens, twistd, waitUntil

URL = "https://mail.example.com/jmap/"
TAKEN_OVER = "The settings have been reloaded"
NOT_TAKEN_OVER = "The settings were not reloaded"

# imaplib sends only what it knows.
imaplib.Commands["GETJMAPACCESS"] = ("AUTH", "SELECTED")


class TwistdTestCase(TestCase):
    """
    A server with a Maildir and a file of passwords.
    """

    def setUp(self) -> None:
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)
        self.port = freePort()
        self.write("passwords", "ada:lovelace\n")
        self.auth = f"--auth=file:{self.path('passwords')}"

    def path(self, name: str) -> str:
        """
        @return: the path of a file in the test's directory.
        """
        return os.path.join(self.directory, name)

    def write(self, name: str, text: str) -> str:
        """
        @return: the path of a file with C{text}.
        """
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def configure(self, imap: str = "", jmap: str = "", listen: str = "") -> str:
        """
        @return: the option with the path of a configuration file.
        """
        text = (
            f'[imap]\nlisten = ["tcp:{self.port}:interface=127.0.0.1"{listen}]\n'
            f'realm = "maildir:{self.path("mail")}"\n{imap}\n'
            f'[jmap]\nsession_url = "{URL}"\nsame_identifiers = true\n{jmap}\n'
        )
        return "--config=" + self.write("imap.toml", text)

    def start(self, *arguments: str) -> Running:
        """
        @return: a running server.
        """
        running = Running(self.directory, ["--pidfile=", "jmapaccess", *arguments], self.port)
        self.addCleanup(running.stop)
        return running

    def verdict(self, user: str = "ada", password: str = "lovelace") -> str:
        """
        Log in.

        @return: C{"usable"}, C{"known"} or C{"unknown"}, as a client sees it.
        """
        with imaplib.IMAP4("127.0.0.1", self.port, 20) as client:
            client.login(user, password)
            advertised = b"JMAPACCESS" in client.capability()[1][0].split()
            url = self.sessionURL(client)
        if url is None:
            self.assertFalse(advertised)
            return "unknown"
        self.assertEqual(url, f'"{URL}"'.encode())
        return "usable" if advertised else "known"

    def sessionURL(self, client: imaplib.IMAP4) -> bytes | None:
        """
        @return: what GETJMAPACCESS gives, or L{None} when it is BAD (RFC 9698, section 4).
        """
        try:
            client._simple_command("GETJMAPACCESS")  # type: ignore[attr-defined]
        except imaplib.IMAP4.error as e:
            self.assertIn("BAD", str(e))
            return None
        [url] = client.response("JMAPACCESS")[1]
        return url


class LoginTests(TwistdTestCase):
    """
    Checkers that others wrote.
    """

    def test_file(self) -> None:
        """
        C{--auth file:} works, and is judged by [jmap] passwords.
        """
        running = self.start(self.configure(), self.auth)
        self.assertEqual(self.verdict(), "usable")
        self.configure(jmap="passwords = false")
        running.hangUp(TAKEN_OVER)
        self.assertEqual(self.verdict(), "known")

    def test_memory(self) -> None:
        """
        So does C{--auth memory:}; several are asked in order.
        """
        self.start(self.configure(), self.auth, "--auth=memory:bob:builder")
        self.assertEqual(self.verdict("bob", "builder"), "usable")
        self.assertEqual(self.verdict("ada", "lovelace"), "usable")

    def test_onlyOptions(self) -> None:
        """
        No file is needed. Nobody vouches for the identifiers here, so that the URL is known only.
        """
        self.start(
            f"--listen=tcp:{self.port}:interface=127.0.0.1",
            f"--realm=maildir:{self.path('mail')}",
            self.auth,
            f"--session-url={URL}",
        )
        self.assertEqual(self.verdict(), "known")

    def test_sameIdentifiers(self) -> None:
        """
        C{--same-identifiers} vouches.
        """
        self.start(
            f"--listen=tcp:{self.port}:interface=127.0.0.1",
            f"--realm=maildir:{self.path('mail')}",
            self.auth,
            f"--session-url={URL}",
            "--same-identifiers",
        )
        self.assertEqual(self.verdict(), "usable")

    def test_noURL(self) -> None:
        """
        Without a URL nothing is known.
        """
        self.start(
            f"--listen=tcp:{self.port}:interface=127.0.0.1",
            f"--realm=maildir:{self.path('mail')}",
            self.auth,
        )
        self.assertEqual(self.verdict(), "unknown")

    def test_refused(self) -> None:
        """
        A wrong password is AUTHENTICATIONFAILED (RFC 5530), and no password is in the log.
        """
        running = self.start(self.configure(imap="[imap.limits]\nrefusal_seconds = 0"), self.auth)
        with imaplib.IMAP4("127.0.0.1", self.port, 20) as client:
            error = self.assertRaises(imaplib.IMAP4.error, client.login, "ada", "wrong-secret")
        self.assertIn("[AUTHENTICATIONFAILED]", str(error))
        self.verdict()
        running.stop()
        for secret in ("wrong-secret", "lovelace"):
            self.assertNotIn(secret, running.log())


class TLSTests(TwistdTestCase):
    """
    STARTTLS and implicit TLS.
    """

    def setUp(self) -> None:
        super().setUp()
        self.tlsPort = freePort()
        writeCertificate(self.path("server.pem"), "first.example")
        self.config = self.configure(
            imap=f'certificate = "{self.path("server.pem")}"',
            listen=f', "ssl:{self.tlsPort}:interface=127.0.0.1"',
        )

    def context(self) -> ssl.SSLContext:
        """
        @return: a client's context that trusts the certificate that is in the file now.
        """
        return ssl.create_default_context(cafile=self.path("server.pem"))

    def connect(self, name: str) -> tuple[imaplib.IMAP4, imaplib.IMAP4]:
        """
        Connect with implicit TLS and with STARTTLS.

        @param name: what must be in the server's certificate.
        """
        context = self.context()
        context.check_hostname = False  # The name is compared below.
        implicit = imaplib.IMAP4_SSL("127.0.0.1", self.tlsPort, ssl_context=context, timeout=60)
        explicit = imaplib.IMAP4("127.0.0.1", self.port, 20)
        explicit.starttls(context)
        for client in (implicit, explicit):
            subject = client.sock.getpeercert()["subject"]  # type: ignore[attr-defined]
            self.assertEqual(subject, ((("commonName", name),),))
        return implicit, explicit

    def test_renewedCertificate(self) -> None:
        """
        Both have the certificate of the file, log in, and have the renewed one after SIGHUP;
        connections that were open go on.
        """
        running = self.start(self.config, self.auth)
        before = self.connect("first.example")
        writeCertificate(self.path("server.pem"), "second.example")
        running.hangUp(TAKEN_OVER)
        after = self.connect("second.example")
        for client in (*before, *after):
            client.login("ada", "lovelace")
            self.assertIn(b"JMAPACCESS", client.capability()[1][0].split())
            client.logout()

    def test_damagedCertificate(self) -> None:
        """
        A damaged file changes nothing, and the log names it.
        """
        running = self.start(self.config, self.auth)
        good = self.context()
        self.write("server.pem", "oops")
        running.hangUp(NOT_TAKEN_OVER)
        self.assertIn(
            f"{NOT_TAKEN_OVER}: [imap] certificate {self.path('server.pem')}", running.log()
        )
        self.patch(self, "context", lambda: good)
        for client in self.connect("first.example"):
            client.logout()

    def test_capabilities(self) -> None:
        """
        STARTTLS is offered where it is possible only.
        """
        self.start(self.config, self.auth)
        with imaplib.IMAP4("127.0.0.1", self.port, 20) as plain:
            self.assertIn("STARTTLS", plain.capabilities)
        for client in self.connect("first.example"):
            client.capability()
            self.assertNotIn("STARTTLS", client.capability()[1][0].decode().split())
            client.logout()


class ProcessTests(TwistdTestCase):
    """
    The process.
    """

    def test_badReload(self) -> None:
        """
        Settings with a mistake are not taken over, and the log has the sentence.
        """
        running = self.start(self.configure(), self.auth)
        self.configure(jmap="paswords = false")
        running.hangUp(NOT_TAKEN_OVER)
        self.assertIn("[jmap] paswords: unknown key", running.log())
        self.assertEqual(self.verdict(), "usable")

    def test_stops(self) -> None:
        """
        It comes to an orderly end on SIGTERM, with clients connected.
        """
        running = self.start(self.configure(), self.auth)
        client = imaplib.IMAP4("127.0.0.1", self.port, 20)
        self.addCleanup(client.shutdown)
        client.login("ada", "lovelace")
        # Twisted ends a process by the signal that it got.
        self.assertEqual(running.stop(), -signal.SIGTERM)
        self.assertIn("Server Shut Down.", running.log())
        self.assertNotIn("Traceback", running.log())
        self.assertFalse(listens(self.port))

    def test_background(self) -> None:
        """
        In the background it serves the port that was bound before it went there.
        """
        arguments = ["--pidfile=imap.pid", "--logfile=imap.log", "jmapaccess"]
        outcome = twistd(self.directory, [*arguments, self.configure(), self.auth])
        self.assertEqual((outcome.status, outcome.stdout, outcome.stderr), (0, "", ""))
        with open(self.path("imap.pid")) as file:
            pid = int(file.read())
        try:
            self.assertEqual(self.verdict(), "usable")
        finally:
            os.kill(pid, signal.SIGTERM)
        waitUntil(lambda: not os.path.exists(self.path("imap.pid")))
        with open(self.path("imap.log")) as file:
            self.assertNotIn("Traceback", file.read())
