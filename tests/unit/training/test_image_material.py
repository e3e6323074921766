"""Gathering pictures to train on: copies of one photograph, frames of films, and what only teaches."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from training.image import film_frames
from training.image.collect import store
from training.image.copies import Gallery
from training.image.data import (
    FILMS_CSV,
    SOURCES_CSV,
    TAUGHT_ONLY,
    Item,
    assign_folds,
    load_items,
    read_csv,
    repositories,
    split,
)

Rgb = NDArray[np.uint8]


def photograph(seed: int, *, side: int = 160) -> Rgb:
    """A few soft blobs: no two seeds alike, and the same after it was scaled."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC))


def encoded_anew(rgb: Rgb) -> Rgb:
    buffer = io.BytesIO()
    Image.fromarray(rgb).resize((120, 120)).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer))


def test_a_copy_of_another_repository_is_found_though_encoded_anew() -> None:
    gallery = Gallery()
    assert not gallery.is_copy(photograph(1), "a/one")
    assert gallery.is_copy(encoded_anew(photograph(1)), "b/two")
    assert not gallery.is_copy(encoded_anew(photograph(1)), "a/one")  # a burst of one camera stays
    assert not gallery.is_copy(photograph(2), "b/two")


def test_empty_sheets_are_no_copies_of_each_other() -> None:
    gallery, sheet = Gallery(), np.full((160, 160, 3), 255, dtype=np.uint8)
    assert not gallery.is_copy(sheet, "a/one") and not gallery.is_copy(sheet, "b/two")


def png(rgb: Rgb) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(("label", "kept"), [("real", False), ("fake", True)])
def test_a_copied_photograph_is_left_out_and_an_edit_of_it_is_not(tmp_path: Path, label: str, kept: bool) -> None:
    gallery = Gallery()
    gallery.is_copy(photograph(3), "a/one")
    source = {"label": label, "source": "two", "repository": "b/two", "generator": "", "kind": "scene"}
    data = png(photograph(3))
    row = store(source, "x.png", data, sha256=hashlib.sha256(data).hexdigest(), out=tmp_path, gallery=gallery)
    assert (row is not None) == kept == (len(list(tmp_path.rglob("*.png"))) == 1)


def film(*, seconds: float = 1.0) -> bytes:
    """Left half dark, right half light."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        rgb = np.zeros((96, 128, 3), dtype=np.uint8)
        rgb[:, 64:] = 200
        for _ in range(round(seconds * 10)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


SIDE_BY_SIDE = {
    "source": "film_x", "repository": "a/films", "label": "both", "generator": "X", "kind": "face",
    "layout": "real_left_fake_right", "count": "3", "frames": "2",
}  # fmt: skip


def test_a_side_by_side_film_gives_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_frames, "candidates", lambda *_, **__: iter([("a.mp4", film())]))
    rows = list(film_frames.take(SIDE_BY_SIDE, clones=tmp_path, out=tmp_path, judged=set()))
    assert [row["source"] for row in rows] == ["film_x_real", "film_x"] * 2
    assert [row["generator"] for row in rows] == ["", "X"] * 2
    assert rows[0]["pair_group"] == rows[1]["pair_group"] != rows[2]["pair_group"]
    brightness = [np.asarray(Image.open(tmp_path / row["path"])).mean() for row in rows]
    assert brightness[0] < 30 < 150 < brightness[1]


def test_a_film_that_is_judged_on_is_not_learned_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = film()
    monkeypatch.setattr(film_frames, "candidates", lambda *_, **__: iter([("a.mp4", data)]))
    judged = {hashlib.sha256(data).hexdigest()}
    assert not list(film_frames.take(SIDE_BY_SIDE, clones=tmp_path, out=tmp_path, judged=judged))
    assert "judged on" in capsys.readouterr().out


def item(source: str, n: int, family: str, group: str) -> Item:
    return Item(Path(f"{source}{n}.png"), int(bool(family)), source, family, "face", "", group)


@pytest.mark.parametrize(("source", "family"), [("forged_faces_made", "forged_face"), ("patched_made", "patched")])
def test_what_only_teaches_is_never_held_out_and_leaves_with_its_picture(source: str, family: str) -> None:
    reals = [item(real, n, "", f"{real}{n}") for real in ("utkface", "coco", "afhq") for n in range(3)]
    fakes = [item("kolors", n, "sdxl", f"k{n}") for n in range(3)]
    forged = [item(source, n, family, f"utkface{n}") for n in range(3)]
    items = [*reals, *fakes, *forged]
    fold_of = assign_folds(items, folds=2, by="repository")
    assert source not in fold_of
    for fold in range(2):
        train, held = split(items, fold_of, fold=fold)
        assert not any(items[n] in forged for n in held)
        taught = any(items[n] in forged for n in train)
        assert taught == (fold_of["utkface"] != fold)


def test_no_scene_of_a_film_is_taught_while_another_frame_of_it_is_held_out() -> None:
    real = [replace(item("film_celebdf_pairs_real", n, "", f"r{n}"), content="films:a") for n in range(3)]
    fakes = [replace(item("film_celebdf_pairs_fake", n, "deep_swap", f"f{n}"), content="films:a") for n in range(3)]
    others = [item("coco", n, "", f"c{n}") for n in range(3)]
    items = [*real, *fakes, *others]
    fold_of = {"film_celebdf_pairs_real": 0, "film_celebdf_pairs_fake": 1, "coco": 2}
    for fold in (0, 1):
        train, _ = split(items, fold_of, fold=fold)
        assert [items[n] for n in train] == others
    assert len(split(items, fold_of, fold=2)[0]) == 6


def test_films_with_their_originals_share_their_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = tmp_path / "image"
    image.mkdir()
    rows = [
        ("film_celebdf_pairs_real", "real", "r"),
        ("film_celebdf_pairs_fake", "fake", "f"),
        ("forged_faces_made", "fake", "r"),
        ("coco", "real", ""),
    ]
    lines = [f"{source}.png,{label},{source},,face,{group}" for source, label, group in rows]
    (image / "manifest.csv").write_text("\n".join(["path,label,source,generator,kind,pair_group", *lines]))
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    monkeypatch.delenv("DATA_EXTRA", raising=False)
    contents = [item.content for item in load_items(taught_only=True)]
    assert contents[0] and contents[:3] == contents[:1] * 3 and contents[3] == ""
    assert len(load_items()) == 3


@pytest.mark.parametrize("name", TAUGHT_ONLY)
def test_every_family_that_only_teaches_has_a_source(name: str) -> None:
    assert name in {row["family"] for row in read_csv(SOURCES_CSV)}


def test_every_source_is_listed_once_with_its_repository() -> None:
    stills, films = read_csv(SOURCES_CSV), read_csv(FILMS_CSV)
    names = [row["source"] for row in stills]
    assert len(names) == len(set(names)) and not set(names) & {row["source"] for row in films}
    for row in films:
        assert repositories()[row["source"]] == row["repository"]
        assert (row["label"] == "real") == (row["family"] == "")
        assert len(row["commit"]) == 40
