"""What the model card says of the kinds of generators that are named, and how often that was right on the test pages."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from forensics.detect.audio_manifest import AudioManifest
from forensics.detect.manifest import OTHER_FAMILY
from training.audio.attribution import KINDS
from training.audio.data import Clip
from training.audio.scoring import score, window_outputs

HEADING = "\n## Kinds of generators it names\n\n"
NOTHING = "None: no kind was right nine times in ten on pages held out.\n"


def named(manifest: AudioManifest, clips: dict[str, Clip], *, threads: int) -> str:
    """Return the card's section: which kinds, from which probability on, and what that gave on the test pages, clean."""
    attribution = manifest.attribution
    kinds = [label for label in attribution.labels if label != OTHER_FAMILY] if attribution else []
    if not (kinds and attribution):
        return HEADING + NOTHING
    paths, votes = window_outputs(manifest.network, "test", "clean", "families", threads=threads)
    by_clip = defaultdict(list)
    for path, vote in zip(paths, votes, strict=True):
        by_clip[path].append(vote)
    found, raw = score(manifest.network, "test", "clean", clips, threads=threads)
    scores = 1 / (1 + np.exp(-(manifest.slope * raw + manifest.intercept)))
    fakes = [c for c in found if c.label and KINDS[c.family] in kinds]
    said = [
        (clip, attribution.name(np.mean(by_clip[str(clip.path)], axis=0)))
        for clip, value in zip(found, scores, strict=True)
        if value >= manifest.strict.thresholds.synthetic
    ]
    given = [(clip, kind) for clip, kind in said if kind]
    right = sum(bool(clip.label) and KINDS[clip.family] == kind for clip, kind in given)
    return (
        f"{HEADING}{', '.join(kinds)}, from probability {attribution.threshold:.2f} on, and only for what leans towards fake. "
        f"Chosen on pages held out (manifest.toml). On the test pages, clean: named {len(given)} times, right {right} times; "
        f"there are {len(fakes)} such fakes.\n"
    )
