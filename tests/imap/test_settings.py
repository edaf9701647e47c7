# -*- test-case-name: tests.imap.test_settings -*-
"""
A guest in other people's classes: settings that collide with nothing, and mistakes that are one
sentence at the start.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from twisted.internet.protocol import Factory
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogPublisher
from twisted.mail.imap4 import IMAP4Server
from twisted.python.components import proxyForInterface
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.imap import URL, Connection, RecordingRealm, capabilitiesIn, makePortal
from tests.support.mail import Account
from txjmapaccess import JMAPAccessIMAP4Server, JMAPAccessMixin, extendFactory
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.imap.settings import ATTRIBUTES, EXTENSIONS, MixinSettings
from txjmapaccess.interfaces import IJMAPAccessPolicy, IObjectIDAccount
from txjmapaccess.limits import Limits
from txjmapaccess.policy import SharedCredentials


class Throttling(IMAP4Server):
    """
    A server that uses for itself all names that our settings have, and some more.
    """

    limits = ["three", "strikes"]
    failures: dict[bytes, int] = {}
    debugging = 7
    extensions = {"theirs": 1}
    requireTLS = "sometimes"
    number = "four"
    capabilityProviders = 5

    def __init__(self, *args, **keywords):
        super().__init__(*args, **keywords)
        self.objectIDs = {"own": "identifiers"}
        self.pace = "andante"
        self.jmapAccessPolicy = self.serverID = self.refusalSeconds = "their own"
        self.loginSeconds = self.failuresPerConnection = None

    def authenticateLogin(self, user, password):
        """
        Count, and refuse those that come too often.
        """
        self.failures[user] = self.failures.get(user, 0) + 1
        assert self.limits == ["three", "strikes"]
        assert self.objectIDs == {"own": "identifiers"}
        return super().authenticateLogin(user, password)


class CollisionTests(SynchronousTestCase):
    """
    L{extendFactory} on a server whose own attributes have the names of our settings.
    """

    def test_worksAsBefore(self):
        """
        What the server has under such names stays its own, and JMAPACCESS is offered.
        """
        Throttling.failures = {}
        factory = extendFactory(
            Factory.forProtocol(Throttling), SharedCredentials(URL), refusalSeconds=0
        )
        before = Throttling()
        server = factory.buildProtocol(None)
        names = (*ATTRIBUTES, "pace", "failures", "number")
        connection = Connection(server=server, portal=makePortal())
        self.assertIn(b"NO ", connection.send(b"a LOGIN arnt wrong")[0])
        self.assertIn(b"JMAPACCESS", connection.send(b"b LOGIN arnt trondheim")[0])
        self.assertEqual(connection.send(b"c GETJMAPACCESS")[0][:13], b"* JMAPACCESS ")
        connection.lose()
        self.assertEqual(
            {name: getattr(server, name) for name in names},
            {name: getattr(before, name) for name in names},
        )
        self.assertEqual(Throttling.failures, {b"arnt": 2})

    def test_oneAttribute(self):
        """
        The settings of a connection are one frozen value under one name.
        """
        factory = extendFactory(Factory.forProtocol(IMAP4Server), SharedCredentials(URL))
        server = factory.buildProtocol(None)
        self.assertIsInstance(server._jmaSettings, MixinSettings)
        self.assertRaises(AttributeError, setattr, server._jmaSettings, "debugging", True)
        for name in ATTRIBUTES:
            self.assertFalse(hasattr(server, name), name)


class SubclassTests(SynchronousTestCase):
    """
    The documented attributes of a class with the mixin.
    """

    def assertSays(self, error, *words):
        """
        The sentence of C{error} has C{words}.
        """
        for word in words:
            self.assertIn(word, str(error))
        self.assertNotIn("\n", str(error))

    def make(self, **attributes):
        """
        @return: a class with the mixin.
        """
        return type("Server", (JMAPAccessMixin, IMAP4Server), attributes)

    def test_wrongTypes(self):
        """
        Whatever its type, a value that will not do is an error when the class is created. It says
        what was found and what to write, and shows no value.
        """
        for name, values, words in (
            ("jmapAccessPolicy", ("hunter2", SharedCredentials, 5), ["SharedCredentials(URL)"]),
            ("objectIDs", ("/var/hunter2", Path("/var/hunter2"), {}), ["ObjectIDIndex(DIRECTORY)"]),
            (
                "capabilityProviders",
                ("hunter2", ("hunter2",), [b"hunter2"], object(), iter(()), None),
                ["(Provider(),)"],
            ),
            ("debugging", ({}, 1, None), ["True or False"]),
            ("limits", ({}, [], 5, Limits), ["Limits(...)"]),
            ("failuresPerConnection", ("3", 1.5, True, None), ["a whole number"]),
            ("refusalSeconds", ("1", -1, None), ["a number of seconds"]),
            ("loginSeconds", ("60", True), ["a number of seconds"]),
            ("requireTLS", ("yes", 1), ["True, False or None"]),
            ("extensions", ("ID", 5, [b"ID"]), ["OBJECTID"]),
            ("serverID", ("hunter2", {"name": 5}, {"näme": "x"}), ["a dict of str"]),
        ):
            for value in values:
                e = self.assertRaises(TypeError, self.make, **{name: value})
                self.assertSays(e, f"Server.{name} is ", *words)
                self.assertNotIn("hunter2", str(e))

    def test_baseHasIt(self):
        """
        It is an error as well when it comes from the server class, and both are named.
        """
        e = self.assertRaises(TypeError, type, "Server", (JMAPAccessMixin, Throttling), {})
        self.assertSays(e, "Throttling.capabilityProviders is an int", "Server has JMAPAccessMixin")

    def test_method(self):
        """
        A method of that name is none.
        """
        e = self.assertRaises(TypeError, self.make, limits=lambda self: 5)
        self.assertSays(e, "Server.limits is a function")

    def test_unknownExtension(self):
        """
        An extension that is none of ours is an error that names those that are.
        """
        e = self.assertRaises(ConfigurationError, self.make, extensions=["IDLE"])
        self.assertSays(e, "Server.extensions has 'IDLE'", *EXTENSIONS)

    def test_instance(self):
        """
        An instance attribute of that kind is one error in the log at the first connection, which
        is closed with BYE, and so are the others.
        """

        class Counting(IMAP4Server):
            def __init__(self, *args, **keywords):
                super().__init__(*args, **keywords)
                self.limits = {"hunter2": 3}

        class Server(JMAPAccessMixin, Counting):
            jmapAccessPolicy = SharedCredentials(URL)

        events = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        for _ in range(2):
            server, transport = Server(), StringTransport()
            server.makeConnection(transport)
            self.assertEqual(
                transport.value(), b"* BYE [UNAVAILABLE] This server is not set up\r\n"
            )
            self.assertTrue(transport.disconnecting)
            server._jmaHangUp.cancel()
            server._jmaHangUp = None
        [problem] = [e["problem"] for e in events if "problem" in e]
        self.assertSays(problem, "the attribute limits of a Server is a dict", "Limits(...)")
        self.assertSays(problem, "Server has JMAPAccessMixin")
        self.assertNotIn("hunter2", problem)

    def test_properties(self):
        """
        A property has its value when the connection is made.
        """

        class Server(JMAPAccessMixin, IMAP4Server):
            @property
            def jmapAccessPolicy(self):
                return SharedCredentials(URL)

            @cached_property
            def debugging(self):
                return True

        connection = Connection(server=Server())
        answer = connection.send(b"a LOGIN arnt trondheim")
        self.assertIn(b"[JMAPACCESS", answer[0])

    def test_setLater(self):
        """
        A class that is given its policy after it was created, and an instance that has one of its
        own, have what they were given.
        """
        kind = self.make()
        self.assertNotIn(b"JMAPACCESS", Connection(kind()).send(b"a LOGIN arnt trondheim")[0])
        kind.jmapAccessPolicy = SharedCredentials(URL)
        self.assertIn(b"JMAPACCESS", Connection(kind()).send(b"a LOGIN arnt trondheim")[0])
        own = kind()
        own.jmapAccessPolicy = None
        self.assertNotIn(b"JMAPACCESS", Connection(own).send(b"a LOGIN arnt trondheim")[0])

    def test_mixinLast(self):
        """
        The mixin behind the server among the bases would do nothing.
        """

        class Between(IMAP4Server):
            pass

        for server in (IMAP4Server, Between):
            e = self.assertRaises(TypeError, type, "Server", (server, JMAPAccessMixin), {})
            self.assertSays(e, f"class Server(JMAPAccessMixin, {server.__name__})")

    def test_baseWithoutServer(self):
        """
        A mixin that is made of ours is all right, and so is a server with further bases.
        """
        mixed = type("Mixed", (JMAPAccessMixin,), {"debugging": True})
        type("Server", (mixed, IMAP4Server), {})
        type("Server", (type("Logging", (), {}), JMAPAccessMixin, IMAP4Server), {})


class ExtendFactoryMistakesTests(SynchronousTestCase):
    """
    L{extendFactory} says what to write.
    """

    policy = SharedCredentials(URL)

    def assertSays(self, words, *args, error=TypeError, **keywords):
        """
        L{extendFactory} raises, and says C{words}.
        """
        e = self.assertRaises(error, extendFactory, *args, **keywords)
        self.assertIn(words, str(e))
        self.assertNotIn("\n", str(e))

    def factory(self):
        """
        @return: a factory that somebody else wrote.
        """
        return Factory.forProtocol(IMAP4Server)

    def test_class(self):
        """
        A class in the place of a factory, which stays as it was.
        """

        class YourFactory(Factory):
            pass

        self.assertSays("extendFactory(YourFactory(), policy)", YourFactory, self.policy)
        self.assertIs(YourFactory.buildProtocol, Factory.buildProtocol)
        self.assertSays("extendFactory(factory, policy)", IMAP4Server, self.policy)

    def test_swapped(self):
        """
        The arguments the wrong way round.
        """
        self.assertSays("the wrong way round", self.policy, self.factory())

    def test_noFactory(self):
        """
        Something else in the place of a factory.
        """
        self.assertSays("a SharedCredentials for a factory", self.policy, None)
        self.assertSays("a NoneType for a factory", None, self.policy)

    def test_policy(self):
        """
        A policy that is none.
        """
        for policy, words in (
            (URL, "jmapAccessPolicy is a str"),
            (object(), "jmapAccessPolicy is an object"),
            (SharedCredentials, "jmapAccessPolicy is the class SharedCredentials"),
            (type("Undecided", (), {"decide": None})(), "jmapAccessPolicy is an Undecided"),
        ):
            self.assertSays(words, self.factory(), policy)
            self.assertSays("SharedCredentials(URL)", self.factory(), policy)

    def test_proxied(self):
        """
        A policy may be anything that provides the interface.
        """
        policy = proxyForInterface(IJMAPAccessPolicy)(self.policy)
        extendFactory(self.factory(), policy)

    def test_objectIDs(self):
        """
        A path in the place of an index.
        """
        for path in ("/var/lib/mail", Path("/var/lib/mail")):
            self.assertSays("ObjectIDIndex(DIRECTORY)", self.factory(), self.policy, objectIDs=path)

    def test_providers(self):
        """
        Providers that are no sequence, or are names.
        """
        for providers, words in (
            (object(), "is an object"),
            ("QUOTA", "is a str"),
            (("QUOTA",), "is a tuple with a str in it"),
            ([b"QUOTA"], "is a list with a bytes in it"),
        ):
            keywords = {"capabilityProviders": providers}
            self.assertSays(words, self.factory(), self.policy, **keywords)
            self.assertSays("(Provider(),)", self.factory(), self.policy, **keywords)

    def test_twice(self):
        """
        A factory that is extended twice has what was given last, and the rest from before.
        """
        factory = extendFactory(self.factory(), None, debugging=True)
        before = factory.buildProtocol(None)._jmaSettings
        settings = extendFactory(factory, self.policy).buildProtocol(None)._jmaSettings
        self.assertIs(settings.jmapAccessPolicy, self.policy)
        self.assertIs(settings.debugging, True)
        self.assertIs(settings.limits, before.limits)

    def test_pace(self):
        """
        A pace that is none.
        """
        self.assertSays("Pace(reactor)", self.factory(), self.policy, pace="fast")

    def test_misspelt(self):
        """
        A misspelt argument.
        """
        self.assertSays(
            "no argument objectIds; did you mean objectIDs?",
            self.factory(),
            self.policy,
            objectIds=None,
        )

    def test_extensions(self):
        """
        An extension that is none of ours.
        """
        self.assertSays(
            "extensions has 'QRESYNC', which is none of SASL-IR, ",
            self.factory(),
            self.policy,
            error=ConfigurationError,
            extensions=["QRESYNC"],
        )

    def test_nothingDone(self):
        """
        A factory is left as it was.
        """
        factory = self.factory()
        self.assertRaises(TypeError, extendFactory, factory, "policy")
        self.assertNotIn("buildProtocol", vars(factory))

    def test_mixed(self):
        """
        On a class with the mixin, what is given wins, the class has the rest, and limits of its own
        are not replaced by such that nobody gave.
        """

        class Server(JMAPAccessMixin, IMAP4Server):
            debugging = True
            limits = Limits()

        server = extendFactory(Factory.forProtocol(Server), self.policy).buildProtocol(None)
        Connection(server=server)
        settings = server._jmaSettings
        self.assertIs(settings.limits, Server.limits)
        self.assertIs(settings.jmapAccessPolicy, self.policy)
        self.assertIs(settings.debugging, True)
        factory = extendFactory(
            Factory.forProtocol(Server), self.policy, debugging=False, limits=None
        )
        server = factory.buildProtocol(None)
        Connection(server=server)
        self.assertIs(server._jmaSettings.debugging, False)
        self.assertIsNone(server._jmaSettings.limits)
        for second in (1.0, 2.0):
            server = extendFactory(
                Factory.forProtocol(Server), self.policy, seconds=lambda second=second: second
            ).buildProtocol(None)
            server._jmaReadSettings()
            self.assertEqual(server._jmaSettings.seconds(), second)


@implementer(IObjectIDAccount)
class _Account(Account):
    """
    An account with an INBOX, whose store has identifiers.
    """

    def getAccountID(self):
        """
        See L{IObjectIDAccount}.
        """
        return "u1"


#: What shows that an extension is there: lines after the login, and the answer without it.
_COMMANDS = {
    "ID": (b"z ID NIL", b"z BAD Unsupported command"),
    "ENABLE": (b"z ENABLE X", b"z BAD Unsupported command"),
    "UNSELECT": (b"z UNSELECT", b"z BAD Unsupported command"),
    "LIST-STATUS": (b'z LIST "" * RETURN (STATUS (MESSAGES))', b"z BAD Too many arguments"),
    "STATUS=SIZE": (b"z STATUS INBOX (SIZE)", b"z BAD Unknown status item"),
    "OBJECTID": (b"z STATUS INBOX (MAILBOXID)", b"z BAD Unknown status item"),
    "JMAPACCESS": (b"z GETJMAPACCESS", b"z BAD Unsupported command"),
    "LITERAL+": (b"z STATUS {5+}", b"INBOX (MESSAGES)", b"z BAD Malformed literal"),
}


class ExtensionsTests(SynchronousTestCase):
    """
    The owner of a server decides what it offers.
    """

    def connect(self, without=()):
        """
        @return: a connection to a server with all extensions but some.
        """
        offered = set(EXTENSIONS) - set(without)
        factory = extendFactory(
            Factory.forProtocol(IMAP4Server),
            SharedCredentials(URL),
            extensions=offered,
            debugging=True,
        )
        portal = makePortal(RecordingRealm(_Account))
        return Connection(server=factory.buildProtocol(None), portal=portal)

    def listed(self, connection):
        """
        @return: the capabilities before the login and after it.
        """
        before = capabilitiesIn(connection.greeting[0])
        after = capabilitiesIn(connection.send(b"a LOGIN arnt trondheim")[-1])
        return {name.decode("ascii") for name in before + after}

    def test_default(self):
        """
        Unless told otherwise, all of them are offered.
        """
        self.assertEqual(set(EXTENSIONS) - self.listed(self.connect()), set())
        factory = extendFactory(Factory.forProtocol(IMAP4Server), SharedCredentials(URL))
        connection = Connection(server=factory.buildProtocol(None), portal=makePortal())
        self.assertEqual(set(EXTENSIONS) - self.listed(connection), set())

    def test_takenAway(self):
        """
        One that is taken away is not advertised, and all others are. JMAPACCESS goes with OBJECTID
        (RFC 9698, section 3).
        """
        for name in EXTENSIONS:
            gone = {"OBJECTID", "JMAPACCESS"} if name == "OBJECTID" else {name}
            self.assertEqual(set(EXTENSIONS) - self.listed(self.connect([name])), gone)

    def test_commands(self):
        """
        Its command is answered as if it did not exist.
        """
        for name, (*lines, refused) in _COMMANDS.items():
            for without in ((), (name,)):
                connection = self.connect(without)
                connection.send(b"a LOGIN arnt trondheim")
                if name == "UNSELECT":
                    connection.send(b"c SELECT INBOX")
                answer = connection.send(*lines)
                if without:
                    self.assertEqual(answer, [refused])
                else:
                    self.assertEqual(answer[-1][:5], b"z OK ", name)
                self.assertIn(b"y OK ", connection.send(b"y NOOP")[-1])

    def test_identifiers(self):
        """
        Without OBJECTID, its items of FETCH and its keys of SEARCH are unknown (RFC 8474, sections
        5 and 6); a text that looks like one is not.
        """
        for without in ((), ("OBJECTID",)):
            connection = self.connect(without)
            connection.send(b"a LOGIN arnt trondheim", b"a SELECT INBOX")
            for line, unknown in (
                (b"z FETCH 1:* (UID EMAILID)", b"z BAD Unknown data item"),
                (b"z FETCH 1:* THREADID", b"z BAD Unknown data item"),
                (b"z SEARCH NOT EMAILID M1", b"z BAD Unknown search key"),
            ):
                answer = connection.send(line)[-1]
                self.assertEqual(answer, unknown if without else answer)
                self.assertEqual(answer.startswith(b"z OK"), not without, answer)
            self.assertEqual(
                connection.send(b"z SEARCH SUBJECT EMAILID")[-1], b"z OK SEARCH completed"
            )

    def test_theirList(self):
        """
        JMAPACCESS that is taken away is not in a list that the server makes in its own way, either.
        """

        class Theirs(IMAP4Server):
            def listCapabilities(self):
                return [b"IMAP4rev1", b"JMAPACCESS"]

        offered = set(EXTENSIONS) - {"JMAPACCESS"}
        factory = extendFactory(
            Factory.forProtocol(Theirs), SharedCredentials(URL), extensions=offered
        )
        portal = makePortal(RecordingRealm(_Account))
        connection = Connection(server=factory.buildProtocol(None), portal=portal)
        answer = connection.send(b"a LOGIN arnt trondheim", b"b CAPABILITY")
        self.assertNotIn(b"JMAPACCESS", b"".join(answer))

    def test_initialResponse(self):
        """
        Without SASL-IR, AUTHENTICATE has no second argument.
        """
        line = b"a AUTHENTICATE PLAIN AGFybnQAdHJvbmRoZWlt"
        self.assertEqual(self.connect(["SASL-IR"]).send(line), [b"a BAD Too many arguments"])
        self.assertIn(b"a OK ", self.connect().send(line)[-1][:5])

    def test_mechanism(self):
        """
        A mechanism that is taken away is not supported.
        """
        answer = self.connect(["AUTH=XOAUTH2"]).send(b"a AUTHENTICATE XOAUTH2")
        self.assertEqual(answer, [b"a NO [CANNOT] Mechanism not supported"])

    def test_responseCode(self):
        """
        Without JMAPACCESS, the response codes of the draft are not sent either.
        """
        for without in (["JMAPACCESS"], ["OBJECTID"]):
            answer = self.connect(without).send(b"a LOGIN arnt trondheim")
            self.assertEqual(len(answer), 1)
            self.assertNotIn(b"JMAPACCESS", answer[0])

    def test_theirOwn(self):
        """
        A command, and a capability, that the server has itself stay.
        """

        class Theirs(IMAP4Server):
            def capabilities(self):
                return {**super().capabilities(), b"ID": None, b"NAMESPACE": None}

            def do_ID(self, tag):
                self.sendPositiveResponse(tag, b"Theirs")

            unauth_ID = (do_ID,)

        factory = extendFactory(Factory.forProtocol(Theirs), None, extensions=())
        connection = Connection(server=factory.buildProtocol(None), portal=makePortal())
        names = capabilitiesIn(connection.greeting[0])
        self.assertEqual(set(names), {b"IMAP4rev1", b"ID", b"NAMESPACE", b"IDLE"})
        self.assertEqual(connection.send(b"a ID"), [b"a OK Theirs"])

    def test_mixin(self):
        """
        It is the same as an attribute of a subclass, in any case of letters.
        """

        class Server(JMAPAccessIMAP4Server):
            extensions = ("id", "enable")

        listed = self.listed(Connection(server=Server()))
        self.assertEqual(listed & set(EXTENSIONS), {"ID", "ENABLE"})
        self.assertIn("IDLE", listed)
