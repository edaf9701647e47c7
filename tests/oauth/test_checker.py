"""
Tests for L{txjmapaccess.oauth.checker} and L{txjmapaccess.oauth.introspectionclient}, without a
network.
"""

from __future__ import annotations

import os
from base64 import b64decode
from typing import Any
from urllib.parse import unquote_plus

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.credentials import UsernamePassword as TwistedUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.introspection import ACTIVE, FakeNetwork, LogCatcher, secretFile
from txjmapaccess.checkers import chain
from txjmapaccess.credentials import BearerToken, Evidence, UsernamePassword
from txjmapaccess.errors import (
    ForeignAuthorizationIdentity,
    PasswordExpired,
    TemporaryFailure,
    TokenRefused,
)
from txjmapaccess.http.client import CONCURRENT
from txjmapaccess.http.keepalivepool import ConnectionStale
from txjmapaccess.interfaces import IBearerToken, ICheckerLifecycle
from txjmapaccess.oauth import IntrospectionChecker
from txjmapaccess.oauth.settings import IntrospectionSettings
from txjmapaccess.settings import fromMapping
from txjmapaccess.verdict import Reason

ENDPOINT = "https://idp.example/introspect"
ISSUER = "https://idp.example"
OPENID = f"{ISSUER}/.well-known/openid-configuration"
METADATA = {"issuer": ISSUER, "introspection_endpoint": ENDPOINT}
TOKEN = "a-s3cret-token.of~arnt"
NOW = 1_800_000_000


class CheckerTestCase(SynchronousTestCase):
    """
    A checker with a network that leads nowhere.
    """

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.reactor.advance(NOW)
        self.network = FakeNetwork()
        self.logged = LogCatcher(self)
        self.checker = self.makeChecker()

    def makeChecker(self, **keys: Any) -> IntrospectionChecker:
        if "issuer" not in keys:
            keys["endpoint"] = ENDPOINT
        return IntrospectionChecker(
            reactor=self.reactor,
            network=self.network,
            now=self.reactor.seconds,
            client_id="imapd",
            **{"client_secret_file": secretFile(self), **keys},
        )

    def login(self, token: str = TOKEN, user: str | None = None) -> Deferred[str]:
        return self.checker.requestAvatarId(BearerToken(token, user))

    def loginWithPassword(self, user: bytes, password: bytes) -> Deferred[str]:
        return self.checker.requestAvatarId(UsernamePassword(user, password))

    def assertRefused(self, login: Deferred[str]) -> TokenRefused:
        error = self.failureResultOf(login, TokenRefused).value
        assert isinstance(error, TokenRefused)
        return error

    def assertUnavailable(self, login: Deferred[str]) -> str:
        return str(self.failureResultOf(login, TemporaryFailure).value)

    def assertAsked(self, count: int) -> None:
        self.assertEqual(count, len(self.network.requests))


class RequestTests(CheckerTestCase):
    """
    What the provider is asked (RFC 7662, section 2.1).
    """

    def test_interfaces(self) -> None:
        """
        It is a credentials checker for tokens, with a life cycle.
        """
        verifyObject(ICredentialsChecker, self.checker)
        verifyObject(ICheckerLifecycle, self.checker)
        self.assertEqual((IBearerToken,), self.checker.credentialInterfaces)

    def test_fromSettings(self) -> None:
        """
        Settings that were made before give the same checker as their keys.
        """
        keys = {"client_id": "x", "client_secret_file": secretFile(self), "endpoint": ENDPOINT}
        settings = fromMapping(IntrospectionSettings, {**keys, "imap_scopes": ["a"]})
        checker = IntrospectionChecker.fromSettings(settings, self.reactor)
        self.assertEqual(settings, checker._settings)

    def test_basic(self) -> None:
        """
        The token goes in the body of a POST; the client proves itself in the header, both parts
        form-urlencoded first (RFC 6749, section 2.3.1).
        """
        self.checker = IntrospectionChecker(
            reactor=self.reactor,
            network=self.network,
            endpoint=ENDPOINT,
            client_id="im:apd",
            client_secret_file=secretFile(self, "p%: +ü"),
        )
        self.login("t+&=%/~")
        [(method, url, headers, _)] = self.network.requests
        self.assertEqual(("POST", ENDPOINT), (method, url))
        form = {"token": "t+&=%/~", "token_type_hint": "access_token"}
        self.assertEqual(form, self.network.form())
        scheme, _, basic = headers["Authorization"].partition(" ")
        self.assertEqual("Basic", scheme)
        name, _, secret = b64decode(basic).decode("ascii").partition(":")
        self.assertEqual(("im:apd", "p%: +ü"), (unquote_plus(name), unquote_plus(secret)))
        self.assertEqual("application/x-www-form-urlencoded", headers["Content-Type"])
        self.assertEqual("application/json", headers["Accept"])

    def test_post(self) -> None:
        """
        With C{client_auth = "post"} the client proves itself in the body, and has no header.
        """
        self.checker = self.makeChecker(client_auth="post")
        self.login()
        self.assertEqual(
            {
                "token": TOKEN,
                "token_type_hint": "access_token",
                "client_id": "imapd",
                "client_secret": "s3cret-of-the-client",
            },
            self.network.form(),
        )
        self.assertNotIn("Authorization", self.network.requests[0][2])

    def test_notATokenIsNotSent(self) -> None:
        """
        What cannot be an access token (RFC 6750), or is longer than 48 KiB, is refused at once.
        """
        for bad in ("", "two words", "tab\t", "line\n", "tokén", "\0", "x" * 49_153):
            self.assertEqual("invalid_token", self.assertRefused(self.login(bad)).status)
        self.assertAsked(0)

    def test_longToken(self) -> None:
        """
        A token of 48 KiB is sent.
        """
        self.login("x" * 49_152)
        self.assertEqual("x" * 49_152, self.network.form()["token"])


class AnswerTests(CheckerTestCase):
    """
    What becomes of the answer.
    """

    def test_accepted(self) -> None:
        """
        A login fires with the user's name, and evidence of all that was found out is left.
        """
        self.checker = self.makeChecker(session_url_claim="url", end_at_expiry=True)
        credentials = BearerToken(TOKEN)
        login = self.checker.requestAvatarId(credentials)
        self.network.answer({**ACTIVE, "scope": "imap", "url": "https://a/", "exp": NOW + 60})
        self.assertEqual("arnt", self.successResultOf(login))
        self.assertEqual(
            Evidence(
                "arnt",
                "introspection",
                Reason.SCOPE,
                "https://a/",
                NOW + 60,
                endAtExpiry=True,
            ),
            credentials.evidence,
        )

    def test_portal(self) -> None:
        """
        It works in anybody's portal.
        """
        portal = Portal(_Realm(), [self.checker])
        login = portal.login(BearerToken(TOKEN), None, IBearerToken)
        self.network.answer(ACTIVE)
        self.assertEqual("arnt", self.successResultOf(login)[1])

    def test_refused(self) -> None:
        """
        A refusal tells which scopes are needed (RFC 7628, section 3.2.2), and leaves no evidence.
        """
        self.checker = self.makeChecker(imap_scopes=["imap", "x"])
        credentials = BearerToken(TOKEN)
        login = self.checker.requestAvatarId(credentials)
        self.network.answer(ACTIVE)
        error = self.assertRefused(login)
        self.assertEqual(("insufficient_scope", "imap x"), (error.status, error.scope))
        self.assertIsNone(error.openidConfiguration)
        self.assertIsNone(credentials.evidence)

    def test_foreignUser(self) -> None:
        """
        A good token of somebody else is refused, and leaves no evidence.
        """
        credentials = BearerToken(TOKEN, "bron")
        login = self.checker.requestAvatarId(credentials)
        self.network.answer(ACTIVE)
        self.failureResultOf(login, ForeignAuthorizationIdentity)
        self.assertIsNone(credentials.evidence)

    def test_refusedBeforeForeign(self) -> None:
        """
        That a token is bad is said before that it is somebody else's, so that nothing about the
        user of a token that has ended is told.
        """
        login = self.checker.requestAvatarId(BearerToken(TOKEN, "bron"))
        self.network.answer({**ACTIVE, "exp": 1})
        self.assertRefused(login)

    def test_unusableAnswers(self) -> None:
        """
        An answer that is not a JSON object, has members of the wrong type or a status
        other than 200 is a temporary failure: it says nothing about the token.
        """
        for answer, status in (
            (b"", 200),
            (b"<html>", 200),
            (b"\xff\xfe", 200),
            (b"[" * 60_000, 200),
            ([ACTIVE], 200),
            ("active", 200),
            (None, 200),
            (True, 200),
            ({**ACTIVE, "exp": "tomorrow"}, 200),
            ({**ACTIVE, "username": 7}, 200),
            (ACTIVE, 201),
            (ACTIVE, 302),
            ({"active": False}, 400),
            ({"error": "invalid_client"}, 401),
            (ACTIVE, 403),
            (ACTIVE, 429),
            (ACTIVE, 500),
            (b"", 503),
        ):
            login = self.login()
            self.network.answer(answer, status)
            self.assertUnavailable(login)

    def test_nothingIsLoggedThatIsSecret(self) -> None:
        """
        Neither the token, nor the client's secret, nor what was answered gets into the log or
        into the text of a failure.
        """
        for answer, status in ((b"s3cret", 200), ({"error": TOKEN}, 401), (ACTIVE, 500)):
            login = self.login()
            self.network.answer(answer, status)
            self.assertNotIn("s3cret", self.assertUnavailable(login))
        self.assertEqual(3, len(self.logged.texts()))
        self.assertNotIn("s3cret", self.logged.everything())
        self.assertNotIn("s3cret", repr(BearerToken(TOKEN)) + repr(self.checker))


class FailureTests(CheckerTestCase):
    """
    A provider that cannot be asked.
    """

    def fail(self, error: Exception) -> None:
        self.network.responses[-1].errback(Failure(error))

    def test_unreachable(self) -> None:
        """
        No connection: a temporary failure that says what went wrong, and nothing is tried again.
        """
        login = self.login()
        self.fail(ConnectionRefusedError())
        text = self.assertUnavailable(login)
        self.assertIn(ENDPOINT, text)
        self.assertIn("ConnectionRefusedError", text)
        self.assertAsked(1)

    def test_staleConnection(self) -> None:
        """
        When the connection is closed before anything of an answer came, it may just have been idle
        for too long: the same is asked once more.
        """
        login = self.login()
        self.fail(ConnectionStale())
        self.assertNoResult(login)
        self.assertEqual(*(self.network.form(number) for number in (-1, -2)))
        self.network.answer(ACTIVE)
        self.assertEqual("arnt", self.successResultOf(login))
        self.assertAsked(2)

    def test_otherConnection(self) -> None:
        """
        That is on a new connection, and not on another one that may be just as dead.
        """
        self.login()
        self.fail(ConnectionStale())
        self.assertEqual([False, True], self.network.fresh)

    def test_idleForTooLong(self) -> None:
        """
        Some say so (408; RFC 9110, section 15.5.9) before they close it: that is no answer to what
        was asked, the first time.
        """
        login = self.login()
        self.network.answer(b"", 408)
        self.network.answer(ACTIVE)
        self.assertEqual("arnt", self.successResultOf(login))
        self.assertEqual([False, True], self.network.fresh)
        login = self.login("other")
        self.network.answer(b"", 408)
        self.network.answer(b"", 408)
        self.assertIn("responded with 408", self.assertUnavailable(login))
        self.assertAsked(4)

    def test_onlyOnceMore(self) -> None:
        """
        It is not asked a third time.
        """
        login = self.login()
        self.fail(ConnectionStale())
        self.fail(ConnectionStale())
        self.assertUnavailable(login)
        self.assertAsked(2)

    def test_otherTroubleIsNotRepeated(self) -> None:
        """
        Whatever else went wrong would go wrong again.
        """
        login = self.login()
        self.fail(ConnectionLost())
        self.assertIn("ConnectionLost", self.assertUnavailable(login))
        self.assertAsked(1)

    def test_textsOfOthersAreNotLogged(self) -> None:
        """
        Of an error that is none of the usual ones only the kind is told.
        """
        login = self.login()
        self.fail(ZeroDivisionError("s3cret"))
        text = self.assertUnavailable(login)
        self.assertIn("ZeroDivisionError", text)
        self.assertNotIn("s3cret", text)

    def test_deadline(self) -> None:
        """
        A provider that hangs: the login ends after C{timeout} seconds, and so does the request.
        """
        login = self.login()
        self.reactor.advance(4.9)
        self.assertNoResult(login)
        self.reactor.advance(0.1)
        self.assertIn("did not respond within 5 seconds", self.assertUnavailable(login))
        self.assertEqual(self.network.responses, self.network.cancelled)

    def test_noTimersLeft(self) -> None:
        """
        Nothing is left behind by a login that is over.
        """
        login = self.login()
        self.network.answer(ACTIVE)
        self.successResultOf(login)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_nothingPilesUp(self) -> None:
        """
        While the provider hangs only so many requests are on their way; the other logins wait for
        their turn, no longer than to their deadline.
        """
        logins = [self.login(f"token{n}") for n in range(CONCURRENT + 10)]
        self.assertAsked(CONCURRENT)
        self.reactor.advance(5)
        for login in logins:
            self.assertUnavailable(login)
        self.assertEqual([], self.reactor.getDelayedCalls())
        self.assertEqual(len(self.network.responses), len(self.network.cancelled))
        login = self.login()
        self.network.answer(ACTIVE)
        self.successResultOf(login)

    def test_turns(self) -> None:
        """
        A login that waits for its turn has it when another one is over, in the order in which they
        came. One that was given up meanwhile takes no turn away.
        """
        logins = [self.login(f"token{n}") for n in range(CONCURRENT + 4)]
        logins[CONCURRENT].cancel()
        self.failureResultOf(logins[CONCURRENT], CancelledError)
        for number in range(3):
            self.network.answer(ACTIVE, number=number)
            self.successResultOf(logins[number])
            self.assertAsked(CONCURRENT + number + 1)
            self.assertEqual(f"token{CONCURRENT + number + 1}", self.network.form()["token"])
        self.network.answer(ACTIVE, number=3)
        self.login("another")
        self.assertEqual("another", self.network.form()["token"])

    def test_alarm(self) -> None:
        """
        The operator is told once in a minute, and when it works again.
        """
        for seconds in (0, 1, 58, 1):
            self.reactor.advance(seconds)
            login = self.login()
            self.network.answer(b"", 503)
            self.assertUnavailable(login)
        self.assertEqual(2, len(self.logged.texts()))
        self.login()
        self.network.answer(ACTIVE)
        self.assertEqual(["Access tokens can be checked again"], self.logged.texts(LogLevel.info))

    def test_otherProblemIsTold(self) -> None:
        """
        A problem that was not said yet is told at once.
        """
        for status in (503, 401, 401, 503):
            login = self.login()
            self.network.answer(b"", status)
            self.assertUnavailable(login)
        self.assertEqual(2, len(self.logged.texts()))

    def test_flapping(self) -> None:
        """
        A provider that works and fails in turn does not fill the log.
        """
        for number in range(20):
            login = self.login(f"token{number}")
            self.network.answer(ACTIVE, 200 if number % 2 else 503)
            login.addErrback(lambda failure: failure.trap(TemporaryFailure))
        self.assertEqual(1, len(self.logged.texts()))
        self.assertEqual(1, len(self.logged.texts(LogLevel.info)))


class SharingTests(CheckerTestCase):
    """
    Caching, and several logins with one token.
    """

    def accept(self, **claims: object) -> None:
        login = self.login()
        self.network.answer({**ACTIVE, **claims})
        self.successResultOf(login)

    def test_cached(self) -> None:
        """
        An answer is used for C{cache_seconds}.
        """
        self.accept()
        self.reactor.advance(59)
        self.successResultOf(self.login())
        self.assertAsked(1)
        self.reactor.advance(1)
        self.assertNoResult(self.login())

    def test_cachedUntilExpiry(self) -> None:
        """
        But not when the token has expired.
        """
        self.accept(exp=NOW + 30)
        self.reactor.advance(29.9)
        self.successResultOf(self.login())
        self.reactor.advance(0.1)
        login = self.login()
        self.assertAsked(2)
        self.network.answer({**ACTIVE, "exp": NOW + 30})
        self.assertRefused(login)

    def test_cachedForItsUserOnly(self) -> None:
        """
        The authorization identity is compared for each login.
        """
        self.accept()
        self.successResultOf(self.login(user="arnt"))
        self.failureResultOf(self.login(user="bron"), ForeignAuthorizationIdentity)
        self.assertAsked(1)

    def test_refusalIsCachedBriefly(self) -> None:
        """
        A refused token is asked about again after five seconds.
        """
        login = self.login()
        self.network.answer({"active": False})
        self.assertRefused(login)
        self.reactor.advance(4)
        self.assertRefused(self.login())
        self.assertAsked(1)
        self.reactor.advance(1)
        self.assertNoResult(self.login())

    def test_errorsAreNotCached(self) -> None:
        """
        After an error the next login asks again.
        """
        login = self.login()
        self.network.answer(b"", 503)
        self.assertUnavailable(login)
        self.accept()

    def test_malformedIsReportedOnce(self) -> None:
        """
        Answers that make no sense are reported once in a minute, whatever happens in between.
        """
        for number, aud in enumerate((7, None, 7)):
            login = self.login(f"token{number}")
            self.network.answer({**ACTIVE, "aud": aud})
            login.addErrback(lambda failure: failure.trap(TemporaryFailure))
        self.assertEqual(1, len(self.logged.texts()))

    def test_malformedIsNotCached(self) -> None:
        """
        Nor is an answer that makes no sense.
        """
        login = self.login()
        self.network.answer({**ACTIVE, "aud": 7})
        self.assertUnavailable(login)
        self.assertIn("aud", self.logged.texts()[0])
        self.accept()

    def test_noCache(self) -> None:
        """
        With C{cache_seconds = 0} every login asks, whatever the answer is.
        """
        self.checker = self.makeChecker(cache_seconds=0)
        self.accept()
        self.accept()
        for _ in range(2):
            login = self.login()
            self.network.answer({"active": False})
            self.assertRefused(login)
        self.assertAsked(4)

    def test_oneRequest(self) -> None:
        """
        Logins with one token at one time share a request, cached or not, and each gets evidence.
        """
        self.checker = self.makeChecker(cache_seconds=0)
        credentials = [BearerToken(TOKEN) for _ in range(9)]
        logins = [self.checker.requestAvatarId(c) for c in credentials]
        self.assertAsked(1)
        self.network.answer(ACTIVE)
        for login, one in zip(logins, credentials, strict=True):
            self.assertEqual("arnt", self.successResultOf(login))
            self.assertIsNotNone(one.evidence)

    def test_cancelOne(self) -> None:
        """
        A login that is given up does not disturb the one that waits for the same answer.
        """
        gone, stays = self.login(), self.login()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.assertEqual([], self.network.cancelled)
        self.network.answer(ACTIVE)
        self.assertEqual("arnt", self.successResultOf(stays))

    def test_cancelAll(self) -> None:
        """
        When all logins are given up, so is the request, and that is no trouble to report.
        """
        logins = [self.login(), self.login()]
        for login in logins:
            login.cancel()
            self.failureResultOf(login, CancelledError)
        self.assertEqual(self.network.responses, self.network.cancelled)
        self.assertEqual([], self.reactor.getDelayedCalls())
        self.assertEqual([], self.logged.texts())


class CounterTests(CheckerTestCase):
    """
    What is counted.
    """

    def counted(self) -> dict[str, float]:
        """
        @return: the counters that are not zero.
        """
        return {name: n for name, n in vars(self.checker.counters).items() if n}

    def test_results(self) -> None:
        """
        Every login is one of accepted, refused, failed and cancelled.
        """
        for token, answer, status in (
            ("good", ACTIVE, 200),
            ("bad", {"active": False}, 200),
            ("unknown", b"", 503),
            ("senseless", {**ACTIVE, "aud": 7}, 200),
        ):
            login = self.login(token)
            self.network.answer(answer, status)
            login.addErrback(lambda _: None)
        self.failureResultOf(self.login("good", "bron"), ForeignAuthorizationIdentity)
        self.assertRefused(self.login("no token"))
        gone = self.login("gone")
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        counters = self.checker.counters
        self.assertEqual(
            (1, 3, 2, 1),
            (counters.accepted, counters.refused, counters.failed, counters.cancelled),
        )
        self.assertEqual(0, counters.requestsInFlight)

    def test_cache(self) -> None:
        """
        A login hits when the answer is kept, or on its way, and misses when it is not.
        """
        logins = [self.login(), self.login()]
        self.network.answer(ACTIVE)
        logins.append(self.login())
        self.assertEqual(3, len([self.successResultOf(login) for login in logins]))
        self.assertEqual(
            {"accepted": 3, "cacheHits": 2, "cacheMisses": 1, "latencyCount": 1}, self.counted()
        )

    def test_seconds(self) -> None:
        """
        The seconds that the provider takes are those of requests that are answered.
        """
        for seconds, token in ((0.25, "one"), (1, "two")):
            login = self.login(token)
            self.reactor.advance(seconds)
            self.network.answer(ACTIVE)
            self.successResultOf(login)
        self.assertUnavailableAfter(5)
        counters = self.checker.counters
        self.assertEqual((1.25, 2), (counters.latencySum, counters.latencyCount))
        self.assertEqual(1, counters.requestsFailed)

    def assertUnavailableAfter(self, seconds: float) -> None:
        login = self.login("hangs")
        self.assertEqual(1, self.checker.counters.requestsInFlight)
        self.reactor.advance(seconds)
        self.assertUnavailable(login)
        self.assertEqual(0, self.checker.counters.requestsInFlight)

    def test_down(self) -> None:
        """
        The provider is down from a request without a usable answer to one with such.
        """
        states = []
        for number, status in enumerate((200, 503, 500, 200)):
            login = self.login(f"token{number}").addErrback(lambda _: None)
            self.network.answer(ACTIVE if status == 200 else b"", status)
            self.successResultOf(login)
            states.append(self.checker.counters.isDown)
        self.assertEqual(states, [False, True, True, False])

    def test_cacheEntries(self) -> None:
        """
        How many answers are kept, refusals among them, can be read.
        """
        for token, active in (("a", True), ("b", True), ("c", False)):
            login = self.login(token).addErrback(lambda _: None)
            self.network.answer(ACTIVE if active else {"active": False})
            self.successResultOf(login)
        self.assertEqual(self.checker.cacheEntries, 3)

    def test_givenUp(self) -> None:
        """
        A request that is given up has neither been answered nor failed.
        """
        gone = self.login()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.assertEqual({"cancelled": 1, "cacheMisses": 1}, self.counted())


class PasswordTests(CheckerTestCase):
    """
    C{as_password}: tokens in the place of passwords.
    """

    def setUp(self) -> None:
        super().setUp()
        self.checker = self.makeChecker(as_password=True)

    def test_interface(self) -> None:
        """
        The checker takes passwords, and only this one does.
        """
        self.assertEqual((IBearerToken, IUsernamePassword), self.checker.credentialInterfaces)
        self.assertEqual((IBearerToken,), self.makeChecker().credentialInterfaces)

    def test_accepted(self) -> None:
        """
        The evidence says that the token came as a password.
        """
        credentials = UsernamePassword(b"arnt", TOKEN.encode())
        login = self.checker.requestAvatarId(credentials)
        self.network.answer(ACTIVE)
        self.assertEqual("arnt", self.successResultOf(login))
        assert credentials.evidence is not None
        self.assertTrue(credentials.evidence.tokenAsPassword)

    def test_twistedCredentials(self) -> None:
        """
        Twisted's own credentials are as good, from a server that is not extended; there is no
        place for evidence on them.
        """
        for name, password in ((b"arnt", TOKEN.encode()), ("arnt", TOKEN)):
            self.checker = self.makeChecker(as_password=True)
            credentials = TwistedUsernamePassword(name, password)  # type: ignore[arg-type]
            login = self.checker.requestAvatarId(credentials)
            self.network.answer(ACTIVE)
            self.assertEqual("arnt", self.successResultOf(login))
            self.assertFalse(hasattr(credentials, "evidence"))
            foreign = TwistedUsernamePassword(b"bron", TOKEN.encode())
            self.failureResultOf(
                self.checker.requestAvatarId(foreign), ForeignAuthorizationIdentity
            )

    def test_sameTokenBothWays(self) -> None:
        """
        How a token came is remembered for each login, not with the token.
        """
        self.test_accepted()
        credentials = BearerToken(TOKEN)
        self.successResultOf(self.checker.requestAvatarId(credentials))
        assert credentials.evidence is not None
        self.assertFalse(credentials.evidence.tokenAsPassword)
        self.assertAsked(1)

    def test_otherUser(self) -> None:
        """
        The user name must be the token's user.
        """
        login = self.loginWithPassword(b"bron", TOKEN.encode())
        self.network.answer(ACTIVE)
        self.failureResultOf(login, ForeignAuthorizationIdentity)

    def test_prefix(self) -> None:
        """
        With C{password_prefix} no other password is shown to the provider. The prefix belongs to
        the token.
        """
        self.checker = self.makeChecker(as_password=True, password_prefix="tok_")
        self.failureResultOf(self.loginWithPassword(b"arnt", b"trondheim"), UnauthorizedLogin)
        self.assertAsked(0)
        self.loginWithPassword(b"arnt", b"tok_1")
        self.assertEqual("tok_1", self.network.form()["token"])

    def test_prefixIsForPasswords(self) -> None:
        """
        Tokens that come as tokens need no prefix.
        """
        self.checker = self.makeChecker(as_password=True, password_prefix="tok_")
        self.login()
        self.assertAsked(1)

    def test_impossibleTokens(self) -> None:
        """
        A password that cannot be a token is refused at once.
        """
        for password in (b"", b"two words", b"\xff\xfe", "pässword".encode()):
            self.failureResultOf(self.loginWithPassword(b"arnt", password), UnauthorizedLogin)
        self.assertAsked(0)

    def test_nextChecker(self) -> None:
        """
        A password that is no token passes on to the next checker, and what that one says about
        it is what the client hears.
        """
        [_, checker] = chain([self.checker, _ExpiredPasswords()])
        login = checker.requestAvatarId(UsernamePassword(b"arnt", b"trondheim"))
        self.network.answer({"active": False})
        self.failureResultOf(login, PasswordExpired)

    def test_providerAway(self) -> None:
        """
        When the provider cannot be asked, nobody knows whether the password was a good token.
        """
        [_, checker] = chain([self.checker, _ExpiredPasswords()])
        login = checker.requestAvatarId(UsernamePassword(b"arnt", b"trondheim"))
        self.network.answer(b"", 500)
        self.failureResultOf(login, TemporaryFailure)


class DiscoveryTests(CheckerTestCase):
    """
    C{issuer} in the place of C{endpoint}.
    """

    def setUp(self) -> None:
        super().setUp()
        self.checker = self.makeChecker(issuer=ISSUER)

    def test_found(self) -> None:
        """
        The metadata are fetched once, without the client's secret, and the endpoint in them is
        asked.
        """
        login = self.login()
        method, url, headers, _ = self.network.requests[0]
        self.assertEqual(("GET", OPENID), (method, url))
        self.assertNotIn("Authorization", headers)
        self.network.answer(METADATA)
        self.network.answer(ACTIVE)
        self.successResultOf(login)
        self.login("other")
        self.assertEqual(
            [OPENID, ENDPOINT, ENDPOINT],
            [url for _, url, _, _ in self.network.requests],
        )

    def test_challenge(self) -> None:
        """
        A refusal names the OpenID metadata (RFC 7628, section 3.2.2).
        """
        login = self.login()
        self.network.answer(METADATA)
        self.network.answer({"active": False})
        self.assertEqual(OPENID, self.assertRefused(login).openidConfiguration)

    def test_rfc8414(self) -> None:
        """
        Where there are no usable OpenID metadata, those of RFC 8414 are tried.
        """
        for answer, status in ((b"Not found", 404), ({"issuer": ISSUER}, 200)):
            self.checker = self.makeChecker(issuer=ISSUER)
            login = self.login()
            self.network.answer(answer, status)
            self.assertEqual(
                f"{ISSUER}/.well-known/oauth-authorization-server",
                self.network.requests[-1][1],
            )
            self.network.answer(METADATA)
            self.network.answer({"active": False})
            self.assertIsNone(self.assertRefused(login).openidConfiguration)

    def test_foreignTokens(self) -> None:
        """
        A token that another issuer issued is refused.
        """
        login = self.login()
        self.network.answer(METADATA)
        self.network.answer({**ACTIVE, "iss": "https://other.example"})
        self.assertRefused(login)

    def test_notFound(self) -> None:
        """
        Without metadata logins fail for the time being, the operator is told about both places,
        and the next login looks again.
        """
        login = self.login()
        self.network.answer(b"", 404)
        self.network.answer({**METADATA, "issuer": "https://other.example"})
        text = self.assertUnavailable(login)
        self.assertIn(f"{OPENID} responded with 404", text)
        self.assertIn("is not the metadata of the issuer", text)
        self.assertIn(text, self.logged.texts()[0])
        self.login()
        self.assertEqual(OPENID, self.network.requests[-1][1])

    def test_lookedForOnce(self) -> None:
        """
        However many logins wait, the metadata are fetched once.
        """
        logins = [self.login(f"token{n}") for n in range(5)]
        self.assertAsked(1)
        self.network.answer(METADATA)
        self.assertAsked(6)
        for number in range(1, 6):
            self.network.answer(ACTIVE, number=number)
        for login in logins:
            self.successResultOf(login)

    def test_hangingDiscovery(self) -> None:
        """
        A request for metadata that hangs is given up at its deadline, also when there is always
        some login that waits for it.
        """
        for number in range(7):
            login = self.login(f"token{number}")
            login.addErrback(lambda failure: failure.trap(TemporaryFailure))
            self.reactor.advance(1)
        self.assertAsked(2)
        self.assertEqual([self.network.responses[0]], self.network.cancelled)

    def test_secretOfMetadata(self) -> None:
        """
        Metadata that are behind a password have nothing to do with the client's secret.
        """
        login = self.login()
        self.network.answer(b"", 401)
        self.network.answer(b"", 401)
        self.assertNotIn("secret", self.assertUnavailable(login))

    def test_oneDeadline(self) -> None:
        """
        Discovery and introspection together have C{timeout} seconds.
        """
        login = self.login()
        self.reactor.advance(3)
        self.network.answer(METADATA)
        self.reactor.advance(2)
        self.assertUnavailable(login)


class LifecycleTests(CheckerTestCase):
    """
    Start and close.
    """

    def test_start(self) -> None:
        """
        At start a random token is introspected. That it is not active is as it should be.
        """
        self.checker.start()
        self.makeChecker().start()
        self.assertNotEqual(self.network.form(0)["token"], self.network.form(1)["token"])
        self.network.answer({"active": False})
        self.assertEqual([], self.logged.texts())

    def test_readableSecret(self) -> None:
        """
        A secret that everybody on the machine can read is warned about at start, and works.
        """
        self.checker.start()
        self.assertEqual([], self.logged.texts(LogLevel.warn))
        name = secretFile(self)
        os.chmod(name, 0o644)
        checker = self.makeChecker(client_secret_file=name)
        checker.start()
        (warning,) = self.logged.texts(LogLevel.warn)
        self.assertIn("client_secret_file", warning)
        self.assertIn(name, warning)

    def test_startDiscovers(self) -> None:
        """
        Discovery is done at start.
        """
        self.checker = self.makeChecker(issuer=ISSUER)
        self.checker.start()
        self.network.answer(METADATA)
        self.network.answer({"active": False})
        self.login()
        self.assertEqual(ENDPOINT, self.network.requests[-1][1])

    def test_wrongSecret(self) -> None:
        """
        A client secret that the provider does not accept is an error for the operator, with the
        names of the keys to look at.
        """
        for status, answer in ((401, b""), (403, b""), (400, {"error": "invalid_client"})):
            self.logged.events.clear()
            self.makeChecker().start()
            self.network.answer(answer, status)
            [text] = self.logged.texts()
            self.assertIn("client_id", text)
            self.assertIn("client_secret_file", text)

    def test_gullibleProvider(self) -> None:
        """
        A provider that calls a random token active is an error for the operator.
        """
        self.checker.start()
        self.network.answer(ACTIVE)
        [text] = self.logged.texts()
        self.assertIn("random token", text)

    def test_unreachable(self) -> None:
        """
        A provider that cannot be reached at start is an error for the operator, and no more.
        """
        self.checker.start()
        self.network.responses[0].errback(Failure(ConnectionRefusedError()))
        [text] = self.logged.texts()
        self.assertIn(ENDPOINT, text)

    def test_close(self) -> None:
        """
        Logins that wait fail for the time being, and none can begin. Nothing is reported.
        """
        waiting = self.login()
        self.successResultOf(self.checker.close())
        self.assertUnavailable(waiting)
        self.assertEqual(self.network.responses, self.network.cancelled)
        self.assertUnavailable(self.login())
        self.assertAsked(1)
        self.assertEqual([], self.reactor.getDelayedCalls())
        self.assertEqual([], self.logged.texts())

    def test_closeWhileStarting(self) -> None:
        """
        A start that is not over ends silently.
        """
        self.checker = self.makeChecker(issuer=ISSUER)
        self.checker.start()
        self.successResultOf(self.checker.close())
        self.assertEqual([], self.reactor.getDelayedCalls())
        self.assertEqual([], self.logged.texts())


class _Realm:
    """
    Avatars are names.
    """

    def requestAvatar(self, avatarId: str, mind: object, *interfaces: Any) -> Any:
        return interfaces[0], avatarId, lambda: None


class _ExpiredPasswords:
    """
    A checker that knows that every password has expired.
    """

    credentialInterfaces = (IUsernamePassword,)

    def requestAvatarId(self, credentials: object) -> Deferred[str]:
        raise PasswordExpired("expired")
