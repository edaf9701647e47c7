# -*- test-case-name: tests.jmap.test_resource -*-
"""
HTTP requests with a limit for their bodies.
"""

from __future__ import annotations

from twisted.web.server import Request

from txjmapaccess.jmap.sessionobject import MAX_SIZE_REQUEST


class BoundedRequest(Request):
    """
    Keeps only as much of a body as shows that it is too large. Twisted keeps everything that anyone
    sends, on disk. For a site::

        Site(root, requestFactory=BoundedRequest)
    """

    _kept = 0

    def handleContentChunk(self, data: bytes) -> None:
        """
        Take the next octets of the body.
        """
        room = MAX_SIZE_REQUEST + 1 - self._kept
        if room > 0:
            self._kept += len(data[:room])
            super().handleContentChunk(data[:room])
