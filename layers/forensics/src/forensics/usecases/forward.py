"""The unified endpoint's choice: which medium's function answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from forensics.domain.errors import InvalidRequest, UnsupportedMediaType
from forensics.domain.job import DetectRequest
from forensics.media.sniff import sniff, telling_head
from forensics.usecases.ports import Fetcher
from forensics.usecases.uploads import TakeUpload


@dataclass(frozen=True)
class ChooseFunction:
    """Picks the function for a request by the medium asked for, else by the media's first bytes."""

    functions: Mapping[str, str]  # media type -> function name
    fetch_head: Fetcher
    uploads: TakeUpload

    def __call__(self, request: DetectRequest) -> tuple[str, str]:
        """Return (media type, function name); raises UnsupportedMediaType when this deployment has none for the medium."""
        medium = request.media_type or self._infer(request)
        function = self.functions.get(medium)
        if function is None:
            raise UnsupportedMediaType(f"This deployment does not analyse {medium}.")
        return medium, function

    def _infer(self, request: DetectRequest) -> str:
        data = request.data
        if request.media_url is not None:
            url = request.media_url
            data = telling_head(lambda most: self.fetch_head(url, max_bytes=most))
        elif request.upload_id is not None:
            data = self.uploads.head(request.tenant, request.upload_id)
        if not data:
            raise InvalidRequest("The file is empty.")
        return sniff(data).media_type
