# -*- test-case-name: tests -*-
"""
The connection and the login: mixins for L{twisted.mail.imap4.IMAP4Server} or a subclass, and the
functions that they call. The commands are in L{txjmapaccess.imap.commands}, and
L{txjmapaccess.server} puts both together.

From the ground up: C{bye}, C{updates}, C{serializer}, C{dispatch}, C{connectionlimits},
C{logincommand}, C{authentication}.
"""
