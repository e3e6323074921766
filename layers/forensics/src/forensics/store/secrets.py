"""Signing secrets under a KMS key: whoever reads the table cannot sign, and a sealed secret opens for its own endpoint alone."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

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
