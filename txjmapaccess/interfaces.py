# -*- test-case-name: tests -*-
"""
The architecture on one page: who calls whom, and with what.

::

    bytes -> IMAP4Server (+ JMAPAccessMixin) -> SASL/LOGIN -> ICredentials -> cred Portal
          -> checker leaves Evidence on the credentials -> avatar (IAccount)
          -> IJMAPAccessPolicy.decide(Authentication) -> Verdict, recorded on the connection
          -> ICapabilityProvider reads it -> CAPABILITY lists, GETJMAPACCESS

The values that move along these arrows are in L{txjmapaccess.credentials} and
L{txjmapaccess.verdict}.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from txjmapaccess.credentials import Authentication, IBearerToken, IEvident
from txjmapaccess.errors import TokenRefused
from txjmapaccess.verdict import Verdict

__all__ = [
    "IBearerToken",
    "ICapabilityProvider",
    "ICheckerLifecycle",
    "IEvident",
    "IJMAPAccessPolicy",
    "IObjectIDAccount",
    "IObjectIDMailbox",
    "IObjectIDMessage",
    "IObjectIDSearch",
    "IPollableMailbox",
    "IProtectedTransport",
    "IRealmFactory",
    "ITokenAdvice",
]


class ICheckerLifecycle(Interface):
    """
    A checker that holds connections. It connects on its first login; L{start} finds problems
    early, and L{close} is for a clean shutdown.
    """

    def start() -> None:
        """
        Test the back end, and log an error if it cannot be used. Returns at once; an error never
        stops the service. Called again when a checker is kept over a reload of the settings.
        """

    def close() -> Deferred[None]:
        """
        Close every connection, timer and request. Logins that wait fail with
        L{txjmapaccess.errors.TemporaryFailure}.

        @return: a Deferred that fires when all is closed.
        """


class ITokenAdvice(Interface):
    """
    A checker for L{IBearerToken} that knows which tokens a client should request.
    """

    def advise(refusal: TokenRefused) -> TokenRefused:
        """
        @param refusal: has only a reason.

        @return: the same with C{scope} and C{openidConfiguration} (RFC 7628, section 3.2.2), if
            known.
        """


class IJMAPAccessPolicy(Interface):
    """
    Decides what a client learns about JMAP. Called once for each successful login, after the avatar
    exists and before the response to the client.
    """

    def decide(authentication: Authentication) -> Verdict | Awaitable[Verdict]:
        """
        @param authentication: who has logged in, and how.

        @return: the verdict, or a Deferred or coroutine of it. When it raises, fails or returns
            something else, the error is logged and the verdict is C{Unknown}: the login itself
            succeeds. See L{txjmapaccess.policy.verdictFor} for what a policy cannot claim.
        """


class ICapabilityProvider(Interface):
    """
    Provides capabilities to advertise on a connection. A server has a list of providers; after the
    login, an account (avatar) that adapts to this interface is one more.
    """

    def capabilities(connection: Any) -> Mapping[bytes, Sequence[bytes] | None]:
        """
        The capabilities of the connection now. Called for every capability list: it must be fast
        and must not cache its result.

        @param connection: the L{txjmapaccess.server.JMAPAccessMixin} whose capabilities are listed.

        @return: names, each with L{None} or a list of values, in the form that
            L{twisted.mail.imap4.IMAP4Server.capabilities} uses. Lists of several providers under
            one key are joined. A provider that raises is logged and omitted. None can add or
            remove JMAPACCESS: only the verdict does.
        """


class IObjectIDAccount(Interface):
    """
    An account (L{twisted.mail.interfaces.IAccountIMAP}) whose mailboxes and messages have object
    identifiers (RFC 8474): every mailbox that it opens adapts to L{IObjectIDMailbox}, every
    message to L{IObjectIDMessage}. Found by adaptation; no mailbox is opened to find out.
    """

    def getAccountID() -> str | Deferred[str]:
        """
        Called at login: an account without one cannot be used over JMAP.

        @return: the JMAP accountId of the account that owns the mailboxes (RFC 8620, section
            1.6.2), of the form of a MAILBOXID.
        """


class IObjectIDMailbox(Interface):
    """
    A mailbox (L{twisted.mail.interfaces.IMailboxIMAP}) with an identifier.
    """

    def getMailboxID() -> str | Deferred[str]:
        """
        @return: the MAILBOXID (RFC 8474, section 4): 1 to 255 letters, digits, C{-} and C{_}. It
            survives RENAME and is never reused.
        """


class IObjectIDMessage(Interface):
    """
    A message (L{twisted.mail.interfaces.IMessageIMAP}) with identifiers.
    """

    def getEmailID() -> str | Deferred[str]:
        """
        @return: the EMAILID (RFC 8474, section 5.1). Messages with the same EMAILID have the same
            content; a copy keeps it.
        """

    def getThreadID() -> str | Deferred[str] | Deferred[str | None] | None:
        """
        @return: the THREADID (RFC 8474, section 5.2), or L{None} where the store has no threads.
        """


class IObjectIDSearch(Interface):
    """
    A mailbox that finds messages by identifier with an index, without reading them (SEARCH
    EMAILID and THREADID, RFC 8474, section 5.4). Where a mailbox does not adapt to it, every
    message is asked.
    """

    def searchEmailID(emailID: str) -> Iterable[int] | Deferred[list[int]]:
        """
        @param emailID: an EMAILID or anything of its form.

        @return: the UIDs of the messages that have it, ascending, empty when there is none. Only
            messages of which the client has been told are in it (they have a sequence number).
        """

    def searchThreadID(threadID: str) -> Iterable[int] | Deferred[list[int]]:
        """
        @param threadID: a THREADID or anything of its form.

        @return: as L{searchEmailID}.
        """


class IPollableMailbox(Interface):
    """
    A selected mailbox that can look whether others (another process, a delivery agent) have
    changed it. Between two calls of L{poll} the sequence numbers of the mailbox change by its
    own C{expunge} only (RFC 3501, sections 5.5 and 7.4.1).
    """

    def poll() -> Deferred[None]:
        """
        Look, and tell the mailbox's listeners
        (L{twisted.mail.interfaces.IMailboxIMAPListener}): first C{messagesExpunged(seqs)} of those
        that have such a method, with sequence numbers in an order in which they can be sent as
        EXPUNGE responses, one after the other; then C{flagsChanged}; then C{newMessages}. A
        listener without C{messagesExpunged} keeps the vanished messages' sequence numbers.

        Called only where EXPUNGE responses are allowed: NOOP, CHECK, IDLE.

        @return: a Deferred that fires when the listeners have been told. It fails
            when the mailbox could not be looked at, or is gone.
        """


class IRealmFactory(Interface):
    """
    A plugin that builds a realm from C{--realm NAME[:ARGS]}, as
    L{twisted.cred.strcred.ICheckerFactory} does checkers.
    """

    realmType: str = Attribute("The NAME.")
    realmHelp: str = Attribute("What the realm is and which ARGS it takes.")
    argStringFormat: str = Attribute("One line about the form of ARGS.")
    inventsIdentifiers: bool = Attribute(
        """
        Whether the realm's store makes its object identifiers up by itself, so that a
        JMAP server elsewhere has the same only if the operator says so (C{same_identifiers}).
        """
    )

    def generateRealm(argstring: str) -> IRealm:
        """
        @param argstring: what came behind the first colon, or C{""}.

        @return: a realm that has avatars for L{twisted.mail.interfaces.IAccountIMAP}.

        @raise txjmapaccess.errors.ConfigurationError: with a sentence that says what is wrong.
        """


class IProtectedTransport(Interface):
    """
    Marks a transport that counts as protected without TLS of its own: a proxy ended TLS.
    """
