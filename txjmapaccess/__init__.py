# -*- test-case-name: tests -*-
"""
JMAPACCESS (RFC 9698) for IMAP servers built on Twisted, decided for each login from evidence.

L{txjmapaccess.interfaces} is the page to read first.
"""

from __future__ import annotations

from txjmapaccess._version import __version__
from txjmapaccess.server import JMAPAccessIMAP4Server, JMAPAccessMixin, extendFactory

__all__ = ["JMAPAccessIMAP4Server", "JMAPAccessMixin", "__version__", "extendFactory"]
