"""A TLS authority made on the spot, and servers' contexts with certificates of every kind."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class TlsAuthority:
    """Issues servers' certificates under one root; `folder` holds keys for as long as OpenSSL reads them."""

    folder: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def trust(self) -> ssl.SSLContext:
        """Return a client's context that knows this authority alone."""
        return ssl.create_default_context(cadata=self._root().public_bytes(PEM).decode())

    def server(self, names: Sequence[str], *, days: int = 1) -> ssl.SSLContext:
        """Return a server's context for `names`; negative `days`: its certificate has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        alt_names = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        leaf = _builder("server", key, "authority", days=days).add_extension(alt_names, critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        leaf = leaf.add_extension(issuer, critical=False)
        secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file = self.folder / f"{names[0]}{days}.pem"
        file.write_bytes(secret + leaf.sign(self.key, hashes.SHA256()).public_bytes(PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _root(self) -> x509.Certificate:
        usage = x509.KeyUsage(
            digital_signature=False,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        return (
            _builder("authority", self.key, "authority", days=2)
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self.key, hashes.SHA256())
        )


def _builder(subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, *, days: int) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=3))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
