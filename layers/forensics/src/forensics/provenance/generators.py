"""Names that tools, issuers and credit lines use, to stable generator ids.

Two tables, because the fields differ in what else may stand in them: a C2PA claim that already says "generated" may match
loosely; EXIF Software and XMP CreatorTool of ordinary pictures may only match names that mean nothing else.
"""

from __future__ import annotations

import re
from typing import Final

# Loose: for the agents and issuers of a manifest that says the picture is generated. First match wins.
_C2PA_NAMES: Final[tuple[tuple[str, str], ...]] = (
    (r"dall[^a-z0-9]?e[^a-z0-9]?2", "dall-e-2"),
    (r"dall[^a-z0-9]?e", "dall-e-3"),
    (r"gpt[-_ ]?image[-_ ]?1[.-]5", "gpt-image-1.5"),
    (r"gpt[-_ ]?image[-_ ]?1[-_ ]?mini", "gpt-image-1-mini"),
    (r"gpt[-_ ]?image[-_ ]?2", "gpt-image-2"),
    (r"gpt[-_ ]?image|gpt-?4o", "gpt-image-1"),
    (r"\bsora\b", "sora"),
    (r"firefly", "adobe-firefly"),
    (r"nano[ -]?banana", "google-nano-banana"),
    (r"imagen\b", "google-imagen"),
    (r"\bveo\b", "google-veo"),
    (r"gemini", "google-gemini"),
    (r"bing image creator|image creator", "bing-image-creator"),
    (r"microsoft designer", "microsoft-designer"),
    (r"midjourney", "midjourney"),
    (r"flux|black forest labs", "flux"),
    (r"nova[ -]?canvas", "amazon-nova-canvas"),
    (r"titan[ -]?image", "amazon-titan-image"),
    (r"ideogram", "ideogram"),
    (r"leonardo", "leonardo-ai"),
    (r"recraft", "recraft"),
    (r"grok|\bxai\b", "xai-grok"),
    (r"seedream|jimeng|doubao", "seedream"),
    (r"imagine with meta|meta ai", "meta-ai"),
    (r"sd-?xl|stable diffusion xl", "sdxl"),
    (r"stable[ -]?diffusion", "stable-diffusion"),
    (r"stability|stable image", "stability-ai"),
    (r"eleven ?labs", "elevenlabs"),
    (r"\bsuno\b", "suno"),
    (r"\budio\b", "udio"),
    (r"resemble[ .]ai", "resemble-ai"),
    (r"runway", "runway"),
    (r"\bkling\b", "kling"),
    (r"canva\b", "canva"),
    (r"chatgpt|openai", "openai"),
    (r"google", "google"),
    (r"microsoft", "microsoft"),
    (r"amazon", "amazon"),
)
# Strict: for Software, CreatorTool and Artist of any picture.
_SOFTWARE_NAMES: Final[tuple[tuple[str, str], ...]] = (
    (r"\bmidjourney\b", "midjourney"),
    (r"\bdall[^a-z0-9 ]e\b", "dall-e-3"),
    (r"\b(adobe )?firefly\b", "adobe-firefly"),
    (r"\bgpt-image-1\b", "gpt-image-1"),
    (r"\bnano[ -]banana\b", "google-nano-banana"),
    (r"\bgoogle imagen\b", "google-imagen"),
    (r"\bbing image creator\b", "bing-image-creator"),
    (r"\bflux\.1\b", "flux.1"),
    (r"\bnovelai\b", "novelai"),
    (r"\bcomfyui\b", "comfyui"),
    (r"\binvoke ?ai\b", "stable-diffusion"),
    (r"\bautomatic1111\b|\bstable-diffusion-webui\b|\bfooocus\b|\bdreamstudio\b", "stable-diffusion"),
    (r"\bstable[ -]diffusion[ -]xl\b|\bsdxl\b", "sdxl"),
    (r"\bstable[ -]diffusion\b", "stable-diffusion"),
    (r"\bleonardo\.ai\b", "leonardo-ai"),
    (r"\bideogram( ai)?\b", "ideogram"),
    (r"\bcraiyon\b", "craiyon"),
)


def generator_of_agents(names: tuple[str, ...]) -> str | None:
    """Return the id for a manifest's names, the most telling first (software agents, claim generator, issuer)."""
    matches = (first_match(_C2PA_NAMES, name) for name in names)
    return next((m for m in matches if m), None)


def generator_of_software(name: str) -> str | None:
    """Return the id when a Software-like field is the name of an image generator, else None."""
    return first_match(_SOFTWARE_NAMES, name[:200])


def slug(name: str) -> str | None:
    """Turn an unknown generator's own name ("Acme Imager/2.0 c2pa-rs/0.4") into an id ("acme-imager")."""
    head = re.split(r"/|\sv?\d", name.strip())[0]
    return re.sub(r"[^a-z0-9.]+", "-", head.lower()).strip("-.")[:48] or None


def first_match(table: tuple[tuple[str, str], ...], name: str) -> str | None:
    """Return the id of the first pattern that occurs in a name, whatever its case."""
    lowered = name.lower()
    return next((generator for pattern, generator in table if re.search(pattern, lowered)), None)
