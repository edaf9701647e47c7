# -*- test-case-name: tests.jmap.test_mail -*-
"""
Tests for L{txjmapaccess.jmap.mail}: the methods, over HTTP.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.jmap import PLAIN, Mailbox, Message, Server, basic, makeAccount


def _message(uid: int, emailID: str, threadID: str, *flags: str, day: int = 1) -> Message:
    return Message(uid, emailID, threadID, flags, date=f"{day:02} Jan 2006 00:00:00 +0000")


class MailTestCase(SynchronousTestCase):
    """
    An account with three Emails in two mailboxes.
    """

    def setUp(self) -> None:
        self.account = makeAccount(
            INBOX=Mailbox(
                "F1",
                [
                    _message(1, "M1", "T1", "\\Seen", day=1),
                    _message(2, "M2", "T1", day=2),
                    _message(3, "M3", "T2", "\\Flagged", day=3),
                ],
            ),
            Work=Mailbox("F2", [_message(1, "M3", "T2", "\\Flagged", day=3)]),
        )
        self.server = Server(self.account)

    def one(self, name: str, **arguments: Any) -> dict[str, Any]:
        """
        @return: the arguments of the response to one call.
        """
        ((answered, result),) = self.server.call((name, arguments))
        self.assertEqual(answered, name, result)
        return result

    def assertProblem(self, kind: str, name: str, **arguments: Any) -> None:
        ((answered, result),) = self.server.call((name, arguments))
        self.assertEqual((answered, result["type"]), ("error", kind), arguments)


class GetTests(MailTestCase):
    """
    The /get methods (RFC 8620, section 5.1).
    """

    def test_mailboxes(self) -> None:
        """
        All Mailboxes, or those that are asked for.
        """
        self.assertEqual([m["id"] for m in self.one("Mailbox/get")["list"]], ["F1", "F2"])
        answer = self.one("Mailbox/get", ids=["F2", "F3", "F2"], properties=["name", "totalEmails"])
        self.assertEqual(answer["list"], [{"id": "F2", "name": "Work", "totalEmails": 1}])
        self.assertEqual((answer["notFound"], answer["accountId"]), (["F3"], "u1"))

    def test_threads(self) -> None:
        """
        Threads with their Emails, oldest first (RFC 8621, section 3).
        """
        answer = self.one("Thread/get", ids=["T1", "T9"])
        self.assertEqual(answer["list"], [{"id": "T1", "emailIds": ["M1", "M2"]}])
        self.assertEqual(answer["notFound"], ["T9"])

    def test_emails(self) -> None:
        """
        Emails, in all their mailboxes.
        """
        answer = self.one("Email/get", ids=["M3", "M9"], properties=["mailboxIds", "keywords"])
        self.assertEqual(
            answer["list"],
            [{"id": "M3", "mailboxIds": {"F1": True, "F2": True}, "keywords": {"$flagged": True}}],
        )
        self.assertEqual(answer["notFound"], ["M9"])

    def test_content(self) -> None:
        """
        With the content of the messages.
        """
        answer = self.one("Email/get", ids=["M1"], fetchTextBodyValues=True)
        (email,) = answer["list"]
        self.assertEqual((email["subject"], email["size"]), ("Hello", len(PLAIN)))
        self.assertEqual(email["bodyValues"]["1"]["value"], "Hi there\n")

    def test_goneMeanwhile(self) -> None:
        """
        An Email whose message is gone when it is read is not found.
        """
        fetch = self.account.mailboxes["INBOX"].fetch
        mailbox = self.account.mailboxes["INBOX"]
        mailbox.fetch = lambda messages, uid: [] if uid else fetch(messages, uid)
        answer = self.one("Email/get", ids=["M1"], properties=["subject"])
        self.assertEqual((answer["list"], answer["notFound"]), ([], ["M1"]))

    def test_otherCopy(self) -> None:
        """
        But it is read from any mailbox that still has it.
        """
        mailbox = self.account.mailboxes["INBOX"]
        fetch = mailbox.fetch
        mailbox.fetch = lambda messages, uid: [] if uid else fetch(messages, uid)
        answer = self.one("Email/get", ids=["M3"], properties=["subject"])
        self.assertEqual(answer["list"], [{"id": "M3", "subject": "Hello"}])

    def test_noIDs(self) -> None:
        """
        An empty list of ids gives an empty list.
        """
        for name in ("Mailbox/get", "Thread/get", "Email/get"):
            answer = self.one(name, ids=[])
            self.assertEqual((answer["list"], answer["notFound"]), ([], []))

    def test_states(self) -> None:
        """
        The state changes when the data does, and only then.
        """
        names = ("Mailbox/get", "Thread/get", "Email/get")
        before = [self.one(name, ids=[])["state"] for name in names]
        self.assertEqual([self.one(name, ids=[])["state"] for name in names], before)
        self.account.mailboxes["Work"].messages.append(_message(2, "M4", "T4"))
        after = [self.one(name, ids=[])["state"] for name in names]
        self.assertEqual([a == b for a, b in zip(after, before, strict=True)], [False] * 3)
        self.account.mailboxes["Work"].messages[-1].flags = ("\\Answered",)
        again = [self.one(name, ids=[])["state"] for name in names]
        self.assertEqual([a == b for a, b in zip(again, after, strict=True)], [True, True, False])

    def test_tooLarge(self) -> None:
        """
        More than maxObjectsInGet are C{requestTooLarge}, asked for or not.
        """
        ids = [f"M{n}" for n in range(501)]
        for name in ("Mailbox/get", "Thread/get", "Email/get"):
            self.assertProblem("requestTooLarge", name, ids=ids)
        self.assertEqual(len(self.one("Email/get", ids=ids[:500])["notFound"]), 497)
        messages = [_message(n, f"M{n}", "T1") for n in range(1, 502)]
        self.account.mailboxes["Work"].messages = messages
        self.assertProblem("requestTooLarge", "Email/get", ids=None)

    def test_large(self) -> None:
        """
        Accounts and messages that are gone through in a thread give the same answers.
        """
        messages = [_message(n, f"M{n}", "T1") for n in range(1, 2002)]
        messages[-1].octets = PLAIN + b"x" * 100_000
        self.account.mailboxes["Work"].messages = messages
        self.assertEqual(self.one("Email/query", calculateTotal=True)["total"], 2001)
        answer = self.one("Email/get", ids=["M2001"], properties=["subject"])
        self.assertEqual(answer["list"], [{"id": "M2001", "subject": "Hello"}])
        self.assertProblem("unsupportedSort", "Email/query", sort=[{"property": "x"}])

    def test_invalid(self) -> None:
        """
        Wrong types, unknown properties and unknown arguments are C{invalidArguments}.
        """
        for name in ("Mailbox/get", "Thread/get", "Email/get"):
            for arguments in (
                {"ids": "M1"},
                {"ids": [1]},
                {"ids": ["M1"], "properties": "id"},
                {"ids": ["M1"], "properties": [1]},
                {"ids": ["M1"], "properties": ["nothing"]},
                {"ids": [], "nothing": 1},
            ):
                self.assertProblem("invalidArguments", name, **arguments)

    def test_account(self) -> None:
        """
        Only the user's account is there (RFC 8620, section 3.6.2).
        """
        for name in ("Mailbox/get", "Mailbox/query", "Thread/get", "Email/get", "Email/query"):
            self.assertProblem("accountNotFound", name, accountId="u2")
            self.assertProblem("invalidArguments", name, accountId=None)


class QueryTests(MailTestCase):
    """
    The /query methods (RFC 8620, section 5.5).
    """

    def test_emails(self) -> None:
        """
        Ids of Emails that match, sorted.
        """
        answer = self.one(
            "Email/query",
            filter={"inMailbox": "F1"},
            sort=[{"property": "receivedAt"}],
            limit=2,
            calculateTotal=True,
        )
        self.assertEqual((answer["ids"], answer["total"], answer["position"]), (["M1", "M2"], 3, 0))
        self.assertFalse(answer["canCalculateChanges"])

    def test_search(self) -> None:
        """
        The content of messages can be searched. Only those that can match are read, and messages
        that no longer exist do not match.
        """
        inbox = self.account.mailboxes["INBOX"]
        inbox.messages[0].octets = b"Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nHi"
        self.assertEqual(self.one("Email/query", filter={"subject": "GR\xdc\xdfE"})["ids"], ["M1"])
        read = []
        fetch = inbox.fetch
        inbox.fetch = lambda messages, uid: (
            (uid and read.append(str(messages))) or fetch(messages, uid)
        )
        flagged = {"inMailbox": "F1", "hasKeyword": "$flagged", "text": "hello"}
        self.assertEqual(self.one("Email/query", filter=flagged)["ids"], ["M3"])
        self.assertEqual(read, ["3"])
        inbox.fetch = lambda messages, uid: [] if uid else fetch(messages, uid)
        self.assertEqual(self.one("Email/query", filter={"text": "hello"})["ids"], ["M3"])

    def test_threads(self) -> None:
        """
        One Email of each Thread.
        """
        self.assertEqual(self.one("Email/query", collapseThreads=True)["ids"], ["M3", "M2"])

    def test_state(self) -> None:
        """
        queryState changes with the result.
        """
        before = self.one("Email/query", limit=1)["queryState"]
        self.assertEqual(self.one("Email/query", limit=2)["queryState"], before)
        del self.account.mailboxes["INBOX"].messages[0]
        self.assertNotEqual(self.one("Email/query", limit=1)["queryState"], before)

    def test_mailboxes(self) -> None:
        """
        Mailboxes, too.
        """
        self.assertEqual(self.one("Mailbox/query", filter={"role": "inbox"})["ids"], ["F1"])

    def test_references(self) -> None:
        """
        The example of RFC 8620, section 3.7: from a query to whole Threads in one request.
        """
        answers = self.server.call(
            ("Email/query", {"collapseThreads": True, "limit": 10}),
            (
                "Email/get",
                {
                    "#ids": {"resultOf": "0", "name": "Email/query", "path": "/ids"},
                    "properties": ["threadId"],
                },
            ),
            (
                "Thread/get",
                {"#ids": {"resultOf": "1", "name": "Email/get", "path": "/list/*/threadId"}},
            ),
            (
                "Email/get",
                {
                    "#ids": {"resultOf": "2", "name": "Thread/get", "path": "/list/*/emailIds"},
                    "properties": ["subject"],
                },
            ),
        )
        self.assertEqual([email["id"] for email in answers[3][1]["list"]], ["M3", "M1", "M2"])

    def test_readOnce(self) -> None:
        """
        All calls of a request see the account at one time, and what they opened is closed.
        """
        calls = []
        listMailboxes = self.account.listMailboxes
        self.account.listMailboxes = lambda *a: calls.append(a) or listMailboxes(*a)
        self.server.call(("Email/query", {}), ("Mailbox/get", {}), ("Email/get", {"ids": ["M1"]}))
        self.assertEqual(len(calls), 1)
        self.assertEqual([m.opened for m in self.account.mailboxes.values()], [0, 0])


class ChangesTests(MailTestCase):
    """
    The /changes methods (RFC 8620, section 5.2).
    """

    def test_unchanged(self) -> None:
        """
        Nothing has changed since the present state.
        """
        for kind in ("Mailbox", "Thread", "Email"):
            state = self.one(f"{kind}/get", ids=[])["state"]
            answer = self.one(f"{kind}/changes", sinceState=state)
            self.assertEqual((answer["oldState"], answer["newState"]), (state, state))
            self.assertEqual(answer["created"] + answer["updated"] + answer["destroyed"], [])
            self.assertFalse(answer["hasMoreChanges"])

    def test_reference(self) -> None:
        """
        The usual way to ask for changes (section 3.7).
        """
        state = self.one("Email/get", ids=[])["state"]
        reference = {"resultOf": "0", "name": "Email/changes", "path": "/created"}
        _, (_, answer) = self.server.call(
            ("Email/changes", {"sinceState": state}), ("Email/get", {"#ids": reference})
        )
        self.assertEqual((answer["list"], answer["notFound"]), ([], []))

    def test_changed(self) -> None:
        """
        What has changed since another is not known.
        """
        for kind in ("Mailbox", "Thread", "Email"):
            self.assertProblem("cannotCalculateChanges", f"{kind}/changes", sinceState="x")
            self.assertProblem("invalidArguments", f"{kind}/changes")
        for kind in ("Mailbox", "Email"):
            self.assertProblem("cannotCalculateChanges", f"{kind}/queryChanges")

    def test_readOnly(self) -> None:
        """
        Nothing can be changed (section 3.6.2).
        """
        for name in ("Mailbox/set", "Email/set", "Email/copy", "Email/import"):
            self.assertProblem("accountReadOnly", name, create={})
            self.assertProblem("accountNotFound", name, accountId="u2")


class DownloadTests(MailTestCase):
    """
    Downloading blobs (RFC 8620, section 6.2).
    """

    def get(self, path: str, **headers: str) -> Any:
        """
        @return: the response.
        """
        headers.setdefault("Authorization", basic())
        return self.server.ask("GET", f"/jmap/download/{path}", **headers)

    def test_message(self) -> None:
        """
        A message is as it is, under the name and type that the client gave, and never rendered.
        """
        blobID = self.one("Email/get", ids=["M1"])["list"][0]["blobId"]
        response = self.get(f"u1/{blobID}/a%20b.eml?type=message/rfc822")
        self.assertEqual((response.status, response.body), (200, PLAIN))
        self.assertEqual(response.headers["content-type"], ["message/rfc822"])
        self.assertEqual(
            response.headers["content-disposition"], ["attachment; filename*=UTF-8''a%20b.eml"]
        )
        self.assertEqual(response.headers["x-content-type-options"], ["nosniff"])

    def test_part(self) -> None:
        """
        A part is its content.
        """
        (email,) = self.one("Email/get", ids=["M1"])["list"]
        response = self.get(f"u1/{email['textBody'][0]['blobId']}/x")
        self.assertEqual((response.status, response.body), (200, b"Hi there\r\n"))
        self.assertEqual(response.headers["content-type"], ["application/octet-stream"])

    def test_notFound(self) -> None:
        """
        A path without a blob is 404, and missing credentials are 401.
        """
        for path in ("u2/M-M1/x", "u1/M-M9/x", "u1/P9-M1/x", "u1/nothing/x", "u1/M-M1", ""):
            self.assertEqual(self.get(path).status, 404, path)
        self.assertEqual(self.get("u1/M-M1/x", Authorization=basic(password="x")).status, 401)

    def test_illegalType(self) -> None:
        """
        A type that is none is not put into the header.
        """
        for kind in ("x", "a/b%0D%0Ac:d", "a/b/c", "%C3%BC/x"):
            response = self.get(f"u1/M-M1/x?type={kind}")
            self.assertEqual(response.headers["content-type"], ["application/octet-stream"], kind)
