# -*- test-case-name: tests.imap.test_login -*-
"""
Which login mechanisms a connection may use now: no password and no token in the clear where the
operator forbids it (RFC 3501, section 11.1; RFC 7628, section 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.internet.interfaces import IAddress, ISSLTransport
from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.imap.sasl import MECHANISMS, Mechanism, foreignMechanism
from txjmapaccess.interfaces import IBearerToken, IProtectedTransport
from txjmapaccess.sessionurl import isLoopback


def offeredMechanisms(connection: Any, loginDisabled: bool) -> Mapping[bytes, Mechanism]:
    """
    @param loginDisabled: see L{isLoginDisabled}.

    @return: the mechanisms that have a checker and may be used now.
    """
    known = knownMechanisms(connection)
    if not loginDisabled and (
        connection._jmaSettings.requireTLS is not None
        or not _hasChecker(connection, IBearerToken)
        or _mayHaveTokens(connection)
    ):
        return known
    return {
        name: mechanism
        for name, mechanism in known.items()
        if not privacyRequired(connection, mechanism, loginDisabled)
    }


def knownMechanisms(connection: Any) -> Mapping[bytes, Mechanism]:
    """
    @return: the mechanisms that have a checker, and the server's own.
    """
    passwords = _hasChecker(connection, IUsernamePassword) or checksPasswordsItself(connection)
    tokens = _hasChecker(connection, IBearerToken)
    ours = _ours(passwords, tokens, connection._jmaSettings.offered)
    if not connection.challengers:
        return ours
    theirs = {
        name: foreignMechanism(name, makeChallenger)
        for name, makeChallenger in connection.challengers.items()
        if name not in MECHANISMS
    }
    return {**theirs, **ours}


def loginDisabled(connection: Any) -> bool:
    """
    @return: whether passwords in the clear are refused (LOGINDISABLED).
    """
    return isLoginDisabled(connection, connection._jmaSuper("capabilities")())


def isLoginDisabled(connection: Any, base: Mapping[bytes, Any]) -> bool:
    """
    @param base: the capabilities of the server itself.

    @return: see L{loginDisabled}.
    """
    requireTLS: bool | None = connection._jmaSettings.requireTLS
    if requireTLS is None:
        return b"LOGINDISABLED" in base
    return requireTLS and not _isProtected(connection)


def privacyRequired(connection: Any, mechanism: Mechanism, loginDisabled: bool) -> bool:
    """
    @param loginDisabled: see L{isLoginDisabled}.

    @return: whether a mechanism must wait for TLS.
    """
    if not mechanism.secretInClear:
        return False
    isPassword = mechanism.credentials is IUsernamePassword
    if isPassword or connection._jmaSettings.requireTLS is not None:
        return loginDisabled
    return not _mayHaveTokens(connection)


def checksPasswordsItself(connection: Any) -> bool:
    """
    @return: whether the server has an C{authenticateLogin} that is not Twisted's.
    """
    method = getattr(connection.authenticateLogin, "__func__", None)
    return method is not IMAP4Server.authenticateLogin


def _hasChecker(connection: Any, credentials: Any) -> bool:
    return credentials in getattr(connection.portal, "checkers", ())


def _mayHaveTokens(connection: Any) -> bool:
    return _isProtected(connection) or isFromLoopback(connection.transport.getPeer())


def _isProtected(connection: Any) -> bool:
    transport = connection.transport
    return (
        connection.startedTLS
        or ISSLTransport.providedBy(transport)
        or IProtectedTransport.providedBy(transport)
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
