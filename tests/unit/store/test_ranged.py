"""Files of S3 read in part: the same bytes as from memory, few requests, bounded memory."""

from __future__ import annotations

import io
import random

import pytest
from moto import mock_aws

from forensics.domain.errors import MediaFetchFailed
from forensics.store import clients
from forensics.store.clients import AwsClients
from forensics.store.media import S3Media
from forensics.store.ranged import BLOCK_BYTES, KEPT_BLOCKS, RangedReader


class Blocks:
    def __init__(self, data: bytes) -> None:
        self.data, self.asked = data, list[tuple[int, int]]()

    def __call__(self, first: int, last: int) -> bytes:
        self.asked.append((first, last))
        return self.data[first : last + 1]


def test_it_reads_as_a_file_in_memory_does() -> None:
    data = random.Random(1).randbytes(3 * BLOCK_BYTES + 12_345)
    mine, theirs = io.BufferedReader(RangedReader(Blocks(data), len(data))), io.BytesIO(data)
    chance = random.Random(2)
    for _ in range(200):
        at, count = chance.randrange(len(data) + 10), chance.randrange(100_000)
        whence = chance.choice([io.SEEK_SET, io.SEEK_END])
        offset = at if whence == io.SEEK_SET else -min(at, len(data))
        assert mine.seek(offset, whence) == theirs.seek(offset, whence)
        assert mine.read(count) == theirs.read(count)
        assert mine.tell() == theirs.tell()


def test_a_block_is_fetched_once_and_the_oldest_is_forgotten() -> None:
    blocks = Blocks(bytes((KEPT_BLOCKS + 1) * BLOCK_BYTES))
    reader = RangedReader(blocks, len(blocks.data))
    for number in (0, 0, *range(1, KEPT_BLOCKS + 1), 1, 0):
        reader.seek(number * BLOCK_BYTES)
        assert len(reader.read(10)) == 10
    asked = [first // BLOCK_BYTES for first, _ in blocks.asked]
    assert asked == [*range(KEPT_BLOCKS + 1), 0]


def test_a_position_before_the_beginning_is_refused() -> None:
    with pytest.raises(ValueError, match="before"):
        RangedReader(Blocks(b"abc"), 3).seek(-4, io.SEEK_END)


def test_an_object_is_opened_and_a_missing_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    clients._s3.cache_clear()
    with mock_aws():
        s3 = AwsClients().s3()
        s3.create_bucket(Bucket="media")
        s3.put_object(Bucket="media", Key="media/a/b", Body=b"0123456789")
        store = S3Media(AwsClients().s3, "media")
        with store.open("media/a/b") as file:
            assert (file.seek(4), file.read(3), file.seek(0, io.SEEK_END), file.read()) == (4, b"456", 10, b"")
        with store.open("media/a/b") as file:
            s3.put_object(Bucket="media", Key="media/a/b", Body=b"another one")
            with pytest.raises(s3.exceptions.ClientError, match="PreconditionFailed"):
                file.read()
        with pytest.raises(MediaFetchFailed):
            store.open("media/a/c")
    clients._s3.cache_clear()
