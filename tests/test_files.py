"""
Tests for L{txjmapaccess.files}. What certificates and keys are used for is tested where they are.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificate import makeCertificate
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.files import (
    LONGEST_SECRET,
    exposure,
    readCertificates,
    readPrivateKey,
    readSecret,
)


class FilesTestCase(SynchronousTestCase):
    """
    Makes files.
    """

    def write(self, content: bytes) -> str:
        """
        @return: the path of a new file.
        """
        path = Path(self.mktemp())
        path.write_bytes(content)
        return str(path)

    def complaint(self, path: str) -> str:
        """
        @return: what L{readSecret} has to say about a file.
        """
        return str(self.assertRaises(ConfigurationError, readSecret, "key", path))


class SecretTests(FilesTestCase):
    """
    L{readSecret}: the one rule for passwords and client secrets.
    """

    def test_line(self) -> None:
        """
        The secret is the one line, however it ends. Spaces are part of it.
        """
        for end in (b"", b"\n", b"\r\n", b"\n\n"):
            path = self.write(" s3cr\u00e9t ".encode() + end)
            self.assertEqual(readSecret("key", path), " s3cr\u00e9t ")

    def test_empty(self) -> None:
        """
        An empty line is no secret.
        """
        for content in (b"", b"\n"):
            path = self.write(content)
            self.assertEqual(self.complaint(path), f"key {path} contains no password or secret")

    def test_severalLines(self) -> None:
        """
        A file with more lines is most likely another file.
        """
        path = self.write(b"s3cret\nmore\n")
        self.assertEqual(self.complaint(path), f"key {path} contains more than one line")

    def test_notText(self) -> None:
        """
        Passwords are sent as UTF-8 (RFC 4511, section 4.2; RFC 6749, appendix B).
        """
        path = self.write(b"s\xe9cret")
        self.assertEqual(self.complaint(path), f"key {path} is not UTF-8")

    def test_long(self) -> None:
        """
        What is too long to be a secret is not read to its end.
        """
        readSecret("key", self.write(b"x" * LONGEST_SECRET))
        path = self.write(b"x" * (LONGEST_SECRET + 1))
        self.assertEqual(self.complaint(path), f"key {path} is longer than 65536 octets")

    def test_notRegular(self) -> None:
        """
        A pipe is not waited for; a directory or a device is no file either.
        """
        pipe = self.mktemp()
        os.mkfifo(pipe)
        for path in (pipe, "/dev/null", "/"):
            self.assertIn(f"key {path} cannot be read: ", self.complaint(path))

    def test_link(self) -> None:
        """
        A symbolic link is followed: container platforms make secrets so.
        """
        link = self.mktemp()
        os.symlink(os.path.abspath(self.write(b"s3cret")), link)
        self.assertEqual(readSecret("key", link), "s3cret")

    def test_noPath(self) -> None:
        """
        A name that cannot be one is shown so that the sentence stays one line.
        """
        self.assertEqual(
            self.complaint("a\0b"), r"key 'a\x00b' cannot be read: it is not a file name"
        )
        self.assertIn(r"key 'a\nb' cannot be read: ", self.complaint("a\nb"))


class ExposureTests(FilesTestCase):
    """
    L{exposure}.
    """

    def test_permissions(self) -> None:
        """
        Only what others can read is worth a sentence.
        """
        path = self.write(b"s3cret")
        for mode, isExposed in ((0o600, False), (0o640, False), (0o604, True), (0o644, True)):
            os.chmod(path, mode)
            self.assertEqual(exposure(path) is not None, isExposed)
        self.assertEqual(exposure(path), f"{path} is readable by every user of this machine")

    def test_missing(self) -> None:
        """
        What is not there is not exposed.
        """
        for path in ("/nosuch", "", "a\0b"):
            self.assertIsNone(exposure(path))


class PEMTests(FilesTestCase):
    """
    L{readCertificates} and L{readPrivateKey}.
    """

    def test_oneFile(self) -> None:
        """
        Certificates and key may be in one file, with something between them.
        """
        certificate, key = makeCertificate()
        path = self.write(certificate + b"# comment\n" + certificate + key)
        self.assertEqual(len(readCertificates("key", path)), 2)
        self.assertGreater(readPrivateKey("key", path).bits(), 0)

    def test_pipe(self) -> None:
        """
        A pipe is not waited for.
        """
        pipe = self.mktemp()
        os.mkfifo(pipe)
        for read in (readCertificates, readPrivateKey):
            self.assertRaises(ConfigurationError, read, "key", pipe)
