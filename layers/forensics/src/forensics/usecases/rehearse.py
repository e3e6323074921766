"""Detection for test keys: validated, fetched and stored like any other, answered from a script."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.domain.errors import DetectorError, InternalError, MediaError
from forensics.domain.job import DetectRequest
from forensics.domain.rehearsal import rehearsed_analysis, scripted
from forensics.domain.result import pending_document
from forensics.media.sniff import sniff
from forensics.usecases.accept_media import AcceptMedia, Outcome


@dataclass(frozen=True)
class Rehearse:
    """A medium's endpoint for test keys: the file is received and sniffed, then dropped; the job is over at once."""

    accept: AcceptMedia

    def __call__(self, request: DetectRequest) -> Outcome:
        """Return the scripted job; raises the scripted error, unless the caller does not wait and a job can carry it."""
        script = scripted(request.options.external_id, self.accept.medium)
        job = self.accept.new_job(request)
        data = self.accept.bytes_of(job, request)
        if isinstance(script, DetectorError):
            if not request.respond_async or not isinstance(script, MediaError | InternalError):
                raise script
            done = self.accept.finish.failed(job, script)
        else:
            analysis = rehearsed_analysis(script, data, medium=job.media_type, format=sniff(data).name)
            done = self.accept.finish.completed(job, analysis)
        if request.respond_async:
            return Outcome(job, pending_document(job), {})
        return Outcome(done, dict(done.document), {})
