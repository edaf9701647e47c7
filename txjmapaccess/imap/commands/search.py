# -*- test-case-name: tests.imap.test_searchcommand -*-
"""
SEARCH (RFC 3501, section 6.4.4), with EMAILID and THREADID (RFC 8474, section 6).

A mailbox that can search does so, unless the client searches for object identifiers, which it does
not know. Those are looked up in an index where there is one. Only the remaining messages are read,
in turns with other work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.mail.imap4 import IllegalQueryError, IMAP4Server, ISearchableMailbox, MessageSet

from txjmapaccess.errors import MessageExpunged
from txjmapaccess.imap.commands.searchkeys import Key, Query, both, parseKeys
from txjmapaccess.imap.commands.searchmatcher import Candidate, ContentNeeded, Test, compileKey
from txjmapaccess.imap.dispatch import REPLACED, CommandRefused, command
from txjmapaccess.imap.grammar import SyntaxProblem, parseString
from txjmapaccess.imap.literals import String, tokens
from txjmapaccess.imap.objectidentifiers import identifiersOf, messageIDsOf, turns
from txjmapaccess.imap.selectedmailbox import fetchMessages
from txjmapaccess.imap.sequenceset import parseSequenceSet
from txjmapaccess.imap.storeaccess import ask, isTwisteds
from txjmapaccess.pacing import ClientGone, Turns
from txjmapaccess.store.messages import readMessage
from txjmapaccess.store.messageset import messageSet, since

_BATCH = 200
_CHARSETS = {b"US-ASCII": "ascii", b"UTF-8": "utf-8"}
_BAD_CHARSET = b"[BADCHARSET (US-ASCII UTF-8)] Unknown charset"
_IDENTIFIERS = ("EMAILID", "THREADID")

_log = Logger()


def charset(server: Any, line: bytes) -> tuple[bytes | None, bytes]:
    """
    The optional charset of SEARCH.
    """
    if line[:8].upper() != b"CHARSET ":
        return None, line
    parsed = parseString(line[8:])
    if parsed is None:
        raise SyntaxProblem("Malformed charset")
    if parsed[0].upper() not in _CHARSETS:
        raise CommandRefused(_BAD_CHARSET)
    return parsed


def searchKeys(server: Any, line: bytes) -> tuple[Query, bytes] | Deferred[Any]:
    """
    The keys of SEARCH.
    """
    found = tokens(server, line)
    if isinstance(found, Deferred):
        return found.addCallback(lambda parsed: (Query(parsed[0]), parsed[1]))
    return Query(found[0]), found[1]


def keysIn(key: Key, names: tuple[str, ...]) -> Iterator[Key]:
    """
    @return: every key that has one of C{names}, however deep.
    """
    if key.name in names:
        yield key
    elif key.name in ("AND", "OR", "NOT"):
        for part in key.value:
            yield from keysIn(part, names)


@command(IMAP4Server.do_SEARCH)
async def search(
    connection: Any, tag: bytes, charset: bytes | None, query: Query, uid: int = 0
) -> None:
    """
    SEARCH and UID SEARCH.
    """
    if not _asksForIDs(query.tokens):
        if _overridesKeys(connection):
            connection._jmaSuper("do_SEARCH")(tag, charset, query, uid=uid)
            return
        searchable: Any = ISearchableMailbox(connection.mbox, None)
        if searchable is not None:
            numbers = await _searchTheirWay(connection, searchable, query, uid)
            _found(connection, tag, numbers)
            return
    key = parseKeys(query.tokens, _CHARSETS[(charset or b"UTF-8").upper()])
    if b"OBJECTID" not in connection._jmaSettings.offered and any(keysIn(key, _IDENTIFIERS)):
        raise SyntaxProblem("Unknown search key")
    found = await _searchOurWay(connection, key)
    _found(connection, tag, [c.message.getUID() if uid else c.sequence for c in found])


def _overridesKeys(connection: Any) -> bool:
    names = [name for name in dir(type(connection)) if name.startswith("search_")]
    return not all(
        hasattr(IMAP4Server, name) and isTwisteds(connection, name)
        for name in (*names, "_searchFilter", "_singleSearchStep")
    )


def _found(connection: Any, tag: bytes, numbers: Iterable[int]) -> None:
    # None found is an answer too (RFC 3501, section 7.2.5).
    line = b"".join([b"SEARCH", *(b" %d" % number for number in numbers)])
    connection.sendUntaggedResponse(line)
    connection.sendPositiveResponse(tag, b"SEARCH completed")


async def _searchTheirWay(
    connection: Any, searchable: Any, query: Query, uid: int
) -> Iterable[int]:
    try:
        found: Iterable[int] = await ask(searchable.search, query, uid=uid)
    except IllegalQueryError:
        raise SyntaxProblem("The mailbox cannot search for that") from None
    # Sequence numbers in any case, as Twisted takes them.
    return map(connection.mbox.getUID, found) if uid else found


async def _searchOurWay(connection: Any, key: Key) -> list[Candidate]:
    count = connection.mbox.getMessageCount()
    if not count:
        return []
    chosen, isByUID, key = narrowed(await _lookUp(connection, key))
    if chosen is None:
        return []
    lastUID = 0
    if any(b"*" in part.value for part in keysIn(key, ("UID",))):
        lastUID = await ask(connection.mbox.getUID, count)
    test = compileKey(key, count, lastUID)
    messages = await fetchMessages(connection, chosen, isByUID)
    candidates = [Candidate(*found) for found in messages]
    if any(keysIn(key, _IDENTIFIERS)):
        await _identify(connection, candidates)
    return await _matching(candidates, test, turns(connection))


async def _lookUp(connection: Any, key: Key) -> Key:
    """
    @return: C{key}, with UIDs in the place of identifiers, where there is an index.
    """
    if key.name in _IDENTIFIERS:
        name = connection._jmaSelectedName
        lookUp = identifiersOf(connection).search
        uids = await ask(lookUp, key.name, key.value, connection.mbox, name)
        return key if uids is None else Key("AMONG", uids)
    if key.name in ("AND", "OR", "NOT"):
        return Key(key.name, tuple([await _lookUp(connection, part) for part in key.value]))
    return key


async def _identify(connection: Any, candidates: list[Candidate]) -> None:
    turnsOfThis = turns(connection)
    for start in range(0, len(candidates), _BATCH):
        batch = candidates[start : start + _BATCH]
        ids = await messageIDsOf(connection, [c.message for c in batch])
        for candidate, found in zip(batch, ids, strict=True):
            candidate.emailID, candidate.threadID = found
        if turnsOfThis.isOver():
            await turnsOfThis.pause()


async def _matching(candidates: list[Candidate], test: Test, turns: Turns) -> list[Candidate]:
    found = []
    hasFailed = False
    for candidate in candidates:
        try:
            try:
                isFound = test(candidate)
            except ContentNeeded:
                octets = await readMessage(candidate.message, turns)
                isFound = test(replace(candidate, octets=octets))
            if isFound:
                found.append(candidate)
        except ClientGone:
            raise
        except MessageExpunged:
            pass  # By another session: it is as good as not there.
        except Exception:
            if not hasFailed:
                hasFailed = True
                message = candidate.message
                _log.failure("A message could not be read: {message!r}", message=message)
        if turns.isOver():
            await turns.pause()
    return found


def _asksForIDs(words: Iterable[bytes]) -> bool:
    return any(
        word.upper() in (b"EMAILID", b"THREADID") and not isinstance(word, String) for word in words
    )


def narrowed(key: Key) -> tuple[MessageSet | None, int, Key]:
    """
    Find out which messages can match at all.

    @return: those, or L{None} when there are none; whether they are UIDs; and what is still to be
        tested of them.
    """
    parts = list(key.value) if key.name == "AND" else [key]
    among = [part for part in parts if part.name == "AMONG"]
    if among:
        uids = sorted(frozenset.intersection(*(part.value for part in among)))
        rest = [part for part in parts if part.name != "AMONG"]
        chosen = messageSet((uid, uid) for uid in uids) if uids else None
        return chosen, 1, both(*rest, Key("ALL"))
    for name, isByUID in (("UID", 1), ("SEQUENCE", 0)):
        sets = [part for part in parts if part.name == name]
        if sets:
            return parseSequenceSet(sets[0].value), isByUID, key
    return since(1), 0, key


REPLACED.update(
    {
        IMAP4Server.opt_charset: charset,
        IMAP4Server.arg_searchkeys: searchKeys,
    }
)
