# -*- test-case-name: tests.integration.test_verdicts -*-
"""
The table of verdicts, for every mechanism: C{twistd jmapaccess} with a configuration file, a real
slapd and a real authorization server.
"""

from __future__ import annotations

import os
import socket
from base64 import b64encode
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from tests.support.oidc import CLIENT_ID, CLIENT_SECRET, OIDCProvider, whyNoProvider
from tests.support.ports import freePort
from tests.support.slapd import PEOPLE, person, sharedSlapd, skipWithoutSlapd
from tests.support.twistd import Running

URL = "https://mail.example.com/.well-known/jmap"
OWN_URL = "https://jmap1.example.com/session"
JMAP = "urn:ietf:params:jmap:mail"

LDIF = (
    person("ada", "pass of ada", "employeeType: jmap")
    + person("bea", "pass of bea")
    + person("cleo", "pass of cleo", "employeeType: jmap", f"labeledURI: {OWN_URL} mail")
)

CONFIGURATION = """
[imap]
listen = ["tcp:{port}:interface=127.0.0.1"]
realm = "maildir:mail"

[imap.limits]
refusal_seconds = 0
failures_per_connection = 100

[jmap]
{sessionURL}
same_identifiers = true

[ldap]
uris = ["{ldap}"]
bind_dn_template = "uid={{user}},{people}"
jmap_filter = "(employeeType=jmap)"
session_url_attribute = "labeledURI"
username_attribute = "uid"

[introspection]
endpoint = "{introspection}"
client_id = "{clientID}"
client_secret_file = "secret"
imap_scopes = ["imap"]
jmap_scopes = ["{jmap}"]
"""


def base64(text: str) -> bytes:
    """
    @return: base64 on one line.
    """
    return b64encode(text.encode())


def passwordWays(user: str, password: str) -> dict[str, list[bytes]]:
    """
    @return: what a client sends, for each way of giving a password.
    """
    plain = base64(f"\0{user}\0{password}")
    return {
        "LOGIN": [f'LOGIN "{user}" "{password}"'.encode()],
        "PLAIN with initial response": [b"AUTHENTICATE PLAIN " + plain],
        "PLAIN": [b"AUTHENTICATE PLAIN", plain],
        "SASL LOGIN": [b"AUTHENTICATE LOGIN", base64(user), base64(password)],
        "SASL LOGIN with initial response": [
            b"AUTHENTICATE LOGIN " + base64(user),
            base64(password),
        ],
    }


def tokenWays(user: str, token: str) -> dict[str, list[bytes]]:
    """
    @return: what a client sends, for each way of giving a token.
    """
    bearer = base64(f"n,a={user},\x01host=localhost\x01auth=Bearer {token}\x01\x01")
    xoauth2 = base64(f"user={user}\x01auth=Bearer {token}\x01\x01")
    return {
        "OAUTHBEARER with initial response": [b"AUTHENTICATE OAUTHBEARER " + bearer],
        "OAUTHBEARER": [b"AUTHENTICATE OAUTHBEARER", bearer],
        "XOAUTH2 with initial response": [b"AUTHENTICATE XOAUTH2 " + xoauth2],
        "XOAUTH2": [b"AUTHENTICATE XOAUTH2", xoauth2],
    }


class Client:
    """
    A client that says what it is told to.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._file = self._socket.makefile("rb")
        self.greeting = self._file.readline()

    def say(self, *lines: bytes) -> list[bytes]:
        """
        @return: everything up to the tagged response; a challenge is answered by the next line.
        """
        self._socket.sendall(b"a " + lines[0] + b"\r\n")
        more = list(lines[1:])
        answer = []
        while not answer or not answer[-1].startswith(b"a "):
            line = self._file.readline()
            if not line:
                raise AssertionError(f"the connection has ended after {answer}")
            if line.startswith(b"+"):
                self._socket.sendall((more.pop(0) if more else b"AQ==") + b"\r\n")
            else:
                answer.append(line)
        return answer

    def close(self) -> None:
        """
        Hang up.
        """
        self._file.close()
        self._socket.close()


@skipIf(skipWithoutSlapd, skipWithoutSlapd)
@skipIf(whyNoProvider(), whyNoProvider())
class VerdictTests(SynchronousTestCase):
    """
    Usable, known, unknown and refused, for every mechanism.
    """

    def setUp(self) -> None:
        """
        Start an authorization server, and have a directory.
        """
        self.slapd = sharedSlapd(LDIF)
        self.provider = OIDCProvider()
        self.addCleanup(self.provider.stop)

    def serve(self, sessionURL: str = f'session_url = "{URL}"') -> None:
        """
        Start the server.
        """
        directory = os.path.abspath(self.mktemp())
        os.mkdir(directory)
        self.port = freePort()
        with open(os.open(f"{directory}/secret", os.O_CREAT | os.O_WRONLY, 0o600), "w") as secret:
            secret.write(CLIENT_SECRET)
        with open(f"{directory}/jmapaccess.toml", "w") as file:
            file.write(
                CONFIGURATION.format(
                    port=self.port,
                    sessionURL=sessionURL,
                    ldap=self.slapd.uri,
                    people=PEOPLE,
                    introspection=self.provider.endpoint,
                    clientID=CLIENT_ID,
                    jmap=JMAP,
                )
            )
        server = Running(directory, ["jmapaccess", "--config", "jmapaccess.toml"], self.port)
        self.addCleanup(server.stop)

    def assertVerdict(self, ways: dict[str, list[bytes]], verdict: str, url: str = URL) -> None:
        """
        Every way leads to this verdict, in every capability list and in GETJMAPACCESS.
        """
        for name, lines in ways.items():
            client = Client(self.port)
            self.addCleanup(client.close)
            self.assertNotIn(b"JMAPACCESS", client.greeting)
            self.assertIn(b"BAD", client.say(b"GETJMAPACCESS")[-1])
            answer = client.say(*lines)[-1]
            if verdict == "refused":
                self.assertIn(b"a NO [AUTHENTICATIONFAILED]", answer, name)
                continue
            self.assertTrue(answer.startswith(b"a OK [CAPABILITY "), (name, answer))
            lists = [answer, client.say(b"CAPABILITY")[0]]
            said = [b" JMAPACCESS" in capabilities for capabilities in lists]
            self.assertEqual(said, [verdict == "usable"] * 2, name)
            access = client.say(b"GETJMAPACCESS")
            if verdict == "unknown":
                self.assertIn(b"a BAD ", access[0], name)
            else:
                self.assertEqual(access[0].decode(), f'* JMAPACCESS "{url}"\r\n', name)

    def test_passwords(self) -> None:
        """
        The directory entry decides: RFC 9698, section 3, and its example 3.
        """
        self.serve()
        self.assertVerdict(passwordWays("ada", "pass of ada"), "usable")
        self.assertVerdict(passwordWays("ADA", "pass of ada"), "usable")
        self.assertVerdict(passwordWays("bea", "pass of bea"), "known")
        self.assertVerdict(passwordWays("cleo", "pass of cleo"), "usable", OWN_URL)
        self.assertVerdict(passwordWays("ada", "another"), "refused")
        self.assertVerdict(passwordWays("nobody", "another"), "refused")

    def test_tokens(self) -> None:
        """
        The token decides: RFC 9698, example 1.
        """
        self.serve()
        mint = self.provider.mint
        self.assertVerdict(tokenWays("ada", mint("ada", f"imap {JMAP}")), "usable")
        self.assertVerdict(tokenWays("ada", mint("ada", "imap")), "known")
        self.assertVerdict(tokenWays("ada", mint("ada", JMAP)), "refused")
        self.assertVerdict(tokenWays("ada", mint("ada", f"imap {JMAP}", dpop=True)), "refused")
        self.assertVerdict(tokenWays("ada", "no-token-of-ours"), "refused")

    def test_unknown(self) -> None:
        """
        Section 4: without a session URL only those have one whose entry brings it.
        """
        self.serve(sessionURL="")
        self.assertVerdict(passwordWays("ada", "pass of ada"), "unknown")
        self.assertVerdict(passwordWays("cleo", "pass of cleo"), "usable", OWN_URL)
        token = self.provider.mint("ada", f"imap {JMAP}")
        self.assertVerdict(tokenWays("ada", token), "unknown")
