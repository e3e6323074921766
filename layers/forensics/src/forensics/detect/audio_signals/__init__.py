"""Cheap measurements of a recording, turned into words by ranges measured on real recordings (docs/signals.md).

A signal describes; it does not decide. What each one is worth alone is measured by `training.audio.signals`.
"""

from forensics.detect.audio_signals.evidence import Evidence, Measure
from forensics.detect.audio_signals.measures import MEASURES, measure_audio
from forensics.detect.audio_signals.meter import SignalMeter

__all__ = ["MEASURES", "Evidence", "Measure", "SignalMeter", "measure_audio"]
