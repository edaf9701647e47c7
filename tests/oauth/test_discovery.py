"""
Tests for L{txjmapaccess.oauth.discovery}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.oauth.discovery import Provider, metadataURLs, readMetadata

ISSUER = "https://idp.example"
URL = f"{ISSUER}/.well-known/openid-configuration"
ENDPOINT = f"{ISSUER}/introspect"


class URLTests(SynchronousTestCase):
    """
    Where metadata are looked for.
    """

    def test_withoutPath(self) -> None:
        """
        OpenID Connect Discovery 1.0, section 4, and RFC 8414, section 3.
        """
        expected = (URL, f"{ISSUER}/.well-known/oauth-authorization-server")
        self.assertEqual(expected, metadataURLs(ISSUER))
        self.assertEqual(expected, metadataURLs(ISSUER + "/"))

    def test_withPath(self) -> None:
        """
        OpenID puts the path of the issuer before, RFC 8414 (section 3.1) puts it behind.
        """
        self.assertEqual(
            (
                f"{ISSUER}:8443/realms/mail/.well-known/openid-configuration",
                f"{ISSUER}:8443/.well-known/oauth-authorization-server/realms/mail",
            ),
            metadataURLs(f"{ISSUER}:8443/realms/mail"),
        )


class MetadataTests(SynchronousTestCase):
    """
    What is read there.
    """

    def read(self, **metadata: object) -> Provider:
        document = {"issuer": ISSUER, "introspection_endpoint": ENDPOINT, **metadata}
        return readMetadata(document, ISSUER, URL)

    def test_endpoint(self) -> None:
        """
        The endpoint is C{introspection_endpoint}, and the place of the OpenID metadata is kept
        for clients.
        """
        self.assertEqual(Provider(ENDPOINT, URL), self.read())

    def test_notOpenID(self) -> None:
        """
        RFC 8414 metadata are not what C{openid-configuration} (RFC 7628, section 3.2.2) means.
        """
        document = {"issuer": ISSUER, "introspection_endpoint": ENDPOINT}
        url = f"{ISSUER}/.well-known/oauth-authorization-server"
        self.assertEqual(Provider(ENDPOINT, None), readMetadata(document, ISSUER, url))

    def test_otherIssuer(self) -> None:
        """
        Metadata of any other issuer are not used (RFC 8414, section 3.3).
        """
        for other in ("https://idp.example/", "https://IDP.example", "", None, [ISSUER], 1):
            with self.assertRaises(TemporaryFailure):
                self.read(issuer=other)

    def test_endpointThatMayNotBeUsed(self) -> None:
        """
        The endpoint must be an https URL; http is for loopback addresses.
        """
        self.read(introspection_endpoint="http://127.0.0.1:8080/introspect")
        for bad in (None, 7, "", "introspect", "http://idp.example/", "ftp://x/", "https://"):
            with self.assertRaises(TemporaryFailure):
                self.read(introspection_endpoint=bad)
        for bad in ("https://a..b/", "https://idp.example:0/"):
            with self.assertRaises(TemporaryFailure):
                self.read(introspection_endpoint=bad)
