"""Put a real answer of the local API into the README: `python -m examples.readme_answer`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx2

from localcloud.cloud import local_cloud

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "examples" / "media" / "generated_watermarked.png"
BLOCK = re.compile(r"(```json\n).*?(```)", flags=re.S)


def main() -> None:
    with local_cloud(iam=False) as cloud:
        headers = {"Authorization": f"Bearer {cloud.create_key()}"}
        with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=60, trust_env=False) as client:
            files = {"file": (PICTURE.name, PICTURE.read_bytes())}
            client.post(
                "/detect/image", files=files
            ).raise_for_status()  # the cold start's time is not a typical answer's
            answer = client.post("/detect/image", files=files).raise_for_status().json()
    readme = ROOT / "README.md"
    text = json.dumps(answer, indent=2, ensure_ascii=False)
    readme.write_text(
        BLOCK.sub(lambda m: f"{m[1]}{text}\n{m[2]}", readme.read_text(encoding="utf-8"), count=1), encoding="utf-8"
    )
    print(f"{answer['verdict']} in {answer['latency_ms']} ms: written to README.md")


if __name__ == "__main__":
    main()
