# -*- test-case-name: tests -*-
"""
C{txjmapaccess check --config FILE}: what an operator wants to know before, or instead of, a call
from a user.

::

    options -> settings -> steps -> findings -> lines, exit status

L{txjmapaccess.check.command} is the program. Each kind of step has a module (C{certificatecheck},
C{ldapcheck}, C{introspectioncheck}, C{realmcheck}, C{sessioncheck}, C{logincheck}), reaches what it
looks at through the same code as the service, and returns
L{findings<txjmapaccess.check.findings.Finding>}. What they mean, and how to mend it, are pure
functions and tables.

No password, token or secret gets into a finding, and nothing of a back end's answers but numbers,
names of capabilities and certificates.
"""
