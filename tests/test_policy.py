# -*- test-case-name: tests.test_policy -*-
"""
Tests for L{txjmapaccess.policy} and L{txjmapaccess.verdict}.
"""

from __future__ import annotations

from itertools import product

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txjmapaccess.credentials import Authentication, Evidence, Secret
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.interfaces import IJMAPAccessPolicy
from txjmapaccess.policy import EvidencePolicy, SharedCredentials
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
