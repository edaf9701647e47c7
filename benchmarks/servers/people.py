"""
Who logs in: the same people with every server and back end, so that nothing is shared or cached by
chance.
"""

from __future__ import annotations

import base64

from tests.support.slapd import PEOPLE, SUFFIX, person

COUNT = 200
USERS = [(f"user{n}", f"secret{n}") for n in range(COUNT)]
LOGINS = tuple(f"LOGIN {name} {secret}".encode() for name, secret in USERS)
LDIF = "".join(person(name, secret) for name, secret in USERS)
TEMPLATE = f"uid={{user}},{PEOPLE}"
SEARCH = {"search_base": SUFFIX, "search_filter": "(uid={user})"}
#: The scope with which a token is good for JMAP.
SCOPE = "urn:ietf:params:jmap:mail"
SESSION_URL = "https://mail.example.com/.well-known/jmap"


def bearer(token: str) -> bytes:
    """
    @return: the command that logs in with a token.
    """
    response = base64.b64encode(f"n,,\1auth=Bearer {token}\1\1".encode())
    return b"AUTHENTICATE OAUTHBEARER " + response
