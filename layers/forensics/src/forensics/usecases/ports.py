"""What the use cases ask of the outside world; the wiring passes real adapters, tests pass fakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os import urandom
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from forensics.domain import ids
from forensics.domain.events import Event
from forensics.domain.evidence import Provenance
from forensics.domain.job import Job
from forensics.domain.scores import Detection

if TYPE_CHECKING:  # functions without pixels do not carry numpy
    import numpy as np
    from numpy.typing import NDArray

    from forensics.domain.job import DetectOptions
    from forensics.domain.result import Analysis
    from forensics.domain.scores import ScoredWindow, Segment
    from forensics.media.audio import Samples
    from forensics.media.image import DecodedImage


class ImageDetector(Protocol):
    """Scores pixels: `rgb` is uint8 (height, width, 3)."""

    def detect(self, rgb: NDArray[np.uint8]) -> Detection: ...

    def heatmap(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]: ...


class ScoredAudio(Protocol):
    """What an audio detector returns: the detection, flagged spans, how many seconds it heard, and its stages' times.

    `timeline` are the scored windows and `speech` the spans of speech of the deciding channel: number `channel` of `channels`.
    """

    @property
    def detection(self) -> Detection: ...

    @property
    def segments(self) -> Sequence[Segment]: ...

    @property
    def seconds(self) -> float: ...

    @property
    def timings_ms(self) -> Mapping[str, float]: ...

    @property
    def timeline(self) -> Sequence[ScoredWindow]: ...

    @property
    def speech(self) -> Sequence[tuple[float, float]]: ...

    @property
    def channel(self) -> int: ...

    @property
    def channels(self) -> int: ...


class AudioDetector(Protocol):
    """Scores a stream of float32 (channels 1..2, n) blocks at 16 kHz.

    `progress` is told the seconds heard so far; `listen` is given each block as it is scored, `native_hz` is the file's own rate.
    """

    def detect(
        self,
        blocks: Iterable[Samples],
        *,
        progress: Callable[[float], None] | None = None,
        listen: Callable[[Samples], None] | None = None,
        native_hz: int | None = None,
    ) -> ScoredAudio: ...


class HearingProgress(Protocol):
    """Is told how many seconds were heard, and of how many when the file declares it."""

    def __call__(self, heard_s: float, duration_s: float | None) -> None: ...


class Analyser(Protocol):
    """One medium's pipeline; raises DetectorErrors."""

    def __call__(self, data: bytes, options: DetectOptions) -> Analysis: ...

    def estimate_s(self, data: bytes) -> float:
        """Return about how many seconds the analysis will take, at a glance; 0 for a moment."""
        ...


class ProvenanceReader(Protocol):
    def __call__(self, data: bytes, image: DecodedImage | None) -> Provenance: ...


class FilmProvenanceReader(Protocol):
    """Reads what a film says of itself from a file that can be sought in; raises what reading the file raises."""

    def __call__(self, source: BinaryIO) -> Provenance: ...


class JobStore(Protocol):
    """Jobs by tenant and id; another tenant's job does not exist."""

    def create(self, job: Job) -> None: ...

    def get(self, tenant: str, job_id: str) -> Job | None: ...

    def begin(self, tenant: str, job_id: str) -> bool:
        """Mark a queued job as processing, again and again if need be; False when it is terminal or gone."""
        ...

    def finish(self, job: Job) -> bool:
        """Make the job terminal exactly once; False when it already was (the stored answer stands)."""
        ...

    def bury(self, job: Job) -> Job | None:
        """Leave of the job only that it was deleted; return it as it stood, None when another call was first."""
        ...

    def stamp_deleted(self, tenant: str, job_id: str, deleted_at: datetime) -> None: ...


class MediaStore(Protocol):
    def put(self, key: str, data: bytes, *, content_type: str) -> None: ...

    def get(self, key: str) -> bytes | None: ...

    def delete(self, key: str) -> None: ...

    def delete_all(self, prefix: str) -> None:
        """Delete everything whose key begins with `prefix`, which ends with a slash."""
        ...

    def signed_url(self, key: str) -> str: ...


class OpensMedia(Protocol):
    """A store whose files can be read in part."""

    def open(self, key: str) -> BinaryIO:
        """Return the file, which fetches what is read of it; raises MediaFetchFailed when it is gone."""
        ...


class Queue(Protocol):
    def send(self, message: Mapping[str, Any], *, delay_s: int = 0) -> None: ...


class Events(Protocol):
    """The bus. No use case that ends or deletes something calls it: the tables' streams are the outbox (docs/events.md).

    Whoever makes a job's row terminal, stamps its deletion, turns it into a tombstone, or sets a batch's row to
    `status = completed`, has thereby published; `PublishChanges` reads the streams and is the only caller.
    """

    def publish(self, events: Sequence[Event]) -> None:
        """Put the events on the bus, all of them or raise; publishing one twice is harmless, because its id is the same."""
        ...


class StopsExecutions(Protocol):
    def stop(self, job_id: str) -> None:
        """Stop the job's execution; harmless when it has ended or was never started."""
        ...


class Fetcher(Protocol):
    def __call__(self, url: str, *, max_bytes: int) -> bytes: ...


@dataclass(frozen=True)
class Clock:
    """Time and randomness, replaceable in tests."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def new_id(self, prefix: str) -> str:
        now_ms = int(self.now().timestamp() * 1000)
        return ids.prefixed(prefix, now_ms=now_ms, randomness=urandom(ids.RANDOM_BYTES))

    def job_id(self, region: str) -> str:
        now_ms = int(self.now().timestamp() * 1000)
        return ids.job_id(region=region, now_ms=now_ms, randomness=urandom(ids.RANDOM_BYTES))
