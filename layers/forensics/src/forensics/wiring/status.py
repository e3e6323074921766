"""The public status over CloudWatch."""

from __future__ import annotations

from forensics.store.alarms import CloudWatchAlarms
from forensics.usecases.read_status import ReadStatus
from forensics.wiring.service import Service


def read_status(service: Service) -> ReadStatus:
    alarms = service.settings.status_alarms
    return ReadStatus(tuple(alarms), CloudWatchAlarms(service.clients.cloudwatch, alarms), service.clock)
