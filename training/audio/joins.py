"""Windows that are half somebody else's: python -m training.audio.joins --view 9

Takes a training view and gives every window of a page with recordings one end of a recording's window of that page: a fake is still
fake, two recordings are still one, so that a joint says nothing and half a window of synthetic speech does. Written beside the
others as the view <view>-joined.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.audio.data import Clip, extra_dir, load_clips
from training.audio.views import open_view

KEPT = (0.3, 0.8)  # of a window stays its own
_AT_ONCE = 512
Windows = NDArray[np.int16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--view", required=True)
    args = parser.parse_args()
    paths, windows = open_view("train", args.view)
    pairs = partners(paths, {str(c.path): c for c in load_clips()}, np.random.default_rng(0))
    folder = extra_dir() / "views" / f"train-{args.view}-joined"
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    with (folder / "windows.i16").open("wb") as raw, (folder / "rows.csv").open("w", newline="") as handle:
        for first in range(0, len(pairs), _AT_ONCE):
            some = pairs[first : first + _AT_ONCE]
            raw.write(joined(windows[[own for own, _ in some]], windows[[other for _, other in some]], rng).tobytes())
            csv.writer(handle, lineterminator="\n").writerows([paths[own]] for own, _ in some)
            print(f"{first + len(some)}/{len(pairs)}", flush=True)


def partners(paths: Sequence[str], clips: Mapping[str, Clip], rng: np.random.Generator) -> list[tuple[int, int]]:
    """Return (row, row of another recording of its page) for every row of the training part whose page has one."""
    recordings = defaultdict(list)
    known = [clips.get(path) for path in paths]
    for row, clip in enumerate(known):
        if clip and clip.part == "train" and not clip.label:
            recordings[clip.page].append(row)
    pairs = []
    for row, clip in enumerate(known):
        others = [r for r in recordings[clip.page] if r != row] if clip and clip.part == "train" else []
        if others:
            pairs.append((row, others[int(rng.integers(len(others)))]))
    return pairs


def joined(own: Windows, other: Windows, rng: np.random.Generator) -> Windows:
    """Return the windows (n, samples) with a random end of each replaced by that of the other."""
    result = own.copy()
    samples = own.shape[1]
    for row in range(len(own)):
        kept = int(samples * rng.uniform(*KEPT))
        lost = slice(kept, samples) if rng.random() < 0.5 else slice(0, samples - kept)
        result[row, lost] = other[row, lost]
    return result


if __name__ == "__main__":
    main()
