# -*- test-case-name: tests.check.test_sessionclient -*-
"""
Responses of a JMAP session resource (RFC 8620, section 2), and what they mean. No I/O.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from txjmapaccess.check.findings import Finding, ok, warning, wrong
from txjmapaccess.jmap.sessionobject import CORE, MAIL

KEY = "[jmap] session_url"
_CORRECT = f"correct {KEY}"

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCHEME = re.compile(r"(?:\A|,)\s*([A-Za-z][A-Za-z0-9-]*)(?=\s|,|\Z)")

#: The members of a Session object that clients cannot do without, and their types.
_MEMBERS: dict[str, type] = {
    "capabilities": dict,
    "accounts": dict,
    "primaryAccounts": dict,
    "username": str,
    "apiUrl": str,
    "downloadUrl": str,
    "uploadUrl": str,
    "eventSourceUrl": str,
    "state": str,
}


@dataclass(frozen=True)
class SessionResponse:
    """
    The final response.

    @ivar url: its URL, after all redirects.
    @ivar status: the HTTP status.
    @ivar schemes: the authentication schemes of C{WWW-Authenticate}, in lower case.
    @ivar location: the target of a redirect, or L{None}.
    """

    url: str
    status: int
    schemes: tuple[str, ...] = ()
    location: str | None = None
    body: bytes = b""


def sessionProblem(body: bytes) -> str | None:
    """
    @return: why C{body} is no Session object with mail, or L{None} when it is one.
    """
    try:
        session = json.loads(body)
    except (ValueError, RecursionError):
        session = None
    if not isinstance(session, dict):
        return "its response is not a JSON object"
    for name, kind in _MEMBERS.items():
        if not isinstance(session.get(name), kind):
            return f"its response is not a Session object: {name} is missing or has the wrong type"
    for capability in (CORE, MAIL):
        if not isinstance(session["capabilities"].get(capability), dict):
            return f"its Session object lacks the capability {capability}"
    if session["primaryAccounts"].get(MAIL) not in session["accounts"]:
        return "its Session object has no mail account in primaryAccounts"
    return None


def strangerFinding(response: SessionResponse, subject: str) -> Finding:
    """
    @param response: to a request without credentials.
    """
    status = response.status
    if status == 401:
        offered = " and ".join(scheme.capitalize() for scheme in response.schemes)
        if not offered:
            what = (
                "it responds with 401 but without WWW-Authenticate,"
                " so clients do not know how to log in"
            )
            return warning(subject, what, "configure the JMAP server (RFC 9110, section 11.6.1)")
        return ok(subject, f"it asks for credentials ({offered})")
    if status == 200:
        problem = sessionProblem(response.body)
        if problem is not None:
            return wrong(subject, problem, _CORRECT)
        what = "it returns a Session object without asking for credentials"
        return warning(subject, what, "check whether this is intended")
    return wrong(subject, *unexpected(status))


def unexpected(status: int) -> tuple[str, str]:
    """
    @return: the meaning of a status other than 200 and 401, and what to do.
    """
    what = f"it responds with {status}"
    if status in (404, 405, 410):
        return f"{what}: there is no JMAP session resource", _CORRECT
    if status == 403:
        return what, "check whether the JMAP server allows this machine"
    if status == 429:
        return f"{what}: too many requests or failed logins", "try again later"
    if status >= 500:
        return what, "check the JMAP server's log"
    return what, f"{_CORRECT}, or check the JMAP server's log"


def missingScheme(
    response: SessionResponse, passwords: bool, tokens: bool
) -> tuple[str, str] | None:
    """
    @param response: to a request without credentials.
    @param passwords: whether a login with a password can be usable there.
    @param tokens: whether a login with a token can.

    @return: the authentication that users need there and the server does not offer, and what to do.
    """
    if response.status != 401 or not response.schemes:
        return None
    if passwords and "basic" not in response.schemes:
        return (
            "it does not offer Basic, so passwords may not work there",
            "set [jmap] passwords = false",
        )
    if tokens and "bearer" not in response.schemes:
        return "it does not offer Bearer, so tokens may not work there", "set [jmap] tokens = false"
    return None


def schemesOf(values: list[str]) -> tuple[str, ...]:
    """
    @param values: those of C{WWW-Authenticate} (RFC 9110, section 11.6.1).

    @return: the schemes, in lower case.
    """
    found = [
        scheme.lower() for value in values for scheme in _SCHEME.findall(_QUOTED.sub("", value))
    ]
    return tuple(dict.fromkeys(found))
