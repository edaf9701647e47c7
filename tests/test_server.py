# -*- test-case-name: tests.test_server -*-
"""
Tests for L{txjmapaccess.server}: policies that misbehave, capability providers, response codes of
the draft, factories that somebody else wrote.
"""

from __future__ import annotations

from enum import Enum

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.mail.imap4 import IMAP4Server
from twisted.protocols.policies import WrappingFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.imap import (
    URL,
    Connection,
    IdentifiedAccount,
    RecordingRealm,
    TLSStringTransport,
    capabilitiesIn,
    makePortal,
)
from txjmapaccess import JMAPAccessIMAP4Server, JMAPAccessMixin, extendFactory
from txjmapaccess.interfaces import ICapabilityProvider, IJMAPAccessPolicy
from txjmapaccess.policy import SharedCredentials
from txjmapaccess.verdict import Known, Reason, Unknown, Usable


@implementer(IJMAPAccessPolicy)
class Policy:
    """
    Gives what it is told to.
    """

    def __init__(self, verdict):
        self.verdict = verdict

    def decide(self, authentication):
        """
        See L{IJMAPAccessPolicy}.
        """
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict


class PolicyTests(SynchronousTestCase):
    """
    Whatever a policy does, the login stands, and nothing is claimed that is not so.
    """

    def verdict(self, given):
        """
        @return: the verdict that is recorded for what a policy returned.
        """
        connection = Connection(jmapAccessPolicy=Policy(given))
        self.assertEqual(connection.send(b"a LOGIN arnt trondheim")[-1][:5], b"a OK ")
        return connection.server.loginRecord.verdict

    def test_deferred(self):
        """
        A policy may give a Deferred of its verdict.
        """
        self.assertEqual(self.verdict(succeed(Usable(URL))), Usable(URL))

    def test_waiting(self):
        """
        The client is not answered before the verdict is known.
        """
        decided = Deferred()
        connection = Connection(jmapAccessPolicy=Policy(decided))
        self.assertEqual(connection.send(b"a LOGIN arnt trondheim", b"b GETJMAPACCESS"), [])
        decided.callback(Usable(URL))
        connection.clock.advance(0)
        answer = connection.received()
        self.assertIn(b"JMAPACCESS", capabilitiesIn(answer[0]))
        self.assertEqual(answer[-1], b"b OK GETJMAPACCESS completed")

    def test_raises(self):
        """
        A policy that raises is logged, and the verdict is unknown.
        """
        self.assertEqual(self.verdict(RuntimeError("out of order")), Unknown())
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_fails(self):
        """
        A policy whose Deferred fails is logged, and the verdict is unknown.
        """
        self.assertEqual(self.verdict(fail(RuntimeError("out of order"))), Unknown())
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_noVerdict(self):
        """
        A policy that gives something else is logged, and the verdict is unknown.
        """
        self.assertEqual(self.verdict(True), Unknown())
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_illegalURL(self):
        """
        An illegal session URL is never shown.
        """
        for url in (
            "http://example.com/",
            "https://example.com/\r\n* BYE",
            "/jmap",
            "ftp://example.com/",
            "https://",
            "https://user@example.com/",
            "https://exämple.com/",
        ):
            self.assertEqual(self.verdict(Usable(url)), Unknown(), url)
            self.assertEqual(self.verdict(Known(url, Reason.SCOPE)), Unknown(), url)


class SomethingElse(Enum):
    """
    No reasons of ours.
    """

    ARNT = "arnt may not"


class ResponseCodeTests(SynchronousTestCase):
    """
    draft-ietf-extra-jmapaccess: the response codes JMAPACCESS and DEBUGGING.
    """

    def answer(self, verdict, **attributes):
        """
        @return: the lines that answer LOGIN.
        """
        connection = Connection(jmapAccessPolicy=Policy(verdict), **attributes)
        return connection.send(b"a LOGIN arnt trondheim")

    def test_off(self):
        """
        Nothing of it is sent unless the operator wants it.
        """
        self.assertEqual(len(self.answer(Usable(URL))), 1)
        self.assertEqual(len(self.answer(Known(URL, Reason.PASSWORDS))), 1)

    def test_usable(self):
        """
        Usable: an untagged OK with the code JMAPACCESS, before the tagged OK with the capabilities.
        """
        untagged, tagged = self.answer(Usable(URL), debugging=True)
        self.assertEqual(untagged, b'* OK [JMAPACCESS "' + URL.encode() + b'"] For JMAP access')
        self.assertIn(b"JMAPACCESS", capabilitiesIn(tagged))

    def test_everyReason(self):
        """
        Otherwise: an untagged OK with the code DEBUGGING and the reason, each of them a fixed
        sentence.
        """
        for reason in Reason:
            verdict = Unknown() if reason is Reason.NO_SERVER else Known(URL, reason)
            untagged, tagged = self.answer(verdict, debugging=True)
            self.assertEqual(
                untagged, b'* OK [DEBUGGING "' + reason.value.encode() + b'"] No JMAP access'
            )
            self.assertNotIn(b"JMAPACCESS", capabilitiesIn(tagged))

    def test_noUserData(self):
        """
        No sentence can hold data of a user: they are constants, without a place for any, and a
        verdict cannot be made with another one.
        """
        for reason in Reason:
            self.assertRegex(reason.value, r"\A[A-Za-z ,]+\Z")
        self.assertRaises(ValueError, Reason, "arnt may not")
        for reason in ("arnt may not", None, SomethingElse.ARNT):
            for verdict in (Known(URL, reason), Unknown(reason)):
                answer = self.answer(verdict, debugging=True)
                self.assertEqual(
                    answer[0],
                    b'* OK [DEBUGGING "No JMAP server is known for this account"] No JMAP access',
                )
                self.assertEqual(answer[1][:5], b"a OK ")
                self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)


@implementer(ICapabilityProvider)
class Provider:
    """
    Gives what it is told to.
    """

    def __init__(self, offered):
        self.offered = offered

    def capabilities(self, connection):
        """
        See L{ICapabilityProvider}.
        """
        if isinstance(self.offered, Exception):
            raise self.offered
        return self.offered


class CapabilityTests(SynchronousTestCase):
    """
    L{ICapabilityProvider}s of a server and of an account.
    """

    def test_joined(self):
        """
        Lists under one key are joined.
        """
        connection = Connection(
            capabilityProviders=[
                Provider({b"X-A": None, b"CONTEXT": [b"SEARCH"]}),
                Provider({b"CONTEXT": [b"SORT", b"SEARCH"]}),
            ]
        )
        offered = capabilitiesIn(connection.greeting[0])
        self.assertIn(b"X-A", offered)
        self.assertEqual(
            [name for name in offered if name.startswith(b"CONTEXT")],
            [b"CONTEXT=SEARCH", b"CONTEXT=SORT"],
        )

    def test_raises(self):
        """
        A provider that raises is logged and left out; the others are asked.
        """
        connection = Connection(
            capabilityProviders=[Provider(RuntimeError()), Provider({b"X-B": None})]
        )
        self.assertIn(b"X-B", capabilitiesIn(connection.greeting[0]))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_account(self):
        """
        An account that adapts to the interface is one more provider, after the login.
        """

        @implementer(ICapabilityProvider)
        class Account(IdentifiedAccount):
            def capabilities(self, connection):
                return {b"X-ACCOUNT": None}

        connection = Connection(portal=makePortal(RecordingRealm(Account)))
        self.assertNotIn(b"X-ACCOUNT", connection.greeting[0])
        self.assertIn(b"X-ACCOUNT", connection.send(b"a LOGIN arnt trondheim")[0])

    def test_noForgery(self):
        """
        Neither a provider nor the server class itself can add JMAPACCESS.
        """

        class Boasting(IMAP4Server):
            def capabilities(self):
                return {b"JMAPACCESS": None, b"X-C": None}

        class Server(JMAPAccessMixin, Boasting):
            pass

        connection = Connection(
            server=Server(), capabilityProviders=[Provider({b"JMAPACCESS": None})]
        )
        self.assertNotIn(b"JMAPACCESS", connection.greeting[0])
        (answer,) = connection.send(b"a LOGIN arnt trondheim")
        self.assertIn(b"X-C", answer)
        self.assertNotIn(b"JMAPACCESS", answer)

    def test_changedInPlace(self):
        """
        Lists are remembered from one connection to the next, but not those that change in their
        place: a dictionary of the class, and a list in one.
        """
        said = {b"X-A": None}

        class Saying(IMAP4Server):
            def capabilities(self):
                return said

        def greeting():
            server = type("Server", (JMAPAccessMixin, Saying), {})()
            return capabilitiesIn(Connection(server=server).greeting[0])

        self.assertNotIn(b"X-B=1", greeting())
        said[b"X-B"] = [b"1"]
        self.assertIn(b"X-B=1", greeting())
        said[b"X-B"].append(b"2")
        self.assertIn(b"X-B=2", greeting())

    def test_notShared(self):
        """
        What one connection is given, or what is done with it, does not come to another.
        """
        first = Connection(capabilityProviders=[Provider({b"X-C": None})]).server
        self.assertIn(b"X-C", first.listCapabilities())
        second = Connection().server
        self.assertNotIn(b"X-C", second.listCapabilities())
        second.listCapabilities().append(b"JMAPACCESS")
        second.capabilities()[b"JMAPACCESS"] = None
        second.capabilities()[b"AUTH"].append(b"EVIL")
        third = Connection(capabilityProviders=[Provider({b"X-D": None})]).server
        for connection in (second, Connection().server, third):
            names = connection.listCapabilities()
            for name in (b"X-C", b"JMAPACCESS", b"AUTH=EVIL"):
                self.assertNotIn(name, names)
        self.assertIn(b"X-D", names)

    def test_partlyGood(self):
        """
        Of a provider that is left out nothing is taken; what is wrong is logged each time.
        """
        wrong = {b"X-E": None, b"X E": None}
        for _ in range(2):
            connection = Connection(capabilityProviders=[Provider(wrong)])
            self.assertNotIn(b"X-E", connection.greeting[0])
            self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

        class Saying(IMAP4Server):
            def capabilities(self):
                return wrong

        for _ in range(2):
            connection = Connection(server=type("Server", (JMAPAccessMixin, Saying), {})())
            self.assertIn(b"X-E", connection.greeting[0])
            self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_inBetween(self):
        """
        A subclass of ours has its say, but not about JMAPACCESS.
        """

        class Server(JMAPAccessIMAP4Server):
            def capabilities(self):
                return {**super().capabilities(), b"X-F": None, b"JMAPACCESS": None}

        (greeting,) = Connection(server=Server()).greeting
        self.assertIn(b"X-F", capabilitiesIn(greeting))
        self.assertNotIn(b"JMAPACCESS", capabilitiesIn(greeting))

    def test_mechanismAsName(self):
        """
        A mechanism that is said to be a capability of its own is one of those: none is advertised
        that must wait for TLS, nor any after the login.
        """

        class Saying(IMAP4Server):
            def capabilities(self):
                return {b"AUTH=PLAIN": None, b"Auth=LOGIN": None, b"X-C": None}

        for connection in (
            Connection(server=type("Server", (JMAPAccessMixin, Saying), {})(), requireTLS=True),
            Connection(capabilityProviders=[Provider({b"AUTH=PLAIN": None})], requireTLS=True),
        ):
            self.assertNotIn(b"AUTH=", connection.greeting[0].upper())

    def test_ownListWithoutTLS(self):
        """
        RFC 3501, section 11.1: a list that another server makes in its own way does not offer what
        is refused in clear, and says that passwords are.
        """

        class Listing(IMAP4Server):
            def listCapabilities(self):
                return [b"IMAP4rev1", b"AUTH=PLAIN", b"auth=LOGIN", b"AUTH=X-OWN", b"X-C"]

        class Saying(IMAP4Server):
            def listCapabilities(self):
                return [b"IMAP4rev1", b"LOGINDISABLED"]

        saying = type("Server", (JMAPAccessMixin, Saying), {})()
        (greeting,) = Connection(server=saying, requireTLS=True).greeting
        self.assertEqual(capabilitiesIn(greeting), [b"IMAP4rev1", b"LOGINDISABLED"])
        server = type("Server", (JMAPAccessMixin, Listing), {})
        (greeting,) = Connection(server=server(), requireTLS=True).greeting
        self.assertEqual(
            capabilitiesIn(greeting), [b"IMAP4rev1", b"AUTH=X-OWN", b"X-C", b"LOGINDISABLED"]
        )
        connection = Connection(server=server(), requireTLS=False)
        self.assertEqual(capabilitiesIn(connection.greeting[0]), Listing().listCapabilities())
        (answer,) = connection.send(b"a LOGIN arnt trondheim")
        self.assertEqual(capabilitiesIn(answer), [b"IMAP4rev1", b"X-C"])

    def test_noForgeryInDisguise(self):
        """
        Nor in another case (capabilities have none), nor inside of something else; nor can they
        take away or add what they have no say in.
        """
        for forged in (
            {b"JmapAccess": None},
            {b"X JMAPACCESS": None},
            {b"X\r\n* CAPABILITY JMAPACCESS": None},
            {b"X": [b"a JMAPACCESS"]},
            {b"auth": [b"EVIL"]},
            {b"LoginDisabled": None},
        ):

            class Forging(IMAP4Server):
                def capabilities(self, forged=forged):
                    return forged

            class Listing(IMAP4Server):
                def listCapabilities(self):
                    return [b"IMAP4rev1", b"jmapaccess"]

                def do_CAPABILITY(self, tag):
                    self.sendUntaggedResponse(b"CAPABILITY JMAPACCESS")

                unauth_CAPABILITY = auth_CAPABILITY = (do_CAPABILITY,)

            for connection in (
                Connection(capabilityProviders=[Provider(forged)]),
                Connection(server=type("Server", (JMAPAccessMixin, Forging), {})()),
                Connection(server=type("Server", (JMAPAccessMixin, Listing), {})()),
            ):
                said = connection.greeting + connection.send(
                    b"a CAPABILITY", b"b LOGIN arnt trondheim", b"c CAPABILITY"
                )
                text = b"".join(said).upper()
                self.assertEqual(len(said), 6)
                for word in (b"JMAPACCESS", b"EVIL", b"LOGINDISABLED"):
                    self.assertNotIn(word, text)
            self.flushLoggedErrors(ValueError)

    def test_noCapabilities(self):
        """
        A provider that gives something else is logged and left out; the greeting comes.
        """
        for nonsense in ({"X": None}, {b"X": 5}, {b"X": b"Y"}, {b"X": ["Y"]}, None, {b"": None}):
            connection = Connection(capabilityProviders=[Provider(nonsense)])
            self.assertIn(b"IMAP4rev1", capabilitiesIn(connection.greeting[0]))
            self.assertEqual(len(self.flushLoggedErrors()), 1, nonsense)

    def test_serverCannotListThem(self):
        """
        A server whose own list fails after the login: the login stands, and is answered.
        """

        class Failing(IMAP4Server):
            def capabilities(self):
                if self.account is not None:
                    raise RuntimeError("out of order")
                return super().capabilities()

        connection = Connection(server=type("Server", (JMAPAccessMixin, Failing), {})())
        answer = connection.send(b"a LOGIN arnt trondheim", b"b NOOP")
        self.assertEqual([line[:5] for line in answer], [b"a OK ", b"b OK "])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_noSTARTTLSAfterLogin(self):
        """
        After the login there is no STARTTLS any more.
        """
        connection = Connection(
            server=JMAPAccessIMAP4Server(contextFactory=object()), transport=TLSStringTransport()
        )
        self.assertIn(b"STARTTLS", capabilitiesIn(connection.greeting[0]))
        (answer,) = connection.send(b"a LOGIN arnt trondheim")
        self.assertNotIn(b"STARTTLS", capabilitiesIn(answer))

    def test_mechanismsWithCheckers(self):
        """
        Only mechanisms are advertised for which there is a checker.
        """
        connection = Connection(portal=makePortal(checkers=[]))
        self.assertNotIn(b"AUTH=", connection.greeting[0])
        (answer,) = connection.send(b"a AUTHENTICATE PLAIN")
        self.assertEqual(answer[:5], b"a NO ")


class ExtendFactoryTests(SynchronousTestCase):
    """
    L{extendFactory} on factories that somebody else wrote.
    """

    policy = SharedCredentials(URL)

    def assertExtended(self, factory):
        """
        What the factory builds offers JMAPACCESS, and is still what it was.
        """
        server = factory.buildProtocol(None)
        self.assertIsInstance(server, IMAP4Server)
        connection = Connection(server=server, portal=makePortal())
        self.assertIn(b"JMAPACCESS", connection.send(b"a LOGIN arnt trondheim")[0])

    def test_protocolAttribute(self):
        """
        A factory that sets C{protocol}.
        """
        factory = Factory.forProtocol(IMAP4Server)
        self.assertIs(extendFactory(factory, self.policy), factory)
        self.assertExtended(factory)

    def test_buildProtocol(self):
        """
        A factory that overrides C{buildProtocol}, and whose protocols have class-level state.
        """

        class Theirs(IMAP4Server):
            IDENT = b"theirs"

        class TheirFactory(Factory):
            def buildProtocol(self, address):
                return Theirs()

        factory = extendFactory(TheirFactory(), self.policy)
        self.assertIsInstance(factory.buildProtocol(None), Theirs)
        self.assertExtended(factory)

    def test_wrapped(self):
        """
        A factory that is wrapped (TLS and PROXY protocol do so) is found inside.
        """
        wrapped = WrappingFactory(Factory.forProtocol(IMAP4Server))
        self.assertIs(extendFactory(wrapped, self.policy), wrapped)
        self.assertExtended(wrapped.wrappedFactory)

    def test_alreadyMixed(self):
        """
        A protocol that has the mixin already gets the policy, and is not mixed again.
        """

        class Server(JMAPAccessMixin, IMAP4Server):
            pass

        factory = extendFactory(Factory.forProtocol(Server), self.policy)
        self.assertIs(type(factory.buildProtocol(None)), Server)
        self.assertExtended(factory)

    def test_noIMAPServer(self):
        """
        What is no IMAP server is left alone, with an error in the log.
        """
        factory = extendFactory(Factory.forProtocol(Protocol), self.policy)
        self.assertIs(type(factory.buildProtocol(None)), Protocol)

    def test_noProtocol(self):
        """
        A factory that builds nothing (it refuses the connection) stays so.
        """

        class Refusing(Factory):
            def buildProtocol(self, address):
                return None

        self.assertIsNone(extendFactory(Refusing(), self.policy).buildProtocol(None))

    def test_limits(self):
        """
        Unless others are given, the connections of a factory share limits of their own.
        """
        first, second = (
            extendFactory(Factory.forProtocol(IMAP4Server), self.policy) for _ in range(2)
        )
        limits = first.buildProtocol(None)._jmaSettings.limits
        self.assertIsNotNone(limits)
        self.assertIs(first.buildProtocol(None)._jmaSettings.limits, limits)
        self.assertIsNot(second.buildProtocol(None)._jmaSettings.limits, limits)
        none = extendFactory(Factory.forProtocol(IMAP4Server), self.policy, limits=None)
        self.assertIsNone(none.buildProtocol(None)._jmaSettings.limits)

    def test_unknownAttribute(self):
        """
        A misspelt attribute is an error at once.
        """
        factory = Factory.forProtocol(IMAP4Server)
        self.assertRaises(TypeError, extendFactory, factory, self.policy, objectIds=None)
        self.assertRaises(TypeError, extendFactory, factory, self.policy, _decide=None)

    def test_function(self):
        """
        A function that is given is called as it is, and does not become a method.
        """
        factory = extendFactory(Factory.forProtocol(IMAP4Server), self.policy, seconds=lambda: 5.0)
        self.assertEqual(factory.buildProtocol(None)._jmaSettings.seconds(), 5.0)


class TheirAuthenticateLoginTests(SynchronousTestCase):
    """
    Servers that override C{authenticateLogin}: theirs is called, for all three ways of giving a
    password.
    """

    def connect(self, authenticateLogin):
        """
        @return: a connection to such a server.
        """
        their = type("Theirs", (IMAP4Server,), {"authenticateLogin": authenticateLogin})
        server = extendFactory(Factory.forProtocol(their), SharedCredentials(URL)).buildProtocol(
            None
        )
        self.realm = RecordingRealm()
        return Connection(server=server, portal=makePortal(self.realm))

    def test_called(self):
        """
        LOGIN, AUTHENTICATE PLAIN and AUTHENTICATE LOGIN go through it.
        """
        seen = []

        def authenticateLogin(server, user, password):
            seen.append((user, password))
            return IMAP4Server.authenticateLogin(server, user, password)

        for lines in (
            (b"a LOGIN arnt trondheim",),
            (b"a AUTHENTICATE PLAIN AGFybnQAdHJvbmRoZWlt",),
            (b"a AUTHENTICATE LOGIN", b"YXJudA==", b"dHJvbmRoZWlt"),
        ):
            connection = self.connect(authenticateLogin)
            portal = connection.server.portal
            for line in lines:
                answer = connection.send(line)
            self.assertIn(b"JMAPACCESS", answer[-1])
            self.assertIs(connection.server.portal, portal)
        self.assertEqual(seen, [(b"arnt", b"trondheim")] * 3)

    def test_ownBackEnd(self):
        """
        It may have a back end of its own and no portal.
        """
        account = IdentifiedAccount(b"arnt")
        from twisted.mail.imap4 import IAccount

        connection = self.connect(lambda *args: (IAccount, account, lambda: None))
        connection.server.portal = None
        self.assertIn(b"JMAPACCESS", connection.send(b"a LOGIN arnt anything")[0])

    def test_raises(self):
        """
        An exception of its is a temporary failure, and its text does not reach the client.
        """

        def authenticateLogin(server, user, password):
            raise RuntimeError("ldap://10.1.2.3 secret=hunter2 ☃")

        connection = self.connect(authenticateLogin)
        self.assertEqual(
            connection.send(b"a LOGIN arnt trondheim"),
            [b"a NO [UNAVAILABLE] Temporary authentication failure"],
        )


class ForeignHandlerTests(SynchronousTestCase):
    """
    Handlers that somebody else wrote.
    """

    def connect(self, handler):
        """
        @return: a connection, logged in, to a server that has a command XYZ.
        """
        their = type("Theirs", (IMAP4Server,), {"auth_XYZ": (handler,)})
        server = extendFactory(Factory.forProtocol(their), None).buildProtocol(None)
        connection = Connection(server=server, portal=makePortal())
        connection.send(b"a LOGIN arnt trondheim")
        return connection

    def test_writesToTheTransport(self):
        """
        A tagged line that is written straight to the transport ends the command, even later.
        """
        pieces = (
            lambda server, tag: server.transport.write(tag + b" OK done\r\n"),
            lambda server, tag: server.transport.write(b"* XYZ\r\n" + tag + b" OK done\r\n"),
            lambda server, tag: server.transport.writeSequence([tag, b" NO done", b"\r\n"]),
            lambda server, tag: server.callLater(1, lambda: server.sendLine(tag + b" BAD done")),
        )
        for handler in pieces:
            connection = self.connect(handler)
            connection.send(b"b XYZ", b"c NOOP")
            connection.clock.advance(1)
            connection.clock.advance(0)
            write = connection.server.transport.write
            self.assertEqual(write.__func__, StringTransport.write)
            self.assertIn(b"d OK ", connection.send(b"d NOOP")[-1])

    def test_transportIsLeftAsItWas(self):
        """
        What somebody else has put on the transport is there again afterwards.
        """
        connection = self.connect(lambda server, tag: server.transport.write(tag + b" OK\r\n"))
        written = []
        write = connection.transport.write

        def counting(data):
            written.append(data)
            write(data)

        connection.transport.write = counting
        self.assertEqual(connection.send(b"b XYZ", b"c XYZ"), [b"b OK", b"c OK"])
        self.assertEqual(written, [b"b OK\r\n", b"c OK\r\n"])
        self.assertIs(connection.transport.write, counting)

    def test_raises(self):
        """
        One that raises is answered with NO, and logged.
        """

        def handler(server, tag):
            raise RuntimeError("secret")

        connection = self.connect(handler)
        answer = connection.send(b"b XYZ", b"c NOOP")
        self.assertEqual(answer[0], b"b NO [SERVERBUG] Internal error")
        self.assertEqual(answer[1][:5], b"c OK ")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_answersAndFails(self):
        """
        One that has answered, or whose client has gone, and then fails gets no second answer.
        """

        def handler(server, tag):
            server.sendPositiveResponse(tag, b"Done")
            raise RuntimeError("secret")

        connection = self.connect(handler)
        self.assertEqual(connection.send(b"b XYZ"), [b"b OK Done"])
        waiting = Deferred()
        connection = self.connect(lambda server, tag: waiting)
        connection.send(b"b XYZ")
        connection.lose()
        waiting.errback(RuntimeError("secret"))
        self.assertEqual(connection.received(), [])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_failsLater(self):
        """
        One whose Deferred fails is answered the same way.
        """
        connection = self.connect(lambda server, tag: fail(RuntimeError("secret")))
        answer = connection.send(b"b XYZ")
        self.assertEqual(answer, [b"b NO [SERVERBUG] Internal error"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
