"""How far each kind of evidence is believed: P(claim), judged by what a forger must do and gains by it.

From `DECISIVE_STRENGTH` (0.9) on a claim decides the verdict alone. Calling one's own picture generated is easy but gains
little, so an intact statement "made by AI" decides; a statement that something is a camera original can be typed into
any file, so it never does.
"""

from __future__ import annotations

from typing import Final

C2PA_TRUSTED: Final = 0.99
C2PA_VALID: Final = 0.97  # signature and hashes hold; the signer is on no trust list
C2PA_LAPSED: Final = 0.95  # only the credential is at fault (expired, revoked): the signed bytes are unchanged
C2PA_TAMPERED: Final = 0.7  # pixels or assertions changed after signing: may be a manifest moved to another picture
PARENT_DISCOUNT: Final = 0.98  # said by the manifest of the picture this one was made from
C2PA_PROCEDURAL: Final = 0.7  # algorithmicMedia: drawn by a formula (gradients, plots), not by a trained model
C2PA_CAPTURED: Final = 0.8  # digitalCapture in an intact manifest without a trust list

WATERMARK: Final = 0.98
DIGITAL_SOURCE_TYPE: Final = 0.95
GENERATION_PARAMETERS: Final = 0.95  # prompt, sampler, seed of a generator: nobody adds them by accident
TOOL_NAME: Final = 0.92  # Software: "Midjourney"
CREDIT_LINE: Final = 0.95  # "Made with Google AI"
AI_LABEL: Final = 0.95  # a label that law demands of generating services: "this is generated"
AI_LABEL_PROBABLE: Final = 0.7  # the same label: "probably generated", put on by whoever passed the file on
AI_POSTPROCESSING: Final = 0.7  # upscaled or restored by a network; the scene may be real
CAMERA_EXIF: Final = 0.3  # typed into any file with one command
