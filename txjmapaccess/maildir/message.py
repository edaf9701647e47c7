# -*- test-case-name: tests.maildir.test_mailbox -*-
"""
A message of a mailbox, as Twisted's IMAP server wants it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Protocol

from twisted.mail.interfaces import IMessageIMAP, IMessageIMAPFile
from zope.interface import implementer

from txjmapaccess.errors import MessageExpunged
from txjmapaccess.interfaces import IObjectIDMessage
from txjmapaccess.maildir.crlffile import openWithCRLF
from txjmapaccess.maildir.mailboxsnapshot import MessageState
from txjmapaccess.maildir.mailboxstate import MailboxState
from txjmapaccess.maildir.mailboxview import MailboxView
from txjmapaccess.maildir.messagecache import MessageCache
from txjmapaccess.maildir.messagepart import MessagePart
from txjmapaccess.message.dates import formatDate
from txjmapaccess.message.headerdict import HeaderDict


class MessageSource(Protocol):
    """
    What messages are fetched from.

    @ivar folder: the mailbox itself.
    @ivar reading: what of its messages has been read.
    @ivar view: what the session sees of it.
    """

    folder: MailboxState
    reading: MessageCache
    view: MailboxView


@implementer(IMessageIMAP, IMessageIMAPFile, IObjectIDMessage)
class Message:
    """
    Only what needs the content reads the file: identifiers, flags, dates and sizes are known. A
    message whose file is gone, because another session expunged it, raises
    L{MessageExpunged} (RFC 2180, section 4.1.2): the mailbox will tell at its next poll.

    @param mailbox: the mailbox that it was fetched from.
    @param entry: the message at that time.
    """

    def __init__(self, mailbox: MessageSource, entry: MessageState) -> None:
        self.mailbox = mailbox
        self.entry = entry

    def __repr__(self) -> str:
        return f"<Message {self.entry.uid} of {self.mailbox!r}>"

    def getUID(self) -> int:
        """
        See L{IMessageIMAP.getUID}.
        """
        return self.entry.uid

    def getFlags(self) -> Sequence[str]:
        """
        @return: the flags that the session knows of.
        """
        return self.mailbox.view.flagsOf(self.entry)

    def getInternalDate(self) -> bytes:
        """
        @return: the INTERNALDATE in the form of RFC 5322.
        """
        return formatDate(self.entry.record.date).encode("ascii")

    def getEmailID(self) -> str:
        """
        See L{IObjectIDMessage}.
        """
        return self.entry.record.emailID

    def getThreadID(self) -> str:
        """
        See L{IObjectIDMessage}.
        """
        return self.entry.record.threadID

    def getSize(self) -> int:
        """
        @return: RFC822.SIZE: octets with CRLF at the end of every line.
        """
        return self.entry.record.size

    def open(self) -> BinaryIO:
        """
        @return: the whole message, with CRLF at the end of every line.
        """
        try:
            return openWithCRLF(self.mailbox.folder.locate(self.entry))
        except FileNotFoundError:
            raise MessageExpunged(repr(self)) from None

    def getHeaders(self, negate: bool, *names: str | bytes) -> HeaderDict:
        """
        See L{IMessageIMAP.getHeaders}, and L{HeaderDict}.
        """
        return self.mailbox.reading.header(self.entry).getHeaders(negate, *names)

    def getBodyFile(self) -> BinaryIO:
        """
        @return: the message without its header.
        """
        return self.mailbox.reading.whole(self.entry).getBodyFile()

    def isMultipart(self) -> bool:
        """
        See L{IMessageIMAP.isMultipart}.
        """
        return self.mailbox.reading.header(self.entry).isMultipart()

    def getSubPart(self, part: int) -> MessagePart:
        """
        See L{IMessageIMAP.getSubPart}.
        """
        return self.mailbox.reading.whole(self.entry).getSubPart(part)
