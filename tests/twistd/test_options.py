# -*- test-case-name: tests.twistd.test_options -*-
"""
The command line.
"""

from __future__ import annotations

import io
import os

from twisted.cred.credentials import IUsernamePassword
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.credentials import Evidence, UsernamePassword
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.twistd.options import Options

MEMORY = "memory:ada:lovelace"


def parsed(*arguments: str) -> Options:
    """
    @return: the options that these arguments make.
    """
    options = Options()
    options.parseOptions(list(arguments))
    return options


class OptionsTests(SynchronousTestCase):
    """
    L{Options}: what is accepted.
    """

    def write(self, text: str) -> str:
        """
        @return: the path of a configuration file.
        """
        path = os.path.abspath(self.mktemp())
        with open(path, "w") as file:
            file.write(text)
        return path

    def test_withoutFile(self) -> None:
        """
        Options are enough for a whole service.
        """
        options = parsed(
            "--listen=tcp:143",
            "--listen=ssl:993",
            "--realm=maildir:/var/mail",
            f"--auth={MEMORY}",
            "--session-url=https://mail.example.com/",
            "--same-identifiers",
        )
        settings = options.settings()
        self.assertEqual(settings.imap.listen, ("tcp:143", "ssl:993"))
        self.assertEqual(settings.imap.realm, "maildir:/var/mail")
        self.assertEqual(settings.jmap.session_url, "https://mail.example.com/")
        self.assertIs(settings.jmap.same_identifiers, True)

    def test_optionWins(self) -> None:
        """
        An option wins over the file; what no option says stays as in the file.
        """
        path = self.write(
            """
            [imap]
            listen = ["tcp:143"]
            realm = "maildir:/file"
            [jmap]
            session_url = "https://file.example/"
            tokens = false
            """
        )
        arguments = [f"--config={path}", f"--auth={MEMORY}", "--listen=tcp:1143"]
        settings = parsed(*arguments).settings()
        self.assertEqual(settings.imap.listen, ("tcp:1143",))
        self.assertEqual(settings.imap.realm, "maildir:/file")
        self.assertEqual(settings.jmap.session_url, "https://file.example/")
        self.assertIs(settings.jmap.same_identifiers, False)
        settings = parsed(
            *arguments, "--realm=maildir:/option", "--session-url=https://option.example/"
        ).settings()
        self.assertEqual(settings.imap.realm, "maildir:/option")
        self.assertEqual(settings.jmap.session_url, "https://option.example/")
        self.assertIs(settings.jmap.tokens, False)

    def test_authReplacesSections(self) -> None:
        """
        Any --auth replaces [ldap] and [introspection].
        """
        path = self.write(
            """
            [imap]
            listen = ["tcp:143"]
            realm = "maildir:/file"
            [ldap]
            uris = ["ldap://127.0.0.1"]
            bind_dn_template = "uid={user},dc=example"
            """
        )
        self.assertIsNotNone(parsed(f"--config={path}").settings().ldap)
        self.assertIsNone(parsed(f"--config={path}", f"--auth={MEMORY}").settings().ldap)

    def test_authInOrder(self) -> None:
        """
        --auth may be given again and again: checkers are in the order of the options.
        """
        options = parsed(f"--auth={MEMORY}", "--auth=memory:bob:builder")
        accepted = []
        for checker in options["credCheckers"]:
            credentials = UsernamePassword(b"bob", b"builder")
            checker.requestAvatarId(credentials).addCallbacks(accepted.append, lambda _: None)
        self.assertEqual(len(options["credCheckers"]), 2)
        self.assertEqual(accepted, [b"bob"])
        self.assertEqual(credentials.evidence, Evidence("bob", "memory"))

    def test_authOfOurs(self) -> None:
        """
        Our own checkers are there by name, with the keys of the file.
        """
        options = parsed(
            r"--auth=ldap:uris=ldap\://127.0.0.1\:389:bind_dn_template=uid={user},dc=example"
        )
        [checker] = options["credCheckers"]
        self.assertEqual(list(checker.credentialInterfaces), [IUsernamePassword])
        self.assertEqual(type(checker).__name__, "LDAPChecker")

    def test_configIsAbsolute(self) -> None:
        """
        The file is found again after a change of directory.
        """
        self.assertEqual(parsed("--config=a.toml")["config"], os.path.abspath("a.toml"))

    def test_settingsReadAgain(self) -> None:
        """
        Settings are what the file says now, not what it said at the start.
        """
        path = self.write('[imap]\nlisten = ["tcp:143"]\nrealm = "maildir:/file"\n')
        options = parsed(f"--config={path}", f"--auth={MEMORY}")
        self.assertIs(options.settings().jmap.tokens, True)
        with open(path, "a") as file:
            file.write("[jmap]\ntokens = false\n")
        self.assertIs(options.settings().jmap.tokens, False)

    def test_helpAuth(self) -> None:
        """
        --help-auth lists our checkers among the others.
        """
        output = io.StringIO()
        self.patch(Options, "authOutput", output)
        error = self.assertRaises(SystemExit, parsed, "--help-auth")
        self.assertEqual(error.code, 0)
        listed = [line.split()[0] for line in output.getvalue().splitlines() if line.strip()]
        self.assertTrue({"ldap", "introspection", "memory", "file"} <= set(listed), listed)


class BadOptionsTests(SynchronousTestCase):
    """
    L{Options}: what ends the process with a sentence.
    """

    def assertComplaint(self, sentence: str, *arguments: str) -> None:
        """
        Assert that parsing ends with exactly C{sentence}.
        """
        error = self.assertRaises(SystemExit, parsed, *arguments)
        self.assertEqual(error.code, f"twistd jmapaccess: {sentence}")

    def assertUnusable(self, sentence: str, *arguments: str) -> None:
        """
        Assert that the options are understood, but the settings are not.
        """
        error = self.assertRaises(ConfigurationError, parsed(*arguments).settings)
        self.assertEqual(str(error), sentence)

    def test_nothing(self) -> None:
        """
        No options at all is no service.
        """
        self.assertComplaint("either --demo or --config FILE is required, see --help")

    def test_demoAlone(self) -> None:
        """
        The demonstration has settings of its own.
        """
        for option in ("config=x", "listen=tcp:143", f"auth={MEMORY}", "session-url=https://x/"):
            name = option.partition("=")[0]
            self.assertComplaint(f"--demo and --{name} do not go together", "--demo", f"--{option}")
        self.assertComplaint(
            "--demo and --same-identifiers do not go together", "--demo", "--same-identifiers"
        )

    def test_unknownOption(self) -> None:
        """
        An unknown option is named.
        """
        self.assertComplaint("option --lisen not recognized", "--lisen=tcp:143")

    def test_withoutValue(self) -> None:
        """
        So is one whose value is missing, or that has one and should not.
        """
        self.assertComplaint("option --config requires argument", "--config")
        self.assertComplaint("option --demo must not have an argument", "--demo=1")

    def test_argument(self) -> None:
        """
        So is an argument that is no option.
        """
        self.assertComplaint("x.toml: unexpected argument, see --help", "x.toml")

    def test_unknownAuth(self) -> None:
        """
        An unknown way to check passwords is named; what follows it may be secret.
        """
        self.assertComplaint("--auth nosuch: unknown type, see --help-auth", "--auth=nosuch:secret")

    def test_anonymous(self) -> None:
        """
        A checker of neither passwords nor tokens is of no use.
        """
        self.assertComplaint(
            "--auth anonymous checks neither passwords nor tokens", "--auth=anonymous"
        )

    def test_authArguments(self) -> None:
        """
        Arguments that a checker does not like are its own sentence.
        """
        self.assertComplaint(
            "--auth ldap: bind_dn_template is missing: set it or search_base",
            r"--auth=ldap:uris=ldap\://127.0.0.1",
        )
        self.assertComplaint(
            "--auth ldap: urs: unknown key; did you mean uris?", "--auth=ldap:urs=x"
        )
        self.assertComplaint(
            "--auth memory: argstring must be in format U:P:...", "--auth=memory:ada"
        )

    def test_missingAuthFile(self) -> None:
        """
        Twisted only warns about a password file that is not there, and then no login works.
        """
        for path in ("/nosuch", "/"):
            self.assertComplaint(
                f"--auth file: {path} is not a readable file", f"--auth=file:{path}"
            )

    def test_authWithoutUsers(self) -> None:
        """
        Passwords in memory, without any.
        """
        self.assertComplaint("--auth memory: no users: use name:password", "--auth=memory:")

    def test_incomplete(self) -> None:
        """
        What is missing is named with both its places.
        """
        self.assertUnusable("set [imap] realm, or use --realm", "--listen=tcp:143")
        self.assertUnusable("set [imap] listen, or use --listen", "--realm=maildir:/x")
        self.assertUnusable(
            "set [ldap] or [introspection], or use --auth: otherwise nobody can log in",
            "--listen=tcp:143",
            "--realm=maildir:/x",
        )

    def test_incompleteFile(self) -> None:
        """
        With a file, the file is named.
        """
        path = self.mktemp()
        with open(path, "w"):
            pass
        absolute = os.path.abspath(path)
        self.assertUnusable(f"{absolute}: set [imap] listen, or use --listen", f"--config={path}")

    def test_sessionURL(self) -> None:
        """
        A bad URL is named by its option.
        """
        self.assertUnusable(
            "--session-url must be https: http is only for loopback addresses",
            "--session-url=http://mail.example.com/",
        )
