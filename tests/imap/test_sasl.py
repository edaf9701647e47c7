# -*- test-case-name: tests.imap.test_sasl -*-
"""
Tests for L{txjmapaccess.imap.sasl}.
"""

from __future__ import annotations

import json

from twisted.cred.credentials import CramMD5Credentials
from twisted.mail.imap4 import CramMD5ClientAuthenticator
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.errors import ForeignAuthorizationIdentity, Refused, TokenRefused
from txjmapaccess.imap import sasl


def converse(exchange, *responses):
    """
    @return: the challenges of an exchange, and the credentials that it ends with.
    """
    challenges = [next(exchange)]
    for response in responses:
        try:
            challenges.append(exchange.send(response))
        except StopIteration as e:
            return challenges, e.value
    raise AssertionError("the exchange has not ended")


class Base64Tests(SynchronousTestCase):
    """
    base64 to the letter (RFC 3501, section 9).
    """

    def test_legal(self):
        """
        What is base64 is decoded.
        """
        for text, data in (
            (b"", b""),
            (b"AA==", b"\0"),
            (b"AAA=", b"\0\0"),
            (b"+/+/", b"\xfb\xff\xbf"),
        ):
            self.assertEqual(sasl.decodeBase64(text), data)
            self.assertEqual(sasl.encodeBase64(data), text)

    def test_illegal(self):
        """
        Junk, white space, missing or superfluous padding are refused.
        """
        for text in (
            b"AA",
            b"A===",
            b"A",
            b"AA==AA==",
            b"AA =",
            b"A-A_",
            b"=",
            b"AAAA\n",
            b"\xff\xff\xff\xff",
        ):
            self.assertRaises(sasl.Malformed, sasl.decodeBase64, text)

    def test_longChallenge(self):
        """
        A challenge stays on one line, whatever its length.
        """
        self.assertNotIn(b"\n", sasl.encodeBase64(b"x" * 1000))

    def test_initialResponse(self):
        """
        RFC 4959, section 3: C{=} is an empty initial response.
        """
        self.assertEqual(sasl.decodeInitialResponse(b"="), b"")
        self.assertEqual(sasl.decodeInitialResponse(b"AA=="), b"\0")


class PasswordMechanismTests(SynchronousTestCase):
    """
    PLAIN and LOGIN.
    """

    def test_plain(self):
        """
        RFC 4616: without an authorization identity, or with one equal to the user, as mutt and
        mbsync send it.
        """
        for message in (b"\0arnt\0trondheim", b"arnt\0arnt\0trondheim"):
            challenges, credentials = converse(sasl.plain(), message)
            self.assertEqual(challenges, [b""])
            self.assertEqual(
                (credentials.username, credentials.password, credentials.mechanism),
                (b"arnt", b"trondheim", "PLAIN"),
            )

    def test_plainForeignIdentity(self):
        """
        RFC 4616, section 2: another user's authorization identity is refused.
        """
        self.assertRaises(ForeignAuthorizationIdentity, converse, sasl.plain(), b"bron\0arnt\0x")

    def test_plainMalformed(self):
        """
        Too few or too many parts, or no user, are no PLAIN message.
        """
        for message in (b"", b"arnt", b"\0arnt", b"\0arnt\0x\0y", b"\0\0x"):
            self.assertRaises(sasl.Malformed, converse, sasl.plain(), message)

    def test_login(self):
        """
        LOGIN asks for the user name, then for the password.
        """
        challenges, credentials = converse(sasl.login(), b"arnt", b"trondheim")
        self.assertEqual(challenges, [b"Username:", b"Password:"])
        self.assertEqual((credentials.username, credentials.password), (b"arnt", b"trondheim"))

    def test_noSecretInRepr(self):
        """
        The repr of credentials shows no password and no token.
        """
        _, password = converse(sasl.plain(), b"\0arnt\0trondheim")
        _, token = converse(sasl.oauthBearer(), b"n,,\x01auth=Bearer trondheim\x01\x01")
        self.assertNotIn("trondheim", repr(password) + repr(token))


class TokenMechanismTests(SynchronousTestCase):
    """
    OAUTHBEARER and XOAUTH2, with what clients really send.
    """

    def test_oauthBearer(self):
        """
        RFC 7628, section 3.1: host and port are ignored, C{Bearer} is in any case.
        """
        for message, identity in (
            (b"n,a=arnt,\x01host=h\x01port=143\x01auth=Bearer t.o-k\x01\x01", "arnt"),
            (b"n,a=arnt,\x01auth=Bearer t.o-k\x01\x01", "arnt"),
            (b"n,a=arnt,\x01host=false\x01auth=Bearer t.o-k\x01\x01", "arnt"),
            (b"y,,\x01auth=bearer t.o-k\x01\x01", None),
            (b"n,a=,\x01host=h\x01port=143\x01auth=Bearer t.o-k\x01\x01", None),
            (b"n,a=a=2Cb=3Dc,\x01auth=BEARER t.o-k\x01\x01", "a,b=c"),
        ):
            _, credentials = converse(sasl.oauthBearer(), message)
            self.assertEqual(credentials.token, "t.o-k")
            self.assertEqual(credentials.authorizationIdentity, identity)
            self.assertEqual(credentials.mechanism, "OAUTHBEARER")

    def test_escapes(self):
        """
        RFC 5801, section 4: =2C and =3D are decoded once, not what decoding has made.
        """
        for text, identity in (
            (b"=3D2C", "=2C"),
            (b"=3D3D", "=3D"),
            (b"=2C3D", ",3D"),
            (b"=3D=2C", "=,"),
            (b"=2C=3D", ",="),
            # From clients that do not encode it.
            (b"a=b", "a=b"),
            ("ærnt".encode(), "ærnt"),
        ):
            message = b"n,a=" + text + b",\x01auth=Bearer t\x01\x01"
            _, credentials = converse(sasl.oauthBearer(), message)
            self.assertEqual(credentials.authorizationIdentity, identity)

    def test_spaces(self):
        """
        Several spaces before the token, and keys that nobody knows, are no matter.
        """
        rest = b"auth=Bearer   t.o-k\x01mtu=9\x01odd\x01=\x01\x01"
        for exchange, first in ((sasl.oauthBearer, b"n,,"), (sasl.xoauth2, b"user=arnt")):
            _, credentials = converse(exchange(), first + b"\x01" + rest)
            self.assertEqual(credentials.token, "t.o-k")

    def test_xoauth2(self):
        """
        XOAUTH2: a user and a token. The user may be missing or empty.
        """
        for first, user in ((b"user=arnt\x01", "arnt"), (b"user=\x01", None), (b"", None)):
            _, credentials = converse(sasl.xoauth2(), first + b"auth=Bearer t.o-k\x01\x01")
            self.assertEqual(
                (credentials.token, credentials.authorizationIdentity, credentials.mechanism),
                ("t.o-k", user, "XOAUTH2"),
            )

    def test_xoauth2UserIsNotEscaped(self):
        """
        The user of XOAUTH2 is no part of a GS2 header.
        """
        _, credentials = converse(sasl.xoauth2(), b"user=a=2Cb\x01auth=Bearer t\x01\x01")
        self.assertEqual(credentials.authorizationIdentity, "a=2Cb")

    def test_xoauth2Malformed(self):
        """
        What is no message of XOAUTH2, or has no token, has the status invalid_request.
        """
        for message in (
            b"",
            b"\x01",
            b"user=arnt\x01\x01",
            b"user=arnt\x01auth=tok\x01\x01",
            b"\xff",
        ):
            refusal = self.assertRaises(TokenRefused, converse, sasl.xoauth2(), message)
            self.assertEqual(refusal.status, "invalid_request")

    def test_invalidRequest(self):
        """
        RFC 7628, section 3.2.2: what is not understood has the status invalid_request.
        """
        for message in (
            b"n,a=arnt,\x01\x01",
            b"p=tls-unique,,\x01auth=Bearer t\x01\x01",
            b"n,\x01auth=Bearer t\x01\x01",
            b"n,x=y,\x01auth=Bearer t\x01\x01",
            b"n,,\x01auth=Basic t\x01\x01",
            b"\xff",
        ):
            refusal = self.assertRaises(TokenRefused, converse, sasl.oauthBearer(), message)
            self.assertEqual(refusal.status, "invalid_request")

    def test_illegalToken(self):
        """
        A token with white space or controls is no token.
        """
        for token in (b"", b"a b", b"a\nb", "ü".encode()):
            message = b"n,,\x01auth=Bearer " + token + b"\x01\x01"
            self.assertRaises(TokenRefused, converse, sasl.oauthBearer(), message)

    def test_loneSeparator(self):
        """
        A lone %x01 as the first message just fails.
        """
        refusal = self.assertRaises(Refused, converse, sasl.oauthBearer(), b"\x01")
        self.assertNotIsInstance(refusal, TokenRefused)

    def test_failures(self):
        """
        RFC 7628, section 3.2.2: the failure challenge is JSON, without what is not known.
        """
        refusal = TokenRefused("expired", "invalid_token", "mail", "https://op.example/")
        self.assertEqual(
            json.loads(sasl.oauthBearerFailure(refusal)),
            {
                "status": "invalid_token",
                "scope": "mail",
                "openid-configuration": "https://op.example/",
            },
        )
        self.assertEqual(
            json.loads(sasl.oauthBearerFailure(TokenRefused("x"))), {"status": "invalid_token"}
        )
        self.assertEqual(
            json.loads(sasl.xoauth2Failure(refusal)),
            {"status": "401", "schemes": "Bearer", "scope": "mail"},
        )
        for status, code in (
            ("invalid_request", "400"),
            ("insufficient_scope", "401"),
            ("invalid_token", "401"),
        ):
            self.assertEqual(
                json.loads(sasl.xoauth2Failure(TokenRefused("x", status))),
                {"status": code, "schemes": "Bearer"},
            )


class ForeignMechanismTests(SynchronousTestCase):
    """
    Challengers that somebody else wrote.
    """

    def test_cramMD5(self):
        """
        CRAM-MD5 of Twisted works as a mechanism; the credentials are the challenger.
        """
        mechanism = sasl.foreignMechanism(b"CRAM-MD5", CramMD5Credentials)
        exchange = mechanism.exchange()
        challenge = next(exchange)
        response = CramMD5ClientAuthenticator(b"arnt").challengeResponse(b"trondheim", challenge)
        stop = self.assertRaises(StopIteration, exchange.send, response)
        self.assertTrue(stop.value.checkPassword(b"trondheim"))
        self.assertFalse(mechanism.clientFirst)
