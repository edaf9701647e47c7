"""
Run every client that is installed here, and print a table::

    python -m tests.interop [CLIENT...]

aioimaplib and IMAPClient are of PyPI, imapflow is of npm (tests/integration/oidc/package.json), and
the rest is of Debian: C{apt-get install aerc alpine curl fetchmail getmail6 isync
libsasl2-modules libsasl2-modules-kdexoauth2 mutt neomutt offlineimap3}.
"""

from __future__ import annotations

import os
import sys
import tempfile

from tests.interop.attempt import TOKENS, Attempt, Client
from tests.interop.fetchers import Fetchmail, Getmail, OfflineIMAP
from tests.interop.programs import Curl, Imapflow, Mbsync, MbsyncKDE
from tests.interop.pythonclients import Aioimaplib, IMAPClient, Imaplib
from tests.interop.server import FIRST_LINE, LAST_LINE, TOKEN, MailServer, expectedCommands
from tests.interop.terminals import Aerc, Alpine, Mutt, Neomutt

CLIENTS: list[Client] = [
    *(Imaplib(), IMAPClient(), Aioimaplib(), Imapflow()),
    *(Curl(), Mutt(), Neomutt(), Alpine(), Aerc()),
    *(Mbsync(), MbsyncKDE(), OfflineIMAP(), Fetchmail(), Getmail()),
]

_HEAD = """\
| client | version | mechanism | TLS from the start | STARTTLS |
|---|---|---|---|---|"""


class Trial:
    """
    One client at one server.

    @ivar failures: what did not work, with what the client said.
    """

    def __init__(self, client: Client, server: MailServer) -> None:
        self._client = client
        self._server = server
        self.failures: list[str] = []

    def rows(self) -> list[str]:
        """
        @return: rows of the table.
        """
        client = self._client
        head = f"| {client.name} | {client.version()} |"
        rows = []
        for mechanism in client.mechanisms:
            results = [self._result(mechanism, startTLS) for startTLS in (False, True)]
            rows.append(f"{head} {mechanism} | {' | '.join(results)} |")
        results = [self._stranger(startTLS) for startTLS in (False, True)]
        rows.append(f"{head} untrusted certificate | {' | '.join(results)} |")
        return rows

    def _has(self, startTLS: bool) -> bool:
        return self._client.startTLS if startTLS else self._client.implicitTLS

    def _result(self, mechanism: str, startTLS: bool) -> str:
        if not self._has(startTLS):
            return "has none"
        secret = TOKEN[: self._client.longestToken] if mechanism in TOKENS else None
        before = len(self._server.commands())
        logins = len(self._server.logins())
        message, said = self._read(self._server.attempt(mechanism, startTLS, secret=secret))
        commands = set(self._server.commands()[before:])
        verdicts = {verdict for _, verdict in self._server.logins()[logins:]}
        hasRead = FIRST_LINE in message and LAST_LINE in message
        asTold = commands == expectedCommands(mechanism, startTLS) and verdicts == {"usable"}
        if hasRead and asTold:
            return "reads"
        kind = "STARTTLS" if startTLS else "TLS"
        self.failures.append(f"{self._client.name}, {mechanism}, {kind}: {commands} {said}")
        return "reads, but differently" if hasRead else "does not read"

    def _stranger(self, startTLS: bool) -> str:
        """
        The client trusts another authority than the server's.
        """
        if not self._has(startTLS):
            return "has none"
        before = len(self._server.logins())
        mechanism = self._client.mechanisms[0]
        self._read(self._server.attempt(mechanism, startTLS, self._server.stranger))
        return "accepted" if self._server.logins()[before:] else "refused"

    def _read(self, attempt: Attempt) -> tuple[bytes, str]:
        """
        @return: what was read, and what the client says about a failure.
        """
        try:
            message = self._client.read(attempt)
        except Exception as e:  # Every client has errors of its own.
            return b"", f"{type(e).__name__}: {e}"
        return message, message.decode("utf-8", "replace")


def main(names: list[str]) -> int:
    """
    @param names: which clients; all when there are none.

    @return: the exit status: 0 when all that is installed works.
    """
    failures = []
    print(_HEAD)
    for client in CLIENTS:
        if names and client.name not in names:
            continue
        if why := client.missing():
            print(f"| {client.name} | | not tried: {why} | | |")
            continue
        with tempfile.TemporaryDirectory() as directory:
            server = MailServer(os.path.abspath(directory))
            try:
                trial = Trial(client, server)
                print("\n".join(trial.rows()), flush=True)
            finally:
                server.stop()
            failures += trial.failures
    print()
    for client in CLIENTS:
        if client.remark and (not names or client.name in names):
            print(f"- {client.name} {client.remark}.")
    for failure in failures:
        print(f"\n{failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
