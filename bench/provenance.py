"""Measure provenance reading: false alarms of the watermarks, their survival, evidence in the data set, latency.

Usage: DATA_ROOT=... python bench/provenance.py [--survival 60]    (prints Markdown; about three minutes on one core)
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from forensics.domain.evidence import Claim
from forensics.domain.verdict import DECISIVE_STRENGTH
from forensics.media.image import DecodedImage, decode_image
from forensics.provenance import read_provenance
from forensics.provenance.watermark import PATTERNS, Pattern, correlate

Pixels = NDArray[np.uint8]
SEED = 20240501
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="Editor"/></rdf:RDF></x:xmpmeta>'
)
SAVES: tuple[tuple[str, str, dict[str, int]], ...] = (
    ("PNG", "PNG", {}),
    ("JPEG q98", "JPEG", {"quality": 98}),
    ("JPEG q95", "JPEG", {"quality": 95}),
    ("JPEG q90", "JPEG", {"quality": 90}),
    ("JPEG q75", "JPEG", {"quality": 75}),
    ("WebP q90", "WEBP", {"quality": 90}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--survival", type=int, default=60, help="real pictures marked for the survival table")
    options = parser.parse_args()
    root = Path(os.environ.get("DATA_ROOT") or Path(__file__).resolve().parents[2] / "shared" / "data") / "image"
    rows = list(csv.DictReader((root / "manifest.csv").read_text().splitlines()))
    false_alarms(root, rows)
    survival(root, rows, count=options.survival)
    evidence(root, rows)
    latency(root.parent)


def false_alarms(root: Path, rows: list[dict[str, str]]) -> None:
    """Correlations over every unmarked picture, as it is and re-saved, cropped, resized.

    Variants of one file are no independent trials, and files below the encoder's size limit are no trials at all: both
    counts are printed. "1 in 1000" compares the alarms at that nominal rate with those expected of independent bits.
    """
    random = np.random.default_rng(SEED)
    highest: dict[Pattern, list[float]] = {pattern: [] for pattern in PATTERNS}
    files = 0
    real = [row for row in rows if row["label"] == "real"]
    for row in real:
        rgb = decode_image((root / row["path"]).read_bytes()).rgb
        tried = [correlate(pixels) for pixels in variants(rgb, random)]
        files += any(tried)
        for pattern, found in (pair for facts in tried for pair in zip(PATTERNS, facts, strict=False)):
            highest[pattern].append(found.correlation)
    trials = len(highest[PATTERNS[0]])
    print(
        f"## False alarms\n\n{trials} variants of {files} files; {len(real) - files} of {len(real)} are below the size limit.\n"
    )
    print("| watermark | handed over as | highest | 99.9 % | 1 in 1000: expected, seen | threshold | alarms |")
    print("|---|---|---|---|---|---|---|")
    for pattern in PATTERNS:
        values = np.array(highest[pattern])
        nominal = int((values >= np.sqrt(1 - 1e-3 ** (2 / (len(pattern.bits) - 3)))).sum())
        alarms = int((values >= pattern.threshold).sum())
        numbers = f"{values.max():.3f} | {np.quantile(values, 0.999):.3f} | {trials / 1000:.1f}, {nominal}"
        print(f"| {pattern.name} | {handed(pattern)} | {numbers} | {pattern.threshold:.3f} | {alarms} |")


def variants(rgb: Pixels, random: np.random.Generator) -> Iterator[Pixels]:
    """The picture, a random crop of it, and a JPEG of it at 0.7 of its size, where the encoder would accept them."""
    yield rgb
    height, width = rgb.shape[:2]
    if min(height, width) > 320:
        top, left = int(random.integers(0, height - 300)), int(random.integers(0, width - 300))
        yield np.ascontiguousarray(rgb[top:, left:])
    smaller = Image.fromarray(rgb).resize((max(1, int(width * 0.7)), max(1, int(height * 0.7))))
    yield decode_image(save(np.asarray(smaller), "JPEG", {"quality": 85})).rgb


def survival(root: Path, rows: list[dict[str, str]], *, count: int) -> None:
    """Share of marked pictures whose mark is still found and rightly named after saving."""
    encoder = public_encoder()
    random = np.random.default_rng(SEED)
    fitting = [
        r
        for r in rows
        if r["label"] == "real"
        and min(int(r["width"]), int(r["height"])) >= 300
        and int(r["width"]) * int(r["height"]) < 1_200_000
    ]
    chosen = [fitting[int(i)] for i in random.choice(len(fitting), size=min(count, len(fitting)), replace=False)]
    hits: Counter[tuple[int, str]] = Counter()
    for row in chosen:
        rgb = decode_image((root / row["path"]).read_bytes()).rgb
        for index, pattern in enumerate(PATTERNS):
            marked = embed(encoder, rgb, pattern)
            for name, format, saving in SAVES:
                data = save(marked, format, saving)
                found = read_provenance(b"", decode_image(data)).watermark
                hits[index, name] += found is not None and found.generator == pattern.generator
    print(
        f"\n## Survival ({len(chosen)} marked photos)\n\n| watermark | handed over as | {' | '.join(n for n, _, _ in SAVES)} |"
    )
    print("|---|---|" + "---|" * len(SAVES))
    for index, pattern in enumerate(PATTERNS):
        shares = " | ".join(f"{hits[index, name] / len(chosen):.0%}" for name, _, _ in SAVES)
        print(f"| {pattern.name} | {handed(pattern)} | {shares} |")


def evidence(root: Path, rows: list[dict[str, str]]) -> None:
    """Claims over the whole data set: none may call a real picture fake."""
    totals: Counter[str] = Counter()
    claims: Counter[tuple[str, str]] = Counter()
    generators: Counter[str] = Counter()
    for row in rows:
        data = (root / row["path"]).read_bytes()
        read = read_provenance(data, decode_image(data))
        fakes = [e for e in read.evidence if e.claim in (Claim.SYNTHETIC, Claim.MANIPULATED)]
        totals[row["label"]] += 1
        claims[row["label"], "fake claim"] += bool(fakes)
        claims[row["label"], "decisive"] += any(e.strength >= DECISIVE_STRENGTH for e in fakes)
        claims[row["label"], "captured"] += any(e.claim is Claim.CAPTURED for e in read.evidence)
        generators.update(f"{row['source']} -> {e.generator}" for e in fakes[:1])
    print(
        "\n## Evidence in the data set\n\n| label | pictures | claim of a fake | decisive | camera named |\n|---|---|---|---|---|"
    )
    for label, total in sorted(totals.items()):
        print(
            f"| {label} | {total} | {claims[label, 'fake claim']} | {claims[label, 'decisive']} | {claims[label, 'captured']} |"
        )
    print("\n" + "\n".join(f"- {text}: {number}" for text, number in sorted(generators.items())))


def latency(root: Path) -> None:
    """Median and 95th percentile of the calls, on a 1-megapixel JPEG with EXIF and XMP and on the signed JPEGs at hand."""
    random = np.random.default_rng(SEED)
    coarse = Image.fromarray(random.integers(0, 256, (250, 250, 3), dtype=np.uint8)).resize((1000, 1000))
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Camera"
    out = io.BytesIO()
    coarse.save(out, "JPEG", quality=90, exif=exif, xmp=XMP)
    data = out.getvalue()
    image = decode_image(data)
    huge = DecodedImage(np.zeros((10_000, 10_000, 3), dtype=np.uint8), "JPEG")
    manifest = csv.DictReader((root / "provenance" / "manifest.csv").read_text().splitlines())
    paths = [root / "provenance" / r["path"] for r in manifest if r["c2pa"] == "present" and r["path"].endswith(".jpg")]
    signed = [path.read_bytes() for path in paths]
    cases: tuple[tuple[str, list[Callable[[], object]]], ...] = (
        ("1 MP JPEG, bytes only", [lambda: read_provenance(data, None)] * 60),
        ("1 MP JPEG with watermarks", [lambda: read_provenance(data, image)] * 60),
        ("100 MP, watermarks", [lambda: read_provenance(data, huge)] * 10),
        (f"{len(signed)} C2PA-signed JPEGs, bytes only", [lambda d=d: read_provenance(d, None) for d in signed * 3]),
    )
    print("\n## Latency (milliseconds, one core)\n\n| case | median | 95 % |\n|---|---|---|")
    for name, calls in cases:
        calls[0]()
        times = []
        for call in calls:
            start = time.perf_counter()
            call()
            times.append((time.perf_counter() - start) * 1000)
        print(f"| {name} | {np.median(times):.1f} | {np.quantile(times, 0.95):.1f} |")


def handed(pattern: Pattern) -> str:
    return ("floats" if pattern.float_encoded else "bytes") + (", red and blue swapped" if pattern.swapped else "")


def save(pixels: Pixels, format: str, options: dict[str, int]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format, **options)
    return out.getvalue()


def embed(encoder: ModuleType, pixels: Pixels, pattern: Pattern) -> Pixels:
    """Mark a picture the way the pattern's own program does."""
    planes = np.ascontiguousarray(pixels if pattern.swapped else pixels[..., ::-1])
    given = planes.astype(np.float32) if pattern.float_encoded else planes
    marked = encoder.EmbedMaxDct(list(pattern.bits), wmLen=len(pattern.bits)).encode(given)
    rounded = np.clip(np.rint(marked), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(rounded if pattern.swapped else rounded[..., ::-1])


def public_encoder() -> ModuleType:
    """invisible-watermark's DWT-DCT module by its path: importing the package would need torch."""
    package = importlib.util.find_spec("imwatermark")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("install the dev dependencies: invisible-watermark is missing")
    spec = importlib.util.spec_from_file_location("max_dct", Path(package.submodule_search_locations[0]) / "maxDct.py")
    if spec is None or spec.loader is None:
        raise SystemExit("invisible-watermark has no maxDct.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
