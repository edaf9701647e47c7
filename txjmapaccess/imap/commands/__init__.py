# -*- test-case-name: tests.imap -*-
"""
The commands of IMAP: one module for each command or family. Each registers its handlers in
L{txjmapaccess.imap.dispatch.REPLACED} and L{txjmapaccess.imap.dispatch.ADDED}. A handler is a
function; its first argument is the connection.
"""

from txjmapaccess.imap.commands import (  # noqa: F401
    append,
    capability,
    copy,
    create,
    deleterename,
    enable,
    expunge,
    fetch,
    id,
    idle,
    list,
    noop,
    search,
    select,
    status,
    storeflags,
    subscribe,
)
