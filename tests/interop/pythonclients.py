# -*- test-case-name: tests.integration.test_clients_tls -*-
"""
Clients that are Python modules.
"""

from __future__ import annotations

import imaplib
import importlib.metadata
import importlib.util
import ssl
from typing import Any

from tests.interop.attempt import (
    LOGIN,
    OAUTHBEARER,
    PASSWORDS,
    PLAIN,
    SASL_LOGIN,
    TOKENS,
    XOAUTH2,
    Attempt,
    Client,
    Failed,
    pythonVersion,
)

_SECONDS = 20


def _context(attempt: Attempt) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=attempt.authority)


def _responses(attempt: Attempt) -> list[str]:
    """
    @return: what a client says to one challenge after the other.
    """
    user, secret = attempt.user, attempt.secret
    return {
        SASL_LOGIN: [user, secret],
        PLAIN: [f"\0{user}\0{secret}"],
        OAUTHBEARER: [f"n,a={user},\1auth=Bearer {secret}\1\1", "\1"],
        XOAUTH2: [f"user={user}\1auth=Bearer {secret}\1\1", ""],
    }[attempt.mechanism]


class Imaplib(Client):
    """
    C{imaplib}. It leaves it to its caller what to say in AUTHENTICATE.
    """

    name = "imaplib"
    mechanisms = PASSWORDS + TOKENS

    def missing(self) -> str:
        return ""

    def version(self) -> str:
        return pythonVersion()

    def read(self, attempt: Attempt) -> bytes:
        context = _context(attempt)
        if attempt.startTLS:
            with imaplib.IMAP4("localhost", attempt.port, _SECONDS) as client:
                client.starttls(context)
                return self._converse(client, attempt)
        with imaplib.IMAP4_SSL(
            "localhost", attempt.port, ssl_context=context, timeout=_SECONDS
        ) as client:
            return self._converse(client, attempt)

    def _converse(self, client: imaplib.IMAP4, attempt: Attempt) -> bytes:
        if attempt.mechanism == LOGIN:
            client.login(attempt.user, attempt.secret)
        else:
            responses = _responses(attempt)
            name = attempt.mechanism.split()[-1]
            client.authenticate(name, lambda _: responses.pop(0).encode("ascii"))
        client.select("INBOX", readonly=True)
        fetched: Any = client.fetch("1", "(BODY.PEEK[])")[1]
        text: bytes = fetched[0][1]
        return text


class _Package(Client):
    """
    A client of PyPI.
    """

    def missing(self) -> str:
        found = importlib.util.find_spec(self.program)
        return "" if found else f"{self.name} is not installed"

    def version(self) -> str:
        return importlib.metadata.version(self.name)


class IMAPClient(_Package):
    """
    IMAPClient.
    """

    name = "IMAPClient"
    program = "imapclient"
    mechanisms = PASSWORDS + TOKENS

    def read(self, attempt: Attempt) -> bytes:
        import imapclient

        context = _context(attempt)
        with imapclient.IMAPClient(
            "localhost",
            attempt.port,
            ssl=not attempt.startTLS,
            ssl_context=None if attempt.startTLS else context,
            timeout=_SECONDS,
        ) as client:
            if attempt.startTLS:
                client.starttls(context)
            self._logIn(client, attempt)
            client.select_folder("INBOX", readonly=True)
            text: bytes = client.fetch([1], ["BODY.PEEK[]"])[1][b"BODY[]"]
            return text

    def _logIn(self, client: Any, attempt: Attempt) -> None:
        user, secret = attempt.user, attempt.secret
        if attempt.mechanism == LOGIN:
            client.login(user, secret)
        elif attempt.mechanism == PLAIN:
            client.plain_login(user, secret)
        elif attempt.mechanism == OAUTHBEARER:
            client.oauthbearer_login(user, secret)
        elif attempt.mechanism == XOAUTH2:
            client.oauth2_login(user, secret)
        else:
            responses = _responses(attempt)
            client.sasl_login("LOGIN", lambda _: responses.pop(0))


class Aioimaplib(_Package):
    """
    aioimaplib. It has no STARTTLS.
    """

    name = "aioimaplib"
    program = "aioimaplib"
    mechanisms = (LOGIN, XOAUTH2)
    startTLS = False
    remark = (
        "does not support STARTTLS; if a token is refused, it does not answer the challenge with"
        " the reason, and waits"
    )

    def read(self, attempt: Attempt) -> bytes:
        import asyncio

        return asyncio.run(self._read(attempt))

    async def _read(self, attempt: Attempt) -> bytes:
        from aioimaplib import aioimaplib

        client = aioimaplib.IMAP4_SSL(
            "localhost", attempt.port, timeout=_SECONDS, ssl_context=_context(attempt)
        )
        await client.wait_hello_from_server()
        logIn = client.login if attempt.mechanism == LOGIN else client.xoauth2
        answer = await logIn(attempt.user, attempt.secret)
        if answer.result != "OK":
            raise Failed(f"{answer.result} {answer.lines}")
        await client.select("INBOX")
        fetched = await client.fetch("1", "(BODY.PEEK[])")
        await client.logout()
        text = bytes(fetched.lines[1])
        return text
