"""
A real authorization server: npm oidc-provider, started on a port of its own.

::

    @skipIf(whyNoProvider(), whyNoProvider())
    class Tests(TestCase):
        def setUp(self):
            self.provider = sharedProvider()
            token = self.provider.mint("arnt", "imap urn:ietf:params:jmap:mail")

It needs node 20 and an installed oidc-provider: C{npm install} in tests/integration/oidc, or
anywhere else, with C{TXJMAPACCESS_NODE_MODULES} naming the node_modules directory.

What asks the server here is blocking: the server is another process, and tests may wait for it.
"""

from __future__ import annotations

import atexit
import base64
import functools
import json
import os
import shutil
import ssl
import subprocess
import time
import uuid
from pathlib import Path
from urllib.parse import quote_plus, urlencode
from urllib.request import Request, urlopen

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.support.leaks import note

_HERE = Path(__file__).parent.parent / "integration" / "oidc"

#: The clients that may introspect.
CLIENT_ID, CLIENT_SECRET = "imapd", "imapd secret:100%+&="
POST_CLIENT_ID, POST_CLIENT_SECRET = "imapd-post", "imapd-post secret&="
_MUA = ("mua", "mua-secret")


def nodeModules() -> Path:
    """
    @return: where oidc-provider should be installed.
    """
    return Path(os.environ.get("TXJMAPACCESS_NODE_MODULES") or _HERE / "node_modules")


def whyNoProvider() -> str:
    """
    @return: why there can be no authorization server here, or C{""}.
    """
    if shutil.which("node") is None:
        return "node is not installed"
    if not (nodeModules() / "oidc-provider").is_dir():
        return f"oidc-provider is not installed in {nodeModules()} (TXJMAPACCESS_NODE_MODULES)"
    return ""


class OIDCProvider:
    """
    A running authorization server. All its tokens are forgotten when it stops.

    @param port: where it listens on 127.0.0.1; 0 for any.
    @param tls: the files of a private key and a certificate for localhost, for https.

    @ivar issuer: its issuer, C{http://127.0.0.1:PORT} or C{https://localhost:PORT}.
    @ivar endpoint: its introspection endpoint.
    """

    def __init__(self, port: int = 0, tls: tuple[str, str] | None = None) -> None:
        options: dict[str, object] = {"port": port, "modules": str(nodeModules().resolve())}
        if tls is not None:
            options["tls"] = {"key": tls[0], "cert": tls[1]}
        self._tlsContext = None if tls is None else ssl.create_default_context(cafile=tls[1])
        self._process = subprocess.Popen(
            ["node", str(_HERE / "oidc_provider.mjs"), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"oidc-provider did not start: {self._process.communicate()[1]}")
        self.issuer: str = json.loads(line)["issuer"]
        self.port = int(self.issuer.rsplit(":", 1)[1])
        self.endpoint = self.issuer + "/token/introspection"

    def stop(self) -> None:
        """
        End it, and wait for that.
        """
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def mint(
        self,
        username: str | None,
        scope: str = "",
        *,
        resource: str | None = None,
        seconds: int | None = None,
        sessionURL: str | None = None,
        dpop: bool = False,
        email: str | None = None,
    ) -> str:
        """
        @param username: whose token it is; L{None} for a token without a user.
        @param scope: its scopes, with spaces between them.
        @param resource: its audience, a URL.
        @param seconds: how long it lives, instead of an hour.
        @param sessionURL: the claim C{jmap.session_url}.
        @param dpop: whether to bind it to a key (RFC 9449).

        @return: an access token.
        """
        form = {
            "grant_type": "client_credentials",
            "username": username,
            "email": email,
            "scope": scope or None,
            "resource": resource,
            "ttl": None if seconds is None else str(seconds),
            "session_url": sessionURL,
        }
        headers = {"DPoP": _proof(self.issuer + "/token")} if dpop else {}
        answer = self._post("/token", {k: v for k, v in form.items() if v is not None}, headers)
        token: str = json.loads(answer)["access_token"]
        note(token)
        return token

    def revoke(self, token: str) -> None:
        """
        End a token (RFC 7009).
        """
        self._post("/token/revocation", {"token": token}, {})

    def _post(self, path: str, form: dict[str, str], headers: dict[str, str]) -> bytes:
        pair = ":".join(map(quote_plus, _MUA)).encode()
        headers = {**headers, "Authorization": "Basic " + base64.b64encode(pair).decode()}
        request = Request(self.issuer + path, urlencode(form).encode(), headers)
        with urlopen(request, timeout=30, context=self._tlsContext) as response:
            body: bytes = response.read()
            return body


@functools.lru_cache(maxsize=1)
def sharedProvider() -> OIDCProvider:
    """
    @return: an authorization server that all tests of this run share. Do not stop it.
    """
    provider = OIDCProvider()
    atexit.register(provider.stop)
    return provider


def _proof(url: str) -> str:
    """
    @return: a DPoP proof (RFC 9449, section 4.2) for a POST to C{url}, with a key of its own.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": _number(point.x), "y": _number(point.y)}
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}
    claims = {"htm": "POST", "htu": url, "iat": int(time.time()), "jti": uuid.uuid4().hex}
    signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return signed + "." + _base64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def _number(number: int) -> str:
    return _base64(number.to_bytes(32, "big"))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
