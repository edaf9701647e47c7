# -*- test-case-name: tests.integration.test_demo -*-
"""
C{twistd -n jmapaccess --demo}: everything that JMAPACCESS needs, on loopback, with nothing to
install: a directory, an introspection endpoint, a JMAP server, an IMAP server, and some mail. All
but the directory and the endpoint are the parts that a real server runs.
"""

from __future__ import annotations

from txjmapaccess.demo.service import DemoPorts, makeDemoService

__all__ = ["DemoPorts", "makeDemoService"]
