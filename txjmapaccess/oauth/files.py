# -*- test-case-name: tests.oauth.test_settings -*-
# mypy: allow-untyped-calls
"""
Reading the files that settings name. Errors are the ends of sentences that start with the key.
"""

from __future__ import annotations

import re
from typing import Any

from txjmapaccess.errors import ConfigurationError

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def readFile(path: str) -> bytes:
    """
    @return: what the file holds.

    @raise ConfigurationError: when it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as e:
        # A path with a NUL in it is the ValueError.
        reason = getattr(e, "strerror", None) or "not a file name"
        raise ConfigurationError(f"names {path!r}, which cannot be read: {reason}") from None


def readSecret(path: str) -> str:
    """
    @return: the one line of the file, without its end.

    @raise ConfigurationError: when it cannot be read, is empty, or has more lines.
    """
    try:
        secret = readFile(path).decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigurationError(f"names {path!r}, which is not UTF-8") from None
    if not secret or "\n" in secret:
        raise ConfigurationError(f"names {path!r}, which must hold one line with the secret")
    return secret


def readTrustRoot(path: str) -> tuple[bytes, Any]:
    """
    @return: the certificates of a PEM file, as they are and as something that Twisted verifies
        servers with.

    @raise ConfigurationError: when it cannot be read, or has no certificates.
    """
    from twisted.internet.ssl import Certificate, trustRootFromCertificates

    text = readFile(path)
    blocks = _CERTIFICATE.findall(text)
    if not blocks:
        raise ConfigurationError(f"names {path!r}, which holds no PEM certificate")
    try:
        certificates = [Certificate.loadPEM(block) for block in blocks]
    except Exception:
        # pyOpenSSL and cryptography have raised half a dozen different classes over the years.
        raise ConfigurationError(f"names {path!r}, which holds a broken certificate") from None
    return text, trustRootFromCertificates(certificates)
