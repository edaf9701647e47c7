# -*- test-case-name: tests.test_policy -*-
"""
Tests for L{txjmapaccess.policy} and L{txjmapaccess.verdict}.
"""

from __future__ import annotations

import os
import re
from itertools import product

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import txjmapaccess
from txjmapaccess.credentials import Authentication, Evidence, Secret
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.interfaces import IJMAPAccessPolicy
from txjmapaccess.policy import EvidencePolicy, SharedCredentials, verdictFor
from txjmapaccess.verdict import Known, Reason, Unknown, Usable

URL = "https://example.com/jmap"
GOOD = Evidence("arnt", "test")


def authentication(secret=Secret.PASSWORD, evidence=GOOD):
    """
    @return: what a policy is asked about.
    """
    return Authentication("arnt", "LOGIN", secret, evidence)


class PolicyTests(SynchronousTestCase):
    """
    From an authentication to a verdict.
    """

    def test_interface(self):
        """
        Both are policies.
        """
        verifyObject(IJMAPAccessPolicy, EvidencePolicy(URL))
        verifyObject(IJMAPAccessPolicy, SharedCredentials(URL))

    def test_table(self):
        """
        Passwords, tokens and tokens in the place of passwords, each as the operator says; an
        anonymous login is never usable.
        """
        for passwords, tokens, disguised in product((True, False), repeat=3):
            settings = {
                "passwords": passwords,
                "tokens": tokens,
                "passwordsMayBeTokens": disguised,
            }
            expected = {
                Secret.PASSWORD: None if passwords else Reason.PASSWORDS,
                Secret.TOKEN: None if tokens else Reason.TOKENS,
                Secret.TOKEN_AS_PASSWORD: None if disguised else Reason.TOKEN_AS_PASSWORD,
                Secret.NOTHING: Reason.ANONYMOUS,
            }
            for policy in (EvidencePolicy(URL, **settings), SharedCredentials(URL, **settings)):
                for secret, reason in expected.items():
                    verdict = policy.decide(authentication(secret))
                    self.assertEqual(verdict, Usable(URL) if reason is None else Known(URL, reason))

    def test_noEvidence(self):
        """
        Without evidence L{EvidencePolicy} claims nothing; L{SharedCredentials} is a word that needs
        none.
        """
        asked = authentication(evidence=None)
        self.assertEqual(EvidencePolicy(URL).decide(asked), Known(URL, Reason.NO_EVIDENCE))
        self.assertEqual(SharedCredentials(URL).decide(asked), Usable(URL))

    def test_objection(self):
        """
        Evidence that speaks against the credentials counts with both.
        """
        for reason in (Reason.NOT_ALLOWED, Reason.SCOPE, Reason.PASSWORD_EXPIRED):
            asked = authentication(evidence=Evidence("arnt", "test", reason))
            for policy in (EvidencePolicy(URL), SharedCredentials(URL)):
                self.assertEqual(policy.decide(asked), Known(URL, reason))

    def test_identifiers(self):
        """
        Without the operator's word about identifiers nothing is usable.
        """
        policy = EvidencePolicy(URL, sameIdentifiers=False)
        self.assertEqual(policy.decide(authentication()), Known(URL, Reason.IDENTIFIERS))

    def test_noURL(self):
        """
        Without a URL nothing is known, unless the evidence brings one.
        """
        policy = EvidencePolicy()
        self.assertEqual(policy.decide(authentication()), Unknown())
        own = Evidence("arnt", "test", sessionURL="https://other.example/jmap")
        self.assertEqual(
            policy.decide(authentication(evidence=own)), Usable("https://other.example/jmap")
        )

    def test_illegalURLOfEvidence(self):
        """
        An illegal URL that the evidence brings is logged and not used; nor is the common one, which
        is not this user's.
        """
        own = Evidence("arnt", "test", sessionURL="http://other.example/jmap")
        with capturedLogs() as logs:
            verdict = EvidencePolicy(URL).decide(authentication(evidence=own))
        self.assertEqual(verdict, Unknown())
        self.assertEqual([event["username"] for event in logs], ["arnt"])

    def test_illegalCommonURL(self):
        """
        An illegal common URL is refused at once, by its name.
        """
        error = self.assertRaises(ConfigurationError, EvidencePolicy, "http://example.com/")
        self.assertEqual(
            str(error), "session_url must be https: http is only for loopback addresses"
        )


class Asked:
    """
    A policy that gives what it is told to give.
    """

    def __init__(self, given):
        self.given = given

    def decide(self, authentication):
        """
        See L{IJMAPAccessPolicy}.
        """
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


class VerdictForTests(SynchronousTestCase):
    """
    L{verdictFor}: whatever a policy does, nothing is claimed that is not so.
    """

    def verdict(self, given, asked=None, identifiersShared=True):
        """
        @return: the verdict that is made of what a policy gives.
        """
        made = verdictFor(Asked(given), asked or authentication(), identifiersShared)
        return self.successResultOf(Deferred.fromCoroutine(made))

    def test_asItIs(self):
        """
        A good verdict stays as it is, given at once, later, or by a coroutine.
        """

        async def coroutine():
            return Usable(URL)

        for verdict in (Usable(URL), Known(URL, Reason.SCOPE), Unknown(), Unknown(Reason.SCOPE)):
            self.assertEqual(self.verdict(verdict), verdict)
            self.assertEqual(self.verdict(succeed(verdict)), verdict)
        self.assertEqual(self.verdict(coroutine()), Usable(URL))

    def test_noPolicy(self):
        """
        Without a policy nothing is known.
        """
        made = verdictFor(None, authentication(), True)
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(made)), Unknown())

    def test_identifiers(self):
        """
        Over identifiers that are not shared nothing is usable.
        """
        verdict = self.verdict(Usable(URL), identifiersShared=False)
        self.assertEqual(verdict, Known(URL, Reason.IDENTIFIERS))
        verdict = self.verdict(Known(URL, Reason.SCOPE), identifiersShared=False)
        self.assertEqual(verdict, Known(URL, Reason.SCOPE))

    def test_nobody(self):
        """
        For somebody whom nobody can identify nothing is usable: anonymous, even with evidence; and
        without a name, from a checker or typed.
        """
        for asked, reason in (
            (Authentication("x", "ANONYMOUS", Secret.NOTHING), Reason.ANONYMOUS),
            (Authentication("x", "ANONYMOUS", Secret.NOTHING, GOOD), Reason.ANONYMOUS),
            (Authentication(None, "EXTERNAL", Secret.PASSWORD), Reason.NO_EVIDENCE),
            (Authentication("", "LOGIN", Secret.PASSWORD), Reason.NO_EVIDENCE),
        ):
            for shared in (True, False):
                self.assertEqual(self.verdict(Usable(URL), asked, shared), Known(URL, reason))
            self.assertEqual(
                self.verdict(SharedCredentials(URL).decide(asked), asked), Known(URL, reason)
            )
            self.assertEqual(self.verdict(Unknown(), asked), Unknown())
        named = Authentication("arnt", "EXTERNAL", Secret.PASSWORD, GOOD)
        self.assertEqual(self.verdict(Usable(URL), named), Usable(URL))

    def test_nonsense(self):
        """
        What is no verdict, or has no URL or reason of ours, is logged, and unknown.
        """
        for nonsense in (
            *(None, True, URL, Usable, KeyError("x"), fail(KeyError("x")), succeed(None)),
            *(Usable(None), Usable(b"https://example.com/"), Known(URL, "of ours?"), Unknown("x")),
        ):
            with capturedLogs() as logs:
                self.assertEqual(self.verdict(nonsense), Unknown(), nonsense)
            (event,) = [event for event in logs if "JMAP" in event["log_format"]]
            self.assertEqual(event["log_namespace"], "txjmapaccess.policy")
            self.flushLoggedErrors()

    def test_illegalURL(self):
        """
        A URL that may not be shown is logged without a traceback, and unknown.
        """
        for verdict in (Usable("http://example.com/"), Known("/jmap", Reason.SCOPE)):
            with capturedLogs() as logs:
                self.assertEqual(self.verdict(verdict), Unknown())
            self.assertEqual([event.get("log_failure") for event in logs], [None])
            self.assertIn("must be", logs[0]["problem"])

    def test_givesUp(self):
        """
        A policy that cancels its own work is logged, and unknown.
        """
        decided = Deferred()
        made = Deferred.fromCoroutine(verdictFor(Asked(decided), authentication(), True))
        with capturedLogs() as logs:
            decided.cancel()
        self.assertEqual(self.successResultOf(made), Unknown())
        self.assertEqual(len(logs), 1)

    def test_cancelled(self):
        """
        When we are cancelled, so is the policy, and that is nobody's fault.
        """
        decided = Deferred()
        made = Deferred.fromCoroutine(verdictFor(Asked(decided), authentication(), True))
        with capturedLogs() as logs:
            made.cancel()
        self.failureResultOf(made, CancelledError)
        self.assertTrue(decided.called)
        self.assertEqual(logs, [])

    def test_plainValues(self):
        """
        A verdict is made of plain values: what a subclass says when it is asked again, or how its
        URL encodes itself, does not matter.
        """

        class Text(str):
            def encode(self, *_):
                raise KeyError

        class Changing(Usable):
            pass

        for given in (Usable(Text(URL)), Changing(URL)):
            verdict = self.verdict(given)
            self.assertIs(type(verdict), Usable)
            self.assertIs(type(verdict.url), str)

    def test_cancellerRaises(self):
        """
        A policy whose canceller raises does not keep the login.
        """

        def canceller(_):
            raise KeyError("x")

        made = verdictFor(Asked(Deferred(canceller)), authentication(), True)
        asked = Deferred.fromCoroutine(made)
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)


class OnePlaceTests(SynchronousTestCase):
    """
    The package.
    """

    def test_onePlace(self):
        """
        A policy is asked in one place.
        """
        [root] = txjmapaccess.__path__
        asking, call = [], re.compile(r"\.decide\((?!Authentication\))")
        for directory, _, names in os.walk(root):
            for name in names:
                if name.endswith(".py"):
                    with open(os.path.join(directory, name), encoding="utf-8") as file:
                        asking += [name] * len(call.findall(file.read()))
        self.assertEqual(asking, ["policy.py"])
