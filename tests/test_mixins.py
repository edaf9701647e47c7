# -*- test-case-name: tests.test_mixins -*-
"""
The names that L{JMAPAccessMixin} adds to other people's classes.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from twisted.internet.protocol import Factory
from twisted.mail.imap4 import IMAP4Server
from twisted.trial.unittest import SynchronousTestCase

from tests.support.imap import URL, Connection, RecordingRealm, capabilitiesIn, makePortal
from tests.support.mail import IdentifiedAccount
from txjmapaccess import JMAPAccessIMAP4Server, extendFactory
from txjmapaccess.imap.objectidentifiers import identifiersOf
from txjmapaccess.imap.settings import ATTRIBUTES
from txjmapaccess.limits import Limits
from txjmapaccess.policy import SharedCredentials
from txjmapaccess.server import JMAPAccessMixin
from txjmapaccess.twistd.shutdown import StoppableServer

#: Public names, besides the settings, that docs/integrating.md and the interfaces document.
DOCUMENTED = {
    "loginRecord",
    "createIdentified",
    "deleteIdentified",
    "renameIdentified",
    "changing",
    # L{txjmapaccess.interfaces.IPollableMailbox.poll}
    "messagesExpunged",
}

#: Names that Twisted makes from the state of its parser and from the items of FETCH.
DISPATCHED = {"parse_jmaLine", "spew_emailid", "spew_threadid"}

#: What a server may have for itself under names that seem natural.
HOSTILE: dict[str, Any] = {
    **dict.fromkeys(ATTRIBUTES, "theirs"),
    "failures": {},
    "limits": ["three", "strikes"],
    "debugging": "x",
    "pace": 3,
    "number": "four",
    "seconds": 60,
    "turns": [],
    "identifiers": ("a", "b"),
    "begin": "BEGIN",
    "ask": None,
    "enter": 1,
    "refuse": "never",
    "dismiss": 0,
    "openMailbox": "yes",
    "selectedName": "none",
    "existsTold": "?",
    "readable": True,
    "idlePollSeconds": -1,
    "maxCommandLine": 1,
    "receiveLiteral": (),
    "listWork": "work",
    "do_ID": "id",
    "do_ENABLE": "enable",
    "do_UNSELECT": "unselect",
    "do_GETJMAPACCESS": "get",
    "parse_response": "response",
    "parse_idling": "idling",
    "_log": "log",
    "_running": 7,
    "_command": "command",
    "_source": "source",
    "_ended": "no",
    "_waiting": [1],
    "_unsent": 5,
    "_made": "made",
    "_watch": "watch",
    "_exchange": "exchange",
    "_idsOf": "ids",
    "_identifiers": 8,
    "_portalLogin": "portal",
    "_hasSaidBye": True,
    "_hangUp": object(),
    "_examining": True,
    "_nextCommand": "next",
    "_joined": "joined",
    "_decide": "decide",
}


def namesOf(kind: type) -> set[str]:
    """
    @return: every name that a class and its bases define or declare.
    """
    found: set[str] = set()
    for each in kind.__mro__:
        found |= {*vars(each), *vars(each).get("__annotations__", {})}
    return found


class Hostile(IMAP4Server):
    """
    A server that uses everyday names for itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dropped = 0
        vars(self).update(HOSTILE)

    def do_XCOUNT(self, tag: bytes) -> None:
        """
        A command of its own.
        """
        self.dropped += 1
        self.sendPositiveResponse(tag, b"%d" % self.dropped)

    auth_XCOUNT = (do_XCOUNT,)


class NameTests(SynchronousTestCase):
    """
    The names themselves.
    """

    def test_added(self) -> None:
        """
        What the mixin adds to Twisted's server is documented, or dispatched on by Twisted, or has
        a prefix that no server uses; nothing is mangled with the name of a class of ours.
        """
        dunders = {name for name in namesOf(JMAPAccessMixin) if name.startswith("__")}
        self.assertTrue(all(name.endswith("__") for name in dunders), dunders)
        added = namesOf(JMAPAccessMixin) - namesOf(IMAP4Server) - dunders
        public = {name for name in added if not name.startswith("_jma")}
        self.assertEqual(public, {*ATTRIBUTES, *DOCUMENTED, *DISPATCHED})

    def test_privateNames(self) -> None:
        """
        What one mixin keeps under a private name, no other keeps under the same: they would
        overwrite each other. Nor does Twisted, or the service's own class. What every class has
        for itself is no such name.
        """
        owners = defaultdict(list)
        for kind in (*StoppableServer.__mro__[1:], *IMAP4Server.__mro__):
            for name, value in vars(kind).items():
                isOwn = name.startswith("_") and not name.startswith("__")
                if isOwn and not callable(value) and kind not in owners[name]:
                    owners[name].append(kind)
        kept = {name: kinds for name, kinds in owners.items() if len(kinds) > 1}
        kept.pop("_jmaRead")  # Each class has its own.
        self.assertIn(JMAPAccessMixin, StoppableServer.__mro__)
        self.assertEqual(kept, {})

    def test_methodsAndAttributes(self) -> None:
        """
        No mixin has a method under a name that another uses for an attribute.
        """
        kinds = defaultdict(set)
        for each in JMAPAccessMixin.__mro__:
            for name, value in vars(each).items():
                if name.startswith("_jma"):
                    kinds[name].add(callable(value))
        self.assertEqual({name for name, found in kinds.items() if len(found) > 1}, set())


class HostileTests(SynchronousTestCase):
    """
    A server whose own names are those that one would have expected of ours.
    """

    def test_untouched(self) -> None:
        """
        With L{extendFactory} it works as before, and its own values stay as they were, after
        refused and accepted logins and many commands.
        """
        factory = extendFactory(
            Factory.forProtocol(Hostile), SharedCredentials(URL), limits=Limits(exempt=[])
        )
        server = factory.buildProtocol(None)
        self.assertIsInstance(server, Hostile)
        before = {name: vars(server)[name] for name in HOSTILE}
        own = set(vars(server))
        connection = Connection(server=server, portal=makePortal(RecordingRealm(IdentifiedAccount)))
        refused = connection.send(b"a LOGIN arnt wrong", b"b AUTHENTICATE PLAIN", b"*")
        self.assertEqual([line[:5] for line in refused], [b"a NO ", b"+ ", b"b BAD"])
        answer = connection.send(b"c LOGIN arnt trondheim")[-1]
        self.assertIn(b"JMAPACCESS", capabilitiesIn(answer))
        commands = (
            b'd ID ("name" "x")',
            b"d ENABLE CONDSTORE",
            b"d CREATE box",
            b"d APPEND box {2+}\r\nhi",
            b"d SELECT box",
            b"d FETCH 1:* (FLAGS BODY[] EMAILID)",
            b"d STORE 1 +FLAGS (\\Deleted)",
            b"d SEARCH ALL",
            b"d SEARCH EMAILID M1",
            b"d COPY 1 INBOX",
            b"d IDLE\r\nDONE",
            b"d NOOP",
            b"d EXPUNGE",
            b'd LIST "" *',
            b"d STATUS INBOX (MESSAGES MAILBOXID)",
            b"d UNSELECT",
            b"d XCOUNT",
            b"d GETJMAPACCESS",
            b"d LOGOUT",
        )
        tagged = []
        for command in commands:
            tagged += [line[:5] for line in connection.send(command) if line[:2] == b"d "]
        self.assertEqual(tagged, [b"d OK "] * len(commands))
        connection.lose()
        after = {name: vars(server)[name] for name in HOSTILE}
        self.assertEqual(after, before)
        self.assertTrue(all(after[name] is before[name] for name in HOSTILE))
        self.assertEqual(server.dropped, 1)
        added = set(vars(server)) - own - set(dir(IMAP4Server)) - set(vars(IMAP4Server()))
        self.assertEqual({name for name in added if not name.startswith("_jma")}, {"loginRecord"})


class OverriddenTests(SynchronousTestCase):
    """
    Subclasses that override a command and call C{super()}.
    """

    def answers(self, server: IMAP4Server, *lines: bytes) -> list[bytes]:
        """
        @return: what a server says after the login.
        """
        portal = makePortal(RecordingRealm(IdentifiedAccount))
        connection = Connection(server=server, portal=portal)
        connection.send(b"a LOGIN arnt trondheim", b"a CREATE box", b"a APPEND box {2+}\r\nhi")
        connection.send(b"a SELECT box")
        answers: list[bytes] = connection.send(*lines)
        return answers

    def test_everyCommand(self) -> None:
        """
        The mixin has each of Twisted's commands under Twisted's name, except for those that are as
        Twisted has them.
        """
        names = {name for name in vars(IMAP4Server) if name.startswith("do_")}
        ours = {name for name in names if name in namesOf(JMAPAccessMixin)}
        self.assertEqual(names - ours, {"do_LOGOUT", "do_UID"})
        for name in ours:
            self.assertIsNot(getattr(JMAPAccessMixin, name), getattr(IMAP4Server, name), name)

    def test_inFront(self) -> None:
        """
        One before the mixin comes to our command: Twisted's own does not send COPYUID.
        """

        class Server(JMAPAccessIMAP4Server):
            def do_COPY(self, tag: bytes, messages: Any, name: bytes, uid: int = 0) -> Any:
                self.sendUntaggedResponse(b"OK I copy")
                return super().do_COPY(tag, messages, name, uid)

            select_COPY = (do_COPY, IMAP4Server.arg_seqset, IMAP4Server.arg_finalastring)

        answer = self.answers(Server(), b"b COPY 1 INBOX", b"c UID COPY 1 INBOX")
        self.assertEqual(answer.count(b"* OK I copy"), 2)
        self.assertIn(b"b OK [COPYUID", b"".join(answer))
        self.assertIn(b"c OK [COPYUID", b"".join(answer))

    def test_behind(self) -> None:
        """
        One behind the mixin comes to Twisted's command; its FETCH writes our items.
        """

        class Theirs(IMAP4Server):
            def do_FETCH(self, tag: bytes, messages: Any, query: Any, uid: int = 0) -> Any:
                self.sendUntaggedResponse(b"OK I fetch")
                return super().do_FETCH(tag, messages, query, uid)

            select_FETCH = (do_FETCH, IMAP4Server.arg_seqset, IMAP4Server.arg_fetchatt)

        server = type("Server", (JMAPAccessMixin, Theirs), {})()
        answer = self.answers(server, b"b FETCH 1 (EMAILID THREADID)")
        self.assertEqual(answer[0], b"* OK I fetch")
        self.assertRegex(answer[1], rb"\A\* 1 FETCH \(EMAILID \(\w+\) THREADID ")
        self.assertEqual(answer[-1][:5], b"b OK ")


class MixinTests(SynchronousTestCase):
    """
    The mixins on one object.
    """

    def test_identifiersFromAfar(self) -> None:
        """
        A client whose address counts for the limits gets object identifiers as any other.
        """
        connection = Connection(limits=Limits(exempt=[]))
        self.assertIsNotNone(connection.server._jmaSource)
        answer = connection.send(b"a LOGIN arnt trondheim")[-1]
        self.assertIn(b"OBJECTID", capabilitiesIn(answer))
        self.assertEqual(
            type(identifiersOf(connection.server).source()).__name__, "StoreIdentifiers"
        )
        connection.lose()
