"""Copy-synthesis by neural vocoders: which recordings, how many copies of each, what is dropped, and the networks' shapes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyworld", reason="pyworld comes with training/requirements.txt, not with the lock")
pytest.importorskip("ai_edge_litert", reason="ai-edge-litert comes with training/requirements.txt, not with the lock")
pytest.importorskip("torch", reason="torch comes with training/requirements.txt, not with the lock")

import torch

from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from training.audio.data import write_samples
from training.audio.neural_copies import append, copy, draw, parents, plan, resemblance
from training.audio.opus_vocoders import losses
from training.audio.vocoder_nets import HifiGanV3, ParallelWaveGan
from training.audio.vocoders import VOCODERS, Analysis, around, hifigan_input, mel_magnitudes

COLUMNS = ["path", "label", "page", "family", "system", "repo_path", "seconds", "sha256", "content"]


def voice(seconds: float = 2.5) -> Samples:
    """Make a buzz with a moving pitch and pauses: enough for a spectrogram to be recognised."""
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * np.cumsum(150 + 40 * np.sin(2 * np.pi * 1.3 * time)) / SAMPLE_RATE_HZ
    buzz = sum(np.sin(k * phase) / k for k in range(1, 30)) * (np.sin(2 * np.pi * 2 * time) > -0.5)
    return np.asarray(buzz * 0.05 + np.random.default_rng(0).normal(0, 1e-3, time.size), dtype=np.float32)


def row(path: str, page: str = "elsewhere", label: str = "real", seconds: float = 2.5) -> dict[str, str]:
    values = [path, label, page, "real", "", "", f"{seconds}", "ab", "7"]
    return dict(zip(COLUMNS, values, strict=True))


def test_resemblance_tells_a_copy_from_noise_and_reads_the_level() -> None:
    parent = voice()
    same, level = resemblance(parent, parent / 2)
    other, _ = resemblance(parent, np.random.default_rng(1).normal(0, 0.05, parent.size).astype(np.float32))
    assert same > 0.99 and level == pytest.approx(-6.02, abs=0.01)
    assert other < 0.5


def test_a_copy_keeps_its_parents_page_and_content_and_an_unlike_one_is_dropped(tmp_path: Path) -> None:
    write_samples(tmp_path / "real/a.flac", voice())
    rng = np.random.default_rng(0)
    made = copy(row("real/a.flac"), "echo", lambda samples, _: samples * np.float32(0.9), tmp_path, rng)
    assert made is not None and (tmp_path / made["path"]).is_file()
    assert (made["label"], made["system"], made["page"], made["content"]) == ("fake", "copy_echo", "elsewhere", "7")
    assert copy(row("real/a.flac"), "noise", lambda s, r: r.normal(0, 0.05, s.size), tmp_path, rng) is None


def test_only_long_recordings_of_the_train_part_are_copied(tmp_path: Path) -> None:
    rows = [
        row("a"),
        row("b", page="maskgct"),
        row("c", page="flashspeech"),
        row("d", label="fake"),
        row("e", seconds=1),
    ]
    with (tmp_path / "manifest.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    assert [r["path"] for r in parents(tmp_path)] == ["a"]


def test_small_pages_are_drawn_more_often_than_their_size_and_no_clip_twice() -> None:
    rows = [row(f"big{i}", page="big") for i in range(900)] + [row(f"small{i}", page="small") for i in range(100)]
    drawn = draw(rows, 200, np.random.default_rng(0))
    assert len({r["path"] for r in drawn}) == 200
    assert sum(r["page"] == "small" for r in drawn) > 35


def test_a_plan_shares_copies_out_as_listed_and_its_beginning_is_balanced_too() -> None:
    rows = [row(f"{i}") for i in range(500)]
    tasks = plan(rows, 1000, sorted(VOCODERS), np.random.default_rng(0))
    assert abs(len(tasks) - 1000) <= len(VOCODERS) and sum(VOCODERS.values()) == pytest.approx(1)
    assert {name for name, _ in tasks[:200]} == set(VOCODERS)


def test_appending_keeps_what_is_there_and_follows_the_header(tmp_path: Path) -> None:
    table = tmp_path / "copysynth.csv"
    table.write_text("label,path\nfake,old\n")
    append(table, {"path": 'new, "quoted"', "label": "fake"})
    assert table.read_text() == 'label,path\nfake,old\nfake,"new, ""quoted"""\n'


def test_mel_frames_are_samples_over_hop_and_a_tone_lands_in_its_band() -> None:
    analysis = Analysis()
    tone = np.sin(2 * np.pi * 1000 * np.arange(256 * 80) / analysis.rate_hz).astype(np.float32)
    mel = mel_magnitudes(tone, analysis)
    assert mel.shape == (80, 80) and int(mel.sum(axis=1).argmax()) in range(26, 31)
    assert hifigan_input(tone, analysis).dtype == np.float32


def test_a_copier_gives_back_the_clips_rate_and_length() -> None:
    parent = voice()
    synth = around(lambda mel: np.zeros(mel.shape[2] * 256, dtype=np.float32), rate_hz=24000)
    assert abs(synth(parent, np.random.default_rng(0)).size - parent.size) <= 512


def test_generators_make_one_hop_of_samples_a_frame() -> None:
    mel = torch.randn(1, 80, 6)
    with torch.inference_mode():
        assert HifiGanV3()(mel).shape == (1, 1, 6 * 256)
        assert ParallelWaveGan()(mel, torch.randn(1, 1, 6 * 256)).shape == (1, 1, 6 * 256)


def test_packets_are_lost_in_runs_that_a_heard_packet_ends() -> None:
    pattern = losses(230, lost=24)
    runs = "".join(map(str, pattern)).split("0")
    assert max(map(len, runs)) == 24 and 0.85 < sum(pattern[:230]) / 230 < 0.95
    assert pattern[0] == 0 and pattern[229] == 0 and sum(losses(3, lost=24)) == 0
