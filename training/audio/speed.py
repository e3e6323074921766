"""How long serving takes: python -m training.audio.speed [--minutes 60]

Speech is needed (silence is skipped), so gathered recordings are chained into an MP3. Prints wall and processor seconds of
decoding plus detection on one thread, and the peak resident memory. The first run of 30 s warms the sessions up and is not counted.
"""

from __future__ import annotations

import argparse
import io
import resource
import time
from pathlib import Path

import av
import numpy as np

from forensics.detect.audio import AudioDetector
from forensics.media.audio import SAMPLE_RATE_HZ, open_audio
from forensics.settings import ModelSettings
from training.audio.data import load_clips, read_clip

REPEATS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    args = parser.parse_args()
    settings = ModelSettings.from_env()
    detector = AudioDetector.load(settings.models_dir, settings.encoders_dir, threads=1)
    short, long = chained(30.0), chained(60.0 * args.minutes)
    measure(detector, short)
    runs = np.array([measure(detector, short) for _ in range(REPEATS)])
    print(f"30 s MP3: wall {np.median(runs[:, 0]):.3f} s, processor {np.median(runs[:, 1]):.3f} s", flush=True)
    wall, processor = measure(detector, long)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{args.minutes:.0f} min MP3: wall {wall:.0f} s, processor {processor:.0f} s, peak memory {peak:.0f} MB")


def measure(detector: AudioDetector, data: bytes) -> tuple[float, float]:
    """Return wall and processor seconds of one detection."""
    wall, processor = time.perf_counter(), time.process_time()
    with open_audio(data) as reader:
        detector.detect(reader.blocks())
    return time.perf_counter() - wall, time.process_time() - processor


def chained(seconds: float) -> bytes:
    """Return recordings of the test part end to end, as a 64 kbit/s MP3 of that length."""
    clips = [c for c in load_clips() if c.part == "test" and not c.label and Path(c.path).is_file()]
    buffer, left, number = io.BytesIO(), round(seconds * SAMPLE_RATE_HZ), 0
    with av.open(buffer, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE_HZ, layout="mono")
        stream.bit_rate = 64_000
        resampler = av.AudioResampler(stream.format.name, "mono", SAMPLE_RATE_HZ, stream.frame_size)
        while left > 0:
            samples = read_clip(clips[number % len(clips)])[:left]
            left, number = left - samples.size, number + 1
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
            frame.sample_rate = SAMPLE_RATE_HZ
            for chunk in resampler.resample(frame):
                container.mux(stream.encode(chunk))
        for chunk in resampler.resample(None):
            container.mux(stream.encode(chunk))
        container.mux(stream.encode(None))
    return buffer.getvalue()


if __name__ == "__main__":
    main()
