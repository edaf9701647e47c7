# -*- test-case-name: tests.jmap.test_jmaprequest -*-
"""
Tests for L{txjmapaccess.jmap.jmaprequest} and L{txjmapaccess.jmap.errors}.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.jmap import CORE, MAIL
from txjmapaccess.jmap.errors import MethodError, RequestError, invalidArguments
from txjmapaccess.jmap.jmaprequest import JMAPRequest, MethodCall, checkSize, isJSON, parseRequest


def _encoded(**members: Any) -> bytes:
    return json.dumps({"using": [CORE], "methodCalls": [], **members}).encode()


class ParseTests(SynchronousTestCase):
    """
    From octets to method calls (RFC 8620, section 3.3).
    """

    def assertRejected(self, body: bytes, kind: str) -> dict[str, Any]:
        with self.assertRaises(RequestError) as caught:
            parseRequest(body)
        problem = caught.exception.asObject()
        self.assertEqual(
            (problem["type"], problem["status"]), (f"urn:ietf:params:jmap:error:{kind}", 400), body
        )
        return problem

    def test_request(self) -> None:
        """
        A request is what it uses and its calls, in order. What we do not know is ignored.
        """
        calls = [["Core/echo", {"a": [1, None]}, "c1"], ["Mailbox/get", {}, "c2"]]
        self.assertEqual(
            parseRequest(_encoded(using=[CORE, MAIL], methodCalls=calls, more=True)),
            JMAPRequest(
                frozenset((CORE, MAIL)),
                (
                    MethodCall("Core/echo", {"a": [1, None]}, "c1"),
                    MethodCall("Mailbox/get", {}, "c2"),
                ),
                None,
            ),
        )

    def test_createdIDs(self) -> None:
        """
        The map of creation ids is kept.
        """
        self.assertEqual(parseRequest(_encoded(createdIds={"k1": "M1"})).createdIDs, {"k1": "M1"})

    def test_notJSON(self) -> None:
        """
        What is not I-JSON (RFC 7493) is C{notJSON}: other charsets, lone surrogates, names that are
        there twice, NaN, numbers beyond all measure, a structure too deep to walk.
        """
        for body in (
            b"",
            b"{",
            b"\xff",
            '{"using": []}'.encode("utf-16"),
            _encoded(x="\ud800"),
            b'{"using": [], "using": [], "methodCalls": []}',
            b'{"using": [], "methodCalls": [], "x": NaN}',
            b'{"using": [], "methodCalls": [], "x": 1e999}',
            b'{"using": [], "methodCalls": [], "x": ' + b"9" * 10_000 + b"e9999}",
            b"[" * 60 + b"]" * 60,
            b"[" * 100_000,
        ):
            self.assertRejected(body, "notJSON")

    def test_notRequest(self) -> None:
        """
        What does not have the types of a Request object is C{notRequest}.
        """
        for body in (
            b"[]",
            b"null",
            b"{}",
            _encoded(using=None),
            _encoded(using=CORE),
            _encoded(using=[1]),
            _encoded(methodCalls={}),
            _encoded(methodCalls=["Core/echo"]),
            _encoded(methodCalls=[["Core/echo", {}]]),
            _encoded(methodCalls=[["Core/echo", [], "0"]]),
            _encoded(methodCalls=[["Core/echo", {}, 0]]),
            _encoded(methodCalls=[[1, {}, "0"]]),
            _encoded(createdIds=[]),
            _encoded(createdIds={"k1": 1}),
        ):
            self.assertRejected(body, "notRequest")

    def test_unknownCapability(self) -> None:
        """
        To use what this server does not have is C{unknownCapability}.
        """
        self.assertRejected(_encoded(using=[CORE, "urn:example:other"]), "unknownCapability")

    def test_tooManyCalls(self) -> None:
        """
        More than maxCallsInRequest calls exceed a limit.
        """
        calls = [["Core/echo", {}, str(n)] for n in range(17)]
        problem = self.assertRejected(_encoded(methodCalls=calls), "limit")
        self.assertEqual(problem["limit"], "maxCallsInRequest")
        self.assertEqual(len(parseRequest(_encoded(methodCalls=calls[:16])).calls), 16)

    def test_size(self) -> None:
        """
        A request of exactly maxSizeRequest is taken.
        """
        checkSize(1_000_000)
        with self.assertRaises(RequestError):
            checkSize(1_000_001)

    @given(st.binary() | st.text().map(str.encode))
    def test_anyOctets(self, body: bytes) -> None:
        """
        Whatever comes, it is a request or a problem.
        """
        try:
            parseRequest(body)
        except RequestError as problem:
            json.dumps(problem.asObject())


class ContentTypeTests(SynchronousTestCase):
    """
    The media type of a request (RFC 8620, section 3.1).
    """

    def test_isJSON(self) -> None:
        """
        It is compared without regard to case and parameters.
        """
        for value in ("application/json", "Application/JSON", "application/json ; charset=utf-8"):
            self.assertTrue(isJSON(value), value)
        for value in (
            None,
            "",
            "text/json",
            "application/json2",
            "application/x-www-form-urlencoded",
        ):
            self.assertFalse(isJSON(value), value)


class ProblemTests(SynchronousTestCase):
    """
    Errors as the client sees them.
    """

    def test_method(self) -> None:
        """
        An error of a method has a type and may have a description (RFC 8620, section 3.6.2).
        """
        self.assertEqual(MethodError("unknownMethod").asObject(), {"type": "unknownMethod"})
        self.assertEqual(
            invalidArguments("ids is not a list").asObject(),
            {"type": "invalidArguments", "description": "ids is not a list"},
        )

    def test_http(self) -> None:
        """
        What HTTP says by itself has no type of its own (RFC 7807, section 4.2).
        """
        self.assertEqual(
            RequestError(None, "TLS is needed", 403).asObject(),
            {"type": "about:blank", "status": 403, "detail": "TLS is needed"},
        )
