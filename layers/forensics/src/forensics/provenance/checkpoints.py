"""Names of model files to generator ids.

`generator_of_checkpoint` gives a base model's id ("sdxl-v1.0", "flux.1-dev") when the file is that model, "<family>:<name>"
for a fine-tune whose name tells its family, else "stable-diffusion:<name>": nearly every unknown checkpoint of these tools
is a fine-tune of Stable Diffusion, and the name is worth more than silence.
"""

from __future__ import annotations

import re
from typing import Final

MAX_NAME_CHARS: Final = 64

# First match wins; patterns meet the name after `normalise_checkpoint`. Sources: the publishers' own file names.
_BASE_MODELS: Final[tuple[tuple[str, str], ...]] = (
    (r"^flux-?2", "flux.2"),
    (r"^flux\.?1?.*kontext", "flux.1-kontext"),
    (r"^flux\.?1?.*schnell", "flux.1-schnell"),
    (r"^flux\.?1?.*fill", "flux.1-fill"),
    (r"^flux\.?1?.*krea", "flux.1-krea-dev"),
    (r"^flux\.?1?.*dev", "flux.1-dev"),
    (r"^flux\.?1?(-|$)", "flux.1"),
    (r"^(sd-?|stable-diffusion-?)3\.?5-?large-turbo", "sd-v3.5-large-turbo"),
    (r"^(sd-?|stable-diffusion-?)3\.?5-?large", "sd-v3.5-large"),
    (r"^(sd-?|stable-diffusion-?)3\.?5-?medium", "sd-v3.5-medium"),
    (r"^(sd-?|stable-diffusion-?)3\.5", "sd-v3.5"),
    (r"^(sd-?|stable-diffusion-?)3(-|$)", "sd-v3"),
    (r"^(sd-?xl|stable-diffusion-xl)-?turbo", "sdxl-turbo"),
    (r"^sd-?xl-?lightning", "sdxl-lightning"),
    (r"^(sd-?xl|stable-diffusion-xl)-?(base|refiner)?-?(v|beta-)?0\.9", "sdxl-v0.9"),
    (r"^(sd-?xl|stable-diffusion-xl)-?(base|refiner)?-?v?1[.-]0", "sdxl-v1.0"),
    (r"^(sd-?xl|stable-diffusion-xl)(-(base|refiner))?$", "sdxl-v1.0"),
    (r"^sd-?turbo", "sd-turbo"),
    (r"^(sd-?|stable-diffusion-?)?v?2[.-]?1([-.](base|768|512|unclip|nonema|ema|fp16|inpaint)|$)", "sd-v2.1"),
    (r"^v?2-1-(768|512)", "sd-v2.1"),
    (r"^(768|512)-(v-|base-|inpainting-|depth-)?ema", "sd-v2.0"),
    (r"^(sd-?|stable-diffusion-?)v?2([.-]0|-base|-inpaint|-depth|$)", "sd-v2.0"),
    (r"^(sd-?|stable-diffusion-?)?v?1[.-]5([-.](pruned|inpaint|ema|fp16|base|nonema)|$)", "sd-v1.5"),
    (r"^sd-?15([-.]|$)", "sd-v1.5"),
    (r"^(sd-?|stable-diffusion-?)?v?1[.-]([1-4])([-.]|$)", "sd-v1.4"),
    (r"^(svd|stable-video-diffusion)-?xt", "svd-xt"),
    (r"^(svd|stable-video-diffusion)", "svd"),
    (r"^(stable-cascade|wuerstchen)", "stable-cascade"),
    (r"^playground-?v?2", "playground-v2"),
    (r"^pixart-?(-|_)?(sigma|alpha)", "pixart"),
    (r"^kolors", "kolors"),
    (r"^hunyuan-?video", "hunyuan-video"),
    (r"^hunyuan-?(dit|image)", "hunyuan-dit"),
    (r"^qwen-?image", "qwen-image"),
    (r"^wan-?2", "wan"),
    (r"^ltx", "ltx-video"),
    (r"^mochi", "mochi"),
    (r"^cogvideo", "cogvideo"),
    (r"^cosmos", "cosmos"),
    (r"^z-?image", "z-image"),
    (r"^hidream", "hidream"),
    (r"^(auraflow|aura-flow)", "auraflow"),
    (r"^lumina", "lumina"),
    (r"^omnigen", "omnigen"),
    (r"^sana(-|$)", "sana"),
    (r"^kandinsky", "kandinsky"),
    (r"^chroma", "chroma"),
)
# A word inside a fine-tune's name that tells its family.
_FAMILIES: Final[tuple[tuple[str, str], ...]] = (
    (r"flux", "flux.1"),
    (r"xl|pony|illustrious|noobai|animagine", "sdxl"),
    (r"sd-?1\.?5|v1-?5", "sd-v1.5"),
    (r"sd-?2|v2-1|wd-1-5", "sd-v2.1"),
    (r"sd-?3", "sd-v3"),
)
_INPAINTING: Final = re.compile(r"inpaint|flux.*fill", re.IGNORECASE)
# Hashes that A1111 prints when it leaves the name out (its short sha256, or the older 8-digit hash).
_HASHES: Final[dict[str, str]] = {
    "6ce0161689": "sd-v1.5",
    "cc6cb27103": "sd-v1.5",
    "e1441589a6": "sd-v1.5",
    "81761151": "sd-v1.5",
    "fe4efff1e1": "sd-v1.4",
    "7460a6fa": "sd-v1.4",
    "ad2a33c361": "sd-v2.1",
    "31e35c80fc": "sdxl-v1.0",
    "7440042bbd": "sdxl-v1.0",
}


def normalise_checkpoint(name: str) -> str:
    """Reduce a checkpoint's path to a short lower-case name: no folder, extension, hash suffix or odd characters."""
    base = re.split(r"[\\/]", name[-512:].strip())[-1]
    base = re.sub(r"\.(safetensors|ckpt|gguf|pt|pth|bin|sft|onnx|model)$", "", base, flags=re.IGNORECASE)
    base = re.sub(r"\s*\[[0-9a-f]{6,64}\]$", "", base, flags=re.IGNORECASE)
    base = re.sub(r"[^a-z0-9.]+", "-", base.lower())
    return base.strip("-.")[:MAX_NAME_CHARS].rstrip("-.")


def generator_of_checkpoint(name: str | None, model_hash: str | None = None) -> str | None:
    """Return the generator id of a checkpoint's file name, or of its hash when the name is missing; None without both."""
    if model_hash and model_hash.lower() in _HASHES:
        return _HASHES[model_hash.lower()]
    short = normalise_checkpoint(name or "")
    if not short:
        return None
    known = base_model(short)
    if known:
        return known
    family = next((family for pattern, family in _FAMILIES if re.search(pattern, short)), "stable-diffusion")
    return f"{family}:{short}"


def base_model(short: str) -> str | None:
    """Return the id of a published base model by its normalised name, None for fine-tunes."""
    return next((generator for pattern, generator in _BASE_MODELS if re.search(pattern, short)), None)


def is_inpainting_checkpoint(name: str) -> bool:
    """Tell whether a model file is made for filling masked parts of a picture."""
    return _INPAINTING.search(name) is not None
