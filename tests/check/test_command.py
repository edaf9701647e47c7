# -*- test-case-name: tests.check.test_command -*-
"""
The command line of C{txjmapaccess check}.
"""

from __future__ import annotations

import getpass
import io
import os
import sys

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.check import directory, write
from txjmapaccess.check.command import readCredentials
from txjmapaccess.check.options import CheckOptions, parse
from txjmapaccess.check.plan import makeSteps
from txjmapaccess.credentials import BearerToken, UsernamePassword
from txjmapaccess.errors import ConfigurationError

MEMORY = "--auth=memory:ada:lovelace"


class _Terminal(io.TextIOWrapper):
    """
    Standard input.
    """

    def __init__(self, typed: bytes, isTerminal: bool) -> None:
        super().__init__(io.BytesIO(typed), encoding="utf-8")
        self._isTerminal = isTerminal

    def isatty(self) -> bool:
        return self._isTerminal


class OptionsTests(SynchronousTestCase):
    """
    L{parse}.
    """

    def refusal(self, *arguments: str) -> str:
        """
        @return: what is wrong with these.
        """
        return str(self.assertRaises(ConfigurationError, parse, list(arguments)))

    def test_accepted(self) -> None:
        """
        The options of twistd that say what is configured are there, and those of the check.
        """
        options = parse(["check", "--config", "some.toml", "--user=arnt", "--days=3", "--strict"])
        self.assertEqual(options["config"], os.path.abspath("some.toml"))
        self.assertEqual((options["user"], options["days"]), ("arnt", "3"))
        options = parse(["check", "--listen=tcp:143", "--realm=maildir:/var/mail", MEMORY])
        self.assertEqual(options.settings().imap.listen, ("tcp:143",))
        self.assertEqual(len(options["credCheckers"]), 1)

    def test_refused(self) -> None:
        """
        What has no meaning is one sentence.
        """
        for arguments, words in (
            ((), "missing command"),
            (("chekc",), "Unknown command: chekc"),
            (("check",), "--config FILE is required"),
            (("check", "--user=arnt"), "--config FILE is required"),
            (("check", "--config=x", "--user="), "--user needs a name"),
            (("check", "--config=x", "--days=soon"), "--days must be a whole number of days"),
            (("check", "--config=x", "--days=-1"), "--days must be a whole number of days"),
            (("check", "--config=x", "--demo"), "option --demo not recognized"),
            (("check", "--config=x", "--password=secret"), "option --password not recognized"),
            (("check", "--config=x", "arnt"), "unexpected argument"),
            (("check", "--auth=nosuch:"), "unknown type"),
        ):
            self.assertIn(words, self.refusal(*arguments))

    def test_noPasswordArgument(self) -> None:
        """
        There is no option that a password or a token could be given with: every user of the machine
        would see it.
        """
        values = {name for name, *_ in CheckOptions.optParameters}
        self.assertEqual(values, {"user", "days"})
        self.assertIn("token", {name for name, *_ in CheckOptions.optFlags})


class AskTests(SynchronousTestCase):
    """
    L{readCredentials}.
    """

    def ask(self, *arguments: str, typed: bytes = b"", isTerminal: bool = False) -> object:
        """
        @return: the credentials that are typed.
        """
        self.patch(sys, "stdin", _Terminal(typed, isTerminal))
        return readCredentials(parse(["check", "--config=x", *arguments]))

    def test_nothing(self) -> None:
        """
        Nobody is asked without need.
        """
        self.assertIsNone(self.ask(typed=b"secret\n"))

    def test_pipe(self) -> None:
        """
        What is not a terminal is read up to the end of its first line, octet by octet.
        """
        found = self.ask("--user=bj\u00f8rn", typed=b" tr\xffondheim \r\nmore\n")
        assert isinstance(found, UsernamePassword)
        self.assertEqual(found.username, "bj\u00f8rn".encode())
        self.assertEqual(found.password, b" tr\xffondheim ")
        self.assertNotIn("ondheim", repr(found))

    def test_terminal(self) -> None:
        """
        On a terminal the password is not shown.
        """
        prompts: list[str] = []

        def typed(prompt: str) -> str:
            prompts.append(prompt)
            return "trondheim"

        self.patch(getpass, "getpass", typed)
        found = self.ask("--user=arnt", isTerminal=True)
        assert isinstance(found, UsernamePassword)
        self.assertEqual(found.password, b"trondheim")
        self.assertEqual(prompts, ["Password of arnt: "])

    def test_nobodyThere(self) -> None:
        """
        The end of input is no password.
        """

        def gone(prompt: str) -> str:
            raise EOFError

        self.patch(getpass, "getpass", gone)
        error = self.assertRaises(ConfigurationError, self.ask, "--user=arnt", isTerminal=True)
        self.assertEqual(str(error), "no password or token was entered")

    def test_token(self) -> None:
        """
        With C{--token}, a token is asked for, and C{--user} is whose mail is wanted.
        """
        found = self.ask("--token", typed=b"some.token\n")
        assert isinstance(found, BearerToken)
        self.assertEqual((found.token, found.authorizationIdentity), ("some.token", None))
        found = self.ask("--token", "--user=arnt", typed=b"some.token")
        assert isinstance(found, BearerToken)
        self.assertEqual(found.authorizationIdentity, "arnt")

    def test_unusable(self) -> None:
        """
        Nothing is no password; what is not visible ASCII is no token, and is not shown.
        """
        error = self.assertRaises(ConfigurationError, self.ask, "--user=arnt", typed=b"\n")
        self.assertEqual(str(error), "no password or token was entered")
        for typed in (b"two words\n", b"t\xc3\xb8ken\n"):
            error = self.assertRaises(ConfigurationError, self.ask, "--token", typed=typed)
            self.assertEqual(str(error), "the input is not an access token (RFC 6750)")


class PlanTests(SynchronousTestCase):
    """
    L{makeSteps}: everything that is configured is looked at, and nothing else.
    """

    def subjects(self, text: str, *arguments: str) -> list[str]:
        """
        @return: what is looked at.
        """
        path = write(os.path.join(directory(self), "check.toml"), text)
        options = parse(["check", "--config", path, *arguments])
        steps = makeSteps(MemoryReactorClock(), options, options.settings(), None)
        return [step.subject for step in steps]

    def test_all(self) -> None:
        """
        Each directory server, the provider, the session URL.
        """
        secret = write(os.path.join(directory(self), "secret"), "secret\n")
        text = f"""
            [imap]
            listen = ["tcp:143"]
            realm = "maildir:{directory(self)}"
            [jmap]
            session_url = "https://mail.example.com/jmap"
            [ldap]
            uris = ["ldaps://ldap1.example.com", "ldaps://ldap2.example.com"]
            bind_dn_template = "uid={{user}},dc=example"
            [introspection]
            issuer = "https://id.example.com"
            client_id = "imap"
            client_secret_file = "{secret}"
        """
        self.assertEqual(
            self.subjects(text),
            [
                "[imap]",
                "[metrics]",
                "[ldap]",
                "[ldap] ldaps://ldap1.example.com",
                "[ldap] ldaps://ldap2.example.com",
                "[introspection] https://id.example.com",
                "[jmap] session_url https://mail.example.com/jmap",
                "[jmap]",
            ],
        )
        # As for the service, --auth replaces both.
        self.assertEqual(
            self.subjects(text, MEMORY),
            ["[imap]", "[metrics]", "[jmap] session_url https://mail.example.com/jmap", "[jmap]"],
        )

    def test_auth(self) -> None:
        """
        What C{--auth} of our own names is looked at as well.
        """
        secret = write(os.path.join(directory(self), "secret"), "secret\n")
        self.assertEqual(
            self.subjects(
                f'[imap]\nlisten = ["tcp:143"]\nrealm = "maildir:{directory(self)}"',
                "--auth=ldap:uris=ldap\\://127.0.0.1:bind_dn_template={user}@example.com",
                f"--auth=introspection:endpoint=http\\://127.0.0.1/:client_id=imap"
                f":client_secret_file={secret}",
            ),
            [
                "[imap]",
                "[metrics]",
                "[ldap]",
                "[ldap] ldap://127.0.0.1",
                "[introspection] http://127.0.0.1/",
                "[jmap]",
            ],
        )
