"""The first task of a video's job: what the file is, which frames are looked at, and in which chunks."""

from __future__ import annotations

from forensics.usecases.video_tasks import PlanTask
from forensics.wiring.service import Service
from functions.working import task_handler

service = Service.from_env()
limits = service.settings
handler = task_handler(
    PlanTask(
        service.jobs(),
        service.media(),
        service.work_files(),
        max_seconds=limits.max_video_seconds,
        max_bytes=limits.max_bytes["video"],
        frames_per_chunk=limits.video_frames_per_chunk,
    )
)
