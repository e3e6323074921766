"""Forged faces made of real ones, so that the forging alone tells them apart; everything is drawn from one generator.

`self_blend` follows Shiohara & Yamasaki 2022 (Self-Blended Images): a face pasted onto itself, colours, sharpness and place
slightly off. `swap` pastes another person's face, warped point to point and matched in colour, reduced to what a swapping network
would have drawn. `reenact` moves a person's own lips, eyes and brows. All take uint8 (h, w, 3) and a mesh (468, 2) of
training.face.mesh.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.face.mesh import (
    ANCHORS,
    BROWS,
    JAW,
    LEFT_EYE,
    LIPS,
    LOWER_LIP,
    NOSE,
    OVAL,
    POINTS,
    RIGHT_EYE,
    UPPER_LIP,
)

GRID = 20  # cells a side of the coarse field that warps are computed on
SHARES = (0.4, 0.6, 0.8, 1.0, 1.0, 1.0)  # how much of the pasted face shows
COVERS = ("oval", "brows", "inner", "lower", "eyes", "lips")

Rgb = NDArray[np.uint8]
Points = NDArray[np.float64]
Mask = NDArray[np.float32]


def self_blend(rgb: Rgb, mesh: Points, rng: np.random.Generator) -> tuple[Rgb, Rgb]:
    """Return (real, fake): one of both sides was restyled first, so restyling tells nothing by itself."""
    restyled = restyle(rgb, rng)
    source, target = (restyled, rgb) if rng.random() < 0.5 else (rgb, restyled)
    mask = soften(cover(rgb.shape[:2], mesh, rng), mesh, rng)
    source, mask = _shifted(source, mask, mesh, rng)
    if rng.random() < 0.35:
        source = limited(source, mesh, rng)
    return target, blend(target, source, mask)


def swap(rgb: Rgb, mesh: Points, other: Rgb, other_mesh: Points, rng: np.random.Generator) -> Rgb:
    """Return `rgb` with the face of `other`, its features moved to where the mesh has them."""
    hold = list(ANCHORS)
    pasted = warp(other, other_mesh[hold], mesh[hold], rgb.shape[:2], smoothness=rng.uniform(0.08, 0.2))
    mask = soften(cover(rgb.shape[:2], mesh, rng, covers=("oval", "brows", "inner")), mesh, rng)
    pasted = match_colours(pasted, rgb, mask, strength=rng.uniform(0.6, 1.0))
    if rng.random() < 0.6:
        pasted = limited(pasted, mesh, rng)
    if rng.random() < 0.25:
        return _poisson(rgb, pasted, mask)
    return blend(rgb, pasted, mask)


def reenact(rgb: Rgb, mesh: Points, rng: np.random.Generator) -> Rgb:
    """Return `rgb` with another expression: mouth, eyes and brows warped, redrawn more softly, pasted back."""
    moved = expression(mesh, rng)
    hold = list(ANCHORS)
    source = warp(rgb, mesh[hold], moved[hold], rgb.shape[:2], smoothness=0.06)
    if rng.random() < 0.8:
        source = limited(source, mesh, rng)
    if rng.random() < 0.5:
        source = restyle(source, rng, strength=0.5)
    mask = soften(cover(rgb.shape[:2], moved, rng, covers=("oval", "brows", "lower", "lips")), mesh, rng)
    return blend(rgb, source, mask)


def expression(mesh: Points, rng: np.random.Generator) -> Points:
    """Return the mesh with lips, corners of the mouth, lids and brows moved by some per cent of the eyes' distance."""
    moved, unit = mesh.copy(), _unit(mesh)
    down = _down(mesh)
    opening = rng.uniform(-0.02, 0.22)
    moved[list(LOWER_LIP)] += down * unit * opening
    moved[list(UPPER_LIP)] -= down * unit * opening * 0.2
    moved[list(JAW[8:15])] += down * unit * opening * 0.5
    moved[[LIPS[0], LIPS[6]]] += down * unit * rng.uniform(-0.1, 0.06)
    moved[list(BROWS)] += down * unit * rng.uniform(-0.1, 0.05)
    for eye in (LEFT_EYE, RIGHT_EYE):
        middle = moved[list(eye)].mean(axis=0)
        moved[list(eye)] = middle + (moved[list(eye)] - middle) * (1.0, rng.uniform(0.6, 1.15))
    return moved


def restyle(rgb: Rgb, rng: np.random.Generator, *, strength: float = 1.0) -> Rgb:
    """Return the picture with slightly other colours, brightness, contrast and sharpness."""
    values = rgb.astype(np.float32)
    values += rng.uniform(-16, 16, 3).astype(np.float32) * strength
    hsv = _floats(cv2.cvtColor(np.clip(values, 0, 255) / np.float32(255), cv2.COLOR_RGB2HSV))
    hsv[..., 1] *= 1 + rng.uniform(-0.25, 0.25) * strength
    hsv[..., 2] *= 1 + rng.uniform(-0.15, 0.15) * strength
    values = _floats(cv2.cvtColor(np.clip(hsv, 0, (360, 1, 1)).astype(np.float32), cv2.COLOR_HSV2RGB)) * 255
    middle = values.mean()
    values = (values - middle) * (1 + rng.uniform(-0.15, 0.15) * strength) + middle
    if rng.random() < 0.5:
        small = rng.uniform(0.35, 0.9)
        size = (max(8, round(rgb.shape[1] * small)), max(8, round(rgb.shape[0] * small)))
        reduced = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
        values = _floats(cv2.resize(reduced, rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC))
    else:
        soft = _floats(cv2.GaussianBlur(values, (0, 0), 1.5))
        values = values + (values - soft) * rng.uniform(0.2, 0.9) * strength
    return np.clip(values, 0, 255).astype(np.uint8)


def limited(rgb: Rgb, mesh: Points, rng: np.random.Generator) -> Rgb:
    """Return the picture as a network of few pixels would draw its face: reduced until the face has 64 to 200, and back."""
    face = float(np.ptp(mesh[:, 1]))
    scale = min(0.95, np.exp(rng.uniform(np.log(64), np.log(200))) / max(face, 1.0))
    size = (max(8, round(rgb.shape[1] * scale)), max(8, round(rgb.shape[0] * scale)))
    back = (cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_LANCZOS4)[int(rng.integers(3))]
    drawn = cv2.resize(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), rgb.shape[1::-1], interpolation=back)
    return np.asarray(drawn, dtype=np.uint8)


def match_colours(rgb: Rgb, like: Rgb, mask: Mask, *, strength: float) -> Rgb:
    """Return `rgb` with means and deviations of Lab brought to those of `like` under the mask (Reinhard et al. 2001)."""
    inside = mask > 0.5
    if not inside.any():
        return rgb
    mine, theirs = (
        _floats(cv2.cvtColor(p.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab)) for p in (rgb, like)
    )
    mean, deviation = mine[inside].mean(axis=0), mine[inside].std(axis=0) + 1e-3
    wanted = (mine - mean) / deviation * theirs[inside].std(axis=0) + theirs[inside].mean(axis=0)
    mixed = (mine + strength * (wanted - mine)).astype(np.float32)
    return np.clip(_floats(cv2.cvtColor(mixed, cv2.COLOR_Lab2RGB)) * 255, 0, 255).astype(np.uint8)


def cover(shape: Sequence[int], mesh: Points, rng: np.random.Generator, *, covers: Sequence[str] = COVERS) -> Mask:
    """Return which pixels are pasted, 0 or 1 float32 (h, w): the hull of one part of the face."""
    weights = np.array([{"oval": 3.0, "brows": 3.0, "inner": 2.0}.get(name, 1.0) for name in covers])
    name = covers[int(rng.choice(len(covers), p=weights / weights.sum()))]
    parts = {
        "oval": OVAL,
        "brows": (*JAW, *BROWS),
        "inner": (*BROWS, *LIPS, *LEFT_EYE, *RIGHT_EYE, 50, 280, 152),
        "lower": (*JAW, *NOSE[4:]),
        "eyes": (*BROWS, *LEFT_EYE, *RIGHT_EYE, *NOSE[:2]),
        "lips": (*LIPS, 2, 98, 327, 200, 50, 280),
    }
    unit = _unit(mesh)
    points = mesh[list(parts[name])] + rng.normal(0, 0.02 * unit, (len(parts[name]), 2))
    middle = points.mean(axis=0)
    points = middle + (points - middle) * rng.uniform(0.88, 1.08)
    mask = np.zeros(tuple(shape), dtype=np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(points.round().astype(np.int32)), 1.0)
    return mask


def soften(mask: Mask, mesh: Points, rng: np.random.Generator) -> Mask:
    """Return the mask with a wavy, blurred edge inside its old one, and perhaps less than full strength."""
    unit = _unit(mesh)
    field = cv2.resize(
        rng.normal(0, 0.06 * unit, (6, 6, 2)).astype(np.float32), mask.shape[::-1], interpolation=cv2.INTER_CUBIC
    )
    grid = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in mask.shape[::-1])), axis=-1)
    wavy = _at(mask, grid + field, cv2.INTER_LINEAR)
    wide = max(0.8, unit * float(np.exp(rng.uniform(np.log(0.03), np.log(0.22)))))
    soft = cv2.GaussianBlur(wavy, (0, 0), wide)
    inner = np.clip((soft - 0.5) * 2, 0, 1) if rng.random() < 0.5 else soft
    return np.asarray(inner * SHARES[int(rng.integers(len(SHARES)))], dtype=np.float32)


def blend(target: Rgb, source: Rgb, mask: Mask) -> Rgb:
    """Return source over target, mask float32 (h, w) in 0..1."""
    mixed = target + (source.astype(np.float32) - target) * mask[..., None]
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def warp(rgb: Rgb, points: Points, places: Points, shape: Sequence[int], *, smoothness: float) -> Rgb:
    """Return `rgb` on a canvas of `shape` with `points` (n, 2) moved to `places` (n, 2): affine, then the rest by weighted means.

    `smoothness` is the reach of a point in units of the places' spread.
    """
    homogeneous = np.c_[places, np.ones(len(places))]
    affine, *_ = np.linalg.lstsq(homogeneous, points, rcond=None)
    rest = points - homogeneous @ affine
    xs, ys = (np.linspace(0, n - 1, GRID) for n in (shape[1], shape[0]))
    cells = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    reach = smoothness * float(np.ptp(places, axis=0).max())
    near = np.exp(-((cells[:, None] - places[None]) ** 2).sum(-1) / (2 * reach**2))
    moved = (near @ rest) / (near.sum(axis=1, keepdims=True) + 0.05)
    field = (np.c_[cells, np.ones(len(cells))] @ affine + moved).reshape(GRID, GRID, 2)
    full = _enlarged(field.astype(np.float32), shape)
    places_of = full[..., 0], full[..., 1]
    return np.asarray(cv2.remap(rgb, *places_of, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)


def _enlarged(field: NDArray[np.float32], shape: Sequence[int]) -> NDArray[np.float32]:
    """Return the coarse field at every pixel; its first and last cells lie on the first and last pixels."""
    xs, ys = (np.linspace(0, GRID - 1, n, dtype=np.float32) for n in (shape[1], shape[0]))
    at = np.stack(np.meshgrid(xs, ys), axis=-1)
    return _at(field, at, cv2.INTER_LINEAR)


def _at(values: NDArray[np.float32], places: NDArray[np.floating], interpolation: int) -> NDArray[np.float32]:
    """Return the values (h, w, ...) at places (h, w, 2), x and y in pixels."""
    x, y = (np.ascontiguousarray(places[..., n], dtype=np.float32) for n in (0, 1))
    return _floats(cv2.remap(values, x, y, interpolation))


def _floats(values: NDArray[Any]) -> NDArray[np.float32]:
    """OpenCV says of nothing what type it is."""
    return np.asarray(values, dtype=np.float32)


def _shifted(source: Rgb, mask: Mask, mesh: Points, rng: np.random.Generator) -> tuple[Rgb, Mask]:
    """Move and scale the pasted face a little, its mask with it."""
    unit, middle = _unit(mesh), mesh.mean(axis=0)
    scale = rng.uniform(0.96, 1 / 0.96)
    shift = middle - scale * middle + rng.uniform(-0.08, 0.08, 2) * unit
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    size = mask.shape[::-1]
    moved = cv2.warpAffine(source, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.uint8), np.asarray(cv2.warpAffine(mask, matrix, size), dtype=np.float32)


def _poisson(target: Rgb, source: Rgb, mask: Mask) -> Rgb:
    solid = (mask > 0.3).astype(np.uint8) * 255
    solid[[0, 1, -2, -1]] = 0
    solid[:, [0, 1, -2, -1]] = 0
    x, y, w, h = cv2.boundingRect(solid)
    if min(w, h) < 8:
        return blend(target, source, mask)
    return np.asarray(
        cv2.seamlessClone(source, target, solid, (x + w // 2, y + h // 2), cv2.NORMAL_CLONE), dtype=np.uint8
    )


def _unit(mesh: Points) -> float:
    """Return the distance of the eyes, which every length here is measured in."""
    if mesh.shape != (POINTS, 2):
        raise ValueError(f"a mesh is ({POINTS}, 2), this is {mesh.shape}")
    return float(np.linalg.norm(mesh[list(LEFT_EYE)].mean(axis=0) - mesh[list(RIGHT_EYE)].mean(axis=0)))


def _down(mesh: Points) -> Points:
    axis = mesh[152] - mesh[10]  # from the hairline to the chin
    return np.asarray(axis / max(float(np.linalg.norm(axis)), 1e-6))
