"""What is shown once, sealed by KMS keys: signing secrets for their endpoint alone, remembered answers for their record alone."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

BLOCK_BYTES = 4096  # as much as KMS encrypts in one call
_LENGTH_BYTES = 4
MAX_OPENED = 1024  # secrets held in one process's memory, so that not every attempt costs a call


@dataclass(frozen=True)
class KmsBox:
    """The SecretBox over one symmetric key; tenant and endpoint are the encryption context."""

    client: Callable[[], KMSClient]
    key_id: str
    opened: dict[tuple[str, str, str], str] = field(default_factory=dict, repr=False)

    def seal(self, secret: str, *, tenant: str, endpoint_id: str) -> str:
        context = {"tenant": tenant, "endpoint": endpoint_id}
        sealed = self.client().encrypt(KeyId=self.key_id, Plaintext=secret.encode(), EncryptionContext=context)
        return base64.b64encode(sealed["CiphertextBlob"]).decode()

    def open(self, sealed: str, *, tenant: str, endpoint_id: str) -> str:
        known = self.opened.get((tenant, endpoint_id, sealed))
        if known is not None:
            return known
        context = {"tenant": tenant, "endpoint": endpoint_id}
        blob = base64.b64decode(sealed)
        plain = self.client().decrypt(KeyId=self.key_id, CiphertextBlob=blob, EncryptionContext=context)["Plaintext"]
        if len(self.opened) >= MAX_OPENED:
            self.opened.clear()
        self.opened[tenant, endpoint_id, sealed] = plain.decode()
        return plain.decode()


@dataclass(frozen=True)
class KmsAnswers:
    """The AnswerBox over one symmetric key: deflated, in blocks of what one call takes, the record as their context."""

    client: Callable[[], KMSClient]
    key_id: str

    def seal(self, body: bytes, *, record_id: str) -> bytes:
        deflated = zlib.compress(body)
        blocks = (deflated[at : at + BLOCK_BYTES] for at in range(0, len(deflated), BLOCK_BYTES))
        return b"".join(_framed(self._encrypt(block, _context(record_id, n))) for n, block in enumerate(blocks))

    def open(self, sealed: bytes, *, record_id: str) -> bytes:
        plain = b""
        for number, block in enumerate(_frames(sealed)):
            context = _context(record_id, number)
            plain += self.client().decrypt(KeyId=self.key_id, CiphertextBlob=block, EncryptionContext=context)[
                "Plaintext"
            ]
        return zlib.decompress(plain)

    def _encrypt(self, block: bytes, context: Mapping[str, str]) -> bytes:
        return self.client().encrypt(KeyId=self.key_id, Plaintext=block, EncryptionContext=context)["CiphertextBlob"]


def _context(record_id: str, block: int) -> dict[str, str]:
    return {"record": record_id, "block": str(block)}


def _framed(block: bytes) -> bytes:
    return len(block).to_bytes(_LENGTH_BYTES, "big") + block


def _frames(sealed: bytes) -> Iterator[bytes]:
    while sealed:
        end = _LENGTH_BYTES + int.from_bytes(sealed[:_LENGTH_BYTES], "big")
        yield sealed[_LENGTH_BYTES:end]
        sealed = sealed[end:]
