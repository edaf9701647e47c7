# -*- test-case-name: tests.imap.test_rfc9698 -*-
"""
The examples of RFC 9698, section 5, on the wire, and the rules of its sections 3 and 4.
"""

from __future__ import annotations

from twisted.mail.imap4 import MemoryAccount
from twisted.trial.unittest import SynchronousTestCase

from tests.support.imap import (
    URL,
    Connection,
    RecordingRealm,
    base64,
    capabilitiesIn,
    makePortal,
)
from txjmapaccess.policy import EvidencePolicy, SharedCredentials
from txjmapaccess.verdict import Known, Reason, Unknown, Usable

PLAIN = base64(b"\0arnt\0trondheim")
BEARER = base64(
    b"n,a=arnt,\x01host=mail.example.com\x01port=143\x01auth=Bearer demo-token-arnt\x01\x01"
)
RESPONSE = b'* JMAPACCESS "' + URL.encode() + b'"'

WAYS = {
    "LOGIN": (b'1 LOGIN "arnt" "trondheim"',),
    "PLAIN with an initial response": (b"1 AUTHENTICATE PLAIN " + PLAIN,),
    "PLAIN without": (b"1 AUTHENTICATE PLAIN", PLAIN),
    "SASL LOGIN with an initial response": (
        b"1 AUTHENTICATE LOGIN " + base64(b"arnt"),
        base64(b"trondheim"),
    ),
    "SASL LOGIN without": (b"1 AUTHENTICATE LOGIN", base64(b"arnt"), base64(b"trondheim")),
    "OAUTHBEARER with an initial response": (b"1 AUTHENTICATE OAUTHBEARER " + BEARER,),
    "OAUTHBEARER without": (b"1 AUTHENTICATE OAUTHBEARER", BEARER),
}
PASSWORD_WAYS = {name: lines for name, lines in WAYS.items() if "OAUTH" not in name}


def logIn(connection, lines):
    """
    @return: the lines that answer the last one of C{lines}.
    """
    for line in lines:
        answer = connection.send(line)
    return answer


class ExampleTests(SynchronousTestCase):
    """
    RFC 9698, section 5.
    """

    def connect(self, policy, **attributes):
        """
        @return: a connection to a server with this policy.
        """
        return Connection(jmapAccessPolicy=policy, **attributes)

    def assertUsable(self, connection, answer):
        """
        JMAPACCESS is in the tagged OK, in CAPABILITY, and GETJMAPACCESS gives the URL.
        """
        self.assertEqual(answer[-1][:17], b"1 OK [CAPABILITY ", answer)
        self.assertIn(b"JMAPACCESS", capabilitiesIn(answer[-1]))
        self.assertIn(b"OBJECTID", capabilitiesIn(answer[-1]))
        self.assertIn(b"JMAPACCESS", capabilitiesIn(connection.send(b"1a CAPABILITY")[0]))
        self.assertEqual(
            connection.send(b"1b GETJMAPACCESS"),
            [RESPONSE, b"1b OK GETJMAPACCESS completed"],
        )

    def test_example1(self):
        """
        RFC 9698, section 5, example 1: OAUTHBEARER, with a provider that IMAP and JMAP share.
        """
        for name in ("OAUTHBEARER with an initial response", "OAUTHBEARER without"):
            connection = self.connect(SharedCredentials(URL, passwords=False))
            self.assertIn(b"AUTH=OAUTHBEARER", capabilitiesIn(connection.greeting[0]))
            self.assertIn(b"SASL-IR", capabilitiesIn(connection.greeting[0]))
            self.assertUsable(connection, logIn(connection, WAYS[name]))

    def test_example2(self):
        """
        RFC 9698, section 5, example 2: a password that IMAP and JMAP share, with LOGIN and
        AUTHENTICATE.
        """
        for lines in PASSWORD_WAYS.values():
            connection = self.connect(SharedCredentials(URL))
            self.assertUsable(connection, logIn(connection, lines))

    def test_example2Erratum(self):
        """
        RFC 9698, section 5, example 2 prints C{2b JMAPACCESS}, which is no command: verified
        erratum 8635.
        """
        connection = self.connect(SharedCredentials(URL))
        logIn(connection, WAYS["LOGIN"])
        (answer,) = connection.send(b"2b JMAPACCESS")
        self.assertEqual(answer[:7], b"2b BAD ")

    def test_example3(self):
        """
        RFC 9698, section 5, example 3: passwords are good for IMAP only. No JMAPACCESS; the URL is
        still given.
        """
        for lines in PASSWORD_WAYS.values():
            connection = self.connect(SharedCredentials(URL, passwords=False))
            answer = logIn(connection, lines)
            self.assertEqual(answer[-1][:5], b"1 OK ")
            self.assertNotIn(b"JMAPACCESS", answer[-1])
            self.assertNotIn(b"JMAPACCESS", connection.send(b"3a CAPABILITY")[0])
            self.assertEqual(connection.send(b"3b GETJMAPACCESS")[0], RESPONSE)

    def test_example4(self):
        """
        RFC 9698, section 5, example 4: a wrong password. The server does not mention JMAPACCESS,
        then or later.
        """
        wrong = {
            "LOGIN": (b'1 LOGIN "arnt" "oslo"',),
            "PLAIN": (b"1 AUTHENTICATE PLAIN " + base64(b"\0arnt\0oslo"),),
            "PLAIN without": (b"1 AUTHENTICATE PLAIN", base64(b"\0arnt\0oslo")),
        }
        for lines in wrong.values():
            connection = self.connect(SharedCredentials(URL))
            answer = logIn(connection, lines)
            self.assertEqual(answer, [b"1 NO [AUTHENTICATIONFAILED] Authentication failed"])
            self.assertNotIn(b"JMAPACCESS", connection.send(b"4a CAPABILITY")[0])
            self.assertEqual(connection.send(b"4b GETJMAPACCESS")[0][:7], b"4b BAD ")


class CommandTests(SynchronousTestCase):
    """
    RFC 9698, sections 3 and 4.
    """

    def logIn(self, **attributes):
        """
        @return: a connection after LOGIN.
        """
        connection = Connection(**attributes)
        self.assertEqual(connection.send(b"a LOGIN arnt trondheim")[-1][:5], b"a OK ")
        return connection

    def test_notBeforeLogin(self):
        """
        Before the login neither the greeting nor CAPABILITY mention JMAPACCESS, and GETJMAPACCESS
        is BAD.
        """
        connection = Connection(jmapAccessPolicy=SharedCredentials(URL))
        self.assertNotIn(b"JMAPACCESS", connection.greeting[0])
        self.assertNotIn(b"JMAPACCESS", connection.send(b"a CAPABILITY")[0])
        self.assertEqual(connection.send(b"b GETJMAPACCESS")[0][:6], b"b BAD ")

    def test_unknown(self):
        """
        Section 4: where no JMAP server is known the answer is BAD, and there is no capability.
        """
        for policy in (None, EvidencePolicy()):
            connection = self.logIn(jmapAccessPolicy=policy)
            self.assertIsInstance(connection.server.loginRecord.verdict, Unknown)
            self.assertNotIn(b"JMAPACCESS", connection.send(b"b CAPABILITY")[0])
            self.assertEqual(connection.send(b"c GETJMAPACCESS")[0][:6], b"c BAD ")

    def test_selected(self):
        """
        GETJMAPACCESS works in the selected state as well.
        """
        connection = self.logIn(jmapAccessPolicy=SharedCredentials(URL))
        connection.server.state = "select"
        self.assertEqual(connection.send(b"b GETJMAPACCESS")[0], RESPONSE)

    def test_arguments(self):
        """
        GETJMAPACCESS has no arguments.
        """
        connection = self.logIn(jmapAccessPolicy=SharedCredentials(URL))
        (answer,) = connection.send(b"b GETJMAPACCESS please")
        self.assertEqual(answer[:6], b"b BAD ")

    def test_quoting(self):
        """
        The URL is a quoted string, and quotes and backslashes in it are escaped.
        """
        url = 'https://example.com/a"b\\c'
        connection = self.logIn(jmapAccessPolicy=SharedCredentials(url))
        self.assertEqual(
            connection.send(b"b GETJMAPACCESS")[0],
            rb'* JMAPACCESS "https://example.com/a\"b\\c"',
        )

    def test_userInURL(self):
        """
        C{{user}} in the session URL is the percent-encoded user name.
        """
        connection = self.logIn(
            jmapAccessPolicy=SharedCredentials("https://example.com/{user}/jmap")
        )
        self.assertEqual(
            connection.send(b"b GETJMAPACCESS")[0], b'* JMAPACCESS "https://example.com/arnt/jmap"'
        )

    def test_noIdentifiers(self):
        """
        Section 3: without OBJECTID there is no JMAPACCESS, whatever the policy says.
        """
        portal = makePortal(RecordingRealm(MemoryAccount))
        connection = self.logIn(portal=portal, jmapAccessPolicy=SharedCredentials(URL))
        self.assertEqual(connection.server.loginRecord.verdict, Known(URL, Reason.IDENTIFIERS))
        (capability, _) = connection.send(b"b CAPABILITY")
        self.assertNotIn(b"JMAPACCESS", capability)
        self.assertNotIn(b"OBJECTID", capability)

    def test_record(self):
        """
        The connection remembers who logged in, how, and the verdict, and the record cannot change.
        """
        connection = self.logIn(jmapAccessPolicy=SharedCredentials(URL))
        record = connection.server.loginRecord
        self.assertEqual(
            (record.username, record.mechanism, record.verdict, record.tokenExpires),
            ("arnt", "LOGIN", Usable(URL), None),
        )
        self.assertGreater(record.decidedAt, 0)
        self.assertRaises(AttributeError, setattr, record, "verdict", Unknown())
