# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
NAMESPACE (RFC 2342). Twisted's own sends the shared namespaces twice, and never those of other
users.
"""

from __future__ import annotations

from typing import Any

from twisted.mail.imap4 import IMAP4Server, INamespacePresenter, collapseNestedLists

from txjmapaccess.imap.commands.list import delimiterOf
from txjmapaccess.imap.dispatch import command
from txjmapaccess.imap.storeaccess import ask

_METHODS = ("getPersonalNamespaces", "getUserNamespaces", "getSharedNamespaces")


@command(IMAP4Server.do_NAMESPACE)
async def namespace(connection: Any, tag: bytes) -> None:
    """
    NAMESPACE.
    """
    presenter: Any = INamespacePresenter(connection.account, None)
    if presenter is None:
        # An account with mailboxes has a personal namespace. imapflow waits forever without one.
        found: list[Any] = [[["", await delimiterOf(connection.account)]], None, None]
    else:
        found = [await ask(getattr(presenter, method)) for method in _METHODS]
    line = collapseNestedLists([kind or None for kind in found])
    connection.sendUntaggedResponse(b"NAMESPACE " + line)
    connection.sendPositiveResponse(tag, b"NAMESPACE command completed")
