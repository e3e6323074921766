"""EventBridge: events on the stack's own bus."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forensics.domain.events import SOURCE, Event

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

MAX_ENTRIES = 10  # of one call
MAX_CALL_BYTES = 240_000  # a little below what one call may hold


class NotPublished(RuntimeError):
    """The bus refused some of the events; told again, those it took are recognised by their ids."""


@dataclass(frozen=True)
class EventBus:
    """The Events port over one bus."""

    client: Callable[[], EventBridgeClient]
    name: str

    def publish(self, events: Sequence[Event]) -> None:
        for entries in self._calls(events):
            refused = self.client().put_events(Entries=entries)["FailedEntryCount"]
            if refused:
                raise NotPublished(f"{refused} of {len(entries)} events were refused")

    def _calls(self, events: Sequence[Event]) -> Iterator[list[PutEventsRequestEntryTypeDef]]:
        entries: list[PutEventsRequestEntryTypeDef] = []
        size = 0
        for event in events:
            detail = json.dumps(event.detail())
            if entries and (len(entries) == MAX_ENTRIES or size + len(detail) > MAX_CALL_BYTES):
                yield entries
                entries, size = [], 0
            size += len(detail)
            entries.append(
                {"EventBusName": self.name, "Source": SOURCE, "DetailType": event.type.value, "Detail": detail}
            )
        if entries:
            yield entries
