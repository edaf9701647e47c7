# -*- test-case-name: tests -*-
"""
C{txjmapaccess check --config FILE}: what an operator wants to know before users call.

::

    options -> settings -> steps -> findings -> lines, exit status

L{txjmapaccess.check.command} is the program. Each kind of step has a module (C{certificatecheck},
C{ldapcheck}, C{introspectioncheck}, C{realmcheck}, C{sessioncheck}, C{logincheck}), reaches what it
checks through the same code as the service, and returns
L{findings<txjmapaccess.check.findings.Finding>}. What they mean, and how to fix it, are pure
functions and tables.

No finding contains a password, token or secret. Of a back end's responses, findings contain only
numbers, names of capabilities and certificates.
"""
