"""Batches over AWS."""

from __future__ import annotations

from forensics.net.again import FetchAgain
from forensics.net.guard import UrlGuard
from forensics.settings import MissingSetting
from forensics.store.batches import DynamoBatches, DynamoJobLines
from forensics.store.queues import SqsQueue
from forensics.usecases.accept_item import AcceptItem
from forensics.usecases.create_batch import CreateBatch
from forensics.usecases.read_batch import CloseBatches, ReadBatch
from forensics.usecases.watch_batch import DissolveBatch, WatchBatch
from forensics.wiring.limits import billing
from forensics.wiring.service import Service


def create_batch(service: Service) -> CreateBatch:
    return CreateBatch(
        rows=batches(service),
        jobs=service.jobs(),
        queue=SqsQueue(service.clients.sqs, _named(service.settings.batch_queue_url, "BATCH_QUEUE_URL")),
        uploads=service.take_upload(),
        finish=service.finish(),
        watch=watch_batch(service),
        billing=billing(service),
        clock=service.clock,
        region=service.settings.region,
        max_bytes=service.settings.max_bytes,
        check_callback=UrlGuard(service.settings.allow_loopback_fetch),
    )


def watch_batch(service: Service) -> WatchBatch:
    rows, jobs = batches(service), service.jobs()
    dissolve = DissolveBatch(rows, jobs, service.finish(), billing(service))
    return WatchBatch(rows, jobs, dissolve, service.abandon_job(), service.purge_queue(), service.clock)


def accept_item(service: Service) -> AcceptItem:
    return AcceptItem(
        jobs=service.jobs(),
        media=service.media(),
        uploads=service.upload_files(),
        fetch=FetchAgain(service.fetch()),
        finish=service.finish(),
        queues={**{m: service.medium_queue(m) for m in ("image", "audio")}, "video": service.executions()},
        max_bytes=service.settings.max_bytes,
    )


def read_batch(service: Service) -> ReadBatch:
    jobs_table = _named(service.settings.jobs_table, "JOBS_TABLE")
    return ReadBatch(batches(service), DynamoJobLines(service.clients.dynamodb, jobs_table))


def close_batches(service: Service) -> CloseBatches:
    return CloseBatches(batches(service))


def batches(service: Service) -> DynamoBatches:
    table = _named(service.settings.batches_table, "BATCHES_TABLE")
    return DynamoBatches(service.clients.dynamodb, table, service.settings.result_ttl_days)


def _named(value: str | None, name: str) -> str:
    if not value:
        raise MissingSetting(f"the environment variable {name} is not set")
    return value
