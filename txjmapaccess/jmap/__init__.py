# -*- test-case-name: tests -*-
"""
The JMAP side: a read-only JMAP server (RFC 8620, RFC 8621) on any account whose mailboxes and
messages have object identifiers, for the same credentials and with the same identifiers as IMAP.
"""

from __future__ import annotations

from txjmapaccess.jmap.boundedrequest import BoundedRequest
from txjmapaccess.jmap.resource import JMAPResource

__all__ = ["BoundedRequest", "JMAPResource"]
