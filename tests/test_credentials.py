# -*- test-case-name: tests.test_credentials -*-
"""
Tests for L{txjmapaccess.credentials}.
"""

from __future__ import annotations

from twisted.cred.credentials import Anonymous, CramMD5Credentials
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.credentials import (
    Authentication,
    BearerToken,
    Evidence,
    Secret,
    UsernamePassword,
    authenticationOf,
    leaveEvidence,
)


class AuthenticationOfTests(SynchronousTestCase):
    """
    From accepted credentials to what a policy sees: L{authenticationOf}.
    """

    def test_evidenceNamesTheUser(self) -> None:
        """
        The user is who the evidence says, whatever was typed.
        """
        credentials = UsernamePassword(b"ARNT@example.com", b"trondheim")
        evidence = Evidence("arnt", "ldap")
        leaveEvidence(credentials, evidence)
        self.assertEqual(
            authenticationOf(credentials),
            Authentication("arnt", "LOGIN", Secret.PASSWORD, evidence),
        )

    def test_typedName(self) -> None:
        """
        Without evidence, the user is who the client typed.
        """
        self.assertEqual(
            authenticationOf(UsernamePassword("jürgen".encode(), b"x", "PLAIN")),
            Authentication("jürgen", "PLAIN", Secret.PASSWORD, None),
        )

    def test_nameThatIsNotUTF8(self) -> None:
        """
        A name in some other charset neither fails nor loses an octet.
        """
        username = authenticationOf(UsernamePassword(b"j\xfcrgen", b"x")).username
        assert username is not None
        self.assertEqual(username.encode("utf-8", "surrogateescape"), b"j\xfcrgen")

    def test_token(self) -> None:
        """
        A bearer token is a token, and names nobody by itself: the authorization identity is
        only what the client asks for (RFC 7628, section 3.1).
        """
        self.assertEqual(
            authenticationOf(BearerToken("opaque", "arnt", "XOAUTH2")),
            Authentication(None, "XOAUTH2", Secret.TOKEN, None),
        )

    def test_tokenAsPassword(self) -> None:
        """
        What was typed as a password and accepted as a token is neither of both.
        """
        credentials = UsernamePassword(b"arnt", b"opaque")
        leaveEvidence(credentials, Evidence("arnt", "introspection", tokenAsPassword=True))
        self.assertIs(authenticationOf(credentials).secret, Secret.TOKEN_AS_PASSWORD)

    def test_anonymous(self) -> None:
        """
        An anonymous login has shown nothing.
        """
        self.assertEqual(
            authenticationOf(Anonymous(), "ANONYMOUS"),
            Authentication(None, "ANONYMOUS", Secret.NOTHING, None),
        )

    def test_foreignMechanism(self) -> None:
        """
        The credentials of Twisted's CRAM-MD5 count as a password, under the name typed.
        """
        credentials = CramMD5Credentials()
        credentials.setResponse(b"arnt 0123456789abcdef0123456789abcdef")
        self.assertEqual(
            authenticationOf(credentials, "CRAM-MD5"),
            Authentication("arnt", "CRAM-MD5", Secret.PASSWORD, None),
        )


class SecrecyTests(SynchronousTestCase):
    """
    Credentials can be shown in a log.
    """

    def test_repr(self) -> None:
        """
        No repr holds the password or the token.
        """
        shown = repr([UsernamePassword(b"arnt", b"trondheim"), BearerToken("trondheim")])
        self.assertNotIn("trondheim", shown)


class LeaveEvidenceTests(SynchronousTestCase):
    """
    L{leaveEvidence}.
    """

    def test_credentialsOfOthers(self) -> None:
        """
        Credentials that cannot hold evidence are left alone.
        """
        credentials = CramMD5Credentials()
        leaveEvidence(credentials, Evidence("arnt", "ldap"))
        self.assertNotIn("evidence", vars(credentials))
