"""Small pictures, a signing authority and the public watermark encoder, all made on the spot."""

from __future__ import annotations

import datetime as dt
import importlib.util
import io
import json
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import c2pa  # type: ignore[import-untyped]
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from numpy.typing import NDArray
from PIL import Image

DAY_SECONDS = 86_400


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


@pytest.fixture(scope="session")
def make_signer() -> Callable[..., Signer]:
    """Return a maker of ES256 signers: organisation, seconds of validity."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("Test authority", authority_key, None, seconds=2 * DAY_SECONDS)

    def make(organisation: str = "Test Organisation", *, seconds: int = DAY_SECONDS) -> Signer:
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _certificate(organisation, key, (authority, authority_key), seconds=seconds)
        pem = serialization.Encoding.PEM
        secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return Signer(leaf.public_bytes(pem) + authority.public_bytes(pem), secret)

    return make


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


@pytest.fixture(scope="session")
def scene() -> NDArray[np.uint8]:
    """A colourful smooth picture with grain, uint8 (384, 512, 3): enough texture for a watermark to hold."""
    random = np.random.default_rng(7)
    coarse = random.integers(30, 220, size=(6, 8, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((512, 384), Image.Resampling.BICUBIC), dtype=np.float64)
    return np.clip(smooth + random.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def encode(scene: NDArray[np.uint8]) -> Callable[..., bytes]:
    """Return an encoder of the scene: Pillow's format name and its save options to file bytes."""

    def run(format: str, *, pixels: NDArray[np.uint8] | None = None, **options: object) -> bytes:
        out = io.BytesIO()
        Image.fromarray(scene if pixels is None else pixels).save(out, format, **options)
        return out.getvalue()

    return run


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return one PNG chunk with its length and checksum."""
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


@pytest.fixture(scope="session")
def png_with() -> Callable[..., bytes]:
    """Return a maker of an 8x8 PNG with text chunks (tEXt, or the given raw chunks) before the pixels."""
    plain = io.BytesIO()
    Image.new("RGB", (8, 8), (10, 120, 200)).save(plain, "PNG")
    head, rest = plain.getvalue()[:33], plain.getvalue()[33:]

    def make(texts: Mapping[str, str] | None = None, *, raw: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
        text = [(b"tEXt", k.encode("latin-1") + b"\x00" + v.encode("utf-8")) for k, v in (texts or {}).items()]
        return head + b"".join(png_chunk(kind, body) for kind, body in (*text, *raw)) + rest

    return make


@pytest.fixture(scope="session")
def public_encoder() -> ModuleType:
    """invisible-watermark's DWT-DCT module, loaded by its path: importing the package would need torch."""
    package = importlib.util.find_spec("imwatermark")
    assert package is not None
    assert package.submodule_search_locations is not None
    path = Path(package.submodule_search_locations[0]) / "maxDct.py"
    spec = importlib.util.spec_from_file_location("max_dct", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The data set's folder; tests that need it are skipped without."""
    root = Path(os.environ.get("DATA_ROOT") or Path(__file__).resolve().parents[4] / "shared" / "data")
    if not (root / "provenance" / "manifest.csv").is_file():
        pytest.skip("the data set is not here: set DATA_ROOT to its folder")
    return root
