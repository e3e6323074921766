"""What stands before every route, and the billing of detections, over their tables."""

from __future__ import annotations

from forensics.settings import MissingSetting
from forensics.store.charges import HeldCharges
from forensics.store.counters import DynamoCounters
from forensics.store.faults import passing
from forensics.store.idempotency import DynamoRecords
from forensics.store.secrets import KmsAnswers
from forensics.usecases.billed_detection import BilledDetection
from forensics.usecases.detect_media import DetectMedia
from forensics.usecases.detect_video import DetectVideo
from forensics.usecases.idempotency import Idempotency, ReadJob
from forensics.usecases.limit_calls import Billing, LimitCalls, ReadUsage
from forensics.usecases.rehearse import Rehearse
from forensics.usecases.settle_charges import SettleCharges
from forensics.usecases.settle_jobs import SettleJobs
from forensics.web.limits import Guard
from forensics.wiring.service import Service

Detection = DetectMedia | DetectVideo


def api_guard(
    service: Service, *, read_job: ReadJob | None = None, sealed: bool = False, reads_beside: bool = False
) -> Guard:
    """Return the guard of a function's app.

    With `read_job` what lies with a job is replayed from there and not kept twice; `sealed` is for answers that show a secret,
    `reads_beside` for reads that need not wait until they are counted.
    """
    calls = LimitCalls(counters(service), service.clock)
    table = _named(service.settings.idempotency_table, "IDEMPOTENCY_TABLE")
    records = DynamoRecords(service.clients.dynamodb, table)
    box = None
    if sealed:
        box = KmsAnswers(service.clients.kms, _named(service.settings.answers_key_id, "ANSWERS_KEY_ID"))
    attempts = Idempotency(records, service.clock, service.settings.region, read_job, box)
    return Guard(count=calls, month=calls.month, attempts=attempts, reads_beside=reads_beside, passing=passing)


def call_counter(service: Service) -> Guard:
    """Return the guard of a function that has no effects of its own to repeat."""
    calls = LimitCalls(counters(service), service.clock)
    return Guard(count=calls, month=calls.month, passing=passing)


def read_usage(service: Service) -> ReadUsage:
    return ReadUsage(counters(service), service.clock)


def billed(service: Service, detect: Detection) -> BilledDetection:
    """Return a medium's use case behind its bill."""
    return BilledDetection(detect, detect, billing(service), Rehearse(detect))


def settle_jobs(service: Service) -> SettleJobs:
    return SettleJobs(billing(service))


def settle_charges(service: Service) -> SettleCharges:
    table = _named(service.settings.counters_table, "COUNTERS_TABLE")
    return SettleCharges(HeldCharges(service.clients.dynamodb, table), service.jobs(), billing(service), service.clock)


def billing(service: Service) -> Billing:
    return Billing(counters(service), service.clock)


def counters(service: Service) -> DynamoCounters:
    return DynamoCounters(service.clients.dynamodb, _named(service.settings.counters_table, "COUNTERS_TABLE"))


def _named(value: str | None, name: str) -> str:
    if not value:
        raise MissingSetting(f"the environment variable {name} is not set")
    return value
