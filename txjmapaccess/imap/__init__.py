# -*- test-case-name: tests -*-
"""
The protocol: mixins that stand before L{twisted.mail.imap4.IMAP4Server} or a subclass, each with
one idea, and the pure functions that they call. L{txjmapaccess.server} puts them together.

From the ground up: C{serial} (one command at a time), C{dispatch} (arguments and handlers),
C{admission}, C{privacy}, C{login}, C{authentication} (the door), then the commands behind it.
"""
