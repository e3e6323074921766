"""The sound of a video, heard by the audio model."""

from __future__ import annotations

from forensics.settings import ModelSettings
from forensics.usecases.video_tasks import SoundTask
from forensics.wiring.service import Service
from forensics.wiring.video import lip_reader, sound_detector
from functions.working import task_handler

service = Service.from_env()
settings = ModelSettings.from_env()
handler = task_handler(
    SoundTask(
        service.media(),
        service.work_files(),
        sound_detector(settings),
        max_seconds=service.settings.max_video_seconds,
        voice_reader=lip_reader(settings),
    )
)
