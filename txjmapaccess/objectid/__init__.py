# -*- test-case-name: tests.objectid.test_objectid -*-
"""
Object identifiers (RFC 8474) for a store that has none: L{ObjectIDIndex}.

A damaged index can be rebuilt, while no server uses it::

    python -m txjmapaccess.objectid rebuild FILE
"""

from __future__ import annotations

from txjmapaccess.objectid.objectidindex import ObjectIDIndex

__all__ = ["ObjectIDIndex"]
