"""
Commands about whole mailboxes on the wire (RFC 3501, section 6.3; RFC 3691; RFC 8474, section 4).
"""

from __future__ import annotations

from twisted.mail.imap4 import IMAP4Server, MailboxException, ReadOnlyMailbox
from twisted.trial.unittest import SynchronousTestCase

from tests.support.mail import HELLO, Account, IdentifiedAccount, Mailbox, Session
from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.server import JMAPAccessMixin

SECRET = "secret text of an exception"


class NameTests(SynchronousTestCase):
    """
    CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE.
    """

    commands = {
        "create": b"CREATE new",
        "delete": b"DELETE box",
        "rename": b"RENAME box new",
        "subscribe": b"SUBSCRIBE box",
        "unsubscribe": b"UNSUBSCRIBE box",
    }

    def setUp(self):
        self.session = Session()
        self.session.account.add("box")

    def test_waits(self):
        """
        Each is answered when the account's Deferred has fired, and not before.
        """
        for name, command in self.commands.items():
            session = Session()
            session.account.add("box")
            session.slow.names.add(name)
            self.assertEqual(session.send(b"a " + command), [], name)
            (line,) = session.go()
            self.assertTrue(line.startswith(b"a OK "), line)

    def test_waitsForFailure(self):
        """
        A Deferred that fails is a NO, whenever that is.
        """
        for name, command in self.commands.items():
            session = Session()
            session.slow.names.add(name)
            session.slow.errors[name] = MailboxException(SECRET)
            self.assertEqual(session.send(b"a " + command), [])
            (line,) = session.go()
            self.assertEqual(line, b"a NO [CANNOT] Not possible with this mailbox", name)

    def test_responseCodes(self):
        """
        What went wrong is told by a response code (RFC 5530, section 3), never by the text of an
        exception.
        """
        send = self.session.send
        self.assertEqual(
            send(b"a CREATE box"), [b"a NO [ALREADYEXISTS] There is such a mailbox already"]
        )
        self.assertEqual(send(b"a DELETE nix"), [b"a NO [NONEXISTENT] No such mailbox"])
        self.assertEqual(send(b"a RENAME nix new"), [b"a NO [NONEXISTENT] No such mailbox"])
        self.session.slow.errors["delete"] = ReadOnlyMailbox(SECRET)
        self.assertEqual(send(b"a DELETE box"), [b"a NO [NOPERM] The mailbox is read-only"])

    def test_notAvailable(self):
        """
        A store that cannot be reached is UNAVAILABLE, and the operator is told why.
        """
        self.session.slow.errors["create"] = TemporaryFailure("the disk is away")
        self.assertEqual(
            self.session.send(b"a CREATE new"), [b"a NO [UNAVAILABLE] Temporarily not available"]
        )

    def test_unexpectedException(self):
        """
        Any other exception is logged, and the client sees nothing of it.
        """
        for name, command in self.commands.items():
            session = Session()
            session.slow.errors[name] = RuntimeError(SECRET)
            self.assertEqual(session.send(b"a " + command), [b"a NO [SERVERBUG] Internal error"])
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1, name)

    def test_notCreated(self):
        """
        An account may say that it has created nothing, too.
        """
        self.session.account._create = lambda name: False
        self.assertEqual(self.session.send(b"a CREATE new"), [b"a NO Mailbox not created"])

    def test_inbox(self):
        """
        INBOX, in any case of letters, can be neither made, deleted nor renamed (RFC 3501, sections
        6.3.3 and 6.3.4).
        """
        send = self.session.send
        self.assertEqual(send(b"a CREATE inBox"), [b"a NO [ALREADYEXISTS] INBOX is always there"])
        self.assertEqual(send(b"a DELETE inbox"), [b"a NO [CANNOT] INBOX cannot be deleted"])
        self.assertEqual(send(b"a RENAME Inbox x"), [b"a NO [CANNOT] INBOX cannot be renamed"])
        self.assertEqual(
            send(b"a RENAME box inbox"), [b"a NO [ALREADYEXISTS] INBOX is always there"]
        )

    def test_modifiedUTF7(self):
        """
        Names are in modified UTF-7 on the wire (RFC 3501, section 5.1.3); what is not that gets
        NO.
        """
        self.session.send(b"a CREATE Entw&APw-rfe")
        self.assertIn("Entwürfe", self.session.account.mailboxes)
        self.assertEqual(
            self.session.send(b"a CREATE &!!-"), [b"a NO [CANNOT] Illegal mailbox name"]
        )


class SelectTests(SynchronousTestCase):
    """
    SELECT and EXAMINE (RFC 3501, sections 6.3.1 and 6.3.2), UNSELECT (RFC 3691).
    """

    def test_responses(self):
        """
        SELECT tells what RFC 3501 wants of it, and UIDNEXT.
        """
        session = Session()
        session.inbox.put()
        self.assertEqual(
            session.send(b"a SELECT INBOX"),
            [
                b"* OK [UIDNEXT 2] Predicted next UID",
                b"* 1 EXISTS",
                b"* 0 RECENT",
                b"* FLAGS (\\Seen \\Deleted)",
                b"* OK [UIDVALIDITY 7] Ok",
                b"a OK [READ-WRITE] SELECT successful",
            ],
        )
        self.assertEqual(session.inbox.listeners, [session.server])

    def test_withoutUIDNext(self):
        """
        A mailbox that does not know its UIDNEXT can be selected all the same.
        """
        session = Session()
        session.inbox.getUIDNext = lambda: 1 / 0
        lines = session.send(b"a SELECT INBOX")
        self.assertEqual(lines[0], b"* 0 EXISTS")

    def test_examine(self):
        """
        EXAMINE is read-only, whatever the mailbox says: nothing can be changed.
        """
        session = Session()
        session.inbox.put(flags=["\\Deleted"])
        lines = session.send(b"a EXAMINE INBOX")
        self.assertIn(b"* OK [PERMANENTFLAGS ()] Read-only", lines)
        self.assertEqual(lines[-1], b"a OK [READ-ONLY] EXAMINE successful")
        for command in (b"STORE 1 +FLAGS (\\Seen)", b"EXPUNGE"):
            self.assertEqual(
                session.send(b"a " + command), [b"a NO [NOPERM] The mailbox is read-only"]
            )
        session.send(b"a FETCH 1 BODY[]")
        self.assertEqual(session.inbox.messages[0].flags, ["\\Deleted"])
        self.assertEqual(session.send(b"a CLOSE"), [b"a OK CLOSE completed"])
        self.assertEqual(len(session.inbox.messages), 1)
        self.assertEqual(
            session.send(b"a SELECT INBOX")[-1], b"a OK [READ-WRITE] SELECT successful"
        )

    def test_missing(self):
        """
        A mailbox that is not there is NONEXISTENT, and then none is selected.
        """
        session = Session().selected()
        self.assertEqual(session.send(b"a SELECT nix"), [b"a NO [NONEXISTENT] No such mailbox"])
        self.assertEqual(session.send(b"a FETCH 1 UID"), [b"a BAD Unsupported command"])
        self.assertEqual(session.inbox.listeners, [])
        self.assertEqual(session.inbox.closed, 1)

    def test_failure(self):
        """
        When the account fails, nothing of the reason is shown.
        """
        session = Session()
        session.slow.errors["select"] = RuntimeError(SECRET)
        self.assertEqual(session.send(b"a SELECT INBOX"), [b"a NO [SERVERBUG] Internal error"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_noSelect(self):
        r"""
        A name that is \Noselect is refused, without any response about it.
        """
        session = Session()
        session.inbox.flags = ["\\NoSelect"]
        (line,) = session.send(b"a SELECT INBOX")
        self.assertTrue(line.startswith(b"a NO [CANNOT] "))

    def test_overriddenWork(self):
        """
        A server that overrides C{_cbSelectWork} keeps what it does there, and has MAILBOXID
        besides.
        """

        class Theirs(IMAP4Server):
            def _cbSelectWork(self, mbox, cmdName, tag):
                self.sendUntaggedResponse(b"OK Theirs")
                IMAP4Server._cbSelectWork(self, mbox, cmdName, tag)

        server = type("Server", (JMAPAccessMixin, Theirs), {})()
        session = Session(IdentifiedAccount, server=server)
        lines = session.send(b"a SELECT INBOX")
        self.assertIn(b"* OK Theirs", lines)
        self.assertIn(b"* OK [MAILBOXID (F1)] Ok", lines)

    def test_goneMeanwhile(self):
        """
        A mailbox that opens when the client is gone is closed again.
        """
        session = Session()
        session.slow.names.add("select")
        session.send(b"a SELECT INBOX")
        session.lose()
        session.go()
        self.assertEqual(session.inbox.listeners, [])
        self.assertEqual(session.inbox.closed, 1)

    def test_connectionLost(self):
        """
        A client that goes away leaves no listener, and its mailbox is closed.
        """
        session = Session().selected()
        session.lose()
        self.assertEqual(session.inbox.listeners, [])
        self.assertEqual(session.inbox.closed, 1)

    def test_unselect(self):
        r"""
        UNSELECT leaves a mailbox, and \Deleted messages in it (RFC 3691, section 2). It is for the
        selected state.
        """
        session = Session()
        session.inbox.put(flags=["\\Deleted"])
        self.assertEqual(session.send(b"a UNSELECT"), [b"a BAD Unsupported command"])
        session.selected()
        self.assertEqual(session.send(b"a UNSELECT"), [b"a OK Unselected"])
        self.assertEqual(len(session.inbox.messages), 1)
        self.assertEqual(session.inbox.listeners, [])
        self.assertEqual(session.send(b"a FETCH 1 UID"), [b"a BAD Unsupported command"])


class StatusTests(SynchronousTestCase):
    """
    STATUS (RFC 3501, section 6.3.10; RFC 8438).
    """

    def setUp(self):
        self.session = Session()
        self.session.inbox.put()

    def test_items(self):
        """
        Items come in the order and in any case of letters that they are asked for.
        """
        self.assertEqual(
            self.session.send(b"a STATUS INBOX (unseen UIDNEXT Messages)"),
            [b'* STATUS "INBOX" (UNSEEN 1 UIDNEXT 2 MESSAGES 1)', b"a OK STATUS completed"],
        )

    def test_names(self):
        """
        Names come back as quoted strings, and may be sent as literals.
        """
        for name in ('a "b" \\c', "Entwürfe & mehr"):
            self.session.account.add(name)
        self.assertEqual(
            self.session.send(rb'a STATUS "a \"b\" \\c" (MESSAGES)')[0],
            rb'* STATUS "a \"b\" \\c" (MESSAGES 0)',
        )
        self.assertEqual(
            self.session.send(b"a STATUS {21+}", b"Entw&APw-rfe &- mehr (MESSAGES)")[0][:36],
            b"a BAD Missing space after a literal",
        )
        self.assertEqual(
            self.session.send(b"a STATUS {20+}", b"Entw&APw-rfe &- mehr (MESSAGES)")[0],
            b'* STATUS "Entw&APw-rfe &- mehr" (MESSAGES 0)',
        )

    def test_unknownItems(self):
        """
        What is no status item is BAD.
        """
        for items in (b"(FOO)", b"()", b"MESSAGES", b"(MESSAGES", b"(MESSAGES) x", b""):
            (line,) = self.session.send(b"a STATUS INBOX " + items)
            self.assertTrue(line.startswith(b"a BAD "), (items, line))

    def test_missing(self):
        """
        The STATUS of a mailbox that is not there is NONEXISTENT.
        """
        self.assertEqual(
            self.session.send(b"a STATUS nix (MESSAGES)"), [b"a NO [NONEXISTENT] No such mailbox"]
        )

    def test_waits(self):
        """
        The mailbox may take its time, and fail.
        """
        self.session.slow.names.add("requestStatus")
        self.assertEqual(self.session.send(b"a STATUS INBOX (MESSAGES)"), [])
        self.assertEqual(self.session.go()[-1], b"a OK STATUS completed")
        self.session.slow.errors["requestStatus"] = RuntimeError(SECRET)
        self.assertEqual(self.session.send(b"a STATUS INBOX (MESSAGES)"), [])
        self.assertEqual(self.session.go(), [b"a NO [SERVERBUG] Internal error"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_size(self):
        """
        SIZE is the sum of all sizes (RFC 8438, section 3), from the messages where the mailbox
        itself does not know it.
        """
        self.session.inbox.put()
        self.assertEqual(
            self.session.send(b"a STATUS INBOX (SIZE)")[0],
            b'* STATUS "INBOX" (SIZE %d)' % (2 * len(HELLO)),
        )
        self.session.inbox.requestStatus = lambda names: {"SIZE": 2**40}
        self.assertEqual(
            self.session.send(b"a STATUS INBOX (SIZE)")[0], b'* STATUS "INBOX" (SIZE %d)' % 2**40
        )
        self.assertIn(b"STATUS=SIZE", self.session.send(b"a CAPABILITY")[0])

    def test_overridden(self):
        """
        A server that overrides what Twisted's STATUS calls keeps it.
        """

        class Theirs(IMAP4Server):
            def _cbStatusGotMailbox(self, mbox, tag, mailbox, names):
                self.sendPositiveResponse(tag, b"Theirs " + " ".join(names).encode())

        session = Session(server=type("Server", (JMAPAccessMixin, Theirs), {})())
        self.assertEqual(session.send(b"a STATUS INBOX (messages)"), [b"a OK Theirs MESSAGES"])


class ListTests(SynchronousTestCase):
    """
    LIST and LSUB (RFC 3501, sections 6.3.8 and 6.3.9), LIST-STATUS (RFC 5819), NAMESPACE (RFC
    2342).
    """

    def setUp(self):
        self.session = Session()
        for mailbox in self.session.account.mailboxes.values():
            mailbox.flags = ["\\Marked"]

    def add(self, name, *flags):
        self.session.account.add(name).flags = list(flags)

    def test_delimiter(self):
        """
        An empty name asks for the delimiter only.
        """
        self.add("box")
        self.assertEqual(
            self.session.send(b'a LIST "" ""'),
            [b'* LIST (\\Noselect) "/" ""', b"a OK LIST completed"],
        )

    def test_names(self):
        """
        Names are quoted and in modified UTF-7; patterns may be atoms.
        """
        self.add('Entwürfe "x"', "\\HasNoChildren")
        self.assertEqual(
            self.session.send(b'a LIST "" *'),
            [
                rb'* LIST (\HasNoChildren) "/" "Entw&APw-rfe \"x\""',
                rb'* LIST (\Marked) "/" "INBOX"',
                b"a OK LIST completed",
            ],
        )

    def test_subscribed(self):
        """
        LSUB waits for what the account says about each subscription.
        """
        self.add("box")
        self.session.send(b"a SUBSCRIBE box")
        self.session.slow.names.add("isSubscribed")
        self.assertEqual(self.session.send(b'a LSUB "" *'), [])
        self.session.go()
        self.assertEqual(self.session.go(), [b'* LSUB () "/" "box"', b"a OK LSUB completed"])

    def test_waits(self):
        """
        LIST waits for the account; when that fails, nothing of it is shown.
        """
        self.session.slow.names.add("listMailboxes")
        self.assertEqual(self.session.send(b'a LIST "" *'), [])
        self.assertEqual(self.session.go()[-1], b"a OK LIST completed")
        self.session.slow.errors["listMailboxes"] = RuntimeError(SECRET)
        self.session.send(b'a LIST "" *')
        self.assertEqual(self.session.go(), [b"a NO [SERVERBUG] Internal error"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_status(self):
        r"""
        RETURN (STATUS (...)) sends a STATUS response behind each LIST response, but not for names
        that cannot be selected (RFC 5819, section 2).
        """
        self.add("box")
        self.add("level", "\\Noselect")
        self.assertEqual(
            self.session.send(b'a LIST "" * RETURN (STATUS (MESSAGES UIDNEXT))'),
            [
                rb'* LIST (\Marked) "/" "INBOX"',
                b'* STATUS "INBOX" (MESSAGES 0 UIDNEXT 1)',
                b'* LIST () "/" "box"',
                b'* STATUS "box" (MESSAGES 0 UIDNEXT 1)',
                rb'* LIST (\Noselect) "/" "level"',
                b"a OK LIST completed",
            ],
        )
        self.assertIn(b"LIST-STATUS", self.session.send(b"a CAPABILITY")[0])

    def test_statusOfGone(self):
        r"""
        A mailbox that went away in between is \NoSelect (RFC 5819, section 2).
        """
        self.session.account.select = lambda name, rw: None
        self.assertEqual(
            self.session.send(b'a LIST "" * RETURN (STATUS (MESSAGES))')[0],
            rb'* LIST (\Marked \NoSelect) "/" "INBOX"',
        )

    def test_statusFails(self):
        """
        Where there is no STATUS, LIST is answered with OK (RFC 5819, section 2).
        """
        self.session.slow.errors["requestStatus"] = RuntimeError(SECRET)
        self.assertEqual(
            self.session.send(b'a LIST "" * RETURN (STATUS (MESSAGES))'),
            [rb'* LIST (\Marked) "/" "INBOX"', b"a OK LIST completed"],
        )
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_unknownOptions(self):
        """
        Options that were not advertised are BAD.
        """
        for rest in (b"RETURN (FOO)", b"x", b"RETURN (STATUS (FOO))", b"RETURN STATUS"):
            (line,) = self.session.send(b'a LIST "" * ' + rest)
            self.assertTrue(line.startswith(b"a BAD "), line)
        (line,) = self.session.send(b'a LIST (SUBSCRIBED) "" *')
        self.assertTrue(line.startswith(b"a BAD "), line)

    def test_overridden(self):
        """
        A server that overrides what Twisted's LIST calls keeps it.
        """

        class Theirs(IMAP4Server):
            def _cbListWork(self, mailboxes, tag, sub, cmdName):
                self.sendPositiveResponse(tag, b"Theirs %d" % len(mailboxes))

        session = Session(server=type("Server", (JMAPAccessMixin, Theirs), {})())
        self.assertEqual(session.send(b'a LIST "" *'), [b"a OK Theirs 1"])

    def test_namespace(self):
        """
        NAMESPACE tells personal, other users' and shared ones, in this order (RFC 2342, section
        5). An account that does not tell has a personal one without a prefix.
        """
        from twisted.mail.imap4 import INamespacePresenter
        from zope.interface import alsoProvides

        self.assertEqual(self.session.send(b"a NAMESPACE")[0], b'* NAMESPACE (("" "/")) NIL NIL')
        account = self.session.account
        account.getPersonalNamespaces = lambda: [[b"", b"/"]]
        account.getUserNamespaces = lambda: [[b"~", b"/"]]
        account.getSharedNamespaces = lambda: None
        alsoProvides(account, INamespacePresenter)
        self.assertEqual(
            self.session.send(b"a NAMESPACE"),
            [b'* NAMESPACE (("" "/")) (("~" "/")) NIL', b"a OK NAMESPACE command completed"],
        )


class ForeignCommandTests(SynchronousTestCase):
    """
    What another server put in the place of Twisted's commands stays.
    """

    def test_reboundTuple(self):
        """
        A rebound tuple keeps its handler; the argument parsers of Twisted in it are replaced.
        """

        class Theirs(IMAP4Server):
            def do_CREATE(self, tag, name):
                self.sendPositiveResponse(tag, b"Theirs " + name)

            auth_CREATE = (do_CREATE, IMAP4Server.arg_finalastring)

        session = Session(Account, server=type("Server", (JMAPAccessMixin, Theirs), {})())
        self.assertEqual(session.send(rb'a CREATE "a\"b"'), [rb'a OK Theirs a"b'])
        self.assertIsInstance(session.inbox, Mailbox)

    def test_theirLists(self):
        """
        A parenthesised list in a command of their own is any list, and not one of status items.
        """

        class Theirs(IMAP4Server):
            def do_XODD(self, tag, words, more):
                self.sendPositiveResponse(tag, b" ".join([*words, *(more or [])]))

            auth_XODD = (do_XODD, IMAP4Server.arg_plist, IMAP4Server.opt_plist)

        session = Session(Account, server=type("Server", (JMAPAccessMixin, Theirs), {})())
        self.assertEqual(session.send(b'a XODD (a "b c") (d)'), [b"a OK a b c d"])
