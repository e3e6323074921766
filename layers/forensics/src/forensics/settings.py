"""The only place that touches the environment: typed, read once by each entry point, loud when something needed is missing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


def refuse_telemetry() -> None:
    """Tell onnxruntime, before it is imported, to send nothing: its builds for Linux report sessions and models since 1.29."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def _checkout() -> Path:
    """The repository, when the package is used from its source tree; in an image MODELS_DIR says where the models are."""
    return Path(__file__).resolve().parents[4]


def _cache_home(env: Mapping[str, str]) -> Path:
    return Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deepfake-detector"


@dataclass(frozen=True)
class ModelSettings:
    """Where the models are and how many threads one session may use."""

    models_dir: Path
    encoders_dir: Path
    threads: int

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> ModelSettings:
        env = os.environ if env is None else env
        return cls(
            models_dir=Path(env.get("MODELS_DIR") or _checkout() / "models"),
            encoders_dir=Path(env.get("ENCODERS_DIR") or _cache_home(env) / "encoders"),
            threads=int(env.get("ORT_THREADS") or 1),
        )


class MissingSetting(RuntimeError):
    """A function was started without a setting it cannot do without."""


def _need(env: Mapping[str, str], name: str) -> str:
    value = env.get(name)
    if not value:
        raise MissingSetting(f"the environment variable {name} is not set")
    return value


def _grouped(text: str) -> dict[str, list[str]]:
    """Read `part=name,part=name`; a part may come more than once."""
    found: dict[str, list[str]] = {}
    for pair in filter(None, text.split(",")):
        part, _, name = pair.partition("=")
        found.setdefault(part, []).append(name)
    return found


@dataclass(frozen=True)
class ServiceSettings:
    """What the deployed functions know of their stack: names of AWS resources and limits, no secrets.

    Each function is given only the names it uses; the wiring raises MissingSetting for one that a use case needs.
    """

    region: str
    jobs_table: str | None = None
    keys_table: str | None = None
    counters_table: str | None = None
    idempotency_table: str | None = None
    answers_key_id: str | None = None  # seals answers that show a secret
    uploads_table: str | None = None
    batches_table: str | None = None
    media_bucket: str | None = None
    queue_urls: Mapping[str, str] = field(default_factory=dict)  # media type -> queue of its asynchronous jobs
    batch_queue_url: str | None = None
    purge_queue_url: str | None = None
    video_state_machine: str | None = None  # ARN
    detect_functions: Mapping[str, str] = field(default_factory=dict)  # media type -> function name
    allow_loopback_fetch: bool = False
    max_bytes: Mapping[str, int] = field(default_factory=dict)  # media type -> largest file
    max_image_pixels: int = 100_000_000
    max_audio_seconds: int = 3600
    max_video_seconds: int = 1800
    video_frames_per_chunk: int = 8
    result_ttl_days: int = 30
    function: str = ""  # the name of the function itself, as Lambda tells it
    status_alarms: Mapping[str, Sequence[str]] = field(default_factory=dict)  # part of the installation -> its alarms

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> ServiceSettings:
        env = os.environ if env is None else env
        functions = {
            "image": env.get("DETECT_IMAGE_FUNCTION", ""),
            "audio": env.get("DETECT_AUDIO_FUNCTION", ""),
            "video": env.get("DETECT_VIDEO_FUNCTION", ""),
        }
        queues = {"image": env.get("IMAGE_QUEUE_URL", ""), "audio": env.get("AUDIO_QUEUE_URL", "")}
        return cls(
            region=env.get("AWS_REGION") or _need(env, "AWS_DEFAULT_REGION"),
            jobs_table=env.get("JOBS_TABLE"),
            keys_table=env.get("KEYS_TABLE"),
            counters_table=env.get("COUNTERS_TABLE"),
            idempotency_table=env.get("IDEMPOTENCY_TABLE"),
            answers_key_id=env.get("ANSWERS_KEY_ID"),
            uploads_table=env.get("UPLOADS_TABLE"),
            batches_table=env.get("BATCHES_TABLE"),
            media_bucket=env.get("MEDIA_BUCKET"),
            queue_urls={k: v for k, v in queues.items() if v},
            batch_queue_url=env.get("BATCH_QUEUE_URL"),
            purge_queue_url=env.get("PURGE_QUEUE_URL"),
            video_state_machine=env.get("VIDEO_STATE_MACHINE"),
            detect_functions={k: v for k, v in functions.items() if v},
            allow_loopback_fetch=env.get("ALLOW_LOOPBACK_FETCH", "false") == "true",
            max_bytes={
                "image": int(env.get("MAX_IMAGE_BYTES") or 50_000_000),
                "audio": int(env.get("MAX_AUDIO_BYTES") or 100_000_000),
                "video": int(env.get("MAX_VIDEO_BYTES") or 500_000_000),
            },
            max_audio_seconds=int(env.get("MAX_AUDIO_SECONDS") or 3600),
            max_video_seconds=int(env.get("MAX_VIDEO_SECONDS") or 1800),
            video_frames_per_chunk=int(env.get("VIDEO_FRAMES_PER_CHUNK") or 8),
            max_image_pixels=int(env.get("MAX_IMAGE_PIXELS") or 100_000_000),
            result_ttl_days=int(env.get("RESULT_TTL_DAYS") or 30),
            function=env.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            status_alarms=_grouped(env.get("STATUS_ALARMS", "")),
        )


@dataclass(frozen=True)
class WebhookSettings:
    """What the functions of events and webhooks know; each is given only the names it uses."""

    region: str
    event_bus: str | None = None
    jobs_table: str | None = None
    table: str | None = None
    queue_url: str | None = None
    queue_arn: str | None = None
    schedule_role: str | None = None  # ARN: what the scheduler sends late messages as
    key_id: str | None = None  # seals the signing secrets
    allow_loopback: bool = False
    timeout_s: float = 15.0  # of one attempt
    time_scale: float = 1.0  # of the schedule of retries; tests alone shrink it
    ttl_days: int = 30

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> WebhookSettings:
        env = os.environ if env is None else env
        return cls(
            region=env.get("AWS_REGION") or _need(env, "AWS_DEFAULT_REGION"),
            event_bus=env.get("EVENT_BUS"),
            jobs_table=env.get("JOBS_TABLE"),
            table=env.get("WEBHOOKS_TABLE"),
            queue_url=env.get("WEBHOOK_QUEUE_URL"),
            queue_arn=env.get("WEBHOOK_QUEUE_ARN"),
            schedule_role=env.get("WEBHOOK_SCHEDULE_ROLE"),
            key_id=env.get("WEBHOOK_KEY_ID"),
            allow_loopback=env.get("ALLOW_LOOPBACK_FETCH", "false") == "true",
            timeout_s=float(env.get("WEBHOOK_TIMEOUT_SECONDS") or 15),
            time_scale=float(env.get("WEBHOOK_TIME_SCALE") or 1),
            ttl_days=int(env.get("RESULT_TTL_DAYS") or 30),
        )


@dataclass(frozen=True)
class PrivacySettings:
    """What the audit, the holds and the sweeper know; each function is given only the names it uses."""

    region: str
    audit_table: str | None = None
    purge_queue_arn: str | None = None
    hold_schedule_role: str | None = None  # ARN: what the scheduler ends holds as
    sweep_after_s: int = 1800  # how old an object without a job may be

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> PrivacySettings:
        env = os.environ if env is None else env
        return cls(
            region=env.get("AWS_REGION") or _need(env, "AWS_DEFAULT_REGION"),
            audit_table=env.get("AUDIT_TABLE"),
            purge_queue_arn=env.get("PURGE_QUEUE_ARN"),
            hold_schedule_role=env.get("HOLD_SCHEDULE_ROLE"),
            sweep_after_s=int(env.get("SWEEP_AFTER_SECONDS") or 1800),
        )


@dataclass(frozen=True)
class IntakeSettings:
    """What the intake alone knows."""

    queue_url: str | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> IntakeSettings:
        env = os.environ if env is None else env
        return cls(queue_url=env.get("INTAKE_QUEUE_URL"))
