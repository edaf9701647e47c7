# -*- test-case-name: tests.imap.test_login -*-
"""
What may be offered now: no password and no token in clear where the operator does not want it
(RFC 3501, section 11.1; RFC 7628, section 4), and STARTTLS.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.internet.interfaces import IAddress, ISSLTransport
from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.imap.connectionlimits import ConnectionLimits
from txjmapaccess.imap.sasl import MECHANISMS, Mechanism, foreignMechanism
from txjmapaccess.interfaces import IBearerToken, IProtectedTransport
from txjmapaccess.sessionurl import isLoopback


class TLSRequirement(ConnectionLimits):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    def offeredMechanisms(self, loginDisabled: bool) -> Mapping[bytes, Mechanism]:
        """
        @param loginDisabled: what L{loginDisabled} says.

        @return: the mechanisms for which there is a checker, and which may be used now.
        """
        known = self.knownMechanisms()
        if not loginDisabled and (
            self._jmaSettings.requireTLS is not None
            or not self._checksTokens()
            or self._mayHaveTokens()
        ):
            return known
        return {
            name: mechanism
            for name, mechanism in known.items()
            if not self._privacyRequired(mechanism, loginDisabled)
        }

    def knownMechanisms(self) -> Mapping[bytes, Mechanism]:
        """
        @return: the mechanisms for which there is a checker, and those of other people.
        """
        offered = self._jmaSettings.offered
        ours = _ours(self._checksPasswords(), self._checksTokens(), offered)
        if not self.challengers:
            return ours
        theirs = {
            name: foreignMechanism(name, makeChallenger)
            for name, makeChallenger in self.challengers.items()
            if name not in MECHANISMS
        }
        return {**theirs, **ours}

    def loginDisabled(self) -> bool:
        """
        @return: whether passwords in clear are refused (LOGINDISABLED).
        """
        return self.isLoginDisabled(super().capabilities())

    def isLoginDisabled(self, base: Mapping[bytes, Any]) -> bool:
        """
        @param base: the capabilities of the server itself.

        @return: whether passwords in clear are refused (LOGINDISABLED).
        """
        requireTLS = self._jmaSettings.requireTLS
        if requireTLS is None:
            return b"LOGINDISABLED" in base
        return requireTLS and not self._isProtected()

    def privacyRequired(self, mechanism: Mechanism) -> bool:
        """
        @return: whether a mechanism must wait for TLS.
        """
        return self._privacyRequired(mechanism, self.loginDisabled())

    def _privacyRequired(self, mechanism: Mechanism, loginDisabled: bool) -> bool:
        if not mechanism.secretInClear:
            return False
        if mechanism.credentials is IUsernamePassword or self._jmaSettings.requireTLS is not None:
            return loginDisabled
        return not self._mayHaveTokens()

    def _mayHaveTokens(self) -> bool:
        return self._isProtected() or isFromLoopback(self.transport.getPeer())

    def checksPasswordsItself(self) -> bool:
        """
        @return: whether the server has an C{authenticateLogin} that is not Twisted's.
        """
        method = getattr(self.authenticateLogin, "__func__", None)
        return method is not IMAP4Server.authenticateLogin

    def do_STARTTLS(self, tag: bytes) -> None:
        """
        STARTTLS (RFC 3501, section 6.2.1). What came in clear behind it is thrown away.
        """
        wasProtected = self.startedTLS
        super().do_STARTTLS(tag)
        if self.startedTLS and not wasProtected:
            self.clearLineBuffer()

    unauth_STARTTLS: Any = (do_STARTTLS,)

    def _checksPasswords(self) -> bool:
        return self._hasChecker(IUsernamePassword) or self.checksPasswordsItself()

    def _checksTokens(self) -> bool:
        return self._hasChecker(IBearerToken)

    def _hasChecker(self, credentials: Any) -> bool:
        return credentials in getattr(self.portal, "checkers", ())

    def _isProtected(self) -> bool:
        return (
            self.startedTLS
            or ISSLTransport.providedBy(self.transport)
            or IProtectedTransport.providedBy(self.transport)
        )


@lru_cache
def _ours(passwords: bool, tokens: bool, offered: frozenset[bytes]) -> dict[bytes, Mechanism]:
    checked = {IUsernamePassword: passwords, IBearerToken: tokens}
    return {
        name: mechanism
        for name, mechanism in MECHANISMS.items()
        if checked[mechanism.credentials] and b"AUTH=" + name in offered
    }


def isFromLoopback(peer: IAddress) -> bool:
    """
    @return: whether a client is on this machine.
    """
    host = getattr(peer, "host", None)
    # A UNIX socket has no host, and does not leave the machine.
    return host is None or isLoopback(host)
