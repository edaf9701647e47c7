# -*- test-case-name: tests.oauth.test_checker -*-
"""
OAuth 2.0 access tokens, checked by token introspection (RFC 7662).

L{txjmapaccess.oauth.checker} is what a portal sees. L{txjmapaccess.oauth.introspectionclient}
queries the provider, with L{txjmapaccess.oauth.discovery} and L{txjmapaccess.http.client};
L{txjmapaccess.oauth.introspection} decides what a response means, without I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from txjmapaccess.oauth.checker import IntrospectionChecker

__all__ = ["IntrospectionChecker"]


def __getattr__(name: str) -> object:
    # Late, because every twistd run on the machine imports this package for its plugin.
    if name == "IntrospectionChecker":
        from txjmapaccess.oauth.checker import IntrospectionChecker

        return IntrospectionChecker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
