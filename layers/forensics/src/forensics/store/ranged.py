"""A stored object as a seekable file: only the blocks that are read are fetched, and the last few are kept."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from forensics.domain.errors import MediaFetchFailed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from mypy_boto3_s3 import S3Client

BLOCK_BYTES = 1 << 20
KEPT_BLOCKS = 16  # picture and sound of one file lie apart: a reader goes back and forth
_GONE = ("404", "NoSuchKey")


class RangedReader(io.RawIOBase):
    """Reads through `fetch(first, last)`, which returns the bytes from `first` to `last` inclusive of a file of `size` bytes."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        super().__init__()
        self._fetch, self._size, self._at = fetch, size, 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("a position before the file's beginning")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill what the current block has; 0 at the end, as the protocol of raw files asks for."""
        if self._at >= self._size:
            return 0
        number, offset = divmod(self._at, BLOCK_BYTES)
        view = memoryview(buffer).cast("B")
        piece = self._block(number)[offset : offset + len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _block(self, number: int) -> bytes:
        found = self._blocks.pop(number, None)
        if found is None:
            first = number * BLOCK_BYTES
            found = self._fetch(first, min(first + BLOCK_BYTES, self._size) - 1)
        self._blocks[number] = found
        if len(self._blocks) > KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return found


def open_object(client: S3Client, *, bucket: str, key: str) -> BinaryIO:
    """Return the object as a file, one request for each block that is read; raises MediaFetchFailed when it is gone."""
    try:
        head = client.head_object(Bucket=bucket, Key=key)
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            raise MediaFetchFailed("The stored media is gone; it is kept for a day at most.") from error
        raise
    version = head["ETag"]  # a file that is written anew half-way through is an error, not a mixture

    def fetch(first: int, last: int) -> bytes:
        answer = client.get_object(Bucket=bucket, Key=key, Range=f"bytes={first}-{last}", IfMatch=version)
        return answer["Body"].read()

    return io.BufferedReader(RangedReader(fetch, head["ContentLength"]), buffer_size=1 << 16)
