"""The audit, the holds and the sweeper over AWS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from forensics.domain.events import RowChange
from forensics.settings import MissingSetting, PrivacySettings
from forensics.store.audit import DynamoAudit
from forensics.store.clients import AwsClients
from forensics.store.holds import HoldSchedules
from forensics.store.objects import S3Objects
from forensics.store.stacks import StackNotFound, stack_outputs
from forensics.usecases.audit import KeepAudit, ReadAudit
from forensics.usecases.holds import KeepHolds
from forensics.usecases.sweep import SweepOrphans
from forensics.wiring.service import Service

__all__ = ["StackNotFound", "keep_books", "read_audit", "sweep_orphans"]


def keep_books(service: Service, settings: PrivacySettings) -> Callable[[Sequence[RowChange]], None]:
    """Return what sets the ends of holds and writes the audit from the job table's stream."""
    queue = _named(settings.purge_queue_arn, "PURGE_QUEUE_ARN")
    role = _named(settings.hold_schedule_role, "HOLD_SCHEDULE_ROLE")
    holds = KeepHolds(HoldSchedules(service.clients.scheduler, queue, role), settings.region)
    audit = KeepAudit(_audit(service, settings), settings.region)

    def keep(changes: Sequence[RowChange]) -> None:
        holds(changes)
        audit(changes)

    return keep


def sweep_orphans(service: Service, settings: PrivacySettings) -> SweepOrphans:
    return SweepOrphans(
        objects=S3Objects(service.clients.s3, _named(service.settings.media_bucket, "MEDIA_BUCKET")),
        jobs=service.jobs(),
        media=service.media(),
        abandon=service.abandon_job(),
        audit=_audit(service, settings),
        clock=service.clock,
        function=service.settings.function,
        making=timedelta(seconds=settings.sweep_after_s),
    )


def read_audit(*, stack: str) -> ReadAudit:
    """Return the administrator's view of the stack's audit; raises StackNotFound."""
    return ReadAudit(DynamoAudit(AwsClients().dynamodb, stack_outputs(stack)["AuditTableName"]))


def _audit(service: Service, settings: PrivacySettings) -> DynamoAudit:
    return DynamoAudit(service.clients.dynamodb, _named(settings.audit_table, "AUDIT_TABLE"))


def _named(value: str | None, name: str) -> str:
    if not value:
        raise MissingSetting(f"the environment variable {name} is not set")
    return value
