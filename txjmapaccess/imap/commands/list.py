# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
LIST and LSUB (RFC 3501, sections 6.3.8 and 6.3.9), with STATUS in the same response (LIST-STATUS,
RFC 5819); NAMESPACE (RFC 2342).
"""

from __future__ import annotations

import re
from typing import Any

from twisted.logger import Logger
from twisted.mail.imap4 import IMAP4Server, INamespacePresenter, collapseNestedLists

from txjmapaccess.coroutines import settled
from txjmapaccess.imap import arguments
from txjmapaccess.imap.commands.status import statusOf
from txjmapaccess.imap.commands.statusitems import offeredItems, parseItems
from txjmapaccess.imap.dispatch import REPLACED, CommandRefused, command
from txjmapaccess.imap.grammar import SyntaxProblem, quote
from txjmapaccess.imap.modifiedutf7 import decodeName, encodeName
from txjmapaccess.imap.objectidentifiers import turns
from txjmapaccess.imap.storeaccess import ask, isTwisteds, mailboxNamed
from txjmapaccess.store.mailboxes import attributesOf, isSelectable

_RETURN = re.compile(rb"RETURN \((?:STATUS (?P<items>\([^()]*\)))?\) *\Z", re.IGNORECASE)

_NAMESPACES = ("getPersonalNamespaces", "getUserNamespaces", "getSharedNamespaces")

_log = Logger()


def returnOptions(connection: Any, line: bytes) -> tuple[list[str], bytes]:
    """
    The end of LIST: C{RETURN (STATUS (...))}, or nothing.

    @return: the status items.
    """
    if not line.strip(b" "):
        return [], b""
    if b"LIST-STATUS" not in connection._jmaSettings.offered:
        raise SyntaxProblem("Too many arguments")
    match = _RETURN.match(line)
    if match is None:
        raise SyntaxProblem("Unknown return option")
    items = match["items"]
    return ([] if items is None else offeredItems(connection, parseItems(items))[0]), b""


def formatListing(command: bytes, attributes: list[str], delimiter: Any, name: str) -> bytes:
    """
    @return: a LIST or LSUB response (RFC 3501, section 7.2.2).
    """
    flags = " ".join(attributes).encode("ascii")
    quoted = quote(delimiter.encode("ascii")) if delimiter else b"NIL"
    return command + b" (" + flags + b") " + quoted + b" " + encodeName(name)


async def delimiterOf(account: Any) -> Any:
    """
    @return: the hierarchy delimiter of an account.
    """
    for _, mailbox in await ask(account.listMailboxes, "", "%"):
        return mailbox.getHierarchicalDelimiter()
    return "/"


@command(IMAP4Server._listWork)
async def listMailboxes(
    connection: Any,
    tag: bytes,
    reference: bytes,
    pattern: bytes,
    subscribed: int,
    name: bytes,
    items: list[str] | None = None,
) -> None:
    """
    LIST and LSUB.

    @param subscribed: whether to list only subscribed mailboxes.
    @param name: of the command.
    @param items: of the STATUS responses that come with the list.
    """
    account = connection.account
    if not pattern and not subscribed:  # RFC 3501, section 6.3.8.
        listing = formatListing(b"LIST", ["\\Noselect"], await delimiterOf(account), "")
        connection.sendUntaggedResponse(listing)
        connection.sendPositiveResponse(tag, b"LIST completed")
        return
    found = await ask(account.listMailboxes, decodeName(reference), decodeName(pattern))
    if not isTwisteds(connection, "_cbListWork") and not items:
        await settled(connection._cbListWork, found, tag, subscribed, name)
        return
    turnsOfThis = turns(connection)
    for mailboxName, mailbox in found:
        if not subscribed or await settled(account.isSubscribed, mailboxName):
            await _listOne(connection, name, mailboxName, mailbox, items or [])
        if turnsOfThis.isOver():
            await turnsOfThis.pause()
    connection.sendPositiveResponse(tag, name + b" completed")


async def _listOne(
    connection: Any, command: bytes, name: str, mailbox: Any, items: list[str]
) -> None:
    attributes = await attributesOf(mailbox)
    status = None
    if items and isSelectable(attributes):
        try:
            opened = await mailboxNamed(connection, name, 0)
            status = await statusOf(connection, name, opened, items)
        except CommandRefused:
            attributes.append("\\NoSelect")
        except Exception:
            _log.failure("STATUS of {name} failed", name=name)
    delimiter = mailbox.getHierarchicalDelimiter()
    connection.sendUntaggedResponse(formatListing(command, attributes, delimiter, name))
    if status is not None:
        connection.sendUntaggedResponse(status)


@command(IMAP4Server.do_NAMESPACE)
async def namespace(connection: Any, tag: bytes) -> None:
    """
    NAMESPACE. Twisted's own sends the shared namespaces twice, and never those of other users.
    """
    presenter: Any = INamespacePresenter(connection.account, None)
    if presenter is None:
        # An account with mailboxes has a personal namespace. imapflow waits forever without one.
        found: list[Any] = [[["", await delimiterOf(connection.account)]], None, None]
    else:
        found = [await ask(getattr(presenter, method)) for method in _NAMESPACES]
    line = collapseNestedLists([kind or None for kind in found])
    connection.sendUntaggedResponse(b"NAMESPACE " + line)
    connection.sendPositiveResponse(tag, b"NAMESPACE command completed")


REPLACED[IMAP4Server.auth_LIST] = (
    listMailboxes,
    arguments.astring,
    arguments.astring,
    0,
    b"LIST",
    returnOptions,
)
