# -*- test-case-name: tests.jmap.test_api -*-
"""
The method calls of a request, one after the other (RFC 8620, section 3.3 to 3.7).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.logger import Logger

from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.jmap.errors import MethodError
from txjmapaccess.jmap.jmaprequest import JMAPRequest, MethodCall
from txjmapaccess.jmap.resultreferences import MethodResponse, resolve
from txjmapaccess.jmap.sessionobject import CORE
from txjmapaccess.pacing import Turns

#: Takes the arguments of a call, gives those of the response; raises L{MethodError}.
Method = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


async def echo(arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Core/echo (RFC 8620, section 4).
    """
    return arguments


class API:
    """
    Responds to requests.

    @param methods: the methods by capability and name, besides Core/echo.
    @param turns: shares the reactor with others between calls.
    """

    _log = Logger()

    def __init__(self, methods: Mapping[str, Mapping[str, Method]], turns: Turns) -> None:
        self._methods = {CORE: {"Core/echo": echo}, **methods}
        self._turns = turns

    async def answer(self, request: JMAPRequest, sessionState: str) -> bytes:
        """
        @return: the Response object (RFC 8620, section 3.4), encoded.
        """
        responses: list[MethodResponse] = []
        encoded: list[str] = []
        for call in request.calls:
            responses.append(await self._respond(call, request.using, responses))
            encoded.append(json.dumps(responses[-1]))
            if self._turns.isOver():
                await self._turns.pause()
        rest: dict[str, Any] = {"sessionState": sessionState}
        if request.createdIDs is not None:
            rest["createdIds"] = request.createdIDs
        body = '{"methodResponses": [' + ", ".join(encoded) + "], " + json.dumps(rest)[1:]
        return body.encode("ascii")

    async def _respond(
        self, call: MethodCall, using: frozenset[str], responses: list[MethodResponse]
    ) -> MethodResponse:
        try:
            method = self._find(call.name, using)
            return call.name, await method(resolve(call.arguments, responses)), call.callID
        except MethodError as error:
            return "error", error.asObject(), call.callID
        except TemporaryFailure as e:
            self._log.error("{method} failed: {problem}", method=call.name, problem=e)
            return "error", {"type": "serverUnavailable"}, call.callID
        except Exception:
            self._log.failure("{method} failed", method=call.name)
            description = "Internal error; the server's log has the details"
            return "error", {"type": "serverFail", "description": description}, call.callID

    def _find(self, name: str, using: frozenset[str]) -> Method:
        for capability in using:
            method = self._methods.get(capability, {}).get(name)
            if method is not None:
                return method
        raise MethodError("unknownMethod")
