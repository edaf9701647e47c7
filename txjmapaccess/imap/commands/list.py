# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
LIST and LSUB (RFC 3501, sections 6.3.8 and 6.3.9), with STATUS in the same answer (LIST-STATUS,
RFC 5819), and NAMESPACE (RFC 2342).
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import IMAP4Server, INamespacePresenter, collapseNestedLists

from txjmapaccess.coroutines import settled
from txjmapaccess.imap import arguments
from txjmapaccess.imap.commands.status import StatusCommand
from txjmapaccess.imap.commands.statusitems import offeredItems, parseItems
from txjmapaccess.imap.dispatch import REPLACED, CommandRefused
from txjmapaccess.imap.grammar import SyntaxProblem, quote
from txjmapaccess.imap.modifiedutf7 import decodeName, encodeName
from txjmapaccess.store.mailboxes import attributesOf, isSelectable

_RETURN = re.compile(rb"RETURN \((?:STATUS (?P<items>\([^()]*\)))?\) *\Z", re.IGNORECASE)


def returnOptions(server: Any, line: bytes) -> tuple[list[str], bytes]:
    """
    The end of LIST: C{RETURN (STATUS (...))}, or nothing.

    @return: the status items.
    """
    if not line.strip(b" "):
        return [], b""
    if b"LIST-STATUS" not in server._jmaSettings.offered:
        raise SyntaxProblem("Too many arguments")
    match = _RETURN.match(line)
    if match is None:
        raise SyntaxProblem("Unknown return option")
    items = match["items"]
    return ([] if items is None else offeredItems(server, parseItems(items))[0]), b""


def formatListing(command: bytes, attributes: list[str], delimiter: Any, name: str) -> bytes:
    """
    @return: a LIST or LSUB response (RFC 3501, section 7.2.2).
    """
    flags = " ".join(attributes).encode("ascii")
    quoted = quote(delimiter.encode("ascii")) if delimiter else b"NIL"
    return command + b" (" + flags + b") " + quoted + b" " + encodeName(name)


class ListCommands(StatusCommand):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    def listWork(
        self,
        tag: bytes,
        reference: bytes,
        pattern: bytes,
        subscribed: int,
        command: bytes,
        items: list[str] | None = None,
    ) -> Deferred[None]:
        """
        LIST and LSUB.

        @param subscribed: whether only mailboxes are wanted that are subscribed to.
        @param items: of the STATUS that is to come with each mailbox.
        """
        if not pattern and not subscribed:
            return self.carryOut(tag, self._listDelimiter(tag))
        names = decodeName(reference), decodeName(pattern)
        return self.carryOut(tag, self._list(tag, *names, bool(subscribed), command, items or []))

    async def _listDelimiter(self, tag: bytes) -> None:
        # An empty pattern asks for the delimiter (RFC 3501, section 6.3.8).
        delimiter = await self._delimiter()
        self.sendUntaggedResponse(formatListing(b"LIST", ["\\Noselect"], delimiter, ""))
        self.sendPositiveResponse(tag, b"LIST completed")

    async def _delimiter(self) -> Any:
        for _, mailbox in await self.ask(self.account.listMailboxes, "", "%"):
            return mailbox.getHierarchicalDelimiter()
        return "/"

    async def _list(
        self,
        tag: bytes,
        reference: str,
        pattern: str,
        subscribed: bool,
        command: bytes,
        items: list[str],
    ) -> None:
        found = await self.ask(self.account.listMailboxes, reference, pattern)
        if not self.isTwisteds("_cbListWork") and not items:
            await settled(self._cbListWork, found, tag, subscribed, command)
            return
        turns = self.turns()
        for name, mailbox in found:
            if not subscribed or await settled(self.account.isSubscribed, name):
                await self._listOne(command, name, mailbox, items)
            if turns.isOver():
                await turns.pause()
        self.sendPositiveResponse(tag, command + b" completed")

    async def _listOne(self, command: bytes, name: str, mailbox: Any, items: list[str]) -> None:
        attributes = await attributesOf(mailbox)
        status = None
        if items and isSelectable(attributes):
            try:
                status = await self.statusOf(name, await self.openMailbox(name, 0), items)
            except CommandRefused:
                attributes.append("\\NoSelect")
            except Exception:
                self._log.failure("There is no STATUS of {name}", name=name)
        delimiter = mailbox.getHierarchicalDelimiter()
        self.sendUntaggedResponse(formatListing(command, attributes, delimiter, name))
        if status is not None:
            self.sendUntaggedResponse(status)

    def do_NAMESPACE(self, tag: bytes) -> Deferred[None]:
        """
        NAMESPACE. Twisted's own tells the shared ones twice, and those of other users never.
        """
        return self.carryOut(tag, self._namespace(tag))

    async def _namespace(self, tag: bytes) -> None:
        presenter: Any = INamespacePresenter(self.account, None)
        if presenter is None:
            # Whoever has mailboxes has a personal namespace. imapflow waits forever without one.
            found: list[Any] = [[["", await self._delimiter()]], None, None]
        else:
            methods = ("getPersonalNamespaces", "getUserNamespaces", "getSharedNamespaces")
            found = [await self.ask(getattr(presenter, method)) for method in methods]
        self.sendUntaggedResponse(
            b"NAMESPACE " + collapseNestedLists([kind or None for kind in found])
        )
        self.sendPositiveResponse(tag, b"NAMESPACE command completed")


REPLACED.update(
    {
        IMAP4Server._listWork: ListCommands.listWork,
        IMAP4Server.do_NAMESPACE: ListCommands.do_NAMESPACE,
        IMAP4Server.auth_LIST: (
            ListCommands.listWork,
            arguments.astring,
            arguments.astring,
            0,
            b"LIST",
            returnOptions,
        ),
    }
)
