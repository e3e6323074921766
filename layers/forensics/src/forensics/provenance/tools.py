"""Generation parameters that image generators write beside their pictures, whatever carries them.

PNG text chunks, EXIF UserComment and XMP all hold the same few notations. Every notation is one small class: `read` gives
the facts or None when the text is not its own. Prompts are never returned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from forensics.domain.evidence import Claim
from forensics.provenance.checkpoints import generator_of_checkpoint, is_inpainting_checkpoint
from forensics.provenance.comfy import read_graph
from forensics.provenance.strength import AI_POSTPROCESSING, GENERATION_PARAMETERS

Texts = Mapping[str, str]  # PNG keyword, or "exif:UserComment", "xmp:UserComment" ..., to text
Json = Mapping[str, object]

MAX_FIELD_CHARS: Final = 80


@dataclass(frozen=True)
class ToolFacts:
    """What the parameters say: `model` is the checkpoint as written, shortened; `generator` an id of `checkpoints`."""

    tool: str
    generator: str | None
    claim: Claim = Claim.SYNTHETIC
    model: str | None = None
    sampler: str | None = None
    nodes: int | None = None
    strength: float = GENERATION_PARAMETERS


class Notation(Protocol):
    """One tool's way to write its parameters."""

    def read(self, texts: Texts) -> ToolFacts | None: ...


def read_parameters(texts: Texts) -> ToolFacts | None:
    """Return the facts of the first notation that recognises its own, None for ordinary pictures."""
    return next((facts for notation in NOTATIONS if (facts := notation.read(texts)) is not None), None)


class ComfyUi:
    """`prompt` (the executed graph) and `workflow` (the editor's) as JSON; in WebP inside EXIF Make and Model."""

    def read(self, texts: Texts) -> ToolFacts | None:
        for prefix in ("prompt", "workflow"):
            for value in _values(texts, prefix):
                graph = read_graph(_object(value))
                if graph is not None and graph.claim is not None:
                    generators = [generator_of_checkpoint(name) for name in graph.checkpoints]
                    named = sorted(filter(None, generators), key=lambda g: ":" in g)  # base models before fine-tunes
                    model = _short(next(iter(graph.checkpoints), None))
                    generator = next(iter(named), "comfyui") if graph.sampled else None
                    strength = GENERATION_PARAMETERS if graph.sampled else AI_POSTPROCESSING
                    return ToolFacts("ComfyUI", generator, graph.claim, model, graph.sampler, graph.nodes, strength)
        return None


class JsonParameters:
    """JSON of SwarmUI, Fooocus, RuinedFooocus, Draw Things and Easy Diffusion."""

    _KEYS: Final = ("parameters", "xmp:UserComment", "exif:UserComment", "Comment", "jpeg:comment")

    def read(self, texts: Texts) -> ToolFacts | None:
        for key in self._KEYS:
            value = _object(texts.get(key, ""))
            if value is not None and (facts := self._facts(value, texts)) is not None:
                return facts
        return None

    def _facts(self, value: Json, texts: Texts) -> ToolFacts | None:
        swarm = value.get("sui_image_params")
        if isinstance(swarm, Mapping):
            claim = Claim.MANIPULATED if "maskimage" in swarm else Claim.SYNTHETIC
            return _facts("SwarmUI", swarm, "model", "sampler", claim=claim)
        if "fooocus_scheme" in texts or "base_model" in value or str(value.get("software")) == "RuinedFooocus":
            model = "base_model" if "base_model" in value else "base_model_name"
            return _facts("Fooocus", value, model, "sampler") if "prompt" in value or "Prompt" in value else None
        if "uc" in value and "c" in value and "sampler" in value:
            return _facts("Draw Things", value, "model", "sampler")
        if "use_stable_diffusion_model" in value:
            return _facts("Easy Diffusion", value, "use_stable_diffusion_model", "sampler_name")
        return None


class EasyDiffusion:
    """One PNG chunk per setting."""

    _MODEL_KEYS: Final = ("use_stable_diffusion_model", "Stable Diffusion model")

    def read(self, texts: Texts) -> ToolFacts | None:
        key = next((k for k in self._MODEL_KEYS if k in texts), None)
        return None if key is None else _facts("Easy Diffusion", texts, key, "sampler_name")


class InvokeAi:
    """`invokeai_metadata` (3.x on), `sd-metadata` (2.x), `Dream` (1.x)."""

    def read(self, texts: Texts) -> ToolFacts | None:
        current = _object(texts.get("invokeai_metadata", "")) or _object(texts.get("invokeai_graph", ""))
        if current is not None:
            model = current.get("model")
            named = {"model": model.get("model_name") or model.get("name")} if isinstance(model, Mapping) else {}
            mode = str(current.get("generation_mode", ""))
            claim = Claim.MANIPULATED if re.search("inpaint|outpaint", mode) else Claim.SYNTHETIC
            return _facts("InvokeAI", {**current, **named}, "model", "scheduler", claim=claim)
        older = _object(texts.get("sd-metadata", ""))
        if older is not None:
            image = older.get("image")
            details = image if isinstance(image, Mapping) else {}
            claim = Claim.MANIPULATED if details.get("mask") or details.get("mask_image_path") else Claim.SYNTHETIC
            merged = {"model": older.get("model_weights") or older.get("model_id"), "sampler": details.get("sampler")}
            return _facts("InvokeAI", merged, "model", "sampler", claim=claim)
        dream = texts.get("Dream", "")
        if not re.search(r"\s-s\s?\d+\s", dream[-400:]):
            return None
        masked = re.search(r"\s(-M|--init_mask|-tm|--text_mask)\s", dream) is not None
        return ToolFacts("InvokeAI", "stable-diffusion", Claim.MANIPULATED if masked else Claim.SYNTHETIC)


class NovelAi:
    """`Software: NovelAI`, the model's hash in `Source`, settings as JSON in `Comment`."""

    # Hashes as community clients list them; newer series name themselves.
    _SERIES: Final = (
        (r"novelai diffusion furry v(\d)", "novelai-diffusion-furry-v{}"),
        (r"novelai diffusion v(\d(?:\.\d)?)", "novelai-diffusion-v{}"),
        (r"stable diffusion xl (?:4be8c60c|c8704949|37c2b166|9cc2f394)", "novelai-diffusion-furry-v3"),
        (r"stable diffusion xl", "novelai-diffusion-v3"),
        (r"stable diffusion (?:49bfaf6a|f1022d28)", "novelai-diffusion-v2"),
        (r"stable diffusion (?:4cc42576|1d09c008|1d09d794|f64ba557)", "novelai-diffusion-furry"),
        (r"stable diffusion (?:1d44365e|f4d50568|81274d13|3b3287af)", "novelai-diffusion-v1"),
    )

    def read(self, texts: Texts) -> ToolFacts | None:
        if texts.get("Software", "").strip() != "NovelAI" and texts.get("exif:Software", "").strip() != "NovelAI":
            return None
        comment = _object(texts.get("Comment", "")) or {}
        source = texts.get("Source", "")
        mask = "mask" in comment or str(comment.get("request_type", "")).lower().endswith("inpaintrequest")
        claim = Claim.MANIPULATED if mask else Claim.SYNTHETIC
        return ToolFacts("NovelAI", self._generator(source), claim, _short(source), _short(comment.get("sampler")))

    def _generator(self, source: str) -> str:
        for pattern, generator in self._SERIES:
            found = re.search(pattern, source.lower())
            if found:
                return generator.format(*found.groups())
        return "novelai"


class A1111:
    """The "Steps: 20, Sampler: Euler a, …" line of AUTOMATIC1111's web UI and of the many tools that copy it."""

    _KEYS: Final = (
        "parameters",
        "exif:UserComment",
        "xmp:UserComment",
        "exif:ImageDescription",
        "jpeg:comment",
        "Description",
        "Comment",
    )
    _TOOLS: Final = (
        (r"stable-diffusion\.cpp|sd\.cpp", "stable-diffusion.cpp"),
        (r"comfyui", "ComfyUI"),
        (r"fooocus", "Fooocus"),
        (r"sd\.?next", "SD.Next"),
        (r"^f\d|forge|neo", "Stable Diffusion WebUI Forge"),
    )
    _LINE_CHARS: Final = 8192  # settings of one picture; more is not a settings line
    _START: Final = re.compile(r"(?:^|\n)[ \t]{0,8}Steps: \d{1,5},")
    _PAIR: Final = re.compile(r'\s*([A-Z][\w -]{0,40}):\s*("(?:[^"\\]|\\.){0,4000}"|[^,\n]{0,400})(?:,|\n|$)')

    def read(self, texts: Texts) -> ToolFacts | None:
        for key in self._KEYS:
            settings = self._settings(texts.get(key, ""))
            if settings is not None:
                return self._facts(settings)
        return None

    def _settings(self, text: str) -> Texts | None:
        starts = list(self._START.finditer(text))
        if not starts:
            return None
        line = text[starts[-1].start() :].strip()[: self._LINE_CHARS]
        pairs = {k: v.strip('" ') for k, v in self._PAIR.findall(line)}
        return pairs if {"Sampler", "Seed", "CFG scale", "Guidance"} & pairs.keys() else None

    def _facts(self, settings: Texts) -> ToolFacts:
        written = " ".join((settings.get("App", ""), settings.get("Version", ""))).strip().lower()
        tool = next((name for pattern, name in self._TOOLS if re.search(pattern, written)), "Stable Diffusion WebUI")
        model = settings.get("Model") or settings.get("Base Model") or settings.get("Unet") or None
        generator = generator_of_checkpoint(model, settings.get("Model hash"))
        fallback = "stable-diffusion.cpp" if tool == "stable-diffusion.cpp" else "stable-diffusion"
        return ToolFacts(
            tool, generator or fallback, self._claim(settings), _short(model), _short(settings.get("Sampler"))
        )

    def _claim(self, settings: Texts) -> Claim:
        """Image-to-image redraws every pixel; only a mask leaves parts of the original standing."""
        masked = any(k in settings for k in ("Mask blur", "Masked content", "Inpaint area", "Masked area padding"))
        model = settings.get("Model", "")
        from_picture = "Denoising strength" in settings and not any(k.startswith("Hires") for k in settings)
        inpainted = from_picture and (is_inpainting_checkpoint(model) or "Conditional mask weight" in settings)
        return Claim.MANIPULATED if masked or inpainted else Claim.SYNTHETIC


class A1111Extras:
    """`postprocessing` (formerly `extras`): a picture, perhaps a photo, upscaled or restored by a network."""

    def read(self, texts: Texts) -> ToolFacts | None:
        text = texts.get("postprocessing") or texts.get("extras") or ""
        if not re.search(r"upscale|GFPGAN|CodeFormer", text[:2000], re.IGNORECASE):
            return None
        return ToolFacts("Stable Diffusion WebUI", None, Claim.MANIPULATED, strength=AI_POSTPROCESSING)


class Midjourney:
    """`Description` or EXIF ImageDescription ends in "--v 5.2 Job ID: <uuid>"."""

    _JOB: Final = re.compile(r"\bJob ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

    def read(self, texts: Texts) -> ToolFacts | None:
        for key in ("Description", "exif:ImageDescription", "xmp:description"):
            if self._JOB.search(texts.get(key, "")[-2000:]):
                return ToolFacts("Midjourney", "midjourney")
        return None


NOTATIONS: Final[tuple[Notation, ...]] = (
    InvokeAi(),
    NovelAi(),
    JsonParameters(),
    A1111(),
    ComfyUi(),
    EasyDiffusion(),
    A1111Extras(),
    Midjourney(),
)


def _facts(tool: str, fields: Json, model_key: str, sampler_key: str, *, claim: Claim = Claim.SYNTHETIC) -> ToolFacts:
    model = _short(fields.get(model_key))
    generator = generator_of_checkpoint(model) or "stable-diffusion"
    return ToolFacts(tool, generator, claim, model, _short(fields.get(sampler_key)))


def _values(texts: Texts, prefix: str) -> list[str]:
    """Texts under the key itself, or in any EXIF field as ComfyUI's WebP writes them: "prompt:{...}"."""
    inline = [
        v.partition(":")[2]
        for k, v in texts.items()
        if k.startswith("exif:") and v[:9].lower().startswith(prefix + ":")
    ]
    return [texts[k] for k in (prefix, prefix.capitalize()) if k in texts] + inline


def _object(text: str) -> Json | None:
    stripped = text.strip().rstrip("\x00")
    if not stripped.startswith("{"):
        return None
    try:
        # ComfyUI writes NaN, which is not JSON; Python reads it all the same.
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _short(value: object) -> str | None:
    """A named fact as one short printable string; a path is cut to its file name, which may hold a user's name otherwise."""
    if not isinstance(value, str) or not value.strip():
        return None
    base = re.split(r"[\\/]", value.strip())[-1]
    return "".join(c for c in base if c.isprintable())[:MAX_FIELD_CHARS] or None
