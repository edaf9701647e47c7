# -*- test-case-name: tests.integration.test_check_login -*-
"""
C{txjmapaccess check --user}: verdicts, and whether JMAP agrees. Against the demonstration.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from twisted.internet import reactor

from tests.support.check import directory, write
from tests.support.demo import TOKEN, DemoTestCase
from tests.support.introspection import ACTIVE, FakeProvider, LogCatcher, jsonAnswer, secretFile
from txjmapaccess.check import command
from txjmapaccess.check.command import check, readCredentials
from txjmapaccess.check.options import parse

_IMAP = """
[imap]
listen = ["tcp:1143:interface=127.0.0.1"]
realm = "maildir:{directory}/mail"
"""
_JMAP = """
[jmap]
session_url = "{url}"
same_identifiers = true
"""
_LDAP = """
[ldap]
uris = ["ldap://127.0.0.1:{port}"]
bind_dn_template = "uid={{user}},ou=people,dc=example,dc=com"
"""
_FILTER = 'jmap_filter = "(employeeType=jmap)"\n'


class Outcome(NamedTuple):
    """
    What a check has come to.
    """

    status: int
    lines: list[str]

    @property
    def login(self) -> list[str]:
        """
        The lines about the login.
        """
        return [line for line in self.lines if line.split()[1] == "login"]


class LoginTestCase(DemoTestCase):
    """
    Checks logins.
    """

    def setUp(self) -> None:
        super().setUp()
        self.patch(os, "geteuid", lambda: 1000)
        self.directory = directory(self)
        self.imap = _IMAP.format(directory=self.directory)
        self.jmap = _JMAP.format(url=self.sessionURL)
        self.ldap = _LDAP.format(port=self.ports.ldap)
        self.logged = LogCatcher(self)

    async def check(self, text: str, *arguments: str, secret: str = "") -> Outcome:
        """
        @param text: the configuration.
        @param secret: what is typed.
        """
        path = write(os.path.join(self.directory, "check.toml"), text)
        options = parse(["check", "--config", path, *arguments])
        settings = options.settings()
        self.patch(command, "_secret", lambda prompt: secret.encode())
        lines: list[str] = []
        status = await check(reactor, options, settings, readCredentials(options), lines.append)
        if secret:
            self.assertNotIn(secret, "".join(lines) + self.logged.everything())
        return Outcome(status, lines)


class PasswordTests(LoginTestCase):
    """
    C{--user}.
    """

    async def test_usable(self) -> None:
        """
        Usable, and JMAP accepts the same credentials (RFC 9698, section 3). No problems found.
        """
        text = self.imap + self.jmap + self.ldap + _FILTER
        outcome = await self.check(text, "--user=arnt", secret="trondheim")
        self.assertEqual(outcome.status, 0)
        self.assertEqual(
            outcome.login,
            [
                f"ok       login of arnt: verdict: usable at {self.sessionURL}"
                " (ldap accepts the password of arnt: no objection)",
                f"ok       login of arnt: JMAP at {self.sessionURL}:"
                " it accepts the same credentials and returns a Session object with mail",
            ],
        )
        self.assertEqual(outcome.lines[-1], "No problems found.")

    async def test_known(self) -> None:
        """
        Known, with the reason, and JMAP refuses: all is well.
        """
        text = self.imap + self.jmap + self.ldap + _FILTER
        outcome = await self.check(text, "--user=bron", secret="melbourne")
        self.assertEqual(outcome.status, 0)
        first, second = outcome.login
        self.assertIn("known at ", first)
        self.assertIn("This account is not enabled for the JMAP server", first)
        self.assertIn("it refuses these credentials (401), as the verdict says", second)

    async def test_tooMuch(self) -> None:
        """
        Usable, and JMAP refuses: this is what must never be.
        """
        text = self.imap + self.jmap + self.ldap
        outcome = await self.check(text, "--user=bron", secret="melbourne")
        self.assertEqual(outcome.status, 1)
        first, second = outcome.login
        self.assertIn("usable at ", first)
        self.assertEqual(
            second,
            f"WRONG    login of bron: JMAP at {self.sessionURL}:"
            " the verdict says usable, but it refuses these credentials (401);"
            " make the JMAP server accept them, or set [jmap] passwords = false,"
            " or make jmap_filter more restrictive",
        )

    async def test_tooLittle(self) -> None:
        """
        Known, and JMAP accepts: a warning.
        """
        jmap = self.jmap + "passwords = false\n"
        text = self.imap + jmap + self.ldap + _FILTER
        outcome = await self.check(text, "--user=arnt", secret="trondheim")
        self.assertEqual(outcome.status, 0)
        self.assertTrue(outcome.login[1].startswith("warning "), outcome.login)
        self.assertIn("set [jmap] passwords = true if this is true", outcome.login[1])
        strict = await self.check(text, "--user=arnt", "--strict", secret="trondheim")
        self.assertEqual(strict.status, 1)

    async def test_identifiers(self) -> None:
        """
        Without same_identifiers, that is all that the Maildir store lacks.
        """
        jmap = self.jmap.replace("true", "false")
        text = self.imap + jmap + self.ldap + _FILTER
        outcome = await self.check(text, "--user=arnt", secret="trondheim")
        self.assertEqual(outcome.status, 0)
        self.assertIn("It is not confirmed", outcome.login[0])
        self.assertIn("only same_identifiers is missing", outcome.login[1])

    async def test_refused(self) -> None:
        """
        A wrong password is wrong, and JMAP is not asked.
        """
        text = self.imap + self.jmap + self.ldap + _FILTER
        outcome = await self.check(text, "--user=arnt", secret="mistyped-word")
        self.assertEqual(outcome.status, 1)
        [line] = outcome.login
        self.assertTrue(line.startswith("WRONG    login of arnt: the login is refused"), line)

    async def test_couldNotTell(self) -> None:
        """
        A directory that is not there is no wrong password; and both lines are shown.
        """
        ldap = _LDAP.format(port=1) + _FILTER
        outcome = await self.check(self.imap + self.jmap + ldap, "--user=arnt", secret="trondheim")
        self.assertEqual(outcome.status, 1)
        [line] = outcome.login
        self.assertIn("the login could not be checked", line)
        wrongs = [line for line in outcome.lines if line.startswith("WRONG ")]
        self.assertIn("nothing is listening there", wrongs[0])
        self.assertEqual(len(wrongs), 2)

    async def test_withoutJMAP(self) -> None:
        """
        Without [jmap] the verdict is unknown, and there is nothing to compare.
        """
        outcome = await self.check(self.imap + self.ldap, "--user=arnt", secret="trondheim")
        self.assertEqual(outcome.status, 0)
        [line] = outcome.login
        self.assertIn("verdict: unknown: No JMAP server is known for this account", line)
        [odd] = [line for line in outcome.lines if line.startswith("warning ")]
        self.assertIn("no user learns about JMAP", odd)

    async def test_perUser(self) -> None:
        """
        A URL with a user in it is asked for the user who is named, and for nobody else.
        """
        jmap = _JMAP.format(url=self.sessionURL + "?who={user}")
        text = self.imap + jmap + self.ldap + _FILTER
        outcome = await self.check(text, "--user=arnt", secret="trondheim")
        self.assertEqual(outcome.status, 0)
        self.assertIn(f"JMAP at {self.sessionURL}?who=arnt: it accepts", outcome.login[1])
        outcome = await self.check(text)
        self.assertIn("not checked, because it contains {user}", outcome.lines[-2])

    async def test_passwordFile(self) -> None:
        """
        Any checker will do.
        """
        passwords = write(os.path.join(self.directory, "users"), "arnt:trondheim\n")
        text = self.imap + self.jmap
        outcome = await self.check(
            text, f"--auth=file:{passwords}", "--user=arnt", secret="trondheim"
        )
        self.assertEqual(outcome.status, 0)
        self.assertIn("(file accepts the password of arnt", outcome.login[0])
        self.assertIn("it accepts the same credentials", outcome.login[1])

    async def test_authLDAP(self) -> None:
        """
        What C{--auth ldap:} names is looked at as [ldap] is.
        """
        base = "uid={user},ou=people,dc=example,dc=com"
        auth = f"ldap:uris=ldap\\://127.0.0.1\\:{self.ports.ldap}:bind_dn_template={base}"
        outcome = await self.check(
            self.imap + self.jmap, f"--auth={auth}", "--user=arnt", secret="trondheim"
        )
        self.assertEqual(outcome.status, 0)
        self.assertIn(
            f"ok       [ldap] ldap://127.0.0.1:{self.ports.ldap}: it responds", outcome.lines
        )

    async def test_noRealm(self) -> None:
        """
        Without a realm there is no login.
        """
        imap = self.imap.replace(self.directory, "/nowhere/at/all")
        outcome = await self.check(imap + self.jmap + self.ldap, "--user=arnt", secret="trondheim")
        self.assertEqual(outcome.status, 1)
        self.assertIn("login: not checked, because the realm", outcome.lines[-2])

    async def test_foreignRealm(self) -> None:
        """
        Of a realm that others wrote it is not known whether it has identifiers.
        """
        imap = self.imap.replace(
            f"maildir:{self.directory}/mail", "python:tests.check.test_realmcheck.realm"
        )
        text = imap + self.jmap + self.ldap + _FILTER
        outcome = await self.check(text, "--user=arnt", secret="trondheim")
        self.assertTrue(outcome.login[0].endswith(", if the realm has object identifiers"))

    async def test_noMail(self) -> None:
        """
        No mail directory is made: this process may not be the user of the service.
        """
        text = self.imap + self.jmap + self.ldap
        await self.check(text, "--user=arnt", secret="trondheim")
        self.assertEqual(os.listdir(self.directory), ["check.toml"])


class TokenTests(LoginTestCase):
    """
    C{--token}.
    """

    def introspection(self, **claims: object) -> str:
        """
        @return: the settings of a provider that says this about every token but one that the check
            makes up.
        """

        def behave(connection: object) -> None:
            asked = TOKEN.encode() in provider.requests[-1]
            answer = {**ACTIVE, **claims} if asked else {"active": False}
            connection.send(jsonAnswer(answer))  # type: ignore[attr-defined]

        provider = FakeProvider(behave)
        return (
            f'[introspection]\nendpoint = "{provider.listen(reactor, self)}"\n'
            f'client_id = "imap"\nclient_secret_file = "{os.path.abspath(secretFile(self))}"\n'
        )

    async def test_usable(self) -> None:
        """
        A token goes to JMAP as a bearer token.
        """
        text = self.imap + self.jmap + self.introspection()
        outcome = await self.check(text, "--token", secret=TOKEN)
        self.assertEqual(outcome.status, 0)
        first, second = outcome.login
        self.assertIn("login with the token: verdict: usable", first)
        self.assertIn("(introspection accepts the token of arnt", first)
        self.assertIn("it accepts the same credentials", second)

    async def test_scope(self) -> None:
        """
        One without a scope for JMAP is known. That the JMAP server takes it all the same is a
        warning.
        """
        text = self.imap + self.jmap + self.introspection(scope="imap")
        outcome = await self.check(text, "--token", secret=TOKEN)
        first, second = outcome.login
        self.assertIn("The access token does not cover the JMAP server", first)
        self.assertTrue(second.startswith("warning "), second)
        self.assertIn("jmap_scopes", second)

    async def test_otherUser(self) -> None:
        """
        With C{--user}, the token must be that user's.
        """
        text = self.imap + self.jmap + self.introspection()
        outcome = await self.check(text, "--token", "--user=bron", secret=TOKEN)
        self.assertEqual(outcome.status, 1)
        self.assertIn("the login is refused", outcome.login[0])
        outcome = await self.check(text, "--token", "--user=arnt", secret=TOKEN)
        self.assertEqual(outcome.status, 0)

    async def test_asPassword(self) -> None:
        """
        A token that is given as a password goes to JMAP as a password.
        """
        text = self.imap + self.jmap + self.introspection() + "as_password = true\n"
        outcome = await self.check(text, "--user=arnt", secret=TOKEN)
        first, second = outcome.login
        self.assertIn("accepts the token as password of arnt", first)
        self.assertIn("as the verdict says", second)
        text = text.replace("same_identifiers", "passwords_may_be_tokens = true\nsame_identifiers")
        outcome = await self.check(text, "--user=arnt", secret=TOKEN)
        self.assertEqual(outcome.status, 1)
        self.assertIn(
            "; make the JMAP server accept them, or set [jmap] passwords_may_be", outcome.login[1]
        )

    async def test_nobody(self) -> None:
        """
        Without [introspection] nobody checks tokens.
        """
        outcome = await self.check(self.imap + self.jmap + self.ldap, "--token", secret=TOKEN)
        self.assertEqual(outcome.status, 1)
        self.assertIn("that checks access tokens; add [introspection]", outcome.login[0])
