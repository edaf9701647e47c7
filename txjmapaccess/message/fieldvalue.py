# -*- test-case-name: tests.store.test_messages -*-
"""
The value of a header field, as whoever parsed the message gives it.
"""

from __future__ import annotations

from email.header import Header, decode_header
from typing import Any


def fieldOctets(value: Any) -> bytes:
    """
    @return: the value of a header field as it is in the message.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, Header):  # What Python gives for octets that it does not know.
        return b"".join(
            text if isinstance(text, bytes) else text.encode("utf-8")
            for text, _ in decode_header(value)
        )
    return str(value).encode("utf-8", "surrogateescape")
