# -*- test-case-name: tests.jmap.test_resource -*-
"""
HTTP requests whose bodies have an end.
"""

from __future__ import annotations

from twisted.web.server import Request

from txjmapaccess.jmap.sessionobject import MAX_SIZE_REQUEST


class BoundedRequest(Request):
    """
    Keeps no more of a body than is needed to see that it is too large. Twisted keeps all that
    comes, on disk, from everybody. For a site::

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
