"""
C{twistd jmapaccess}.
"""

from twisted.application.service import ServiceMaker

serviceMaker = ServiceMaker(
    "JMAPACCESS (RFC 9698) on IMAP",
    "txjmapaccess.twistd.service",
    "An IMAP server that tells its clients about JMAP.",
    "jmapaccess",
)
