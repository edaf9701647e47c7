# -*- test-case-name: tests.twistd.test_logfile -*-
"""
The log of C{twistd jmapaccess}. C{twistd} chooses the file (C{--logfile}, C{--nodaemon}), and with
C{--syslog} or C{--logger} the format, too.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.logger import FileLogObserver, ILogObserver, Logger
from twisted.python.components import Componentized
from twisted.python.logfile import LogFile

from txjmapaccess.twistd.logs import jsonLine, textLine

_LINES = {"text": textLine, "json": jsonLine}


class LoggedService(MultiService):
    """
    A service that sets up the log of its application.

    @param service: the service.
    @param options: those of C{twistd} itself; L{None} if something else runs the service and has
        its own log.
    @param form: C{[log] format}.
    """

    _log = Logger()

    def __init__(
        self,
        service: IService,
        options: Mapping[str, Any] | None,
        form: str,
        reactor: Any,
    ) -> None:
        super().__init__()
        self._options = options
        self._form = form
        self._reactor = reactor
        service.setServiceParent(self)

    def setServiceParent(self, parent: Any) -> None:
        """
        Set the log observer just before C{twistd} starts to log.

        @param parent: the application, or another service.
        """
        super().setServiceParent(parent)
        if self._options is None or not isinstance(parent, Componentized):
            return
        if self._options.get("logger") or self._options.get("syslog"):
            if self._form != "text":
                self._log.warn("[log] format has no effect together with --syslog or --logger")
            return
        observer = FileLogObserver(_openLog(self._options, self._reactor), _LINES[self._form])
        parent.setComponent(ILogObserver, observer)


def _openLog(options: Mapping[str, Any], reactor: Any) -> Any:
    """
    @return: the file that C{twistd} itself would use.

    @raise SystemExit: as C{twistd} itself does.
    """
    path = options.get("logfile")
    inForeground = options.get("nodaemon")
    if path == "-" and not inForeground:
        sys.exit("Daemons cannot log to stdout, exiting!")
    if path == "-" or (inForeground and not path):
        return sys.stdout
    log = LogFile.fromFullPath(path or "twistd.log")
    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(log.rotate))
    return log
