# -*- test-case-name: tests.jmap.test_api -*-
"""
Tests for L{txjmapaccess.jmap.api}: method calls and their responses.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.jmap import CORE, MAIL
from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.jmap.api import API
from txjmapaccess.jmap.errors import invalidArguments
from txjmapaccess.jmap.jmaprequest import parseRequest
from txjmapaccess.jmap.requestturns import RequestTurns


async def _fails(arguments: Any) -> Any:
    raise {"bug": KeyError("secret"), "later": TemporaryFailure("ldap://10.1.2.3")}.get(
        arguments.get("how"), invalidArguments("no")
    )


class APITests(SynchronousTestCase):
    """
    The Response object (RFC 8620, section 3.4).
    """

    def answer(self, *calls: Any, using: tuple[str, ...] = (CORE, MAIL), **more: Any) -> Any:
        """
        @return: the Response object.
        """
        body = {"using": using, "methodCalls": calls, **more}
        request = parseRequest(json.dumps(body).encode())
        api = API({MAIL: {"Test/fails": _fails}}, RequestTurns(Clock()))
        encoded = self.successResultOf(Deferred.fromCoroutine(api.answer(request, "s1")))
        return json.loads(encoded)

    def test_echo(self) -> None:
        """
        Core/echo gives back what it was given (section 4).
        """
        call = ["Core/echo", {"hello": True, "high": 5, "name": "J\xfcrgen"}, "b3ff"]
        self.assertEqual(self.answer(call), {"methodResponses": [call], "sessionState": "s1"})

    def test_order(self) -> None:
        """
        Responses come in the order of the calls, and an error ends none but its own call.
        """
        responses = self.answer(
            ["Core/echo", {}, "1"], ["Test/fails", {}, "2"], ["Core/echo", {}, "1"]
        )["methodResponses"]
        self.assertEqual(
            responses,
            [
                ["Core/echo", {}, "1"],
                ["error", {"type": "invalidArguments", "description": "no"}, "2"],
                ["Core/echo", {}, "1"],
            ],
        )

    def test_references(self) -> None:
        """
        A call may use the response of an earlier one (section 3.7).
        """
        reference = {"resultOf": "1", "name": "Core/echo", "path": "/a/*/b"}
        responses = self.answer(
            ["Core/echo", {"a": [{"b": 1}, {"b": 2}]}, "1"], ["Core/echo", {"#c": reference}, "2"]
        )["methodResponses"]
        self.assertEqual(responses[1], ["Core/echo", {"c": [1, 2]}, "2"])

    def test_doubling(self) -> None:
        """
        Echoes of echoes do not grow without end.
        """
        calls: list[Any] = [["Core/echo", {"x": "y" * 60_000}, "0"]]
        for number in range(1, 16):
            before = {"resultOf": str(number - 1), "name": "Core/echo", "path": ""}
            calls.append(["Core/echo", {"#a": before, "#b": before}, str(number)])
        answer = self.answer(*calls)
        self.assertLess(len(json.dumps(answer)), 1_000_000)
        self.assertEqual(answer["methodResponses"][-1][1]["type"], "invalidResultReference")

    def test_unknownMethod(self) -> None:
        """
        A method that does not exist, or whose capability is not used, is C{unknownMethod}.
        """
        for name, using in (
            ("Nothing/get", (CORE, MAIL)),
            ("Test/fails", (CORE,)),
            ("Core/echo", (MAIL,)),
        ):
            responses = self.answer([name, {}, "0"], using=using)["methodResponses"]
            self.assertEqual(responses, [["error", {"type": "unknownMethod"}, "0"]])

    def test_createdIDs(self) -> None:
        """
        Creation ids go back as they came (section 3.4).
        """
        self.assertEqual(self.answer(createdIds={"k": "M1"})["createdIds"], {"k": "M1"})
        self.assertNotIn("createdIds", self.answer())

    def test_bug(self) -> None:
        """
        A bug is logged, and the client gets C{serverFail} without its text.
        """
        ((_, arguments, _),) = self.answer(["Test/fails", {"how": "bug"}, "0"])["methodResponses"]
        self.assertEqual(arguments["type"], "serverFail")
        self.assertNotIn("secret", json.dumps(arguments))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_temporaryFailure(self) -> None:
        """
        What may work later is C{serverUnavailable}, again without its text.
        """
        responses = self.answer(["Test/fails", {"how": "later"}, "0"])["methodResponses"]
        self.assertEqual(responses, [["error", {"type": "serverUnavailable"}, "0"]])
