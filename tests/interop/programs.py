# -*- test-case-name: tests.integration.test_clients_tls -*-
"""
Clients that are programs, and need no terminal: curl, mbsync, imapflow.
"""

from __future__ import annotations

import glob
import json
import mailbox
import os
from pathlib import Path

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
    firstLine,
)
from tests.support.oidc import nodeModules

_ROOT = Path(__file__).parent.parent


def deliveredTo(path: str) -> bytes:
    """
    @return: the messages in a Maildir, one after the other.
    """
    if not os.path.isdir(os.path.join(path, "cur")):
        return b""
    local = mailbox.Maildir(path, create=False)
    return b"".join(local.get_bytes(key) for key in local.iterkeys())


def _missingPlugin(name: str, package: str) -> str:
    """
    @return: that a plugin of the Cyrus SASL library is not installed, or C{""}.
    """
    places = [f"/usr/lib*/sasl2/lib{name}.so*", f"/usr/lib/*/sasl2/lib{name}.so*"]
    return "" if any(glob.glob(place) for place in places) else f"{package} is not installed"


class Curl(Client):
    """
    curl.
    """

    name = program = "curl"
    mechanisms = (SASL_LOGIN, PLAIN, OAUTHBEARER)
    remark = (
        "uses OAUTHBEARER wherever it is offered; XOAUTH2, at a server that offers nothing else, is"
        " tested in tests/integration/test_introspection_clients.py"
    )

    def version(self) -> str:
        return firstLine("curl", "--version").split()[1]

    def read(self, attempt: Attempt) -> bytes:
        scheme = "imap" if attempt.startTLS else "imaps"
        password = attempt.secret.replace("\\", "\\\\").replace('"', '\\"')
        login = [f'user = "{attempt.user}:{password}"']
        if attempt.mechanism in TOKENS:
            login = [f'user = "{attempt.user}:"', f'oauth2-bearer = "{attempt.secret}"']
        configuration = attempt.write(
            "curlrc",
            *login,
            f'login-options = "AUTH={attempt.mechanism.split()[-1]}"',
            f'cacert = "{attempt.authority}"',
            *("ssl-reqd", "silent", "show-error", "verbose"),
        )
        url = f"{scheme}://localhost:{attempt.port}/INBOX;UID=1"
        return attempt.run("curl", "-K", configuration, url)


class Mbsync(Client):
    """
    mbsync (isync). Its SASL mechanisms are those of the Cyrus library's plugins.
    """

    name = program = "mbsync"
    mechanisms = (LOGIN, PLAIN)
    remark = "supports tokens only with additional SASL plugins"

    def missing(self) -> str:
        return super().missing() or _missingPlugin("plain", "libsasl2-modules")

    def version(self) -> str:
        return firstLine("mbsync", "--version").split()[-1]

    def read(self, attempt: Attempt) -> bytes:
        os.mkdir(attempt.path("mail"))
        configuration = attempt.write(
            "mbsyncrc",
            "IMAPAccount far",
            "Host localhost",
            f"Port {attempt.port}",
            f"User {attempt.user}",
            f"PassCmd \"cat '{attempt.write('secret', attempt.secret)}'\"",
            f"SSLType {'STARTTLS' if attempt.startTLS else 'IMAPS'}",
            "SSLVersions TLSv1.2 TLSv1.3",
            f"CertificateFile {attempt.authority}",
            "SystemCertificates no",
            f"AuthMechs {attempt.mechanism.split()[-1]}",
            "",
            "IMAPStore far",
            "Account far",
            "",
            "MaildirStore near",
            f"Path {attempt.path('mail')}/",
            f"Inbox {attempt.path('mail')}/INBOX",
            "",
            "Channel all",
            "Far :far:",
            "Near :near:",
            "Patterns INBOX",
            "Create Near",
            "Sync Pull",
            "SyncState *",
        )
        attempt.run("mbsync", "-c", configuration, "all")
        return deliveredTo(attempt.path("mail/INBOX"))


class MbsyncKDE(Mbsync):
    """
    mbsync with a plugin for XOAUTH2.
    """

    name = "mbsync with kdexoauth2"
    mechanisms = (XOAUTH2,)
    remark = (
        "uses the SASL plugin of Debian's libsasl2-modules-kdexoauth2; if a token is refused, it"
        " does not answer the challenge with the reason, and waits"
    )

    def missing(self) -> str:
        found = glob.glob("/usr/lib/*/sasl2/libkdexoauth2.so")
        return super().missing() or (
            "" if found else "libsasl2-modules-kdexoauth2 is not installed"
        )


class Imapflow(Client):
    """
    imapflow, of npm.
    """

    name = "imapflow"
    program = "node"
    mechanisms = PASSWORDS + TOKENS

    def _package(self) -> Path:
        return nodeModules() / "imapflow" / "package.json"

    def missing(self) -> str:
        if not self._package().exists():
            return f"imapflow is not installed in {nodeModules()} (TXJMAPACCESS_NODE_MODULES)"
        return super().missing()

    def version(self) -> str:
        version: str = json.loads(self._package().read_text())["version"]
        return version

    def read(self, attempt: Attempt) -> bytes:
        isToken = attempt.mechanism in TOKENS
        # Its name for the command is LOGIN, too; those for mechanisms are as in the capabilities.
        method = attempt.mechanism.replace("AUTHENTICATE ", "AUTH=")
        options = {
            "modules": str(nodeModules().resolve()),
            "port": attempt.port,
            "startTLS": attempt.startTLS,
            "ca": attempt.authority,
            "user": attempt.user,
            "mechanism": method.replace("AUTH=", "") if isToken else method,
            "token" if isToken else "password": attempt.secret,
        }
        script = _ROOT / "integration" / "oidc" / "imapflow_client.mjs"
        said = json.loads(attempt.run("node", str(script), json.dumps(options)))
        if "messages" not in said:
            raise Failed(str(said))
        return "".join(said["messages"]).encode("latin-1")
