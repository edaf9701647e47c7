# -*- test-case-name: tests.integration.test_badinput -*-
"""
Bad input to C{twistd jmapaccess}: one sentence on stderr that names it, nothing on stdout, exit
status 1, whichever Twisted runs it.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress as suppressed

from twisted.trial.unittest import TestCase

from tests.support.certificate import writeCertificate
from tests.support.ports import demoPorts
from tests.support.twistd import twistd

LISTEN = "--listen=tcp:0:interface=127.0.0.1"
AUTH = "--auth=memory:ada:lovelace"


class BadInputTests(TestCase):
    """
    Each test is one mistake.
    """

    def setUp(self) -> None:
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)
        self.realm = f"--realm=maildir:{self.directory}/mail"

    def write(self, text: str | bytes) -> str:
        """
        @return: the option with the path of a configuration file.
        """
        path = os.path.join(self.directory, "imap.toml")
        with open(path, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        return f"--config={path}"

    def assertComplaint(self, sentence: str, *arguments: str) -> None:
        """
        Assert that a C{twistd} in the foreground and one in the background both end with
        C{sentence}, and leave nothing behind.
        """
        before = sorted(os.listdir(self.directory))
        for flags in (["-n"], []):
            outcome = twistd(self.directory, [*flags, "jmapaccess", *arguments])
            self.assertEqual(outcome.stderr, f"twistd jmapaccess: {sentence}\n")
            self.assertEqual(outcome.stdout, "")
            self.assertEqual(outcome.status, 1)
        self.assertEqual(sorted(os.listdir(self.directory)), before)

    def test_noOptions(self) -> None:
        """
        No options at all.
        """
        self.assertComplaint("either --demo or --config FILE is required, see --help")

    def test_unknownOption(self) -> None:
        """
        An option that does not exist.
        """
        self.assertComplaint("option --lisen not recognized", "--lisen=tcp:143")

    def test_demoWithConfig(self) -> None:
        """
        Options that do not go together.
        """
        self.assertComplaint("--demo and --config do not go together", "--demo", "--config=x")

    def test_missingFile(self) -> None:
        """
        A configuration file that does not exist.
        """
        self.assertComplaint(
            "/nosuch/imap.toml cannot be read: No such file or directory",
            "--config=/nosuch/imap.toml",
        )

    def test_unreadableFile(self) -> None:
        """
        A configuration file that cannot be read. (A directory: the superuser may read all files.)
        """
        self.assertComplaint(
            f"{self.directory} cannot be read: Is a directory", f"--config={self.directory}"
        )

    def test_notTOML(self) -> None:
        """
        A configuration file that is not TOML.
        """
        config = self.write("[imap\n")
        path = config.partition("=")[2]
        self.assertComplaint(
            f"{path}: invalid TOML: "
            "Expected ']' at the end of a table declaration (at line 1, column 6)",
            config,
        )

    def test_unknownKey(self) -> None:
        """
        A key that does not exist.
        """
        config = self.write("[imap]\nlisen = []\n")
        path = config.partition("=")[2]
        self.assertComplaint(f"{path}: [imap] lisen: unknown key; did you mean listen?", config)

    def test_wrongType(self) -> None:
        """
        A value of the wrong type.
        """
        config = self.write("[ldap]\nuris = 1\n")
        path = config.partition("=")[2]
        self.assertComplaint(f"{path}: [ldap] uris must be a list of strings", config)

    def test_secretFile(self) -> None:
        """
        A file that the configuration names and that does not exist.
        """
        config = self.write(
            '[introspection]\nclient_id = "x"\nendpoint = "https://provider.example/"\n'
            'client_secret_file = "/nosuch"\n'
        )
        path = config.partition("=")[2]
        self.assertComplaint(
            f"{path}: [introspection] client_secret_file /nosuch cannot be read:"
            " No such file or directory",
            config,
        )

    def test_sessionURL(self) -> None:
        """
        A session URL that must not be shown to clients.
        """
        self.assertComplaint(
            "--session-url must be https: http is only for loopback addresses",
            LISTEN,
            AUTH,
            self.realm,
            "--session-url=http://mail.example.com/",
        )

    def test_unknownAuth(self) -> None:
        """
        A way to check passwords that does not exist.
        """
        self.assertComplaint("--auth nosuch: unknown type, see --help-auth", "--auth=nosuch:x")

    def test_authArguments(self) -> None:
        """
        One that does not like its arguments.
        """
        self.assertComplaint(
            "--auth ldap: urs: unknown key; did you mean uris?",
            r"--auth=ldap:urs=ldap\://127.0.0.1",
        )
        self.assertComplaint(
            "--auth introspection: client_id is missing",
            r"--auth=introspection:issuer=https\://provider.example",
        )

    def test_notAnEndpoint(self) -> None:
        """
        An endpoint string that Twisted does not understand.
        """
        self.assertComplaint(
            'listen: "tcp:imap" is not a Twisted endpoint string, such as tcp:143 or ssl:993',
            "--listen=tcp:imap",
            AUTH,
            self.realm,
        )

    def test_noCertificate(self) -> None:
        """
        Implicit TLS without a certificate.
        """
        self.assertComplaint(
            "listen: ssl:0 requires [imap] certificate, or its own certKey",
            "--listen=ssl:0",
            AUTH,
            self.realm,
        )

    def test_wrongKey(self) -> None:
        """
        A private key that does not belong to the certificate.
        """
        paths = [os.path.join(self.directory, name) for name in ("a.pem", "b.pem")]
        for path in paths:
            writeCertificate(path)
        config = self.write(
            f'[imap]\nlisten = ["tcp:0"]\nrealm = "maildir:{self.directory}/mail"\n'
            f'certificate = "{paths[0]}"\nprivate_key = "{paths[1]}"\n'
        )
        self.assertComplaint(
            f"[imap] private_key {paths[1]} does not match the certificate in {paths[0]}",
            config,
            AUTH,
        )

    def test_unknownRealm(self) -> None:
        """
        A realm that does not exist.
        """
        self.assertComplaint(
            "realm nosuch:x: unknown realm 'nosuch', only maildir, python",
            LISTEN,
            AUTH,
            "--realm=nosuch:x",
        )

    def test_realmWithoutParent(self) -> None:
        """
        A Maildir in a directory that does not exist.
        """
        outcome = twistd(
            self.directory,
            ["-n", "jmapaccess", LISTEN, AUTH, "--realm=maildir:/nosuch/mail"],
        )
        self.assertEqual((outcome.status, outcome.stdout), (1, ""))
        self.assertRegex(
            outcome.stderr, r"\Atwistd jmapaccess: realm maildir:/nosuch/mail: .*/nosuch.*\n\Z"
        )

    def test_portInUse(self) -> None:
        """
        A port on which somebody else listens; also when C{twistd} goes to the background, where
        its own way would be a traceback in a log.
        """
        os.mkdir(os.path.join(self.directory, "mail"))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            listen = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
            self.assertComplaint(
                f"listen: cannot listen on {listen}: Address already in use",
                f"--listen={listen}",
                AUTH,
                self.realm,
            )

    def test_demoPortInUse(self) -> None:
        """
        A port of the demonstration on which somebody else listens.
        """
        with demoPorts(), socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppressed(OSError):  # Then somebody listens there already.
                taken.bind(("127.0.0.1", 1389))
                taken.listen()
            self.assertComplaint(
                "--demo cannot listen on port 1389 on 127.0.0.1: Address already in use",
                "--demo",
            )

    def test_demoWithoutExtra(self) -> None:
        """
        The demonstration without the directory server that it needs.
        """
        broken = os.path.join(self.directory, "ldaptor")
        os.mkdir(broken)
        with open(os.path.join(broken, "__init__.py"), "w") as file:
            file.write("raise ImportError('not installed')")
        outcome = twistd(self.directory, ["-n", "jmapaccess", "--demo"], path=self.directory)
        self.assertEqual((outcome.status, outcome.stdout), (1, ""))
        self.assertRegex(outcome.stderr, r"\Atwistd jmapaccess: .*txjmapaccess\[demo\].*\n\Z")


class HelpTests(TestCase):
    """
    What is no mistake: asking for help.
    """

    def help(self, *arguments: str) -> str:
        """
        @return: what C{twistd} prints.
        """
        outcome = twistd(".", arguments)
        self.assertEqual((outcome.status, outcome.stderr), (0, ""))
        return outcome.stdout

    def test_listed(self) -> None:
        """
        C{twistd --help} lists jmapaccess, and Twisted's own plugins.
        """
        commands = [line.split()[0] for line in self.help("--help").splitlines() if line.strip()]
        self.assertTrue({"jmapaccess", "web", "dns", "mail"} <= set(commands), commands)

    def test_help(self) -> None:
        """
        C{twistd jmapaccess --help} lists every option.
        """
        text = self.help("jmapaccess", "--help")
        for option in ("demo", "config", "listen", "auth", "realm", "session-url"):
            self.assertIn(f"--{option}", text)
        self.assertIn("--same-identifiers", text)

    def test_helpAuth(self) -> None:
        """
        C{--help-auth} lists the checkers, and C{--help-auth-type} describes one.
        """
        listed = [
            line.split()[0]
            for line in self.help("jmapaccess", "--help-auth").splitlines()
            if line.strip()
        ]
        self.assertTrue({"ldap", "introspection", "memory", "file"} <= set(listed), listed)
        self.assertIn("uris", self.help("jmapaccess", "--help-auth-type", "ldap"))
        self.assertIn("client_id", self.help("jmapaccess", "--help-auth-type", "introspection"))
