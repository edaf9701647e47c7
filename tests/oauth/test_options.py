# -*- test-case-name: tests.oauth.test_options -*-
"""
Options and sections that must go together where passwords may be tokens.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.introspection import secretFile
from tests.twistd.test_options import MEMORY, parsed
from txjmapaccess.errors import ConfigurationError

SENTENCE = "[jmap] passwords_may_be_tokens requires [introspection] as_password = true"


class PasswordsMayBeTokensTests(SynchronousTestCase):
    """
    C{[jmap] passwords_may_be_tokens} is about logins that C{as_password} makes possible.
    """

    def options(self, section: str, *auth: str) -> list[str]:
        """
        @return: the options of a service with this C{[introspection]} and these C{--auth}.
        """
        self.path = self.mktemp()
        with open(self.path, "w") as file:
            file.write("[jmap]\npasswords_may_be_tokens = true\n" + section)
        options = ["--listen=tcp:143", "--realm=maildir:/x", f"--config={self.path}"]
        return options + [f"--auth={description}" for description in auth]

    def section(self, *lines: str) -> str:
        """
        @return: a section with what is required, and C{lines}.
        """
        required = (
            'endpoint = "https://idp.example/x"',
            'client_id = "x"',
            f'client_secret_file = "{secretFile(self)}"',
        )
        return "\n".join(["[introspection]", *required, *lines])

    def auth(self, arguments: str = "") -> str:
        """
        @return: the same as an argument of C{--auth}.
        """
        secret = secretFile(self)
        url = r"https\://idp.example/x"
        return f"introspection:endpoint={url}:client_id=x:client_secret_file={secret}{arguments}"

    def assertAccepted(self, *options: str) -> None:
        self.assertTrue(parsed(*options).settings().jmap.passwords_may_be_tokens)

    def assertContradiction(self, *options: str) -> None:
        error = self.assertRaises(ConfigurationError, parsed(*options).settings)
        self.assertTrue(str(error).endswith(f"{self.path}: {SENTENCE}"), str(error))

    def test_file(self) -> None:
        """
        In the file: it contradicts a section without C{as_password}, and that there is none.
        """
        ldap = '[ldap]\nuris = ["ldap://127.0.0.1"]\nbind_dn_template = "uid={user}"\n'
        self.assertAccepted(*self.options(self.section("as_password = true")))
        self.assertContradiction(*self.options(self.section()))
        self.assertContradiction(*self.options(ldap))

    def test_auth(self) -> None:
        """
        With C{--auth}, which replaces the section: it contradicts checkers none of which takes
        tokens as passwords.
        """
        ldap = r"ldap:uris=ldap\://127.0.0.1:bind_dn_template=uid={user}"
        self.assertAccepted(*self.options("", ldap, self.auth(":as_password=true")))
        self.assertContradiction(*self.options(self.section("as_password = true"), ldap))
        self.assertContradiction(*self.options("", self.auth()))

    def test_foreign(self) -> None:
        """
        What a checker of somebody else does with passwords is not known.
        """
        self.assertAccepted(*self.options("", MEMORY))
