"""Any supported file to an analysis: the pipeline is chosen by the bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from forensics.domain.errors import InvalidRequest, PayloadTooLarge, UnsupportedMediaType
from forensics.domain.job import DetectOptions
from forensics.domain.result import Analysis
from forensics.media.sniff import sniff
from forensics.usecases.ports import Analyser


@dataclass(frozen=True)
class AnalyseMedia:
    """Pipelines by medium, each made when its first file comes, and each medium's largest file in bytes."""

    analysers: Mapping[str, Callable[[], Analyser]]
    max_bytes: Mapping[str, int]

    def __call__(self, data: bytes, options: DetectOptions) -> Analysis:
        """Return the analysis; raises InvalidRequest, UnsupportedMediaType, PayloadTooLarge or what the pipeline raises."""
        if not data:
            raise InvalidRequest("The file is empty.")
        kind = sniff(data)
        make = self.analysers.get(kind.media_type)
        if make is None:
            raise UnsupportedMediaType(f"This version does not analyse {kind.media_type} ({kind.name}).")
        if len(data) > self.max_bytes[kind.media_type]:
            raise PayloadTooLarge(f"A file of this medium may have at most {self.max_bytes[kind.media_type]} bytes.")
        return make()(data, options)
