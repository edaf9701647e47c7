# -*- test-case-name: tests.imap.test_login -*-
"""
Tests for L{txjmapaccess.imap.logincommand}, L{txjmapaccess.imap.authentication} and
L{txjmapaccess.imap.tlsrequirement}.
"""

from __future__ import annotations

import gc
import json
from base64 import b64decode
from weakref import ref

from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import Anonymous, CramMD5Credentials, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.testing import StringTransport
from twisted.logger import formatEvent, globalLogPublisher
from twisted.mail.imap4 import CramMD5ClientAuthenticator, IMAP4Server
from twisted.mail.interfaces import IChallengeResponse
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides, implementer

from tests.support.imap import (
    URL,
    Connection,
    RecordingRealm,
    TLSStringTransport,
    TokenChecker,
    base64,
    capabilitiesIn,
    makePortal,
)
from txjmapaccess import JMAPAccessIMAP4Server, JMAPAccessMixin
from txjmapaccess.checkers import EvidentChecker, chain
from txjmapaccess.credentials import Evidence, leaveEvidence, makeEvident
from txjmapaccess.errors import (
    ForeignAuthorizationIdentity,
    PasswordExpired,
    Refused,
    TemporaryFailure,
    TokenRefused,
)
from txjmapaccess.interfaces import IBearerToken, IEvident, IProtectedTransport
from txjmapaccess.policy import EvidencePolicy, SharedCredentials
from txjmapaccess.verdict import Known, Reason, Usable

BEARER = base64(b"n,,\x01auth=Bearer tok\x01\x01")


class Checker:
    """
    Does with credentials what the test says.
    """

    credentialInterfaces = (IUsernamePassword, IBearerToken)

    def __init__(self, work):
        self.work = work

    def requestAvatarId(self, credentials):
        """
        See L{twisted.cred.checkers.ICredentialsChecker}.
        """
        result = self.work(credentials)
        if isinstance(result, Exception):
            raise result
        return result


def connect(work, **attributes):
    """
    @return: a connection whose checker does C{work}.
    """
    return Connection(portal=makePortal(checkers=[Checker(work)]), **attributes)


class RefusalTests(SynchronousTestCase):
    """
    What a client hears when a login comes to nothing (RFC 5530, section 3).
    """

    expected = (
        (UnauthorizedLogin("bad secret"), b"[AUTHENTICATIONFAILED] Authentication failed"),
        (Refused("no such user"), b"[AUTHENTICATIONFAILED] Authentication failed"),
        (PasswordExpired("since May"), b"[EXPIRED] The password has expired"),
        (
            ForeignAuthorizationIdentity("bron"),
            b"[AUTHORIZATIONFAILED] Not allowed for that authorization identity",
        ),
        (TemporaryFailure("down"), b"[UNAVAILABLE] Temporary authentication failure"),
        (OSError("ldap://10.1.2.3 ☃"), b"[UNAVAILABLE] Temporary authentication failure"),
    )

    def test_codes(self):
        """
        Every kind of failure has its code; nothing of the exception is shown, with LOGIN and with
        AUTHENTICATE, raised or as a failed Deferred.
        """
        for error, text in self.expected:
            for wrap in (lambda e: e, fail):
                for command in (b"LOGIN u p", b"AUTHENTICATE PLAIN " + base64(b"\0u\0p")):
                    connection = connect(lambda _, e=error, w=wrap: w(e))
                    self.assertEqual(connection.send(b"a " + command), [b"a NO " + text])

    def test_noChecker(self):
        """
        Credentials that no checker takes are a temporary failure: the server is misconfigured.
        """
        connection = Connection(portal=makePortal(checkers=[]))
        self.assertIn(b"[UNAVAILABLE]", connection.send(b"a LOGIN u p")[0])

    def test_noPortal(self):
        """
        So is a server without a portal.
        """
        connection = Connection()
        connection.server.portal = None
        self.assertIn(b"[UNAVAILABLE]", connection.send(b"a LOGIN u p")[0])

    def test_log(self):
        """
        The operator reads why, with the address; of exceptions that are not ours only the kind,
        and where they were raised; the reason of a refusal, unless the password is in it.
        """
        events = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        connect(lambda _: Refused("the account is locked")).send(b"a LOGIN u p")
        connect(lambda _: OSError("secret=hunter2")).send(b"a LOGIN u p")
        connect(lambda _: UnauthorizedLogin("not on Sundays")).send(b"a LOGIN us pwd")
        connect(lambda _: UnauthorizedLogin("you sent hunter3")).send(b"a LOGIN u hunter3")
        text = repr(events)
        self.assertIn("UnauthorizedLogin: not on Sundays", text)
        self.assertNotIn("you sent", text)
        self.assertIn("the account is locked", text)
        self.assertIn("192.168.1.1", text)
        self.assertIn("OSError", text)
        self.assertNotIn("hunter2", text)

    def tracebacks(self, *attempts):
        """
        @return: what the log says of logins that somebody else's code could not check.
        """
        events = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        for connection in attempts:
            answer = connection.send(b"a LOGIN arnt trondheim")
            self.assertEqual(answer, [b"a NO [UNAVAILABLE] Temporary authentication failure"])
        self.assertNotIn("trondheim", repr(events) + " ".join(map(formatEvent, events)))
        return [formatEvent(event) for event in events if "traceback" in event]

    def test_traceback(self):
        """
        The operator reads where the exception of a checker, of a realm, and of an
        C{authenticateLogin} comes from, but none of their variables, and no text.
        """

        class Realm:
            def requestAvatar(self, avatarId, mind, *interfaces):
                return {}[avatarId]

        class Theirs(JMAPAccessMixin, IMAP4Server):
            def authenticateLogin(self, user, password):
                raise OSError(password)

        def failing(credentials):
            raise RuntimeError(credentials.password)

        async def coroutine(function, credentials):
            await succeed(credentials).addCallback(function)

        found = self.tracebacks(
            connect(failing),
            Connection(portal=makePortal(Realm())),
            Connection(server=Theirs()),
            connect(lambda c: succeed(c).addCallback(failing)),
            connect(lambda c: Deferred.fromCoroutine(coroutine(failing, c))),
        )
        for text, kind, function in zip(
            found,
            ("RuntimeError", "KeyError", "OSError", "RuntimeError", "RuntimeError"),
            ("failing", "requestAvatar", "authenticateLogin", "failing", "failing"),
            strict=True,
        ):
            self.assertIn(f"builtins.{kind}\n", text)
            self.assertIn(f'File "{__file__}", line ', text)
            self.assertIn(f", in {function}", text)

    def test_noTraceback(self):
        """
        Our own exceptions say what there is to say, and a refusal is none.
        """
        self.assertEqual(self.tracebacks(connect(lambda _: TemporaryFailure("down"))), [])

    def test_oneEvent(self):
        """
        Every login is one event, accepted or not, with the same fields: which connection, from
        where, how, with what result, how long it took and how much of that the checker; a name
        only when it was accepted, and never a secret.
        """
        events = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        for result in ("u", Refused("locked"), OSError("secret")):
            answer = Deferred()
            connection = connect(lambda _, d=answer: d)
            connection.send(b"a LOGIN u trondheim")
            connection.clock.advance(0.25)
            (answer.callback if result == "u" else answer.errback)(result)
        found = [event for event in events if event.get("event") == "login"]
        self.assertEqual(
            [event["result"] for event in found], ["accepted", "refused", "unavailable"]
        )
        self.assertEqual(len({event["connection"] for event in found}), 3)
        for event in found:
            self.assertEqual(event["address"], "192.168.1.1")
            self.assertEqual(event["mechanism"], "LOGIN")
            self.assertEqual((event["seconds"], event["checking"]), (0.25, 0.25))
            self.assertNotIn("trondheim", repr(event) + formatEvent(event))
            for word in ("192.168.1.1", "LOGIN", f"connection {event['connection']},", "0.250 s"):
                self.assertIn(word, formatEvent(event))
            self.assertIn(event["reason"], formatEvent(event))
        self.assertEqual([event.get("username") for event in found], ["u", None, None])
        self.assertEqual(found[0]["verdict"], "unknown")
        self.assertEqual(found[0]["reason"], Reason.NO_SERVER.value)
        self.assertEqual([event["reason"] for event in found[1:]], ["locked", "OSError"])

    def test_fixedTime(self):
        """
        Every refusal is answered a second after its command, however long the checker took, and the
        next ones after two and four.
        """
        connection = connect(lambda _: Deferred(), refusalSeconds=1, failuresPerConnection=10)
        waits = iter((0.125, 0.875, 2.5))
        times = []
        for tag in (b"a", b"b", b"c"):
            answer = Deferred()
            connection.server.portal.checkers[IUsernamePassword].work = lambda _, d=answer: d
            started = connection.clock.seconds()
            connection.send(tag + b" LOGIN u p")
            connection.clock.advance(next(waits))
            answer.errback(UnauthorizedLogin())
            while not connection.transport.value():
                connection.clock.advance(0.125)
            connection.received()
            times.append(connection.clock.seconds() - started)
        self.assertEqual(times, [1.0, 2.0, 4.0])

    def test_slowChecker(self):
        """
        A checker that takes longer, for the passwords of known users perhaps, does not tell how
        long: the next multiple of the time counts. Who could not tell is not waited for.
        """
        for error, expected in ((UnauthorizedLogin(), 3.0), (RuntimeError(), 2.25)):
            answer = Deferred()
            connection = connect(lambda _, d=answer: d, refusalSeconds=1)
            connection.send(b"a LOGIN u p")
            connection.clock.advance(2.25)
            answer.errback(error)
            while not connection.transport.value():
                connection.clock.advance(0.125)
            self.assertEqual(connection.clock.seconds(), expected)

    def test_noMechanism(self):
        """
        RFC 3501, section 6.2.2: AUTHENTICATE needs the name of a mechanism.
        """
        answer = connect(lambda _: "u").send(b"a AUTHENTICATE", b"b AUTHENTICATE  ")
        self.assertEqual(answer, [b"a BAD Missing argument", b"b BAD Missing argument"])

    def test_fixedTimeOfResponse(self):
        """
        With AUTHENTICATE the time counts from the client's last response.
        """
        connection = connect(lambda _: UnauthorizedLogin(), refusalSeconds=1)
        connection.send(b"a AUTHENTICATE PLAIN")
        connection.clock.advance(10)
        connection.send(b"AHUAcA==")
        connection.clock.advance(0.75)
        self.assertEqual(connection.received(), [])
        connection.clock.advance(0.25)
        self.assertEqual(connection.received()[0][:5], b"a NO ")

    def test_goneMeanwhile(self):
        """
        A client that goes away while its refusal waits leaves nothing behind.
        """
        connection = connect(lambda _: UnauthorizedLogin(), refusalSeconds=1)
        connection.send(b"a LOGIN u p")
        connection.lose()
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_goneFromTheirCheck(self):
        """
        So it is when another server checks passwords itself.
        """

        class Theirs(IMAP4Server):
            def authenticateLogin(self, user, password):
                raise UnauthorizedLogin()

        server = type("Server", (JMAPAccessMixin, Theirs), {})()
        connection = Connection(server=server, refusalSeconds=1)
        connection.send(b"a LOGIN u p")
        connection.lose()
        self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_goneDuringCheck(self):
        """
        The login of a client that goes away is cancelled, and nothing is logged about it: whether
        it goes while the checker waits, or while it begins.
        """
        events = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        cancelled = []

        def check(credentials):
            if credentials.username == b"early":
                connection.lose()
            return Deferred(lambda _: cancelled.append(credentials.username))

        for name in (b"late", b"early"):
            connection = connect(check)
            del events[:]
            connection.send(b"a LOGIN " + name + b" p")
            if name == b"late":
                connection.lose()
            self.assertEqual((cancelled, events), ([name], []))
            del cancelled[:]

    def test_failureReturned(self):
        """
        A checker that returns a failure has refused.
        """
        connection = connect(lambda _: Failure(UnauthorizedLogin()))
        (answer,) = connection.send(b"a LOGIN u p")
        self.assertEqual(answer, b"a NO [AUTHENTICATIONFAILED] Authentication failed")
        self.assertEqual(connection.server.state, "unauth")

    def test_nothingKept(self):
        """
        No connection keeps a password once it is checked.
        """
        seen = []

        def check(credentials):
            seen.append(ref(credentials))
            return "u" if credentials.password == b"p" else UnauthorizedLogin()

        for password in (b"p", b"wrong"):
            connection = connect(check)
            self.assertEqual(connection.send(b"a LOGIN u " + password, b"b NOOP")[1][:5], b"b OK ")
            gc.collect()
            self.assertIsNone(seen.pop()(), password)

    def test_noAccount(self):
        """
        A realm that gives something else than an account: its avatar is logged out.
        """

        class Realm(RecordingRealm):
            def requestAvatar(self, avatarId, mind, *interfaces):
                return IUsernamePassword, *super().requestAvatar(avatarId, mind, *interfaces)[1:]

        realm = Realm()
        connection = Connection(portal=makePortal(realm, [Checker(lambda _: "u")]))
        (answer,) = connection.send(b"a LOGIN u p")
        self.assertEqual(answer, b"a NO [UNAVAILABLE] Temporary authentication failure")
        self.assertEqual(realm.loggedOut, ["u"])

    def test_theirPortal(self):
        """
        A portal that somebody else wrote is asked as it is.
        """
        asked = []

        class Theirs(Portal):
            def login(self, credentials, mind, *interfaces):
                asked.append(credentials.username)
                return super().login(credentials, mind, *interfaces)

        portal = Theirs(RecordingRealm(), [Checker(lambda _: "u")])
        self.assertEqual(Connection(portal=portal).send(b"a LOGIN u p")[0][:5], b"a OK ")
        self.assertEqual(asked, [b"u"])


class TokenTests(SynchronousTestCase):
    """
    OAUTHBEARER and XOAUTH2 when the token is refused (RFC 7628, section 3.2).
    """

    refusal = TokenRefused("expired", "invalid_token", "mail", "https://op.example/")

    def test_challenge(self):
        """
        The client is told why, in JSON; its answer gets the tagged NO.
        """
        for mechanism, status in ((b"OAUTHBEARER", "invalid_token"), (b"XOAUTH2", "401")):
            message = (
                BEARER
                if mechanism == b"OAUTHBEARER"
                else base64(b"user=u\x01auth=Bearer t\x01\x01")
            )
            for lines in (
                (b"a AUTHENTICATE %b %b" % (mechanism, message),),
                (b"a AUTHENTICATE " + mechanism, message),
            ):
                connection = connect(lambda _: self.refusal)
                for line in lines:
                    (challenge,) = connection.send(line)
                self.assertEqual(json.loads(b64decode(challenge[2:]))["status"], status)
                self.assertEqual(
                    connection.send(b"AQ=="),
                    [b"a NO [AUTHENTICATIONFAILED] Authentication failed"],
                )

    def test_cancel(self):
        """
        C{*} gets BAD (RFC 3501, section 6.2.2), and still counts as a refusal.
        """
        connection = connect(lambda _: self.refusal)
        connection.send(b"a AUTHENTICATE OAUTHBEARER " + BEARER)
        self.assertEqual(connection.send(b"*"), [b"a BAD Authentication cancelled"])
        self.assertEqual(connection.server._jmaFailures, 1)

    def test_temporaryFailure(self):
        """
        A temporary failure sends no challenge.
        """
        connection = connect(lambda _: TemporaryFailure())
        answer = connection.send(b"a AUTHENTICATE OAUTHBEARER " + BEARER)
        self.assertEqual(answer, [b"a NO [UNAVAILABLE] Temporary authentication failure"])

    def test_longToken(self):
        """
        A token of 48 KiB is taken.
        """
        seen = []
        connection = connect(lambda c: seen.append(c.token) or "u")
        message = base64(b"n,,\x01auth=Bearer " + b"t" * 49152 + b"\x01\x01")
        self.assertEqual(connection.send(b"a AUTHENTICATE OAUTHBEARER " + message)[0][:5], b"a OK ")
        self.assertEqual(len(seen[0]), 49152)

    def test_endAtExpiry(self):
        """
        Where the operator wants it the connection ends when the token does, and else it does not.
        """
        from time import time

        for ends in (True, False):

            def accept(credentials, ends=ends):
                leaveEvidence(
                    credentials, Evidence("u", "test", expires=time() + 100, endAtExpiry=ends)
                )
                return "u"

            connection = connect(accept)
            connection.send(b"a AUTHENTICATE OAUTHBEARER " + BEARER)
            self.assertEqual(connection.received(), [])
            connection.clock.advance(101)
            self.assertEqual(connection.received() != [], ends)
            connection.lose()
            self.assertEqual(connection.clock.getDelayedCalls(), [])

    def test_expiredAlready(self):
        """
        A token that ended while it was checked ends the connection at once.
        """

        def accept(credentials):
            leaveEvidence(credentials, Evidence("u", "test", expires=5.0, endAtExpiry=True))
            return "u"

        connection = connect(accept)
        callLater, periods = connection.server.callLater, []
        connection.server.callLater = lambda period, function: (
            periods.append(period) or callLater(period, function)
        )
        answer = connection.send(b"a AUTHENTICATE OAUTHBEARER " + BEARER)
        self.assertEqual([line[:5] for line in answer], [b"a OK ", b"* BYE"])
        self.assertGreaterEqual(min(periods), 0)

    def test_logoutRaises(self):
        """
        Whatever a realm's logout does, no timer is left.
        """
        from time import time

        class Realm(RecordingRealm):
            def requestAvatar(self, avatarId, mind, *interfaces):
                interface, account, _ = super().requestAvatar(avatarId, mind, *interfaces)
                return interface, account, lambda: 1 / 0

        def accept(credentials):
            leaveEvidence(
                credentials, Evidence("u", "test", expires=time() + 100, endAtExpiry=True)
            )
            return "u"

        connection = Connection(portal=makePortal(Realm(), [Checker(accept)]))
        connection.send(b"a AUTHENTICATE OAUTHBEARER " + BEARER)
        self.assertRaises(ZeroDivisionError, connection.lose)
        self.assertEqual(connection.clock.getDelayedCalls(), [])


class EvidenceTests(SynchronousTestCase):
    """
    What a checker leaves decides.
    """

    def verdict(self, evidence, command=b"LOGIN Arnt p", **policy):
        """
        @return: the record of a login whose checker leaves C{evidence}.
        """

        def accept(credentials):
            if evidence is not None:
                leaveEvidence(credentials, evidence)
            return "arnt"

        connection = connect(accept, jmapAccessPolicy=EvidencePolicy(URL, **policy))
        connection.send(b"a " + command)
        return connection.server.loginRecord

    def test_usable(self):
        """
        Evidence without an objection, and its name is the user's.
        """
        record = self.verdict(Evidence("arnt", "ldap"))
        self.assertEqual((record.username, record.verdict), ("arnt", Usable(URL)))

    def test_objection(self):
        """
        Evidence with an objection.
        """
        record = self.verdict(Evidence("arnt", "ldap", Reason.NOT_ALLOWED))
        self.assertEqual(record.verdict, Known(URL, Reason.NOT_ALLOWED))

    def test_none(self):
        """
        No evidence: known, and the name is what was typed.
        """
        record = self.verdict(None)
        self.assertEqual(
            (record.username, record.verdict), ("Arnt", Known(URL, Reason.NO_EVIDENCE))
        )

    def test_ownURL(self):
        """
        The user's own session URL; an illegal one is not used, nor is the common one instead.
        """
        record = self.verdict(Evidence("arnt", "ldap", sessionURL="https://b.example/jmap"))
        self.assertEqual(record.verdict, Usable("https://b.example/jmap"))
        record = self.verdict(Evidence("arnt", "ldap", sessionURL="http://b.example/jmap"))
        self.assertNotIsInstance(record.verdict, (Usable, Known))

    def test_tokens(self):
        """
        Whether tokens and tokens in the place of passwords are good for JMAP is the operator's
        word.
        """
        token = b"AUTHENTICATE OAUTHBEARER " + BEARER
        good = Evidence("arnt", "introspection")
        self.assertEqual(self.verdict(good, token, tokens=False).verdict, Known(URL, Reason.TOKENS))
        self.assertEqual(self.verdict(good, token, passwords=False).verdict, Usable(URL))
        disguised = Evidence("arnt", "introspection", tokenAsPassword=True)
        self.assertEqual(self.verdict(disguised).verdict, Known(URL, Reason.TOKEN_AS_PASSWORD))
        self.assertEqual(self.verdict(disguised, passwordsMayBeTokens=True).verdict, Usable(URL))


@implementer(IChallengeResponse)
class AnonymousChallenger(Anonymous):
    """
    SASL ANONYMOUS, as somebody else might write it.
    """

    def getChallenge(self):
        """
        See L{IChallengeResponse}.
        """
        return b""

    def setResponse(self, response):
        """
        See L{IChallengeResponse}.
        """

    def moreChallenges(self):
        """
        See L{IChallengeResponse}.
        """
        return False


class ForeignChallengerTests(SynchronousTestCase):
    """
    Challengers of others.
    """

    def test_cramMD5(self):
        """
        CRAM-MD5 works and counts as a password.
        """
        server = JMAPAccessIMAP4Server(chal={b"CRAM-MD5": CramMD5Credentials})
        connection = Connection(server=server, jmapAccessPolicy=SharedCredentials(URL))
        self.assertIn(b"AUTH=CRAM-MD5", capabilitiesIn(connection.greeting[0]))
        (challenge,) = connection.send(b"a AUTHENTICATE CRAM-MD5")
        response = CramMD5ClientAuthenticator(b"arnt").challengeResponse(
            b"trondheim", b64decode(challenge[2:])
        )
        self.assertIn(b"JMAPACCESS", connection.send(base64(response))[0])
        self.assertEqual(connection.server.loginRecord.mechanism, "CRAM-MD5")
        self.assertEqual(connection.server.loginRecord.username, "arnt")

    def cramMD5(self, policy, checker):
        """
        @return: the connection after a login by CRAM-MD5.
        """
        server = JMAPAccessIMAP4Server(chal={b"CRAM-MD5": CramMD5Credentials})
        portal = makePortal(checkers=chain([checker]))
        connection = Connection(server=server, jmapAccessPolicy=policy, portal=portal)
        (challenge,) = connection.send(b"a AUTHENTICATE CRAM-MD5")
        response = CramMD5ClientAuthenticator(b"arnt").challengeResponse(
            b"trondheim", b64decode(challenge[2:])
        )
        connection.send(base64(response))
        return connection

    def test_evidence(self):
        """
        With L{EvidentChecker} CRAM-MD5 counts as a password under L{EvidencePolicy} as well, and
        without it not.
        """
        memory = InMemoryUsernamePasswordDatabaseDontUse(arnt=b"trondheim")
        evident = EvidentChecker(memory, "memory")
        for policy, checker, verdict in (
            (EvidencePolicy(URL), evident, Usable(URL)),
            (EvidencePolicy(URL, passwords=False), evident, Known(URL, Reason.PASSWORDS)),
            (EvidencePolicy(URL), memory, Known(URL, Reason.NO_EVIDENCE)),
            (SharedCredentials(URL), memory, Usable(URL)),
        ):
            record = self.cramMD5(policy, checker).server.loginRecord
            self.assertEqual((record.username, record.verdict), ("arnt", verdict))

    def test_noRoomForEvidence(self):
        """
        Credentials that can hold nothing, or that have an C{evidence} of their own, are left alone.
        """

        class Slotted:
            __slots__ = ()

        class Own:
            evidence = "their own"

        for kind in (Slotted, Own):
            credentials = kind()
            makeEvident(credentials)
            self.assertFalse(IEvident.providedBy(credentials))
        self.assertEqual(credentials.evidence, "their own")

    def test_noInitialResponse(self):
        """
        A mechanism in which the server speaks first has no initial response (RFC 4959, section 3).
        """
        server = JMAPAccessIMAP4Server(chal={b"CRAM-MD5": CramMD5Credentials})
        answer = Connection(server=server).send(b"a AUTHENTICATE CRAM-MD5 AAAA")
        self.assertEqual(answer[0][:6], b"a BAD ")

    def test_malformed(self):
        """
        A response that the challenger does not understand is BAD.
        """
        server = JMAPAccessIMAP4Server(chal={b"CRAM-MD5": CramMD5Credentials})
        connection = Connection(server=server)
        connection.send(b"a AUTHENTICATE CRAM-MD5")
        self.assertEqual(connection.send(base64(b"nonsense"))[0][:6], b"a BAD ")

    def test_anonymous(self):
        """
        An anonymous login is never usable.
        """
        server = JMAPAccessIMAP4Server(chal={b"ANONYMOUS": AnonymousChallenger})
        connection = Connection(
            server=server,
            portal=makePortal(checkers=[AllowAnonymousAccess()]),
            jmapAccessPolicy=SharedCredentials(URL),
        )
        connection.send(b"a AUTHENTICATE ANONYMOUS")
        self.assertEqual(connection.send(b"")[-1][:5], b"a OK ")
        self.assertEqual(connection.server.loginRecord.verdict, Known(URL, Reason.ANONYMOUS))


class PrivacyTests(SynchronousTestCase):
    """
    Secrets in clear, and STARTTLS.
    """

    secretCommands = (
        b"LOGIN arnt trondheim",
        b"LOGIN {4}",
        b"AUTHENTICATE PLAIN",
        b"AUTHENTICATE PLAIN " + base64(b"\0arnt\0trondheim"),
        b"AUTHENTICATE LOGIN",
        b"AUTHENTICATE OAUTHBEARER",
        b"AUTHENTICATE XOAUTH2",
    )

    def assertClosed(self, connection):
        """
        No command that carries a secret in clear gets further than NO, without waiting for it.
        """
        offered = capabilitiesIn(connection.send(b"a CAPABILITY")[0])
        self.assertIn(b"LOGINDISABLED", offered)
        self.assertEqual([name for name in offered if name.startswith(b"AUTH=")], [])
        for command in self.secretCommands:
            self.assertEqual(
                connection.send(b"b " + command), [b"b NO [PRIVACYREQUIRED] TLS is needed first"]
            )
        self.assertEqual(connection.send(b"c LOGIN {4+}", b"arnt {3+}", b"pwd")[0][:5], b"c NO ")
        self.assertEqual(connection.send(b"d NOOP")[-1][:4], b"d OK")

    def test_required(self):
        """
        With C{requireTLS} there are no secrets in clear.
        """
        self.assertClosed(Connection(requireTLS=True))

    def test_serverCanStartTLS(self):
        """
        A server that can do TLS asks for it, as Twisted's advertises it.
        """
        connection = Connection(
            server=JMAPAccessIMAP4Server(contextFactory=object()),
            transport=TLSStringTransport(),
            requireTLS=None,
        )
        self.assertIn(b"STARTTLS", capabilitiesIn(connection.greeting[0]))
        self.assertClosed(connection)

    def test_serverWithoutTLS(self):
        """
        A server that cannot do TLS goes on taking passwords in clear, but tokens only from
        loopback.
        """
        for host, taken in (("192.0.2.1", False), ("127.0.0.1", True), ("::1", True)):
            transport = StringTransport(peerAddress=IPv4Address("TCP", host, 1))
            connection = Connection(transport=transport, requireTLS=None)
            offered = capabilitiesIn(connection.greeting[0])
            self.assertIn(b"AUTH=PLAIN", offered)
            self.assertEqual(b"AUTH=OAUTHBEARER" in offered, taken)
            self.assertEqual(connection.send(b"a LOGIN arnt trondheim")[0][:5], b"a OK ")

    def test_startTLS(self):
        """
        RFC 3501, section 6.2.1: what came in clear behind STARTTLS is thrown away, an announced
        literal included; after it, secrets are taken.
        """
        transport = TLSStringTransport()
        connection = Connection(
            server=JMAPAccessIMAP4Server(contextFactory=object()),
            transport=transport,
            requireTLS=True,
        )
        answer = connection.send(b"a STARTTLS", b"b NOOP", b"c LOGIN ada {29+}", b"d NOO")
        self.assertEqual([line[:4] for line in answer], [b"a OK"])
        self.assertTrue(transport.startedTLS)
        offered = capabilitiesIn(connection.send(b"e CAPABILITY")[0])
        self.assertNotIn(b"STARTTLS", offered)
        self.assertNotIn(b"LOGINDISABLED", offered)
        self.assertIn(b"AUTH=PLAIN", offered)
        answer = connection.send(b"f STARTTLS", b"g NOOP")
        self.assertEqual([line[:5] for line in answer], [b"f NO ", b"g OK "])
        self.assertEqual(connection.send(b"h LOGIN arnt trondheim")[0][:5], b"h OK ")

    def test_protectedTransport(self):
        """
        TLS that began with the connection, or that a proxy has ended, is as good.
        """
        for interface in (ISSLTransport, IProtectedTransport):
            transport = StringTransport()
            alsoProvides(transport, interface)
            connection = Connection(transport=transport, requireTLS=True)
            self.assertIn(b"AUTH=PLAIN", capabilitiesIn(connection.greeting[0]))

    def test_noPasswordsAfterTLS(self):
        """
        Twisted's own PLAIN and LOGIN, which it offers from STARTTLS on, are not for a server that
        has no checker for passwords.
        """
        connection = Connection(
            server=JMAPAccessIMAP4Server(contextFactory=object()),
            transport=TLSStringTransport(),
            portal=makePortal(checkers=[TokenChecker({})]),
            requireTLS=True,
        )
        connection.send(b"a STARTTLS")
        offered = capabilitiesIn(connection.send(b"b CAPABILITY")[0])
        self.assertIn(b"AUTH=OAUTHBEARER", offered)
        self.assertNotIn(b"AUTH=PLAIN", offered)


class EvidenceThroughTheirCodeTests(SynchronousTestCase):
    """
    Evidence travels through an C{authenticateLogin} that somebody else wrote.
    """

    def test_throttle(self):
        """
        One that waits, changes the name, and then does what Twisted's does.
        """

        class Throttled(IMAP4Server):
            def authenticateLogin(self, user, password):
                waited = Deferred()
                self.callLater(1, lambda: waited.callback(None))
                return waited.addCallback(
                    lambda _: super(Throttled, self).authenticateLogin(user + b"@x", b"p2")
                )

        class Server(JMAPAccessMixin, Throttled):
            pass

        def accept(credentials):
            self.assertEqual(credentials.password, b"p2")
            leaveEvidence(credentials, Evidence(credentials.username.decode(), "test"))
            return "u"

        connection = Connection(
            server=Server(),
            portal=makePortal(checkers=[Checker(accept)]),
            jmapAccessPolicy=EvidencePolicy(URL),
        )
        self.assertEqual(connection.send(b"a LOGIN arnt p"), [])
        connection.clock.advance(1)
        self.assertIn(b"JMAPACCESS", connection.received()[0])
        self.assertEqual(connection.server.loginRecord.username, "arnt@x")


class DecidingTests(SynchronousTestCase):
    """
    A policy that takes its time.
    """

    def connect(self):
        """
        @return: a connection whose policy waits, and what it waits for.
        """
        decided = Deferred()

        class Waiting:
            def decide(self, authentication):
                return decided

        self.realm = RecordingRealm()
        connection = Connection(portal=makePortal(self.realm), jmapAccessPolicy=Waiting())
        connection.send(b"a LOGIN arnt trondheim")
        return connection, decided

    def test_clientGone(self):
        """
        The client goes away meanwhile: the policy is not waited for, and the avatar is logged out.
        """
        connection, _ = self.connect()
        connection.lose()
        self.assertEqual(self.realm.loggedOut, [b"arnt"])

    def test_cancelled(self):
        """
        A policy that gives up by itself is not the client's fault: the login stands.
        """
        connection, decided = self.connect()
        decided.cancel()
        self.assertEqual(connection.received()[0][:5], b"a OK ")
        self.assertEqual(self.realm.loggedOut, [])

    def test_autologout(self):
        """
        So it is when the server loses patience.
        """
        connection, _ = self.connect()
        connection.clock.advance(60)
        self.assertEqual(self.realm.loggedOut, [b"arnt"])
        connection.lose()
        self.assertEqual(self.realm.loggedOut, [b"arnt"])
        self.assertEqual(connection.clock.getDelayedCalls(), [])


class OneAccountTests(SynchronousTestCase):
    """
    Names that the avatar gets.
    """

    def test_avatarIdIsNotConverted(self):
        """
        A foreign checker's avatar id reaches the realm as it is.
        """
        realm = RecordingRealm()
        avatarId = object()
        connection = Connection(portal=makePortal(realm, [Checker(lambda _: avatarId)]))
        connection.server.portal.realm = realm
        realm.accountFactory = lambda _: None
        connection.send(b"a LOGIN u p")
        self.assertIs(realm.loggedIn[0], avatarId)

    def test_nameInLog(self):
        """
        A name with a line break makes no second line in the log.
        """
        lines = []
        globalLogPublisher.addObserver(lines.append)
        self.addCleanup(globalLogPublisher.removeObserver, lines.append)
        connection = connect(lambda _: "u")
        connection.send(b"a LOGIN {7}")
        connection.send(b"u\r\n{fak p")
        texts = [formatEvent(event) for event in lines]
        self.assertEqual(len([text for text in texts if "logged in" in text]), 1)
        self.assertNotIn("\n", "".join(texts))

    def test_twoWays(self):
        """
        Passwords and tokens of one user lead to one account.
        """
        realm = RecordingRealm()
        checkers = [
            InMemoryUsernamePasswordDatabaseDontUse(arnt=b"trondheim"),
            TokenChecker({"tok": Evidence("arnt", "test")}),
        ]
        for command in (b"LOGIN arnt trondheim", b"AUTHENTICATE OAUTHBEARER " + BEARER):
            Connection(portal=makePortal(realm, checkers)).send(b"a " + command)
        self.assertEqual(realm.loggedIn, [b"arnt", "arnt"])
