"""The last task of a video's job: everything found becomes one verdict, and the job ends."""

from __future__ import annotations

from forensics.provenance.film import read_film_provenance
from forensics.settings import ModelSettings
from forensics.usecases.explain_video import video_artifacts
from forensics.usecases.video_model import read_video_model
from forensics.wiring.service import Service
from functions.working import task_handler

service = Service.from_env()
model = read_video_model(ModelSettings.from_env().models_dir)
handler = task_handler(service.join_video(read_film_provenance, model, video_artifacts))
