"""Compare ways to decode: python -m training.audio.decoders (needs pydub and imageio-ffmpeg, whose wheel carries FFmpeg)

Times a 30 s and a 60 min MP3 to 16 kHz mono float32, each in a process of its own, and prints seconds and peak resident memory.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np

from forensics.media.audio import SAMPLE_RATE_HZ, open_audio

SECONDS = (30, 3600)
REPEATS = {30: 9, 3600: 1}


def with_pyav(path: Path) -> int:
    """The serving decoder: PyAV, streamed."""
    with path.open("rb") as handle, open_audio(handle) as reader:
        return sum(block.shape[1] for block in reader.blocks())


def with_pipe(path: Path) -> int:
    """FFmpeg of a wheel as a child process, streamed through a pipe."""
    form = ["-f", "f32le", "-ac", "1", "-ar", str(SAMPLE_RATE_HZ), "-"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), *form]
    total = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        while chunk := child.stdout.read(1 << 18):
            total += np.frombuffer(chunk, np.float32).size
    return total


def with_pydub(path: Path) -> int:
    """pydub: FFmpeg writes a whole WAV, which pydub then holds, mixes and resamples."""
    from pydub import AudioSegment

    AudioSegment.converter = imageio_ffmpeg.get_ffmpeg_exe()
    segment = AudioSegment.from_file_using_temporary_files(path, format="mp3")
    raw = segment.set_channels(1).set_frame_rate(SAMPLE_RATE_HZ).set_sample_width(2).raw_data
    return (np.frombuffer(raw, np.int16).astype(np.float32) / 32768).size


WAYS = {"pyav": with_pyav, "pipe": with_pipe, "pydub": with_pydub}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--file", type=Path)
    args = parser.parse_args()
    if args.way:
        measure(args.way, args.file)
        return
    with tempfile.TemporaryDirectory() as folder:
        for seconds in SECONDS:
            path = write_mp3(Path(folder) / f"{seconds}.mp3", seconds)
            for way in WAYS:
                subprocess.run(
                    [sys.executable, "-m", "training.audio.decoders", "--way", way, "--file", path], check=True
                )


def measure(way: str, path: Path) -> None:
    """Print the median of a few runs and the peak memory of this process and of its children."""
    times = []
    for _ in range(REPEATS[int(path.stem)]):
        started = time.perf_counter()
        samples = WAYS[way](path)
        times.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{path.stem} s MP3, {way}: {np.median(times):.3f} s, {peak:.0f} MB, child {child:.0f} MB, {samples} samples")


def write_mp3(path: Path, seconds: int) -> Path:
    """Write stereo noise at 44.1 kHz and 128 kbit/s."""
    rng = np.random.default_rng(0)
    with av.open(path, "w") as container:
        stream = container.add_stream("libmp3lame", rate=44_100, layout="stereo")
        stream.bit_rate = 128_000
        block = (0.1 * rng.standard_normal((2, 1152))).astype(np.float32)
        for _ in range(seconds * 44_100 // 1152):
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate = 44_100
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


if __name__ == "__main__":
    main()
