"""What a face did over time, in words: of the face that was watched longest (docs/signals.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from forensics.domain.lip_sync import Trace, lip_sync
from forensics.domain.scores import Signal
from forensics.domain.signal_ranges import SignalRange, worded
from forensics.domain.tracks import FaceMeasures, FaceTrack

LEAST_WATCHED_S = 2.0
LIP_SYNC = "lip_sync"
OF = "stretches of real talking faces"


def face_signals(
    tracks: Sequence[FaceTrack], ranges: Mapping[str, SignalRange], voice: Trace | None = None
) -> tuple[Signal, ...]:
    """Return the signals that have a range, of the longest watched face; none when no face was watched for LEAST_WATCHED_S.

    `voice` is of the film's sound, None when nobody speaks; lips are those of the face that goes with it best.
    """
    track = max(tracks, key=watched_s, default=None)
    if track is None or watched_s(track) < LEAST_WATCHED_S:
        return ()
    values = {name: MEASURES[name](track.measures) for name in ranges if name in MEASURES}
    if voice is not None and LIP_SYNC in ranges:
        values[LIP_SYNC] = spoken_by(tracks, voice)
    return tuple(worded(name, value, ranges[name], of=OF) for name, value in values.items() if value is not None)


def spoken_by(tracks: Sequence[FaceTrack], voice: Trace) -> float | None:
    """Return the best agreement of any face's lips with the voice: whoever is silent need not move with it."""
    agreements = (lip_sync(track.lips, voice) for track in tracks if track.lips)
    return max((value for value in agreements if value is not None), default=None)


def watched_s(track: FaceTrack) -> float:
    """Return for how many seconds the face was watched from frame to frame."""
    return sum(m.seconds for m in track.measures)


def flicker(measures: Sequence[FaceMeasures]) -> float | None:
    """Return the face's changes of brightness against its surroundings, in logarithms, weighed by seconds."""
    return _mean([(m.flicker, m.seconds) for m in measures])


def landmark_jitter(measures: Sequence[FaceMeasures]) -> float | None:
    """Return how far the landmarks tremble against each other, in eye distances, weighed by seconds."""
    return _mean([(m.landmark_jitter, m.seconds) for m in measures])


def identity_drift(measures: Sequence[FaceMeasures]) -> float | None:
    """Return how unlike the face is to its own mean, weighed by seconds."""
    return _mean([(m.identity_drift, m.seconds) for m in measures])


def blink_rate(measures: Sequence[FaceMeasures]) -> float | None:
    """Return blinks a minute."""
    watched = [m for m in measures if m.blinks is not None]
    seconds = sum(m.seconds for m in watched)
    return 60.0 * sum(m.blinks or 0 for m in watched) / seconds if seconds > 0 else None


MEASURES: Mapping[str, Callable[[Sequence[FaceMeasures]], float | None]] = {
    "flicker": flicker,
    "landmark_jitter": landmark_jitter,
    "identity_drift": identity_drift,
    "blink_rate": blink_rate,
}


def _mean(values: Sequence[tuple[float | None, float]]) -> float | None:
    known = [(value, weight) for value, weight in values if value is not None and weight > 0]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total > 0 else None
