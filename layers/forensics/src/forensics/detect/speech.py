"""Where somebody speaks: silero-vad, fed in a stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from forensics.detect.onnx import Array
from forensics.media.audio import Samples
from forensics.media.windows import CHUNK_SAMPLES, Flags

ENCODER = "silero-vad"
_CONTEXT_SAMPLES = 64  # each chunk is seen with the end of the one before
_STATE = (1, 1, 128)
_WARM_UP_CHUNKS = 16  # about 0.5 s
SPEECH_FROM, SPEECH_UNTIL = 0.5, 0.35  # probability where speech begins, and below which it ends


class Network(Protocol):
    """What is needed of an OnnxModel."""

    def run(self, feeds: Mapping[str, Array], *, outputs: Sequence[str] | None = None) -> dict[str, Array]: ...


class SpeechDetector:
    """One recording's speech flags, one per CHUNK_SAMPLES; keeps the network's memory from block to block."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._h = self._c = np.zeros(_STATE, dtype=np.float32)
        self._context = np.zeros(_CONTEXT_SAMPLES, dtype=np.float32)
        self._rest = np.zeros(0, dtype=np.float32)
        self._speaking = False
        # The network takes what a recording begins with for speech unless it has heard some silence before.
        self._probabilities(np.zeros((_WARM_UP_CHUNKS, CHUNK_SAMPLES), dtype=np.float32))

    def push(self, samples: Samples) -> tuple[Samples, Flags]:
        """Take mono samples (n,); return the whole chunks that are ready and their flags. What is left waits for the next call."""
        waiting = np.concatenate([self._rest, samples])
        count = waiting.size // CHUNK_SAMPLES
        ready, self._rest = waiting[: count * CHUNK_SAMPLES], waiting[count * CHUNK_SAMPLES :]
        if not count:
            return ready, np.zeros(0, dtype=np.bool_)
        return ready, self._flags(self._probabilities(ready.reshape(count, CHUNK_SAMPLES)))

    def close(self) -> tuple[Samples, Flags]:
        """Return the chunk that was not full, filled with silence, and its flag; nothing when all were full."""
        return self.push(np.zeros(-self._rest.size % CHUNK_SAMPLES, dtype=np.float32))

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
