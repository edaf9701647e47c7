"""
Tests for L{txjmapaccess.oauth.introspection}.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.errors import ForeignAuthorizationIdentity, TemporaryFailure, TokenRefused
from txjmapaccess.oauth.introspection import (
    NOT_BEFORE_LEEWAY,
    MalformedResponse,
    TokenInfo,
    checkUser,
    tokenInfo,
)
from txjmapaccess.oauth.settings import IntrospectionSettings
from txjmapaccess.verdict import Reason

NOW = 1_800_000_000.0
JMAP = "urn:ietf:params:jmap:mail"
MAIL = "urn:ietf:params:oauth:scope:mail"

#: What stands in the place of a settings object that would read files.
DEFAULTS = {
    "issuer": None,
    "username_claim": "username",
    "imap_scopes": (),
    "imap_audiences": (),
    "jmap_scopes": (MAIL, JMAP),
    "jmap_audiences": (),
    "session_url_claim": None,
}


def makeSettings(**keys: object) -> IntrospectionSettings:
    return cast(IntrospectionSettings, SimpleNamespace(**{**DEFAULTS, **keys}))


def makeAnswer(**claims: object) -> dict[str, object]:
    return {"active": True, "username": "arnt", "scope": JMAP, **claims}


def outcome(claims: dict[str, object], keys: dict[str, object]) -> object:
    """
    @return: L{None} for a token without an objection, a L{Reason}, or the class of the exception
        or its C{status}.
    """
    try:
        return tokenInfo(makeAnswer(**claims), makeSettings(**keys), NOW).objection
    except TokenRefused as e:
        return e.status
    except TemporaryFailure as e:
        return type(e)


class TableTests(SynchronousTestCase):
    """
    One row for each thing that an answer can say: claims, settings, outcome.
    """

    def check(self, rows: list[tuple[dict[str, Any], dict[str, Any], object]]) -> None:
        for claims, keys, expected in rows:
            self.assertEqual(expected, outcome(claims, keys), (claims, keys))

    def test_active(self) -> None:
        """
        C{active} must be true (RFC 7662, section 2.2): nothing else will do, however true it
        looks.
        """
        others = (False, None, "true", "True", 1, 1.0, [True], {"active": True})
        self.check([({"active": True}, {}, None)])
        self.check([({"active": value}, {}, "invalid_token") for value in others])
        self.assertRaises(TokenRefused, tokenInfo, {"username": "arnt"}, makeSettings(), NOW)

    def test_exp(self) -> None:
        """
        A token is good before C{exp}, and not when that time has come (RFC 7519, section 4.1.4).
        """
        self.check(
            [
                ({"exp": NOW + 1}, {}, None),
                ({"exp": int(NOW) + 1}, {}, None),
                ({"exp": NOW}, {}, "invalid_token"),
                ({"exp": NOW - 1}, {}, "invalid_token"),
                ({"exp": 0}, {}, "invalid_token"),
                ({"exp": None}, {}, None),
            ]
        )

    def test_nbf(self) -> None:
        """
        A token is not good before C{nbf} (RFC 7519, section 4.1.5), with a small leeway for clocks
        that differ.
        """
        self.check(
            [
                ({"nbf": NOW - 1}, {}, None),
                ({"nbf": 0}, {}, None),
                ({"nbf": NOW + NOT_BEFORE_LEEWAY}, {}, None),
                ({"nbf": NOW + NOT_BEFORE_LEEWAY + 1}, {}, "invalid_token"),
                ({"nbf": NOW + 3600}, {}, "invalid_token"),
            ]
        )

    def test_timesOfTheWrongType(self) -> None:
        """
        What is not a number is no time, and neither is a number that is none.
        """
        values = ("1900000000", True, [], {}, float("nan"), float("inf"), 10**400, -(10**400))
        for claim in ("exp", "nbf"):
            self.check([({claim: value}, {}, MalformedResponse) for value in values])

    def test_iss(self) -> None:
        """
        C{iss}, when it is there, must be the configured issuer, exactly. With C{endpoint} there
        is none to compare with.
        """
        issuer = {"issuer": "https://idp.example"}
        self.check(
            [
                ({"iss": "https://idp.example"}, issuer, None),
                ({}, issuer, None),
                ({"iss": "https://idp.example/"}, issuer, "invalid_token"),
                ({"iss": "https://IDP.example"}, issuer, "invalid_token"),
                ({"iss": ["https://idp.example"]}, issuer, "invalid_token"),
                ({"iss": "https://other.example"}, {}, None),
            ]
        )

    def test_boundTokens(self) -> None:
        """
        A token that is bound to a key is refused: by C{cnf} (RFC 7800), whatever is in it and
        whatever the type (RFC 8705 tokens are Bearer tokens), or by the type (RFC 9449).
        """
        self.check(
            [
                ({"token_type": "Bearer"}, {}, None),
                ({"token_type": "bearer"}, {}, None),
                ({"token_type": "access_token"}, {}, None),
                ({"token_type": "DPoP"}, {}, "invalid_token"),
                ({"token_type": "dpop"}, {}, "invalid_token"),
                ({"token_type": "refresh_token"}, {}, "invalid_token"),
                ({"token_type": "DPoP", "cnf": {"jkt": "x"}}, {}, "invalid_token"),
                ({"token_type": "Bearer", "cnf": {"x5t#S256": "x"}}, {}, "invalid_token"),
                ({"cnf": {}}, {}, "invalid_token"),
                ({"cnf": "?"}, {}, "invalid_token"),
                ({"token_type": 1}, {}, MalformedResponse),
            ]
        )

    def test_imapAudiences(self) -> None:
        """
        One of C{imap_audiences} must be in C{aud}, a string or an array (RFC 7662, section 2.2).
        """
        keys = {"imap_audiences": ("imap", "mail")}
        self.check(
            [
                ({"aud": "imap"}, keys, None),
                ({"aud": ["x", "mail"]}, keys, None),
                ({"aud": "imap mail"}, keys, "invalid_token"),
                ({"aud": ["x"]}, keys, "invalid_token"),
                ({"aud": []}, keys, "invalid_token"),
                ({}, keys, "invalid_token"),
                ({"aud": 7}, keys, MalformedResponse),
                ({"aud": ["imap", 7]}, keys, MalformedResponse),
                ({"aud": {"imap": 1}}, {}, MalformedResponse),
                ({"aud": "x"}, {}, None),
            ]
        )

    def test_imapScopes(self) -> None:
        """
        All of C{imap_scopes} must be there: C{insufficient_scope} (RFC 6750, section 3.1).
        """
        keys = {"imap_scopes": ("imap", "offline")}
        self.check(
            [
                ({"scope": f"offline {JMAP} imap"}, keys, None),
                ({"scope": ["offline", "imap", JMAP]}, keys, None),
                ({"scope": f"imap {JMAP}"}, keys, "insufficient_scope"),
                ({"scope": f"imapoffline {JMAP}"}, keys, "insufficient_scope"),
                ({"scope": ""}, keys, "insufficient_scope"),
                ({"scope": None}, keys, "insufficient_scope"),
                ({"scope": 1}, {}, MalformedResponse),
                ({"scope": [1]}, {}, MalformedResponse),
            ]
        )

    def test_whichKey(self) -> None:
        """
        Of a token that is not for IMAP the reason names the key that says so, for the operator.
        """
        for key in ("imap_scopes", "imap_audiences"):
            settings = makeSettings(**{key: ("imap",)})
            error = self.assertRaises(TokenRefused, tokenInfo, makeAnswer(), settings, NOW)
            self.assertIn(f"({key})", str(error))

    def test_jmapScopes(self) -> None:
        """
        One of C{jmap_scopes} makes a token good for JMAP; scopes of IMAP alone do not, and when
        there are no C{jmap_scopes} no token is.
        """
        self.check(
            [
                ({"scope": f"imap {MAIL}"}, {}, None),
                ({"scope": f"{JMAP} {MAIL}"}, {}, None),
                ({"scope": "IMAP.AccessAsUser.All"}, {}, Reason.SCOPE),
                ({"scope": "https://www.fastmail.com/dev/protocol-imap"}, {}, Reason.SCOPE),
                ({"scope": JMAP.upper()}, {}, Reason.SCOPE),
                ({"scope": JMAP + ":x"}, {}, Reason.SCOPE),
                ({"scope": None}, {}, Reason.SCOPE),
                ({"scope": f"{JMAP} {MAIL}"}, {"jmap_scopes": ()}, Reason.SCOPE),
            ]
        )

    def test_jmapAudiences(self) -> None:
        """
        One of C{jmap_audiences} must be in C{aud} as well, when there are any.
        """
        keys = {"jmap_audiences": ("https://jmap.example/", "jmap")}
        self.check(
            [
                ({"aud": "jmap"}, keys, None),
                ({"aud": ["imap", "https://jmap.example/"]}, keys, None),
                ({"aud": "https://jmap.example"}, keys, Reason.AUDIENCE),
                ({"aud": "imap"}, keys, Reason.AUDIENCE),
                ({}, keys, Reason.AUDIENCE),
                ({"aud": "jmap", "scope": "imap"}, keys, Reason.SCOPE),
            ]
        )

    def test_username(self) -> None:
        """
        The user is what C{username_claim} names: a token without it is refused, and what cannot
        be the name of a user is not taken for one.
        """
        self.check(
            [
                ({"username": "blåbærsyltetøy"}, {}, None),
                ({"username": None}, {}, "invalid_token"),
                ({"sub": "arnt"}, {"username_claim": "email"}, "invalid_token"),
            ]
        )
        bad = ("", "a\nb", "a\0", "\x7f", "\x85", "\ud800", "x" * 1001, 7, True, ["arnt"], {})
        self.check([({"username": name}, {}, MalformedResponse) for name in bad])


class InfoTests(SynchronousTestCase):
    """
    What is found out about a good token.
    """

    def tokenInfo(self, claims: dict[str, object], **keys: object) -> TokenInfo:
        return tokenInfo(makeAnswer(**claims), makeSettings(**keys), NOW)

    def test_everything(self) -> None:
        """
        All of it in one place.
        """
        info = self.tokenInfo({"exp": int(NOW) + 9, "jmap": "https://a/"}, session_url_claim="jmap")
        self.assertEqual(TokenInfo("arnt", None, "https://a/", NOW + 9), info)

    def test_nestedClaims(self) -> None:
        """
        A dot in the name of a claim leads into an object; a claim whose own name has dots wins.
        """
        claims = {"ext": {"mail": {"user": "bron"}}}
        name = "ext.mail.user"
        self.assertEqual("bron", self.tokenInfo(claims, username_claim=name).username)
        flat = {**claims, name: "ada"}
        self.assertEqual("ada", self.tokenInfo(flat, username_claim=name).username)
        for wrong in ("ext.mail", "ext.mail.user.x", "ext.nobody", "ext.mail.user.0"):
            self.assertRaises(
                (TokenRefused, MalformedResponse), self.tokenInfo, claims, username_claim=wrong
            )

    def test_sessionURL(self) -> None:
        """
        The session URL is as the claim has it; a claim that is no string is an illegal URL, which
        is not the same as none.
        """
        for value, expected in (
            ("x:y", "x:y"),
            (None, None),
            (7, ""),
            ({}, ""),
            (["a"], ""),
            ("x" * 4001, ""),
        ):
            info = self.tokenInfo({"url": value}, session_url_claim="url")
            self.assertEqual(expected, info.sessionURL)

    def test_authorizationIdentity(self) -> None:
        """
        The authorization identity, when there is one, must be the token's user, exactly.
        """
        info = tokenInfo(makeAnswer(), makeSettings(), NOW)
        checkUser(info, "arnt")
        checkUser(info, None)
        for other in ("Arnt", "arnt@example.com", "", "bron", "arnt "):
            with self.assertRaises(ForeignAuthorizationIdentity):
                checkUser(info, other)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
LIKELY = st.sampled_from([True, "arnt", "imap", "imap x", ["imap"], NOW + 9, "i", "Bearer"])
CLAIMS = ("active", "username", "exp", "nbf", "iss", "aud", "scope", "cnf", "token_type", "url")


class PropertyTests(SynchronousTestCase):
    """
    Whatever a provider answers.
    """

    @settings(max_examples=200, deadline=None)
    @given(st.dictionaries(st.sampled_from(CLAIMS), LIKELY | JSON))
    def test_anyJSON(self, claims: dict[str, object]) -> None:
        """
        Every answer is accepted, refused or malformed; none breaks anything, and none is accepted
        that the rules do not allow.
        """
        answer: dict[str, object] = {"active": True, "username": "arnt", **claims}
        keys = makeSettings(imap_scopes=("imap",), session_url_claim="url", issuer="i")
        try:
            info = tokenInfo(answer, keys, NOW)
        except (TokenRefused, MalformedResponse):
            return
        self.assertIs(True, answer["active"])
        self.assertEqual(answer["username"], info.username)
        self.assertIsNone(answer.get("cnf"))
        self.assertIn("imap", cast(Any, answer["scope"]))
        self.assertTrue(info.expires is None or info.expires > NOW)
