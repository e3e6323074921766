"""The use cases over AWS, built once at a function's cold start; nothing here imports pixels or models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from forensics.domain.video import VideoModel
from forensics.net.fetch import GuardedFetch
from forensics.net.guard import UrlGuard
from forensics.settings import MissingSetting, ServiceSettings
from forensics.store.clients import AwsClients
from forensics.store.executions import Executions
from forensics.store.functions import LambdaInvoker
from forensics.store.job_list import DynamoJobList
from forensics.store.jobs import DynamoJobs
from forensics.store.keys import DynamoKeys
from forensics.store.media import S3Media
from forensics.store.queues import SqsQueue
from forensics.store.uploads import DynamoUploads, S3Uploads
from forensics.usecases.abandon_job import AbandonJob
from forensics.usecases.authorize import Authorize
from forensics.usecases.delete_job import DeleteJob
from forensics.usecases.detect_media import DetectMedia
from forensics.usecases.detect_video import DetectVideo
from forensics.usecases.erase_files import EraseFiles
from forensics.usecases.finish_job import FinishJob
from forensics.usecases.finish_video import FailTask, JoinTask, VideoExplainer
from forensics.usecases.forward import ChooseFunction
from forensics.usecases.get_job import GetJob
from forensics.usecases.leave_feedback import LeaveFeedback
from forensics.usecases.list_jobs import ListJobs
from forensics.usecases.ports import Analyser, Clock, FilmProvenanceReader
from forensics.usecases.process_job import ProcessJob
from forensics.usecases.purge_media import PurgeMedia
from forensics.usecases.uploads import TakeUpload
from forensics.usecases.work_files import WorkFiles


@dataclass(frozen=True)
class Service:
    """Builds each use case from one set of settings and clients; a function takes only those it serves."""

    settings: ServiceSettings
    clients: AwsClients
    clock: Clock

    @classmethod
    def from_env(cls) -> Service:
        return cls(ServiceSettings.from_env(), AwsClients(), Clock())

    def authorize(self) -> Authorize:
        return Authorize(DynamoKeys(self.clients.dynamodb, _named(self.settings.keys_table, "KEYS_TABLE")))

    def detect_media(self, medium: str, analyse: Analyser) -> DetectMedia:
        return DetectMedia(
            medium=medium,
            analyse=analyse,
            finish=self.finish(),
            jobs=self.jobs(),
            media=self.media(),
            queue=self.medium_queue(medium),
            fetch=self.fetch(),
            check_callback=UrlGuard(self.settings.allow_loopback_fetch),
            uploads=self.take_upload(),
            clock=self.clock,
            region=self.settings.region,
            max_bytes=self.settings.max_bytes[medium],
        )

    def detect_video(self, estimate_s: Callable[[bytes], float]) -> DetectVideo:
        return DetectVideo(
            medium="video",
            estimate_s=estimate_s,
            read=self.get_job(),
            finish=self.finish(),
            jobs=self.jobs(),
            media=self.media(),
            queue=self.executions(),
            fetch=self.fetch(),
            check_callback=UrlGuard(self.settings.allow_loopback_fetch),
            uploads=self.take_upload(),
            clock=self.clock,
            region=self.settings.region,
            max_bytes=self.settings.max_bytes["video"],
        )

    def join_video(self, read_provenance: FilmProvenanceReader, model: VideoModel, explain: VideoExplainer) -> JoinTask:
        return JoinTask(self.jobs(), self.media(), self.work_files(), self.finish(), read_provenance, model, explain)

    def work_files(self) -> WorkFiles:
        return WorkFiles(self.media())

    def fail_job(self) -> FailTask:
        return FailTask(self.jobs(), self.finish())

    def process_job(self, analyse: Analyser) -> ProcessJob:
        return ProcessJob(analyse=analyse, finish=self.finish(), jobs=self.jobs(), media=self.media())

    def choose_function(self) -> ChooseFunction:
        return ChooseFunction(self.settings.detect_functions, self.fetch().head, self.take_upload())

    def take_upload(self) -> TakeUpload:
        return TakeUpload(self.upload_rows(), self.upload_files())

    def upload_rows(self) -> DynamoUploads:
        return DynamoUploads(self.clients.dynamodb, _named(self.settings.uploads_table, "UPLOADS_TABLE"))

    def upload_files(self) -> S3Uploads:
        return S3Uploads(self.clients.s3, _named(self.settings.media_bucket, "MEDIA_BUCKET"))

    def invoker(self) -> LambdaInvoker:
        return LambdaInvoker(self.clients.lambda_)

    def get_job(self) -> GetJob:
        return GetJob(self.jobs(), self.media())

    def list_jobs(self) -> ListJobs:
        return ListJobs(DynamoJobList(self.clients.dynamodb, _named(self.settings.jobs_table, "JOBS_TABLE")))

    def leave_feedback(self) -> LeaveFeedback:
        return LeaveFeedback(self.jobs(), self.clock)

    def delete_job(self) -> DeleteJob:
        return DeleteJob(self.jobs(), self.erase_files(), self.purge_queue(), self.executions())

    def erase_files(self) -> EraseFiles:
        return EraseFiles(self.jobs(), self.media(), self.clock)

    def purge_media(self) -> PurgeMedia:
        return PurgeMedia(self.jobs(), self.media(), self.clock)

    def abandon_job(self) -> AbandonJob:
        return AbandonJob(self.finish(), self.jobs())

    def finish(self) -> FinishJob:
        return FinishJob(self.jobs(), self.media(), self.purge_queue(), self.clock)

    def jobs(self) -> DynamoJobs:
        table = _named(self.settings.jobs_table, "JOBS_TABLE")
        return DynamoJobs(
            self.clients.dynamodb, table, ttl_days=self.settings.result_ttl_days, writer=self.settings.function
        )

    def media(self) -> S3Media:
        return S3Media(self.clients.s3, _named(self.settings.media_bucket, "MEDIA_BUCKET"))

    def purge_queue(self) -> SqsQueue:
        return SqsQueue(self.clients.sqs, _named(self.settings.purge_queue_url, "PURGE_QUEUE_URL"))

    def executions(self) -> Executions:
        machine = _named(self.settings.video_state_machine, "VIDEO_STATE_MACHINE")
        return Executions(self.clients.stepfunctions, machine)

    def medium_queue(self, medium: str) -> SqsQueue:
        return SqsQueue(self.clients.sqs, _named(self.settings.queue_urls.get(medium), f"{medium.upper()}_QUEUE_URL"))

    def fetch(self) -> GuardedFetch:
        return GuardedFetch(allow_loopback=self.settings.allow_loopback_fetch)


def _named(value: str | None, name: str) -> str:
    if not value:
        raise MissingSetting(f"the environment variable {name} is not set")
    return value
