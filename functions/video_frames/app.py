"""One chunk of a video: its frames, looked at by the image model and for their faces."""

from __future__ import annotations

from forensics.settings import ModelSettings
from forensics.usecases.video_tasks import FramesTask
from forensics.wiring.service import Service
from forensics.wiring.video import face_watch, frame_detector
from functions.working import task_handler

service = Service.from_env()
models = ModelSettings.from_env()
handler = task_handler(FramesTask(service.media(), service.work_files(), frame_detector(models), face_watch(models)))
