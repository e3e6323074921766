"""Where somebody speaks: silero-vad, fed in a stream that is counted from the first audible sample.

Chunks are laid from where sound begins, and the network's memory begins there too, so that silence before a recording moves neither
the decisions on its pauses nor, by them, the windows that the model hears. It costs up to 32 ms of silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from forensics.detect.onnx import Array
from forensics.media.audio import Samples
from forensics.media.windows import CHUNK_SAMPLES, LEAD_CHUNKS, Flags, first_audible

ENCODER = "silero-vad"
_CONTEXT_SAMPLES = 64  # each chunk is seen with the end of the one before
_STATE = (1, 1, 128)
_WARM_UP_CHUNKS = 16  # about 0.5 s
_SETTLED_CHUNKS = 16  # about 0.5 s after the first word tell how loud it is
_STEP_SAMPLES = 16 * CHUNK_SAMPLES  # so much at a time while the first word is looked for
SPEECH_FROM, SPEECH_UNTIL = 0.5, 0.35  # probability where speech begins, and below which it ends


class Network(Protocol):
    """What is needed of an OnnxModel."""

    def run(self, feeds: Mapping[str, Array], *, outputs: Sequence[str] | None = None) -> dict[str, Array]: ...


class SpeechDetector:
    """One recording's speech flags, one per CHUNK_SAMPLES; keeps the network's memory from block to block."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._rest = np.zeros(0, dtype=np.float32)
        self._held: Samples | None = np.zeros(
            0, dtype=np.float32
        )  # whole chunks in which sound may begin; None once it has
        self._held_flags = np.zeros(0, dtype=np.bool_)
        self._silent = 0  # samples before the held ones
        self._begin()

    def push(self, samples: Samples) -> tuple[Samples, Flags]:
        """Take mono samples (n,); return the whole chunks that are ready and their flags. What is left waits for the next call."""
        found = []
        while self._held is not None and samples.size:  # by small steps: what follows the first word is heard again
            found.append(self._hold(*self._hear(samples[:_STEP_SAMPLES]), least=_SETTLED_CHUNKS))
            samples = samples[_STEP_SAMPLES:]
        if samples.size or not found:
            found.append(self._hear(samples))
        ready, flags = zip(*found, strict=True)
        return np.concatenate(ready), np.concatenate(flags)

    def close(self) -> tuple[Samples, Flags]:
        """Return what was held and the chunk that was not full, filled with silence, with their flags."""
        if self._held is None:
            return self._hear(self._filling())
        before = self._hold(*self._hear(self._filling()), least=0)
        after = self._hear(self._filling())  # it may begin within the last chunk
        return np.concatenate([before[0], after[0]]), np.concatenate([before[1], after[1]])

    def _begin(self) -> None:
        self._h = self._c = np.zeros(_STATE, dtype=np.float32)
        self._context = np.zeros(_CONTEXT_SAMPLES, dtype=np.float32)
        self._speaking = False
        # The network takes what a recording begins with for speech unless it has heard some silence before.
        self._probabilities(np.zeros((_WARM_UP_CHUNKS, CHUNK_SAMPLES), dtype=np.float32))

    def _filling(self) -> Samples:
        return np.zeros(-self._rest.size % CHUNK_SAMPLES, dtype=np.float32)

    def _hear(self, samples: Samples) -> tuple[Samples, Flags]:
        waiting = np.concatenate([self._rest, samples])
        count = waiting.size // CHUNK_SAMPLES
        ready, self._rest = waiting[: count * CHUNK_SAMPLES], waiting[count * CHUNK_SAMPLES :]
        if not count:
            return ready, np.zeros(0, dtype=np.bool_)
        return ready, self._flags(self._probabilities(ready.reshape(count, CHUNK_SAMPLES)))

    def _hold(self, ready: Samples, flags: Flags, *, least: int) -> tuple[Samples, Flags]:
        """Return silence that no word can begin in; once `least` chunks follow the first word, all from where it begins."""
        held, spoken = np.concatenate([self._held, ready]), np.concatenate([self._held_flags, flags])
        if spoken.any() and spoken.size > (first := int(spoken.argmax())) + least:
            return self._from_onset(held, first)
        kept = max(first - LEAD_CHUNKS if spoken.any() else spoken.size - LEAD_CHUNKS, 0)
        sent = spoken.size if least == 0 else kept
        self._held, self._held_flags = held[sent * CHUNK_SAMPLES :], spoken[sent:]
        self._silent += sent * CHUNK_SAMPLES
        return held[: sent * CHUNK_SAMPLES], spoken[:sent]

    def _from_onset(self, held: Samples, first: int) -> tuple[Samples, Flags]:
        start = max(first - LEAD_CHUNKS, 0) * CHUNK_SAMPLES
        end = (first + _SETTLED_CHUNKS + 1) * CHUNK_SAMPLES
        onset = start + first_audible(held[start:end], begins=self._silent + start == 0)
        quiet = held[: onset // CHUNK_SAMPLES * CHUNK_SAMPLES]
        sound = np.concatenate([held[onset:], self._rest])
        self._held, self._rest = None, sound[:0]
        self._begin()
        heard, flags = self._hear(sound)
        silent = np.zeros(quiet.size // CHUNK_SAMPLES, dtype=np.bool_)
        return np.concatenate([quiet, heard]), np.concatenate([silent, flags])

    def _probabilities(self, chunks: Array) -> Array:
        before = np.concatenate([self._context[None], chunks[:-1, -_CONTEXT_SAMPLES:]])
        frames = np.ascontiguousarray(np.concatenate([before, chunks], axis=1))  # (chunks, 576)
        self._context = chunks[-1, -_CONTEXT_SAMPLES:]
        out = self._network.run({"input": frames, "h": self._h, "c": self._c})
        self._h, self._c = out["hn"], out["cn"]
        return out["speech_probs"]

    def _flags(self, probabilities: Array) -> Flags:
        flags = np.zeros(probabilities.size, dtype=np.bool_)
        for index, probability in enumerate(probabilities):
            self._speaking = bool(probability >= (SPEECH_UNTIL if self._speaking else SPEECH_FROM))
            flags[index] = self._speaking
        return flags
