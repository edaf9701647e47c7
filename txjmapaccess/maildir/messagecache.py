# -*- test-case-name: tests.maildir.test_mailbox -*-
"""
Reading messages for a session.

Twisted's server asks a message for one thing after the other, and holds all messages of a FETCH
until it has ended: so what has been read is kept here, and only that of the last message.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from txjmapaccess.errors import MessageExpunged
from txjmapaccess.maildir.mailboxsnapshot import MessageState
from txjmapaccess.maildir.mailboxstate import MailboxState
from txjmapaccess.maildir.messagepart import MessagePart
from txjmapaccess.message.headers import endOfHeader
from txjmapaccess.message.structure import parseMessage

#: A longer message is not read as a whole when its header alone is asked for.
_SHORT = 1 << 16
_LONGEST_HEADER = 1 << 18


class MessageCache:
    """
    @param folder: the mailbox.
    """

    def __init__(self, folder: MailboxState) -> None:
        self._folder = folder
        self.forget()

    def forget(self) -> None:
        """
        Keep nothing.
        """
        self._header: tuple[MessageState, MessagePart] | None = None
        self._whole: tuple[MessageState, MessagePart] | None = None

    def whole(self, entry: MessageState) -> MessagePart:
        """
        @return: a message.

        @raise MessageExpunged: when it is gone.
        """
        if self._whole is None or self._whole[0] is not entry:
            self._whole = entry, self._read(entry, _everything)
        return self._whole[1]

    def header(self, entry: MessageState) -> MessagePart:
        """
        @return: a message, of which nothing but the header can be trusted.
        """
        if self._whole is not None and self._whole[0] is entry:
            return self._whole[1]
        if self._header is None or self._header[0] is not entry:
            self._header = entry, self._read(entry, _header)
        return self._header[1]

    def _read(self, entry: MessageState, read: Callable[[int], bytes]) -> MessagePart:
        try:
            descriptor = os.open(self._folder.locate(entry), os.O_RDONLY)
        except FileNotFoundError:
            raise MessageExpunged(f"message {entry.uid}") from None
        try:
            data = read(descriptor)
        finally:
            os.close(descriptor)
        return MessagePart(parseMessage(data))


def _everything(descriptor: int) -> bytes:
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        return file.read()


def _header(descriptor: int) -> bytes:
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        data = file.read(_SHORT)
        if len(data) == _SHORT and endOfHeader(data) is None:
            data += file.read(_LONGEST_HEADER)
        return data
