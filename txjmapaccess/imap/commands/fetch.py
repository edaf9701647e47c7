# -*- test-case-name: tests.imap.test_fetchcommand -*-
"""
FETCH (RFC 3501, section 6.4.5), with EMAILID and THREADID (RFC 8474, section 5.3).

Of each message everything is got together before the first octet of it is sent: so one that
cannot be read is left out and spoils nothing. What an item looks like is the business of the
server's C{spew_NAME} methods, but for sections, where Twisted's own has no partial fetch.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.mail.imap4 import IMAP4Server, MessageSet, NoSuchMailbox

from txjmapaccess.coroutines import settled
from txjmapaccess.errors import MessageExpunged
from txjmapaccess.imap.commands.asciiheaders import Tidied
from txjmapaccess.imap.commands.fetchitems import Section, fetchItems, parseFetchItems
from txjmapaccess.imap.commands.fetchresponse import FetchResponse
from txjmapaccess.imap.commands.sections import Extract, extract
from txjmapaccess.imap.commands.select import SelectCommands
from txjmapaccess.imap.dispatch import REPLACED
from txjmapaccess.imap.sequenceset import sequenceSet
from txjmapaccess.pacing import ClientGone
from txjmapaccess.store.messageset import messageSet
from txjmapaccess.store.objectids import LEFT_OUT, MessageIDs

#: Messages whose identifiers are asked for together.
_BATCH = 200
#: Octets of a part that are read at once.
_AT_ONCE = 64 * 1024

#: Why a message was not sent.
_UNREADABLE, _GONE = -1, -2

#: Octets that may wait in the transport before a client must take some.
_HIGH_WATER = 256 * 1024


def _section(label: bytes, section: bytes) -> Any:
    item = parseFetchItems(section)[0]
    item.label = label
    return item


#: Items that are sections under another name.
_SECTIONS = {
    "rfc822": _section(b"RFC822", b"BODY[]"),
    "rfc822header": _section(b"RFC822.HEADER", b"BODY.PEEK[HEADER]"),
    "rfc822text": _section(b"RFC822.TEXT", b"BODY[TEXT]"),
}
#: Items that Twisted makes from headers, before it writes anything.
_STRUCTURES = ("envelope", "bodystructure", "body")
_UID = parseFetchItems(b"UID")[0]


class FetchCommand(SelectCommands):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    _log = Logger()

    _idsOf: tuple[Any, MessageIDs] | None = None

    def do_FETCH(
        self, tag: bytes, messages: MessageSet, query: list[Any], uid: int = 0
    ) -> Deferred[None]:
        """
        FETCH and UID FETCH.
        """
        return self.carryOut(tag, self._fetch(tag, messages, query, uid))

    async def _fetch(self, tag: bytes, messages: MessageSet, query: list[Any], uid: int) -> None:
        if uid and not any(item.type == "uid" for item in query):
            query = [*query, _UID]
        timeout = self.setTimeout(None)
        self.blocked = []  # Until it is None again, Twisted keeps what listeners are told.
        try:
            found = await self.fetchMessages(messages, uid)
            failed = await self._sendMessages(found, query, uid)
        finally:
            self.blocked = None
            self._setTimeout(timeout)
        if _UNREADABLE in failed:
            self.sendNegativeResponse(tag, b"[SERVERBUG] Some messages could not be read")
        elif _GONE in failed:
            self.sendNegativeResponse(tag, b"[EXPUNGEISSUED] Some messages are gone")
        else:
            self.sendPositiveResponse(tag, b"FETCH completed")

    async def _sendMessages(
        self, found: list[tuple[int, Any]], query: list[Any], uid: int
    ) -> set[int]:
        """
        @return: why some messages were not sent: L{_UNREADABLE}, L{_GONE}.
        """
        failed, waiting = set(), 0
        turns = self.turns()
        isRead = any(map(_reads, query)) and not self.isReadOnly()
        wantsIDs = any(item.type in ("emailid", "threadid") for item in query)
        for start in range(0, len(found), _BATCH):
            batch = found[start : start + _BATCH]
            ids, unseen = [_NO_IDS] * len(batch), []
            if wantsIDs:
                ids = await self.messageIDsOf(self.mbox, [message for _, message in batch])
            for (sequence, message), ofMessage in zip(batch, ids, strict=True):
                items = _withoutLeftOut(query, ofMessage) if LEFT_OUT in ofMessage else query
                self._idsOf = (message, ofMessage)
                waits = waiting > _HIGH_WATER
                sent = await self._sendMessage(sequence, message, items, uid, waits)
                if sent < 0:
                    failed.add(sent)
                elif waits and sent:
                    waiting = 0
                else:
                    waiting += sent
                if isRead and sent > 0 and not _isSeen(message):
                    unseen.append((sequence, sequence))
                if turns.isOver():
                    await turns.pause()
            if unseen:
                await self._setSeen(messageSet(unseen), uid)
        self._idsOf = None
        return failed

    def _waitsForClient(self, waits: bool) -> None:
        # There is no timer while the store is at work. A client that reads nothing has as much
        # time as one that says nothing.
        self._setTimeout(self.POSTAUTH_TIMEOUT if waits else None)

    def _setTimeout(self, period: float | None) -> None:
        if not self._ended and not self._hasSaidBye:
            self.setTimeout(period)

    async def _setSeen(self, messages: MessageSet, uid: int) -> None:
        # Whoever reads a message has seen it (RFC 3501, section 6.4.5). Twisted leaves that to
        # the mailbox, and some mailboxes do it.
        try:
            changed = await settled(self.mbox.store, messages, ["\\Seen"], 1, uid=0)
            self.sendFlags(changed or {}, uid)
        except Exception:
            self._log.failure("Messages that were read could not be marked so")

    async def _sendMessage(
        self, sequence: int, message: Any, query: list[Any], uid: int, waits: bool
    ) -> int:
        """
        @param waits: whether to wait until the client has read what it was sent.

        @return: how many octets were sent, or L{_UNREADABLE} or L{_GONE}.
        """
        if not query:
            return 0
        if not self.isTwisteds("spewMessage"):
            await settled(self.spewMessage, sequence, message, query, uid)
            return 0
        response = FetchResponse(self.transport, sequence, self._waitsForClient)
        try:
            for item in query:
                await self._addItem(response, item, sequence, message)
                response.write(b")\r\n" if item is query[-1] else b" ")
            await response.send(waits)
        except ClientGone:
            raise
        except Exception as e:
            if isinstance(e, (MessageExpunged, NoSuchMailbox)) and not response.hasBegun:
                return _GONE  # Another session was faster (RFC 2180, sections 3 and 4.1).
            self._log.failure("A message could not be read: {message!r}", message=message)
            if response.hasBegun:
                # The client waits for the rest of a literal that will not come.
                self.transport.abortConnection()
            return _UNREADABLE
        return response.sent

    async def _addItem(
        self, response: FetchResponse, item: Any, sequence: int, message: Any
    ) -> None:
        section = item if isinstance(item, Section) else _SECTIONS.get(item.type)
        name = "spew_" + item.type
        if section is not None and self.isTwisteds(name):
            await self._addSection(response, section, message)
            return
        spew = getattr(self, name)
        if item.type == "body":
            spew = partial(spew, item)
        try:
            await settled(spew, sequence, message, response.write, response.flush)
        except Exception:
            if item.type not in _STRUCTURES or not self.isTwisteds(name):
                raise
            await settled(spew, sequence, Tidied(message), response.write, response.flush)

    async def _addSection(self, response: FetchResponse, section: Any, message: Any) -> None:
        data = await extract(section, message, self.turns())
        label: bytes = section.label
        if section.partialBegin is not None:
            label += b"<%d>" % section.partialBegin
        if isinstance(data, Extract) and data.size <= _AT_ONCE:
            with closing(data.file):
                data = data.file.read(data.size)
        if data is None:
            response.write(label + b" NIL")
        elif isinstance(data, Extract):
            response.write(label + b" {%d}\r\n" % data.size)
            response.write(data)
        else:
            response.write(label + b" {%d}\r\n" % len(data) + data)

    # What a FETCH that another server overrides calls

    def spew_emailid(
        self, id: int, msg: Any, _w: Callable[[bytes], Any], _f: Any = None
    ) -> Deferred[None]:
        """
        Write EMAILID.
        """
        return Deferred.fromCoroutine(self._spewID("email", msg, _w))

    def spew_threadid(
        self, id: int, msg: Any, _w: Callable[[bytes], Any], _f: Any = None
    ) -> Deferred[None]:
        """
        Write THREADID.
        """
        return Deferred.fromCoroutine(self._spewID("thread", msg, _w))

    async def _spewID(self, kind: str, message: Any, write: Callable[[bytes], Any]) -> None:
        if self._idsOf is not None and self._idsOf[0] is message:
            ids = self._idsOf[1]
        else:
            (ids,) = await self.messageIDsOf(self.mbox, [message])
        value = getattr(ids, kind)
        if value == LEFT_OUT:
            # There must be an item in this place, and its value NIL would be a lie.
            write(b"UID %d" % message.getUID())
        else:
            write(f"{kind.upper()}ID {f'({value})' if value else 'NIL'}".encode("ascii"))


_NO_IDS = MessageIDs(LEFT_OUT, LEFT_OUT)


def _reads(item: Any) -> bool:
    section = item if isinstance(item, Section) else _SECTIONS.get(item.type)
    return section is not None and not section.peek


def _isSeen(message: Any) -> bool:
    return any(flag.lower() == "\\seen" for flag in message.getFlags())


def _withoutLeftOut(query: list[Any], ids: MessageIDs) -> list[Any]:
    leftOut = {f"{kind}id" for kind in ids._fields if getattr(ids, kind) == LEFT_OUT}
    return [item for item in query if item.type not in leftOut]


REPLACED.update(
    {
        IMAP4Server.do_FETCH: FetchCommand.do_FETCH,
        IMAP4Server.arg_fetchatt: fetchItems,
        IMAP4Server.arg_seqset: sequenceSet,
    }
)
