# -*- test-case-name: tests.test_ldap_checker -*-
"""
What a checker counts. Plain numbers, for whoever wants to show them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class LDAPCounters:
    """
    @ivar accepted: logins whose bind succeeded.
    @ivar refused: logins that the directory, or the look of them, refused.
    @ivar failed: logins about which no server could tell.
    @ivar cancelled: logins that were given up before the answer.
    @ivar fromCache: of the accepted, those without a bind of their own.
    @ivar latencySum: seconds that answered binds took, on the wire, all together.
    @ivar latencyCount: how many they were.
    @ivar poolInUse: connections on which a login is being checked now.
    @ivar serversUp: servers that are not known to be down.
    @ivar serversTotal: servers that are configured.
    """

    accepted: int = 0
    refused: int = 0
    failed: int = 0
    cancelled: int = 0
    fromCache: int = 0
    latencySum: float = 0.0
    latencyCount: int = 0
    poolInUse: int = 0
    serversUp: int = 0
    serversTotal: int = 0
