# -*- test-case-name: tests.jmap -*-
"""
A read-only JMAP server (RFC 8620, RFC 8621) for any account whose mailboxes and messages have
object identifiers: with the same credentials and the same identifiers as IMAP.
"""

from __future__ import annotations

from txjmapaccess.jmap.boundedrequest import BoundedRequest
from txjmapaccess.jmap.resource import JMAPResource

__all__ = ["BoundedRequest", "JMAPResource"]
