# -*- test-case-name: tests.integration.test_demo -*-
"""
C{twistd -n jmapaccess --demo}: everything that JMAPACCESS needs, on loopback: a directory, an
introspection endpoint, a JMAP server, an IMAP server, and some mail. Except the directory and the
endpoint, these are the parts of a real server.
"""

from __future__ import annotations

from txjmapaccess.demo.service import DemoPorts, makeDemoService

__all__ = ["DemoPorts", "makeDemoService"]
