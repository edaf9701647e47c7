"""
A private certificate authority for tests.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class CertificateAuthority:
    """
    @param directory: where the files go.
    @param parent: the authority that vouches for this one; L{None} for a root.

    @ivar path: the authority's own certificate, PEM.
    """

    def __init__(
        self, directory: str, name: str = "Test CA", parent: CertificateAuthority | None = None
    ) -> None:
        self._directory = Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (parent or self)._signed(self._name, self._key, [], 30, isAuthority=True)
        self.path = str(self._directory / "ca.pem")
        Path(self.path).write_bytes(certificate)

    def issue(
        self, *names: str, days: int = 10, alternatives: Sequence[str] | None = None
    ) -> tuple[str, str]:
        """
        @param names: host names and addresses for the certificate.
        @param days: until it expires; negative when it has.
        @param alternatives: what its C{subjectAltName} holds instead; C{DNS:} before an address
            makes a host name of it.

        @return: the paths of certificate and key, PEM.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        stem = f"{names[0].replace(':', '_')}{days}"
        inside = list(names if alternatives is None else alternatives)
        certificatePath = self._directory / f"{stem}.pem"
        keyPath = self._directory / f"{stem}.key"
        certificatePath.write_bytes(self._signed(subject, key, inside, days))
        keyPath.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return str(certificatePath), str(keyPath)

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: list[str],
        days: int,
        isAuthority: bool = False,
    ) -> bytes:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=100))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(isAuthority, None), critical=True)
            # Python 3.13 and later demand what RFC 5280 demands (sections 4.2.1.1 to 4.2.1.3).
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .add_extension(_usage(isAuthority), critical=True)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([_general(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)


def _usage(isAuthority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=isAuthority,
        crl_sign=isAuthority,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name.removeprefix("DNS:"))
