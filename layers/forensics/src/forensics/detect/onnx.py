"""The one door to onnxruntime: CPU only, thread counts set, numpy in and out, errors that name the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.domain.errors import InternalError, ServiceUnavailable
from forensics.settings import refuse_telemetry

refuse_telemetry()  # it is read when the library is loaded

import onnxruntime as ort  # noqa: E402
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors  # noqa: E402

ort.disable_telemetry_events()

Array = NDArray[np.float32]

# onnxruntime's errors share no base class but Exception; these are the ones that loading a file raises.
_LOAD_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


class ModelUnavailable(ServiceUnavailable):
    """A model or encoder file is missing, damaged or unreadable; the detail names the file and the remedy."""


class ModelInputError(InternalError):
    """A caller inside this code base fed a model something that it does not take."""


class OnnxModel:
    """One loaded ONNX graph.

    `path` is a file, `graph` what is made of it in memory, if not the file itself; `threads` sets the threads of one run.
    Raises ModelUnavailable when the file is missing or no model.
    """

    def __init__(self, path: Path, *, threads: int = 1, graph: bytes | None = None) -> None:
        if graph is None and not path.is_file():
            raise ModelUnavailable(f"The model file {path.name} is missing; run `make setup`.")
        self.name = path.name
        self._session = _session(path, threads=threads, graph=graph)
        self.inputs: Mapping[str, tuple[int | str | None, ...]] = {
            i.name: tuple(i.shape) for i in self._session.get_inputs()
        }
        self.outputs: tuple[str, ...] = tuple(o.name for o in self._session.get_outputs())

    def run(self, feeds: Mapping[str, Array], *, outputs: Sequence[str] | None = None) -> dict[str, Array]:
        """Run once and return the named outputs (all when None); raises ModelInputError on a wrong name, shape or type."""
        self._check(feeds)
        wanted = list(self.outputs if outputs is None else outputs)
        if unknown := set(wanted) - set(self.outputs):
            raise ModelInputError(f"{self.name} has no output {sorted(unknown)}")
        return dict(zip(wanted, self._session.run(wanted, dict(feeds)), strict=True))

    def _check(self, feeds: Mapping[str, Array]) -> None:
        if set(feeds) != set(self.inputs):
            raise ModelInputError(f"{self.name} takes {sorted(self.inputs)}, was given {sorted(feeds)}")
        for name, array in feeds.items():
            if array.dtype != np.float32 or not _fits(array.shape, self.inputs[name]):
                raise ModelInputError(
                    f"{self.name}: {name} is {array.dtype}{array.shape}, wants float32{self.inputs[name]}"
                )


def _session(path: Path, *, threads: int, graph: bytes | None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3  # errors only: warnings of third-party graphs are not ours to mend
    try:
        return ort.InferenceSession(str(path) if graph is None else graph, options, providers=["CPUExecutionProvider"])
    except _LOAD_ERRORS as exc:
        raise ModelUnavailable(f"The model file {path.name} cannot be loaded; run `make setup`.") from exc


def _fits(shape: tuple[int, ...], wanted: tuple[int | str | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        not isinstance(w, int) or w == s for s, w in zip(shape, wanted, strict=True)
    )
