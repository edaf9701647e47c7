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

from twisted.cred.credentials import ICredentials
from zope.interface import Attribute, Interface


class IEvident(Interface):
    """
    Credentials on which a checker can leave what it found out. All credentials that
    L{txjmapaccess.server.JMAPAccessMixin} makes are.
    """

    evidence = Attribute(
        """
        L{None}, or the L{txjmapaccess.credentials.Evidence} of the checker that accepted these
        credentials. Set with L{txjmapaccess.credentials.leaveEvidence}.
        """
    )


class IBearerToken(ICredentials):
    """
    An OAuth 2.0 access token, as OAUTHBEARER (RFC 7628) and XOAUTH2 carry it.

    The user is who the token says: there is no user name here.
    """

    token = Attribute("The access token, L{str}, visible ASCII without spaces (RFC 6750).")
    authorizationIdentity = Attribute(
        """
        L{str} or L{None}: whose mail the client asks for (RFC 7628, section 3.1; the C{user} of
        XOAUTH2). When given, the checker refuses unless it is the token's user, with
        L{txjmapaccess.errors.ForeignAuthorizationIdentity}.
        """
    )
    mechanism = Attribute("L{str}: C{OAUTHBEARER} or C{XOAUTH2}.")


class ICheckerLifecycle(Interface):
    """
    A checker that holds connections. Checkers connect by themselves when they are first asked,
    so calling L{start} is for finding trouble early; L{close} is for a clean shutdown.
    """

    def start() -> None:
        """
        Try whether the back end can be used at all, and tell the operator (in the log) when
        not. Returns at once; trouble never stops the service. Called again for a checker that
        outlives a reload of the settings.
        """

    def close():  # type: ignore[no-untyped-def]
        """
        Close every connection, timer and request. Logins that wait fail with
        L{txjmapaccess.errors.TemporaryFailure}.

        @return: a L{twisted.internet.defer.Deferred} that fires with L{None} when all is closed.
        """


class ITokenAdvice(Interface):
    """
    A checker for L{IBearerToken} that knows which tokens there are to ask for.
    """

    def advise(refusal):  # type: ignore[no-untyped-def]
        """
        @param refusal: a L{txjmapaccess.errors.TokenRefused} that says no more than why.

        @return: the same with C{scope} and C{openidConfiguration} (RFC 7628, section 3.2.2), as
            far as they are known.
        """


class IJMAPAccessPolicy(Interface):
    """
    Decides what a login may be told about JMAP. Asked once for each successful login, after the
    avatar was made and before the client is answered.
    """

    def decide(authentication):  # type: ignore[no-untyped-def]
        """
        @param authentication: the L{txjmapaccess.credentials.Authentication}.

        @return: a L{txjmapaccess.verdict.Verdict}, or a Deferred of one. When it raises, fails
            or returns something else, the error is logged and the verdict is C{Unknown}: the
            login itself stands.
        """


class ICapabilityProvider(Interface):
    """
    Something that has capabilities to advertise on a connection. A server has a list of them; an
    account (avatar) that adapts to this interface is one more, after the login.
    """

    def capabilities(connection):  # type: ignore[no-untyped-def]
        """
        What the connection may advertise now. Called for every capability list, so it must be
        quick, and must not keep the result of an earlier call.

        @param connection: the L{txjmapaccess.server.JMAPAccessMixin} connection.

        @return: a mapping of L{bytes} to L{None} or a list of L{bytes}, in the form that
            L{twisted.mail.imap4.IMAP4Server.capabilities} uses. Lists of several providers under
            one key are joined. A provider that raises is logged and left out. None can add or
            take away JMAPACCESS: that is the verdict's alone.
        """


class IObjectIDAccount(Interface):
    """
    An account (L{twisted.mail.interfaces.IAccountIMAP}) whose mailboxes and messages have object
    identifiers (RFC 8474): every mailbox that it opens adapts to L{IObjectIDMailbox}, every
    message to L{IObjectIDMessage}. Found by adaptation; no mailbox is opened to find out.
    """

    def getAccountID():  # type: ignore[no-untyped-def]
        """
        @return: the JMAP accountId of the account that owns the mailboxes (RFC 8620, section
            1.6.2): L{str}, or a Deferred of it.
        """


class IObjectIDMailbox(Interface):
    """
    A mailbox (L{twisted.mail.interfaces.IMailboxIMAP}) with an identifier.
    """

    def getMailboxID():  # type: ignore[no-untyped-def]
        """
        @return: the MAILBOXID (RFC 8474, section 4): L{str} of 1 to 255 letters, digits,
            C{-} and C{_}, or a Deferred of it. It survives RENAME and is never reused.
        """


class IObjectIDMessage(Interface):
    """
    A message (L{twisted.mail.interfaces.IMessageIMAP}) with identifiers.
    """

    def getEmailID():  # type: ignore[no-untyped-def]
        """
        @return: the EMAILID (RFC 8474, section 5.1): L{str}, or a Deferred of it. Messages
            with the same EMAILID have the same content; a copy keeps it.
        """

    def getThreadID():  # type: ignore[no-untyped-def]
        """
        @return: the THREADID (RFC 8474, section 5.2): L{str}, or L{None} where the store has no
            threads, or a Deferred of one of them.
        """


class IObjectIDSearch(Interface):
    """
    A mailbox that finds messages by identifier with an index, without reading them (SEARCH
    EMAILID and THREADID, RFC 8474, section 5.4). Where a mailbox does not adapt to it, every
    message is asked.
    """

    def searchEmailID(emailID):  # type: ignore[no-untyped-def]
        """
        @param emailID: L{str}, an EMAILID or anything of its form.

        @return: an iterable of the UIDs (L{int}) of the messages that have it, ascending, empty
            when there is none; or a Deferred of it. Only messages of which the client has been
            told are in it (they have a sequence number).
        """

    def searchThreadID(threadID):  # type: ignore[no-untyped-def]
        """
        @param threadID: L{str}, a THREADID or anything of its form.

        @return: as L{searchEmailID}.
        """


class IPollableMailbox(Interface):
    """
    A selected mailbox that can look whether others (another process, a delivery agent) have
    changed it. Between two calls of L{poll} the sequence numbers of the mailbox change by its
    own C{expunge} only (RFC 3501, sections 5.5 and 7.4.1).
    """

    def poll():  # type: ignore[no-untyped-def]
        """
        Look, and tell the mailbox's listeners
        (L{twisted.mail.interfaces.IMailboxIMAPListener}): first C{messagesExpunged(seqs)} of those
        that have such a method, with sequence numbers in an order in which they can be sent as
        EXPUNGE responses, one after the other; then C{flagsChanged}; then C{newMessages}. A
        listener without C{messagesExpunged} keeps the vanished messages' sequence numbers.

        Called only where EXPUNGE responses are allowed: NOOP, CHECK, IDLE.

        @return: a Deferred that fires with L{None} when the listeners have been told. It fails
            when the mailbox could not be looked at, or is gone.
        """


class IRealmFactory(Interface):
    """
    A plugin that builds a realm from C{--realm NAME[:ARGS]}, as
    L{twisted.cred.strcred.ICheckerFactory} does checkers.
    """

    realmType = Attribute("L{str}: the NAME.")
    realmHelp = Attribute("L{str}: what the realm is and which ARGS it takes.")
    argStringFormat = Attribute("L{str}: one line about the form of ARGS.")
    inventsIdentifiers = Attribute(
        """
        L{bool}: whether the realm's store makes its object identifiers up by itself, so that a
        JMAP server elsewhere has the same only if the operator says so (C{same_identifiers}).
        """
    )

    def generateRealm(argstring):  # type: ignore[no-untyped-def]
        """
        @param argstring: L{str}: what came behind the first colon, or C{""}.

        @return: an L{twisted.cred.portal.IRealm} that has avatars for
            L{twisted.mail.interfaces.IAccountIMAP}.

        @raise txjmapaccess.errors.ConfigurationError: with a sentence that says what is wrong.
        """


class IProtectedTransport(Interface):
    """
    Marks a transport that counts as protected without TLS of its own: a proxy ended TLS.
    """
