# -*- test-case-name: tests.jmap.test_emailsearch -*-
"""
Searching Emails by a filter (RFC 8620, section 5.5; RFC 8621, section 4.4.1). No I/O: the caller
reads the candidates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, Email
from txjmapaccess.jmap.errors import invalidArguments
from txjmapaccess.jmap.filterconditions import SearchableEmail, messageCondition, storedCondition

#: Takes an Email, and its message or L{None}: then it says whether the Email can match.
_Condition = Callable[[Email, "SearchableEmail | None"], bool]

#: How deep the operators of a filter may be nested.
_DEEPEST = 20


class EmailSearch:
    """
    A filter, in two steps: which Emails it can match by the data of the store, and which of these
    it matches.

    @param value: a FilterOperator, a FilterCondition or L{None}.

    @ivar looksInside: whether there is a second step.

    @raise MethodError: C{invalidArguments}.
    """

    def __init__(self, value: Any, snapshot: AccountSnapshot) -> None:
        self.looksInside = False
        self._snapshot = snapshot
        self._matches = self._compile({} if value is None else value, False, _DEEPEST)

    def candidates(self) -> list[Email]:
        """
        @return: the Emails that the filter can match.
        """
        return [email for email in self._snapshot.emails.values() if self._matches(email, None)]

    def matches(self, email: Email, octets: bytes) -> bool:
        """
        @return: whether the filter matches C{email}, whose message is C{octets}.
        """
        return self._matches(email, SearchableEmail(octets))

    def _compile(self, value: Any, isNegated: bool, depth: int) -> _Condition:
        """
        @param isNegated: whether this is below an odd number of NOTs.
        @param depth: how many operators may be nested in this.
        """
        if not isinstance(value, dict):
            raise invalidArguments("filter is not an object")
        if "operator" in value:
            return self._operator(value["operator"], value.get("conditions"), isNegated, depth)
        conditions = [self._condition(name, value[name], isNegated) for name in value]
        return lambda email, message: all(matches(email, message) for matches in conditions)

    def _operator(self, operator: Any, members: Any, isNegated: bool, depth: int) -> _Condition:
        if depth == 0 or not isinstance(members, list):
            raise invalidArguments("filter has no list of conditions, or is nested too deeply")
        below = isNegated != (operator == "NOT")
        conditions = [self._compile(member, below, depth - 1) for member in members]
        if operator == "AND":
            return lambda email, message: all(matches(email, message) for matches in conditions)
        if operator == "OR":
            return lambda email, message: any(matches(email, message) for matches in conditions)
        if operator == "NOT":
            return lambda email, message: not any(matches(email, message) for matches in conditions)
        raise invalidArguments("the operator of a filter is AND, OR or NOT")

    def _condition(self, name: str, value: Any, isNegated: bool) -> _Condition:
        inMessage = messageCondition(name, value)
        if inMessage is None:
            stored = storedCondition(name, value, self._snapshot)
            return lambda email, message: stored(email)
        self.looksInside = True
        # Without the message, the result that lets more Emails through.
        return lambda email, message: not isNegated if message is None else inMessage(message)
