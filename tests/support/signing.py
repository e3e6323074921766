"""A signing authority for C2PA, made on the spot."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import c2pa  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY_SECONDS = 86_400
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@dataclass(frozen=True)
class Signer:
    """A leaf certificate with its chain, and its key, as PEM."""

    chain: bytes
    key: bytes

    def sign(self, data: bytes, mime: str, manifest: Mapping[str, object], *, remote_url: str | None = None) -> bytes:
        """Embed a manifest, or only its address when `remote_url` is given."""
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", self.chain, self.key, None))
        context = c2pa.Context(c2pa.Settings.from_dict({"verify": {"verify_after_sign": False}}))
        signed = io.BytesIO()
        with c2pa.Builder(json.dumps(manifest), context=context) as builder:
            if remote_url is not None:
                builder.set_no_embed()
                builder.set_remote_url(remote_url)
            builder.sign(signer, mime, io.BytesIO(data), signed)
        return signed.getvalue()


@dataclass(frozen=True)
class Authority:
    """Issues ES256 signers under one root."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __call__(self, organisation: str = "Test Organisation", *, seconds: int = DAY_SECONDS) -> Signer:
        """Return a signer of `organisation` whose certificate lasts `seconds` from now; negative: it has expired."""
        root = _certificate("Test authority", self.key, None, seconds=2 * DAY_SECONDS)
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _certificate(organisation, key, (root, self.key), seconds=seconds)
        pem = serialization.Encoding.PEM
        secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return Signer(leaf.public_bytes(pem) + root.public_bytes(pem), secret)


def manifest(
    term: str, *, action: str = "c2pa.created", agent: str = "GPT-4o", tool: str = "ChatGPT"
) -> dict[str, object]:
    """Return a manifest whose one action says the IPTC digital source type `term`."""
    step = {"action": action, "softwareAgent": {"name": agent}, "digitalSourceType": IPTC + term}
    return {
        "claim_generator_info": [{"name": tool, "version": "1.0"}],
        "title": "picture",
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [step]}}],
    }


def _certificate(
    organisation: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
    *,
    seconds: int,
) -> x509.Certificate:
    """An authority when `issuer` is None, else a leaf that C2PA accepts (specification 2.2, §14.5)."""
    names = ((NameOID.COMMON_NAME, organisation), (NameOID.ORGANIZATION_NAME, organisation))
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in names])
    now = dt.datetime.now(dt.UTC)
    ca = issuer is None
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(seconds=seconds))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is not None:
        parent = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key())
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        builder = builder.add_extension(parent, critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256())
