# -*- test-case-name: tests.jmap.test_resultreferences -*-
"""
Tests for L{txjmapaccess.jmap.resultreferences} (RFC 8620, section 3.7).
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.jmap.errors import MethodError
from txjmapaccess.jmap.resultreferences import MethodResponse, evaluate, resolve

_THREADS: MethodResponse = (
    "Thread/get",
    {"list": [{"id": "T1", "emailIds": ["M1", "M2"]}, {"id": "T2", "emailIds": ["M3"]}]},
    "t2",
)


def _reference(path: str, resultOf: str = "t2", name: str = "Thread/get") -> dict[str, Any]:
    return {"#ids": {"resultOf": resultOf, "name": name, "path": path}}


class ResolveTests(SynchronousTestCase):
    """
    Arguments with references in them.
    """

    def assertProblem(self, kind: str, arguments: dict[str, Any]) -> None:
        with self.assertRaises(MethodError) as caught:
            resolve(arguments, [_THREADS])
        self.assertEqual(caught.exception.asObject()["type"], kind)

    def test_flattened(self) -> None:
        """
        C{*} goes through all items, and joins the arrays that it finds.
        """
        self.assertEqual(
            resolve({"a": 1, **_reference("/list/*/emailIds")}, [_THREADS]),
            {"a": 1, "ids": ["M1", "M2", "M3"]},
        )

    def test_values(self) -> None:
        """
        Values that are no arrays are collected.
        """
        self.assertEqual(resolve(_reference("/list/*/id"), [_THREADS]), {"ids": ["T1", "T2"]})

    def test_index(self) -> None:
        """
        A number is an index (RFC 6901, section 4).
        """
        self.assertEqual(resolve(_reference("/list/1/id"), [_THREADS]), {"ids": "T2"})

    def test_firstResponse(self) -> None:
        """
        The first response with the call id counts.
        """
        other: MethodResponse = ("Thread/get", {"list": []}, "t2")
        self.assertEqual(resolve(_reference("/list"), [other, _THREADS]), {"ids": []})

    def test_unresolved(self) -> None:
        """
        A reference that fails to resolve is C{invalidResultReference}.
        """
        for reference in (
            _reference("/list", resultOf="t1"),
            _reference("/list", name="Email/get"),
            _reference("list"),
            _reference("/nothing"),
            _reference("/list/2"),
            _reference("/list/01"),
            _reference("/list/-"),
            _reference("/list/*/nothing"),
            _reference("/list/0/id/x"),
        ):
            self.assertProblem("invalidResultReference", reference)

    def test_bothForms(self) -> None:
        """
        An argument in both forms is C{invalidArguments}.
        """
        self.assertProblem("invalidArguments", {"ids": [], **_reference("/list")})

    def test_noReference(self) -> None:
        """
        So are values that are not references.
        """
        for value in (None, [], {}, {"resultOf": "t2", "name": "Thread/get", "path": 1}):
            self.assertProblem("invalidArguments", {"#ids": value})

    def test_tooMuch(self) -> None:
        """
        References cannot be used to make an answer out of all proportion.
        """
        big: MethodResponse = ("Core/echo", {"x": ["y" * 1000] * 200}, "0")
        once = {"resultOf": "0", "name": "Core/echo", "path": "/x"}
        self.assertEqual(len(resolve({"#a": once}, [big])["a"]), 200)
        with self.assertRaises(MethodError) as caught:
            resolve({"#a": once, "#b": once}, [big])
        self.assertEqual(caught.exception.asObject()["type"], "invalidResultReference")


class EvaluateTests(SynchronousTestCase):
    """
    JSON pointers.
    """

    def test_escapes(self) -> None:
        """
        C{~1} and C{~0} stand for slash and tilde (RFC 6901, section 4).
        """
        self.assertEqual(evaluate({"a/b": {"c~d": 1}}, ["a~1b", "c~0d"]), 1)
        self.assertEqual(evaluate({"~1": 2}, ["~01"]), 2)

    def test_starIsAName(self) -> None:
        """
        In an object, C{*} is a name like any other.
        """
        self.assertEqual(evaluate({"*": 3}, ["*"]), 3)
