# -*- test-case-name: tests.imap.test_fetchcommand -*-
"""
FETCH (RFC 3501, section 6.4.5), with EMAILID and THREADID (RFC 8474, section 5.3).

Everything of a message is collected before its first octet is sent: one that cannot be read is
left out and spoils nothing. The server's C{spew_NAME} methods write the items, except for sections:
Twisted has no partial fetch.
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
from txjmapaccess.imap.commands.asciiheaders import ASCIIHeaders
from txjmapaccess.imap.commands.fetchitems import Section, fetchItems, parseFetchItems
from txjmapaccess.imap.commands.fetchresponse import FetchResponse
from txjmapaccess.imap.commands.sections import Extract, extract
from txjmapaccess.imap.dispatch import REPLACED, command
from txjmapaccess.imap.objectidentifiers import messageIDsOf, turns
from txjmapaccess.imap.selectedmailbox import fetchMessages, isReadOnly, sendFlags
from txjmapaccess.imap.sequenceset import sequenceSet
from txjmapaccess.imap.storeaccess import isTwisteds
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

_log = Logger()


@command(IMAP4Server.do_FETCH)
async def fetch(
    connection: Any, tag: bytes, messages: MessageSet, query: list[Any], uid: int = 0
) -> None:
    """
    FETCH and UID FETCH.
    """
    if uid and not any(item.type == "uid" for item in query):
        query = [*query, _UID]
    timeout = connection.setTimeout(None)
    connection.blocked = []  # Until it is None again, Twisted keeps what listeners are told.
    try:
        found = await fetchMessages(connection, messages, uid)
        failed = await _Fetch(connection, query, uid).send(found)
    finally:
        connection.blocked = None
        _setTimeout(connection, timeout)
    if _UNREADABLE in failed:
        connection.sendNegativeResponse(tag, b"[SERVERBUG] Some messages could not be read")
    elif _GONE in failed:
        connection.sendNegativeResponse(tag, b"[EXPUNGEISSUED] Some messages are gone")
    else:
        connection.sendPositiveResponse(tag, b"FETCH completed")


def _setTimeout(connection: Any, period: float | None) -> None:
    if not connection._jmaEnded and not connection._jmaHasSaidBye:
        connection.setTimeout(period)


class _Fetch:
    """
    The responses to one FETCH.
    """

    def __init__(self, connection: Any, query: list[Any], uid: int) -> None:
        self._connection = connection
        self._query = query
        self._uid = uid
        self._turns = turns(connection)
        self._isOurs = isTwisteds(connection, "spewMessage")

    async def send(self, found: list[tuple[int, Any]]) -> set[int]:
        """
        @return: why some messages were not sent: L{_UNREADABLE}, L{_GONE}.
        """
        connection, query = self._connection, self._query
        failed, waiting = set(), 0
        isRead = any(map(_reads, query)) and not isReadOnly(connection)
        wantsIDs = any(item.type in ("emailid", "threadid") for item in query)
        for start in range(0, len(found), _BATCH):
            batch = found[start : start + _BATCH]
            ids, unseen = [_NO_IDS] * len(batch), []
            if wantsIDs:
                ids = await messageIDsOf(connection, [message for _, message in batch])
            for (sequence, message), ofMessage in zip(batch, ids, strict=True):
                items = _withoutLeftOut(query, ofMessage) if LEFT_OUT in ofMessage else query
                connection._jmaIDsOf = (message, ofMessage)
                waits = waiting > _HIGH_WATER
                sent = await self._sendMessage(sequence, message, items, waits)
                if sent < 0:
                    failed.add(sent)
                elif waits and sent:
                    waiting = 0
                else:
                    waiting += sent
                if isRead and sent > 0 and not _isSeen(message):
                    unseen.append((sequence, sequence))
                if self._turns.isOver():
                    await self._turns.pause()
            if unseen:
                await self._setSeen(messageSet(unseen))
        connection._jmaIDsOf = None
        return failed

    def _waitsForClient(self, waits: bool) -> None:
        # There is no timer while the store is at work. A client that reads nothing has as much
        # time as one that says nothing.
        connection = self._connection
        _setTimeout(connection, connection.POSTAUTH_TIMEOUT if waits else None)

    async def _setSeen(self, messages: MessageSet) -> None:
        # Reading a message sets \Seen (RFC 3501, section 6.4.5). Twisted leaves that to the
        # mailbox, and only some mailboxes do it.
        try:
            changed = await settled(self._connection.mbox.store, messages, ["\\Seen"], 1, uid=0)
            sendFlags(self._connection, changed or {}, self._uid)
        except Exception:
            _log.failure("Messages could not be marked as read")

    async def _sendMessage(self, sequence: int, message: Any, query: list[Any], waits: bool) -> int:
        """
        @param waits: whether to wait until the client has read what it was sent.

        @return: how many octets were sent, or L{_UNREADABLE} or L{_GONE}.
        """
        if not query:
            return 0
        if not self._isOurs:
            await settled(self._connection.spewMessage, sequence, message, query, self._uid)
            return 0
        transport = self._connection.transport
        response = FetchResponse(transport, sequence, self._waitsForClient)
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
            _log.failure("A message could not be read: {message!r}", message=message)
            if response.hasBegun:
                # The client waits for the rest of a literal that will not come.
                transport.abortConnection()
            return _UNREADABLE
        return response.sent

    async def _addItem(
        self, response: FetchResponse, item: Any, sequence: int, message: Any
    ) -> None:
        section = item if isinstance(item, Section) else _SECTIONS.get(item.type)
        name = "spew_" + item.type
        if section is not None and isTwisteds(self._connection, name):
            await self._addSection(response, section, message)
            return
        spew = getattr(self._connection, name)
        if item.type == "body":
            spew = partial(spew, item)
        try:
            await settled(spew, sequence, message, response.write, response.flush)
        except Exception:
            if item.type not in _STRUCTURES or not isTwisteds(self._connection, name):
                raise
            ascii = ASCIIHeaders(message)
            await settled(spew, sequence, ascii, response.write, response.flush)

    async def _addSection(self, response: FetchResponse, section: Any, message: Any) -> None:
        data = await extract(section, message, self._turns)
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


# These are methods of a connection, because a FETCH that a server overrides calls them too.


def spewEmailID(
    connection: Any, id: int, msg: Any, _w: Callable[[bytes], Any], _f: Any = None
) -> Deferred[None]:
    """
    Write EMAILID.
    """
    return Deferred.fromCoroutine(_spewID(connection, "email", msg, _w))


def spewThreadID(
    connection: Any, id: int, msg: Any, _w: Callable[[bytes], Any], _f: Any = None
) -> Deferred[None]:
    """
    Write THREADID.
    """
    return Deferred.fromCoroutine(_spewID(connection, "thread", msg, _w))


async def _spewID(connection: Any, kind: str, message: Any, write: Callable[[bytes], Any]) -> None:
    known = connection._jmaIDsOf
    if known is not None and known[0] is message:
        ids = known[1]
    else:
        (ids,) = await messageIDsOf(connection, [message])
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
        IMAP4Server.arg_fetchatt: fetchItems,
        IMAP4Server.arg_seqset: sequenceSet,
    }
)
