# -*- test-case-name: tests.ldap.test_results -*-
"""
What results mean for a login. Pure functions.

A bind can be accepted, accepted with an objection (the password will not last, so it is not usable
for JMAP), refused, or undecided. The last is never reported as a wrong password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from twisted.cred.error import UnauthorizedLogin

from txjmapaccess.errors import PasswordExpired, Refused
from txjmapaccess.ldap.ber import SEQUENCE, bounds
from txjmapaccess.ldap.codec import PASSWORD_POLICY, Result
from txjmapaccess.ldap.errors import ProtocolViolation, UnexpectedResult
from txjmapaccess.verdict import Reason

# Result codes (RFC 4511, appendix A).
SUCCESS = 0
NO_SUCH_OBJECT = 32
INVALID_CREDENTIALS = 49
INSUFFICIENT_ACCESS = 50
UNWILLING_TO_PERFORM = 53
REFUSALS = frozenset(
    (NO_SUCH_OBJECT, INVALID_CREDENTIALS, INSUFFICIENT_ACCESS, UNWILLING_TO_PERFORM)
)

# Errors of the password policy control (draft-behera-ldap-password-policy-10, section 6.2).
_PASSWORD_EXPIRED, _ACCOUNT_LOCKED, _CHANGE_AFTER_RESET = 0, 1, 2

#: In the diagnostic message of Active Directory's result 49; sent only for a correct password.
_AD_SUBCODE = re.compile(r"^[0-9A-Fa-f]{8}: LdapErr: .*\bdata ([0-9A-Fa-f]+)\b")
_AD_EXPIRED, _AD_MUST_CHANGE = "532", "773"


@dataclass(frozen=True)
class PasswordPolicy:
    """
    The password policy control of a bind response.

    @ivar error: one of the error numbers, or L{None}.
    @ivar graceLogins: remaining binds with an expired password, or L{None}.
    """

    error: int | None = None
    graceLogins: int | None = None


_NO_POLICY = PasswordPolicy()


def passwordPolicy(controls: dict[bytes, bytes]) -> PasswordPolicy:
    """
    @param controls: those of a bind response.

    @raise ProtocolViolation: if the control is malformed.
    """
    value = controls.get(PASSWORD_POLICY)
    if not value:
        return _NO_POLICY
    if value[0] != SEQUENCE:
        raise ProtocolViolation("a password policy control is malformed")
    error, grace = None, None
    for tag, content in _elements(value, *bounds(value, 0, len(value))):
        if tag == 0xA0:
            for kind, number in _elements(content, 0, len(content)):
                grace = int.from_bytes(number, "big") if kind == 0x81 else grace
        elif tag == 0x81:
            error = int.from_bytes(content, "big")
    return PasswordPolicy(error, grace)


def _elements(data: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    while start < end:
        begin, stop = bounds(data, start, end)
        yield data[start], data[begin:stop]
        start = stop


def bindObjection(result: Result) -> Reason | None:
    """
    @param result: how the bind of a user ended.

    @return: for an accepted login: the objection to the password for JMAP, or L{None}.

    @raise Refused: for a wrong password, an unknown user, or a login that policy forbids.
    @raise PasswordExpired: for a correct password that has expired or must be changed first.
    @raise UnexpectedResult: for everything else.
    """
    policy = passwordPolicy(result.controls) if result.controls else _NO_POLICY
    if result.code == SUCCESS:
        return _objection(policy)
    if result.code in REFUSALS:
        raise _refusal(result, policy)
    raise UnexpectedResult("bind", result.code)


def _objection(policy: PasswordPolicy) -> Reason | None:
    if policy.error == _CHANGE_AFTER_RESET:
        return Reason.PASSWORD_MUST_CHANGE
    if policy.graceLogins is not None:
        return Reason.GRACE_LOGIN
    if policy.error == _PASSWORD_EXPIRED:
        return Reason.PASSWORD_EXPIRED
    return None


def _refusal(result: Result, policy: PasswordPolicy) -> UnauthorizedLogin:
    if policy.error == _PASSWORD_EXPIRED:
        return PasswordExpired("the password has expired")
    if policy.error == _ACCOUNT_LOCKED:
        return Refused("the account is locked")
    subcode = _AD_SUBCODE.match(result.diagnostic)
    if result.code == INVALID_CREDENTIALS and subcode is not None:
        code = subcode.group(1).lower()
        if code in (_AD_EXPIRED, _AD_MUST_CHANGE):
            return PasswordExpired("the password has expired")
        return Refused(f"the directory refused the login (data {code})")
    return Refused(f"the directory refused the login (result {result.code})")
