# -*- test-case-name: tests.jmap.test_authorization -*-
"""
Tests for L{txjmapaccess.jmap.authorization}.
"""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st
from twisted.cred.credentials import IUsernamePassword
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.credentials import BearerToken, UsernamePassword
from txjmapaccess.interfaces import IBearerToken
from txjmapaccess.jmap.authorization import challenges, credentialsFrom


def _basic(userPass: bytes) -> bytes:
    return b"Basic " + base64.b64encode(userPass)


class CredentialsTests(SynchronousTestCase):
    """
    From an Authorization field to credentials.
    """

    def assertPassword(self, header: bytes, username: bytes, password: bytes) -> None:
        credentials = credentialsFrom(header)
        assert isinstance(credentials, UsernamePassword)
        self.assertEqual(
            (credentials.username, credentials.password, credentials.mechanism),
            (username, password, "BASIC"),
        )

    def test_basic(self) -> None:
        """
        Basic carries a user name and a password (RFC 7617, section 2).
        """
        self.assertPassword(_basic(b"arnt:trondheim"), b"arnt", b"trondheim")

    def test_passwordWithColons(self) -> None:
        """
        The first colon is the one that counts (RFC 7617, section 2).
        """
        self.assertPassword(_basic(b"arnt:a:b:"), b"arnt", b"a:b:")

    def test_schemeInAnyCase(self) -> None:
        """
        The name of the scheme is case-insensitive (RFC 9110, section 11.1).
        """
        self.assertPassword(b"bAsIc  " + base64.b64encode(b"a:b"), b"a", b"b")

    def test_bearer(self) -> None:
        """
        Bearer carries an access token (RFC 6750, section 2.1).
        """
        credentials = credentialsFrom(b"Bearer demo-token-arnt")
        assert isinstance(credentials, BearerToken)
        self.assertEqual(
            (credentials.token, credentials.authorizationIdentity, credentials.mechanism),
            ("demo-token-arnt", None, "BEARER"),
        )

    def test_nothing(self) -> None:
        """
        What cannot be understood is as good as nothing.
        """
        for header in (
            None,
            b"",
            b"Basic",
            b"Basic !!!!",
            b"Basic YXJudA",
            _basic(b"no colon"),
            _basic(b"arnt:tr\0ondheim"),
            b"Bearer",
            b"Bearer two words",
            b"Bearer t\xc3\xb8ken",
            b"Digest username=arnt",
        ):
            self.assertIsNone(credentialsFrom(header), header)

    @given(st.binary())
    def test_anything(self, header: bytes) -> None:
        """
        No input makes it fail.
        """
        for prefix in (b"", b"Basic ", b"Bearer "):
            credentialsFrom(prefix + header)


class ChallengesTests(SynchronousTestCase):
    """
    What a 401 answer asks for.
    """

    def test_offered(self) -> None:
        """
        Only the schemes for which there is a checker are offered.
        """
        self.assertEqual(
            challenges({IUsernamePassword}, "JMAP"), [b'Basic realm="JMAP", charset="UTF-8"']
        )
        self.assertEqual(challenges({IBearerToken}, "JMAP"), [b'Bearer realm="JMAP"'])

    def test_quoting(self) -> None:
        """
        The name of the realm is a quoted string (RFC 9110, section 5.6.4).
        """
        self.assertEqual(challenges({IBearerToken}, 'a"b\\c'), [b'Bearer realm="a\\"b\\\\c"'])

    def test_refusedToken(self) -> None:
        """
        The answer to a refused token says so (RFC 6750, section 3).
        """
        self.assertEqual(
            challenges({IBearerToken}, "JMAP", tokenRefused=True),
            [b'Bearer realm="JMAP", error="invalid_token"'],
        )
