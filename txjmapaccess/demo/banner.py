# -*- test-case-name: tests.integration.test_demo -*-
"""
The text of the demonstration on the terminal.
"""

from __future__ import annotations

from txjmapaccess.demo.introspectionendpoint import TOKEN


def demoText(imapPort: int, httpPort: int, ldapPort: int) -> str:
    """
    @return: the accounts, and commands to try.
    """
    imap = f"imap://127.0.0.1:{imapPort}"
    session = f"http://127.0.0.1:{httpPort}/.well-known/jmap"
    python = (
        f'import imaplib; m = imaplib.IMAP4("127.0.0.1", {imapPort}); '
        'm.login("arnt", "trondheim"); print(m.xatom("GETJMAPACCESS"), '
        'm.response("JMAPACCESS"))'
    )
    return f"""\
The JMAPACCESS demo: IMAP on port {imapPort}, JMAP on {httpPort}, LDAP on {ldapPort},
all on 127.0.0.1. It keeps nothing when it ends (Ctrl-C).

  account                       IMAP verdict     JMAP response
  arnt, password trondheim      usable           200
  bron, password melbourne      known            401 (his entry lacks employeeType=jmap)
  token {TOKEN} (arnt)  usable           200

To try, in another terminal:

  curl -sv {imap} -u arnt:trondheim -X GETJMAPACCESS 2>&1 | grep JMAPACCESS
  curl -sv {imap} -u bron:melbourne -X GETJMAPACCESS 2>&1 | grep JMAPACCESS
  curl -sv {imap} -u arnt: --oauth2-bearer {TOKEN} -X GETJMAPACCESS 2>&1 | grep JMAPACCESS

  curl -s -u arnt:trondheim {session}
  curl -s -u bron:melbourne {session}
  curl -s --oauth2-bearer {TOKEN} {session}

  python3 -c '{python}'

In a clone, to compare all identifiers over both protocols:

  python3 examples/compare.py
"""
