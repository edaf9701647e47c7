"""
Imported by the server's process: it logs which of the commands with which a client logs in came,
and whether TLS protected them.
"""

from __future__ import annotations

import re

from twisted.internet.interfaces import ISSLTransport
from twisted.logger import Logger

from txjmapaccess.server import JMAPAccessIMAP4Server

# No argument but the name of a mechanism.
_COMMAND = re.compile(rb"\S+ (STARTTLS|LOGIN|AUTHENTICATE [A-Z0-9-]+)(?: |\Z)", re.IGNORECASE)

_log = Logger()
_lineReceived = JMAPAccessIMAP4Server.lineReceived


def _record(self: JMAPAccessIMAP4Server, line: bytes) -> None:
    if found := _COMMAND.match(line):
        protected = ISSLTransport.providedBy(self.transport)
        _log.info(
            "command: {name}, {how}",
            name=found[1].decode("ascii").upper(),
            how="protected" if protected else "in clear",
        )
    _lineReceived(self, line)


JMAPAccessIMAP4Server.lineReceived = _record  # type: ignore[method-assign]
