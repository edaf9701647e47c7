# -*- test-case-name: tests.check.test_verdictreport -*-
"""
Findings about a login, its verdict, and the JMAP response. No I/O.
"""

from __future__ import annotations

from twisted.python.failure import Failure

from txjmapaccess.check.findings import Finding, ok, warning, wrong
from txjmapaccess.check.sessionresponse import KEY, SessionResponse, sessionProblem, unexpected
from txjmapaccess.credentials import Authentication, Secret
from txjmapaccess.errors import ConfigurationError, couldTell, reasonOf
from txjmapaccess.sessionurl import checkSessionURL
from txjmapaccess.verdict import Known, Reason, Unknown, Usable, Verdict

#: Remedies if the verdict is usable and the JMAP server refuses.
_KINDS = {
    Secret.PASSWORD: "set [jmap] passwords = false, or make jmap_filter more restrictive",
    Secret.TOKEN: "set [jmap] tokens = false, or correct jmap_scopes and jmap_audiences",
    Secret.TOKEN_AS_PASSWORD: "set [jmap] passwords_may_be_tokens = false",
    Secret.NOTHING: "",
}

#: Remedies if the verdict is known and the JMAP server accepts.
_WIDER = {
    Reason.PASSWORDS: "set [jmap] passwords = true",
    Reason.TOKENS: "set [jmap] tokens = true",
    Reason.TOKEN_AS_PASSWORD: "set [jmap] passwords_may_be_tokens = true",
    Reason.NOT_ALLOWED: "make [ldap] jmap_filter less restrictive",
    Reason.SCOPE: "add one of its scopes to [introspection] jmap_scopes",
    Reason.AUDIENCE: "add one of its audiences to [introspection] jmap_audiences",
}


def refusalFinding(failure: Failure, subject: str) -> Finding:
    """
    @param failure: of the checkers.
    """
    reason = reasonOf(failure)
    if couldTell(failure):
        what = f"the login is refused ({reason})"
        return wrong(subject, what, "check the name and the password or token")
    what = f"the login could not be checked ({reason})"
    return wrong(subject, what, "fix that, or the problem above")


def verdictFinding(
    verdict: Verdict, authentication: Authentication, identifiersAssumed: bool, subject: str
) -> Finding:
    """
    @param identifiersAssumed: whether the realm is a third party's, so that its accounts may lack
        object identifiers. The line says so. For our own realm the line assumes that the account's
        index can be opened, which only a login finds out.
    """
    evidence = _evidence(authentication)
    if isinstance(verdict, Usable):
        proviso = ", if the realm has object identifiers" if identifiersAssumed else ""
        return ok(subject, f"usable at {verdict.url} ({evidence}){proviso}")
    if isinstance(verdict, Known):
        return ok(subject, f"known at {verdict.url}: {verdict.reason.value} ({evidence})")
    return _unknown(verdict, authentication, evidence, subject)


def _unknown(
    verdict: Unknown, authentication: Authentication, evidence: str, subject: str
) -> Finding:
    own = authentication.evidence and authentication.evidence.sessionURL
    if own is None:
        return ok(subject, f"unknown: {verdict.reason.value} ({evidence})")
    try:
        checkSessionURL(own)
    except ConfigurationError as e:
        what = f"unknown: this user's own session URL {e} ({evidence})"
        return wrong(
            subject, what, "correct the value of session_url_attribute or session_url_claim"
        )
    return ok(subject, f"unknown: {verdict.reason.value} ({evidence})")


def _evidence(authentication: Authentication) -> str:
    """
    @return: the evidence, for a sentence.
    """
    found = authentication.evidence
    if found is None:
        return "no checker left evidence"
    says = "no objection" if found.objection is None else found.objection.name
    kind = authentication.secret.value
    return f"{found.source} accepts the {kind} of {found.username}: {says}"


def sessionFinding(
    verdict: Usable | Known, secret: Secret, response: SessionResponse, subject: str
) -> Finding:
    """
    @param response: to a request with the same credentials (RFC 9698, section 3).
    """
    if response.status == 401:
        return _refused(verdict, secret, subject)
    if response.status != 200:
        return wrong(subject, *unexpected(response.status))
    problem = sessionProblem(response.body)
    if problem is not None:
        return wrong(subject, problem, f"correct {KEY}, or check the JMAP server's log")
    if isinstance(verdict, Usable):
        return ok(subject, "it accepts the same credentials and returns a Session object with mail")
    if verdict.reason is Reason.IDENTIFIERS:
        return ok(subject, "it accepts these credentials; only same_identifiers is missing")
    what = "it accepts these credentials, although the verdict is only known"
    remedy = _WIDER.get(verdict.reason)
    if remedy is None:
        return warning(subject, what, "check whether it should")
    return warning(subject, what, f"{remedy} if this is true for all users")


def _refused(verdict: Usable | Known, secret: Secret, subject: str) -> Finding:
    if isinstance(verdict, Known):
        return ok(subject, "it refuses these credentials (401), as the verdict says")
    what = "the verdict says usable, but it refuses these credentials (401)"
    return wrong(subject, what, f"make the JMAP server accept them, or {_KINDS[secret]}")
