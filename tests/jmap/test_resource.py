# -*- test-case-name: tests.jmap.test_resource -*-
"""
Tests for L{txjmapaccess.jmap.resource}, L{txjmapaccess.jmap.guardedresource} and
L{txjmapaccess.jmap.authenticator}: who may come in, and what HTTP says.
"""

from __future__ import annotations

import base64
import json

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.logger import capturedLogs, formatEvent
from twisted.mail.imap4 import MemoryAccount
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.imap import RecordingRealm, makePortal
from tests.support.jmap import (
    CORE,
    MAIL,
    SESSION_URL,
    Mailbox,
    Server,
    basic,
    makeAccount,
    portalOf,
)
from txjmapaccess.credentials import Authentication, Secret
from txjmapaccess.errors import ConfigurationError, TemporaryFailure
from txjmapaccess.jmap import JMAPResource
from txjmapaccess.limits import Limits
from txjmapaccess.policy import EvidencePolicy, SharedCredentials
from txjmapaccess.verdict import Known, Reason, Unknown, Usable


class Checker:
    """
    Gives the answer that it was made with.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, answer):
        self.requestAvatarId = answer


class Policy:
    """
    Gives the answer that it was made with, and remembers the questions.
    """

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def decide(self, authentication):
        self.asked.append(authentication)
        return self.answer()


def _raise(error):
    raise error


class AuthenticationTests(SynchronousTestCase):
    """
    Credentials that are usable get 200, all others 401.
    """

    def test_usablePassword(self) -> None:
        """
        A password to which the policy says usable is let in.
        """
        server = Server()
        self.assertEqual(server.ask(Authorization=basic()).status, 200)

    def test_usableToken(self) -> None:
        """
        So is an access token.
        """
        server = Server()
        self.assertEqual(server.ask(Authorization="Bearer demo-token-arnt").status, 200)

    def test_policySeesTheAuthentication(self) -> None:
        """
        The policy is asked about the same record as on the IMAP side.
        """
        policy = Policy(lambda: succeed(Usable(SESSION_URL)))
        server = Server(policy=policy)
        server.ask(Authorization=basic())
        server.ask(Authorization="Bearer demo-token-arnt")
        password, token = policy.asked
        self.assertEqual(password, Authentication("arnt", "BASIC", Secret.PASSWORD))
        self.assertEqual(
            (token.username, token.mechanism, token.secret), ("arnt", "BEARER", Secret.TOKEN)
        )
        self.assertEqual(token.evidence.source, "test")

    def assertUnauthorized(self, response) -> None:
        self.assertEqual(response.status, 401)
        self.assertEqual(response.headers["content-type"], ["application/problem+json"])
        self.assertEqual(
            response.json,
            {
                "type": "about:blank",
                "status": 401,
                "detail": "Credentials that are valid for JMAP are required",
            },
        )

    def test_noCredentials(self) -> None:
        """
        Without credentials the answer is 401 at once, with a challenge for each scheme
        (RFC 9110, section 15.5.2).
        """
        server = Server()
        server.begin()
        response = server.finish()
        self.assertUnauthorized(response)
        self.assertEqual(
            response.headers["www-authenticate"],
            ['Bearer realm="JMAP"', 'Basic realm="JMAP", charset="UTF-8"'],
        )

    def test_wrongPassword(self) -> None:
        """
        A wrong password is answered with 401, after a while.
        """
        server = Server(refusalSeconds=2)
        server.begin(Authorization=basic(password="wrong"))
        self.assertIsNone(server.finish(1.5))
        self.assertUnauthorized(server.finish(1))
        self.assertEqual(server.realm.loggedIn, [])

    def test_wrongToken(self) -> None:
        """
        A token that is refused is answered with C{invalid_token} (RFC 6750, section 3.1).
        """
        response = Server().ask(Authorization="Bearer nonsense")
        self.assertUnauthorized(response)
        self.assertEqual(
            response.headers["www-authenticate"][0], 'Bearer realm="JMAP", error="invalid_token"'
        )

    def test_known(self) -> None:
        """
        What IMAP accepts as known is 401 here, and the avatar is logged out.
        """
        server = Server(policy=Policy(lambda: Known(SESSION_URL, Reason.NOT_ALLOWED)))
        self.assertUnauthorized(server.ask(Authorization=basic()))
        self.assertEqual((server.realm.loggedIn, server.realm.loggedOut), ([b"arnt"], [b"arnt"]))

    def test_unknown(self) -> None:
        """
        So is unknown.
        """
        self.assertUnauthorized(Server(policy=Policy(Unknown)).ask(Authorization=basic()))

    def test_noEvidence(self) -> None:
        """
        A checker that leaves no evidence is not enough for L{EvidencePolicy}, here as in IMAP.
        """
        server = Server(policy=EvidencePolicy(SESSION_URL))
        self.assertUnauthorized(server.ask(Authorization=basic()))
        self.assertEqual(server.ask(Authorization="Bearer demo-token-arnt").status, 200)

    def test_policyThatFails(self) -> None:
        """
        A policy that fails is logged, and the credentials are refused.
        """
        for answer in (lambda: _raise(KeyError("x")), lambda: fail(KeyError("x")), lambda: True):
            server = Server(policy=Policy(answer))
            self.assertUnauthorized(server.ask(Authorization=basic()))
            self.assertEqual(server.realm.loggedOut, [b"arnt"])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 2)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_policyWithIllegalURL(self) -> None:
        """
        A verdict with a URL that may not be shown is not usable in IMAP, and not here.
        """
        server = Server(policy=Policy(lambda: Usable("http://example.com/jmap")))
        self.assertUnauthorized(server.ask(Authorization=basic()))

    def test_schemeWithoutChecker(self) -> None:
        """
        A scheme for which there is no checker is not offered, and not accepted.
        """
        checker = Checker(lambda credentials: succeed(b"arnt"))
        server = Server(portal=portalOf(checker, RecordingRealm(lambda _: makeAccount())))
        response = server.ask(Authorization="Bearer demo-token-arnt")
        self.assertUnauthorized(response)
        self.assertEqual(
            response.headers["www-authenticate"], ['Basic realm="JMAP", charset="UTF-8"']
        )

    def test_backEndFails(self) -> None:
        """
        A back end that cannot answer is 503, and nothing of its error reaches the client.
        """
        secret = "ldap://10.1.2.3 bind as cn=service secret=hunter2"
        for error in (TemporaryFailure("the directory is down"), ValueError(secret)):
            for answer in (lambda _, e=error: _raise(e), lambda _, e=error: fail(e)):
                with capturedLogs() as logs:
                    server = Server(portal=portalOf(Checker(answer)))
                    response = server.ask(Authorization=basic())
                self.assertEqual(response.status, 503)
                self.assertEqual(response.json["detail"], "Temporary authentication failure")
                self.assertNotIn(b"down", response.body)
                # The text of a foreign exception may hold anything.
                reasons = [event["reason"] for event in logs if "reason" in event]
                isOurs = isinstance(error, TemporaryFailure)
                self.assertEqual(reasons, [str(error) if isOurs else "ValueError"])
                self.assertNotIn("hunter2", repr(logs))

    def logged(self, answer) -> list[str]:
        """
        @return: the log messages of a login with the password trondheim, and the tracebacks.
        """
        with capturedLogs() as logs:
            Server(portal=portalOf(Checker(answer))).ask(Authorization=basic())
        self.assertNotIn("trondheim", repr(logs))
        return [formatEvent(event) for event in logs if "JMAP login" in event["log_format"]] + [
            event["traceback"] for event in logs if "traceback" in event
        ]

    def test_checkerFails(self) -> None:
        """
        The exception of a foreign checker is logged as in IMAP: its class and where it was raised,
        never its text.
        """
        reason, traceback = self.logged(lambda credentials: _raise(ValueError(str(credentials))))
        self.assertEqual(reason, "A JMAP login could not be checked: ValueError")
        self.assertTrue(traceback.startswith("builtins.ValueError\n"), traceback)
        self.assertIn(f'File "{__file__}"', traceback)
        self.assertIn("in _raise", traceback)

    def test_refusalReason(self) -> None:
        """
        The reason of a refusal is logged, unless it holds what the client presented.
        """
        for text, shown in (
            ("locked since Monday", ": locked since Monday"),
            ("not trondheim", ""),
        ):
            self.assertEqual(
                self.logged(lambda _, text=text: fail(UnauthorizedLogin(text))),
                [f"A JMAP login was refused: UnauthorizedLogin{shown}"],
            )

    def test_accountWithoutIdentifiers(self) -> None:
        """
        An account that has no object identifiers is known in IMAP, whatever the policy says, and
        not let in here.
        """
        realm = RecordingRealm(MemoryAccount)
        self.assertUnauthorized(Server(portal=makePortal(realm)).ask(Authorization=basic()))
        self.assertEqual(realm.loggedOut, [b"arnt"])

    def test_accountIDFails(self) -> None:
        """
        An accountId that cannot be read is 503, and the avatar is logged out.
        """
        account = makeAccount()
        account.getAccountID = lambda: fail(KeyError("x"))  # type: ignore[method-assign]
        server = Server(account)
        for _ in range(2):
            self.assertEqual(server.ask(Authorization=basic()).status, 503)
        self.assertEqual(server.realm.loggedOut, [b"arnt"] * 2)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_inClear(self) -> None:
        """
        Credentials in clear from another machine are not looked at (RFC 8620, section 1.7).
        """
        server = Server()
        response = server.ask(Authorization=basic(), peer="192.0.2.1")
        self.assertEqual((response.status, response.json["detail"]), (403, "TLS is required"))
        self.assertEqual(server.realm.loggedIn, [])

    def test_inClearAllowed(self) -> None:
        """
        Unless the operator says that they are protected by other means.
        """
        server = Server(requireTLS=False)
        self.assertEqual(server.ask(Authorization=basic(), peer="192.0.2.1").status, 200)

    def test_tooManyRefusals(self) -> None:
        """
        An address from which too many requests were refused, here or in IMAP, gets 429
        (RFC 6585, section 4); others do not.
        """
        limits = Limits(failuresPerAddress=2)
        server = Server(requireTLS=False, limits=limits)
        limits.refused("192.0.2.1")
        wrong = server.ask(Authorization=basic(password="wrong"), peer="192.0.2.1")
        self.assertEqual(wrong.status, 401)
        self.assertEqual(server.ask(Authorization=basic(), peer="192.0.2.1").status, 429)
        self.assertEqual(server.ask(Authorization=basic(), peer="192.0.2.2").status, 200)
        self.assertTrue(limits.isBlocked("192.0.2.1"))

    def test_knownIsNoAttack(self) -> None:
        """
        Credentials that are known are refused here after the same time, and not counted: IMAP takes
        them.
        """
        limits = Limits(failuresPerAddress=1)
        policy = Policy(lambda: Known(SESSION_URL, Reason.NOT_ALLOWED))
        server = Server(requireTLS=False, limits=limits, policy=policy)
        for _ in range(3):
            server.begin(Authorization=basic(), peer="192.0.2.1")
            self.assertIsNone(server.finish(0.9))
            self.assertUnauthorized(server.finish(0.2))
        self.assertFalse(limits.isBlocked("192.0.2.1"))

    def test_logout(self) -> None:
        """
        Each request is a login of its own, which ends with the request.
        """
        server = Server()
        server.ask(Authorization=basic())
        server.ask(Authorization=basic())
        self.assertEqual(server.realm.loggedOut, [b"arnt", b"arnt"])

    def test_clientGoesAway(self) -> None:
        """
        The avatar of a client that has gone is logged out, and nothing is sent.
        """
        login: Deferred[bytes] = Deferred()
        server = Server()
        server.resource._guard.authenticator.portal = portalOf(
            Checker(lambda _: login), server.realm
        )
        server.begin(Authorization=basic())
        server.channel.connectionLost(Failure(ConnectionDone()))
        login.callback(b"arnt")
        self.assertIsNone(server.finish(5))
        self.assertEqual((server.realm.loggedIn, server.realm.loggedOut), ([b"arnt"], [b"arnt"]))

    def test_logoutThatFails(self) -> None:
        """
        A logout that fails is logged, and the client has its answer.
        """
        realm = RecordingRealm(lambda _: makeAccount())
        realm.loggedOut = None  # type: ignore[assignment]
        response = Server(portal=makePortal(realm)).ask(Authorization=basic())
        self.assertEqual(response.status, 200)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)


class SessionTests(SynchronousTestCase):
    """
    The Session object (RFC 8620, section 2).
    """

    def test_session(self) -> None:
        """
        It has all properties that section 2 requires, with the account of the user.
        """
        session = Server().ask(Authorization=basic()).json
        self.assertEqual(
            set(session),
            {
                *("capabilities", "accounts", "primaryAccounts", "username", "state"),
                *("apiUrl", "downloadUrl", "uploadUrl", "eventSourceUrl"),
            },
        )
        self.assertEqual(session["username"], "arnt")
        self.assertEqual(session["primaryAccounts"], {MAIL: "u1"})
        self.assertEqual(sorted(session["capabilities"]), [CORE, MAIL])
        account = session["accounts"]["u1"]
        self.assertEqual((account["isPersonal"], account["isReadOnly"]), (True, True))
        self.assertIn(MAIL, account["accountCapabilities"])

    def test_nameThatIsNotUTF8(self) -> None:
        """
        A user name of other octets is shown as well as it can be.
        """
        checker = Checker(lambda credentials: succeed(b"x"))
        server = Server(portal=portalOf(checker, RecordingRealm(lambda _: makeAccount())))
        encoded = base64.b64encode(b"j\xfcrgen:x").decode()
        session = server.ask(Authorization=f"Basic {encoded}").json
        self.assertEqual(session["username"], "j\ufffdrgen")

    def test_urls(self) -> None:
        """
        The URLs are absolute, below the session resource, with the variables that section 2
        requires.
        """
        session = Server().ask(Authorization=basic()).json
        base = "http://mail.example.com/jmap"
        self.assertEqual(session["apiUrl"], f"{base}/api")
        for variable in ("accountId", "blobId", "type", "name"):
            self.assertIn("{" + variable + "}", session["downloadUrl"])
        self.assertIn("{accountId}", session["uploadUrl"])
        for variable in ("types", "closeafter", "ping"):
            self.assertIn("{" + variable + "}", session["eventSourceUrl"])

    def test_configuredURL(self) -> None:
        """
        Behind a proxy the operator says what the URL is, and the state is the same everywhere.
        """
        server = Server(url="https://mail.example.org/.well-known/jmap")
        session = server.ask(Authorization=basic()).json
        self.assertEqual(session["apiUrl"], "https://mail.example.org/.well-known/jmap/api")
        body = json.dumps({"using": [CORE], "methodCalls": []}).encode()
        self.assertEqual(server.post(body).json["sessionState"], session["state"])

    def test_illegalURL(self) -> None:
        """
        A URL that may not be shown to clients is refused at start.
        """
        with self.assertRaises(ConfigurationError):
            JMAPResource(
                makePortal(), SharedCredentials(SESSION_URL), url="http://example.com/jmap"
            )

    def test_state(self) -> None:
        """
        The API tells the same state as the session (section 3.4).
        """
        server = Server()
        session = server.ask(Authorization=basic()).json
        body = json.dumps({"using": [CORE], "methodCalls": []}).encode()
        self.assertEqual(server.post(body).json["sessionState"], session["state"])

    def test_notCached(self) -> None:
        """
        No answer is kept by a cache (section 2, RFC 9111, section 3.5).
        """
        for authorization in (basic(), basic(password="wrong")):
            headers = Server().ask(Authorization=authorization).headers
            self.assertEqual(headers["cache-control"], ["no-cache, no-store, must-revalidate"])

    def test_head(self) -> None:
        """
        HEAD answers as GET, without a body.
        """
        response = Server().ask("HEAD", Authorization=basic())
        self.assertEqual((response.status, response.body), (200, b""))

    def test_otherMethods(self) -> None:
        """
        The session cannot be posted to, the API not be got (RFC 9110, section 15.5.6).
        """
        self.assertEqual(Server().ask("POST", Authorization=basic()).status, 405)
        self.assertEqual(Server().ask("GET", "/jmap/api", Authorization=basic()).status, 405)

    def test_noUpload(self) -> None:
        """
        There is nothing at the URLs for uploads and events.
        """
        for path in ("/jmap/upload/u1", "/jmap/events"):
            self.assertEqual(Server().ask("GET", path, Authorization=basic()).status, 404)


class RequestTests(SynchronousTestCase):
    """
    Requests that are rejected as a whole (RFC 8620, section 3.6.1).
    """

    def assertProblem(self, response, kind: str, **more) -> None:
        self.assertEqual(response.status, 400)
        self.assertEqual(response.headers["content-type"], ["application/problem+json"])
        problem = response.json
        self.assertEqual(problem["type"], f"urn:ietf:params:jmap:error:{kind}")
        self.assertEqual({name: problem.get(name) for name in more}, more)

    def test_contentType(self) -> None:
        """
        Only C{application/json} is taken, whatever its parameters.
        """
        body = json.dumps({"using": [CORE], "methodCalls": []}).encode()
        server = Server()
        self.assertProblem(server.post(body, Content_Type="text/plain"), "notJSON")
        charset = "Application/JSON; charset=utf-8"
        self.assertEqual(server.post(body, Content_Type=charset).status, 200)

    def test_tooLarge(self) -> None:
        """
        A request above maxSizeRequest is not parsed.
        """
        self.assertProblem(Server().post(b" " * 1_000_001), "limit", limit="maxSizeRequest")

    def test_bounded(self) -> None:
        """
        Of a body without end, no more is kept than shows that it is too large, with a length or in
        chunks.
        """
        chunk = b"186a0\r\n" + b" " * 100_000 + b"\r\n"
        server = Server()
        fields = {"Authorization": basic(), "Content_Type": "application/json"}
        server.begin("POST", "/jmap/api", Transfer_Encoding="chunked", **fields)
        for _ in range(30):
            server.channel.dataReceived(chunk)
        # The channel is behind Twisted's choice between HTTP/1.1 and HTTP/2.
        (request,) = server.channel._channel.requests
        self.assertEqual(request.content.tell(), 1_000_001)
        server.channel.dataReceived(b"0\r\n\r\n")
        self.assertProblem(server.finish(1), "limit", limit="maxSizeRequest")

    def test_unauthenticated(self) -> None:
        """
        The API is for those who may come in.
        """
        response = Server().post(b"nonsense", Authorization=basic(password="wrong"))
        self.assertEqual(response.status, 401)

    def test_concurrent(self) -> None:
        """
        No more than maxConcurrentRequests of one account run at a time.
        """
        waiting: list[Deferred[list[object]]] = []

        def listMailboxes(ref, wildcard):
            waiting.append(Deferred())
            return waiting[-1]

        account = makeAccount(INBOX=Mailbox("F1"))
        account.listMailboxes = listMailboxes
        server = Server(account)
        call = {"using": [MAIL], "methodCalls": [["Mailbox/get", {"accountId": "u1"}, "0"]]}
        body = json.dumps(call).encode()
        fields = {"Authorization": basic(), "Content_Type": "application/json"}
        for _ in range(8):
            server.begin("POST", "/jmap/api", body, **fields)
            self.assertIsNone(server.finish())
        ninth = server.ask("POST", "/jmap/api", body, **fields)
        self.assertProblem(ninth, "limit", limit="maxConcurrentRequests")
        waiting.pop(0).callback([])
        server.clock.advance(0)
        server.begin("POST", "/jmap/api", body, **fields)
        self.assertIsNone(server.finish())
        waiting.pop().callback([])
        self.assertEqual(server.finish().status, 200)
