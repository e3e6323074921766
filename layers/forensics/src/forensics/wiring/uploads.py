"""The uploads' own use cases over AWS."""

from __future__ import annotations

from forensics.usecases.uploads import CreateUpload, SweepUpload
from forensics.wiring.service import Service


def create_upload(service: Service) -> CreateUpload:
    return CreateUpload(
        rows=service.upload_rows(),
        files=service.upload_files(),
        sweeps=service.purge_queue(),
        clock=service.clock,
        max_bytes=service.settings.max_bytes,
    )


def sweep_upload(service: Service) -> SweepUpload:
    return SweepUpload(service.upload_files(), service.purge_queue())
