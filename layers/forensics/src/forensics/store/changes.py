"""DynamoDB stream records to plain rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from forensics.domain.events import Row, RowChange


def row_changes(records: Iterable[Mapping[str, Any]]) -> Iterator[RowChange]:
    """Yield the changes of a stream's records in their order; rows that were removed are left out: nobody is told of an expiry."""
    for record in records:
        images = record["dynamodb"]
        if "NewImage" in images:
            at = datetime.fromtimestamp(images["ApproximateCreationDateTime"], UTC)
            yield RowChange(_row(images.get("OldImage", {})), _row(images["NewImage"]), at)


def _row(image: Mapping[str, Mapping[str, Any]]) -> Row:
    plain = {name: value.get("S", value.get("N")) for name, value in image.items()}
    return {name: value for name, value in plain.items() if isinstance(value, str)}
