# -*- test-case-name: tests.test_files -*-
# mypy: allow-untyped-calls
"""
The files that settings name: secrets, and PEM files with certificates and private keys.

Only regular files, or links to one, are read; a pipe, for example, is an error. Each error is one
sentence that starts with the key and names the file, without any of its content.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

from txjmapaccess.settings import problem

if TYPE_CHECKING:
    from OpenSSL.crypto import PKey
    from twisted.internet.ssl import Certificate

#: Octets. The longest bundle of authorities that a system has is about 1 MiB.
LONGEST_SECRET, LONGEST_PEM = 65_536, 16_777_216

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def readSecret(key: str, path: str) -> str:
    """
    @param key: the setting that names the file.

    @return: the one line of the file, in UTF-8, without its end. Spaces are part of it.

    @raise ConfigurationError: when the file cannot be read, is empty, is not UTF-8, or has more
        than one line.
    """
    try:
        secret = _read(key, path, LONGEST_SECRET).decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise problem(key, f"{_shown(path)} is not UTF-8") from None
    if not secret:
        raise problem(key, f"{_shown(path)} contains no password or secret")
    if "\n" in secret:
        raise problem(key, f"{_shown(path)} contains more than one line")
    return secret


def exposure(path: str) -> str | None:
    """
    @param path: of a file that holds a secret or a private key, and may not be there.

    @return: a sentence if every user of this machine can read it, else L{None}.
    """
    try:
        isExposed = os.stat(path).st_mode & stat.S_IROTH
    except (OSError, ValueError):
        return None
    return f"{path} is readable by every user of this machine" if isExposed else None


def readCertificates(key: str, path: str) -> list[Certificate]:
    """
    @return: all certificates of a PEM file, at least one.

    @raise ConfigurationError: when the file cannot be read, or holds no certificate, or a broken
        one.
    """
    from twisted.internet.ssl import Certificate

    blocks = _CERTIFICATE.findall(_read(key, path, LONGEST_PEM))
    if not blocks:
        raise problem(key, f"{_shown(path)} contains no PEM certificate")
    try:
        return [Certificate.loadPEM(block) for block in blocks]
    except Exception:
        # pyOpenSSL and cryptography have raised half a dozen different classes over the years.
        raise problem(key, f"{_shown(path)} contains an invalid certificate") from None


def readPrivateKey(key: str, path: str) -> PKey:
    """
    @return: the private key of a PEM file, which may hold certificates as well.

    @raise ConfigurationError: when the file cannot be read, contains no key, or its key has a
        passphrase.
    """
    from OpenSSL.crypto import FILETYPE_PEM, load_privatekey

    pem = _read(key, path, LONGEST_PEM)
    try:
        # Without a passphrase OpenSSL would ask for it on the terminal and wait.
        return load_privatekey(FILETYPE_PEM, pem, b"")
    except Exception:
        what = "contains no PEM private key"
        if b"ENCRYPTED" in pem:
            what = "must not be protected by a passphrase"
        raise problem(key, f"{_shown(path)} {what}") from None


def _read(key: str, path: str, longest: int) -> bytes:
    try:
        # Opening a pipe would block until there is a writer.
        with open(path, "rb", opener=_openAtOnce) as file:
            content = file.read(longest + 1)
    except (OSError, ValueError) as e:
        # A path with a NUL in it is the ValueError.
        reason = getattr(e, "strerror", None) or "it is not a file name"
        raise problem(key, f"{_shown(path)} cannot be read: {reason}") from None
    if len(content) > longest:
        raise problem(key, f"{_shown(path)} is longer than {longest} octets")
    return content


def _openAtOnce(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is not a regular file")
    return descriptor


def _shown(path: str) -> str:
    return path if path.isprintable() else repr(path)
