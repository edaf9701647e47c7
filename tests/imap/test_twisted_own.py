"""
Twisted's own tests of its IMAP server, run on ours: what is not listed here as different is as
Twisted has it.
"""

from __future__ import annotations

from twisted.mail import imap4
from twisted.mail.test import test_imap

from txjmapaccess.server import JMAPAccessIMAP4Server, JMAPAccessMixin

#: Why an answer is not Twisted's.
TEXT = "another sentence, or a response code: nothing of an exception or of the command is shown"
DOOR = "the mechanisms offered and what they answer are our own (tests.imap.test_login)"
CAPABILITIES = "there are more of them"
SELECT = "it tells UIDNEXT and PERMANENTFLAGS too (RFC 3501, section 6.3.1)"

DIFFERENT = {
    "IMAP4ServerTests": {
        "testCapability": CAPABILITIES,
        "testCapabilityWithAuth": CAPABILITIES,
        "testCreate": "INBOX cannot be created (RFC 3501, section 6.3.3)",
        "testFailedStatus": TEXT,
        "test_mailboxWithoutNamespace": "a client without any namespace may wait forever",
        "testPartialAppend": "'Right now' is no date",
        "testIllegalDelete": TEXT,
        "testNonExistentDelete": TEXT,
        "testDeleteWithInferiorHierarchicalNames": TEXT,
        "testSelect": SELECT,
        "test_examine": SELECT,
        "test_checkFail": TEXT,
        "test_loginException": TEXT,
        "test_selectWithoutMailbox": TEXT,
    },
    "IMAP4ServerParsingTests": {
        "test_commandRaisesIllegalClientResponse": "LOGIN has one more argument parser",
        "test_commandRaisesIllegalMailboxEncoding": "LOGIN has one more argument parser",
        "test_commandRaisesIllegalOperationResponse": "LOGIN has one more argument parser",
        "test_commandRaisesUnhandledException": "LOGIN has one more argument parser",
        "test_emptyLine": TEXT,
        "test_stringLiteralTooLong": TEXT,
        "test_tooManyArgumentsForCommand": TEXT,
    },
    "AuthenticatorTests": {
        "test_authNotBase64": DOOR,
        "test_challengerRaisesException": DOOR,
        "test_customChallengers": DOOR,
        "test_missingPortal": DOOR,
        "test_unexpectedLoginFailure": DOOR,
        "test_unhandledCredentials": DOOR,
        "test_unsupportedMethod": DOOR,
    },
    "UnsolicitedResponseTests": {
        "testReadOnly": "a response code stands in a response (RFC 3501, section 7.1)",
        "testReadWrite": "a response code stands in a response (RFC 3501, section 7.1)",
    },
    "HandCraftedTests": {
        "test_emptyStringLiteral": TEXT,
        "test_fragmentedStringLiterals": TEXT,
    },
    "NewStoreTests": {},
    "NewFetchTests": {
        "test_fetchInternalDateLocaleIndependent": "skipped where there is no Spanish locale",
        "testFetchHeaders": "the blank line belongs to a header (RFC 3501, section 6.4.5)",
        "testFetchHeadersUID": "the blank line belongs to a header (RFC 3501, section 6.4.5)",
    },
    "DefaultSearchTests": {
        "test_searchInvalidCriteria": TEXT,
    },
    "FetchSearchStoreTests": {
        "test_invalidTerm": TEXT,
    },
    "TLSTests": {
        "test_loginBeforeSTARTTLS": TEXT,
        "test_startTLSWithExistingChallengers": DOOR,
    },
    "TimeoutTests": {},
    "DisconnectionTests": {},
    "IMAP4ServerFetchTests": {
        "test_fetchWithPartialValidArgument": TEXT,
    },
    "IMAP4ServerSearchTests": {},
    # Not here: PipeliningTests, which sees a FETCH of three messages without a body of any, and
    # CopyWorkerTests, which is about a private method that is not called any more.
}


class Server(JMAPAccessIMAP4Server):
    """
    Refusals need not wait.
    """

    refusalSeconds = 0


class SimpleServer(JMAPAccessMixin, test_imap.SimpleServer):
    """
    The server of Twisted's tests, with our mixin before it.
    """

    refusalSeconds = 0


class MailboxRemainder:
    """
    Some of Twisted's test cases are mailboxes too, with little of what a mailbox has: the rest.
    """

    msgObjs = ()

    def isWriteable(self):
        return True

    def getMessageCount(self):
        # The tests of FETCH and STORE name messages that they do not have.
        return 99 if hasattr(self, "received_messages") else len(self.msgObjs)

    def getUID(self, message):
        return self.msgObjs[message - 1].getUID()

    def store(self, *args, **keywords):
        return {}

    def addListener(self, listener):
        pass

    def removeListener(self, listener):
        pass


class Substituted:
    """
    A test case with our server in the place of Twisted's.
    """

    timeout = 10

    def setUp(self):
        self.patch(imap4, "IMAP4Server", Server)
        self.patch(test_imap, "SimpleServer", SimpleServer)
        return super().setUp()


def _onOurs(original, different):
    """
    @return: a copy of a test case, without the tests that differ, on our server.
    """
    tests = {name: value for name, value in vars(original).items() if name not in different}
    copied = type(original.__name__, original.__bases__, tests)
    return type(
        original.__name__, (Substituted, copied, MailboxRemainder), {"__module__": __name__}
    )


for _name, _different in DIFFERENT.items():
    globals()[_name] = _onOurs(getattr(test_imap, _name), _different)
