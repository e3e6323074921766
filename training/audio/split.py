"""Which pages and systems are never trained on, decided before the first training run and by name, not by result."""

from __future__ import annotations

import hashlib

# Whole demo pages: their recordings, channels and (mostly) speakers are unseen; every kind of fake is among them.
TEST_PAGES = frozenset(
    {
        *("index-tts", "maskgct", "e1tts", "styletts2", "zipvoice", "voicecraft_web", "hierspeech-demo"),  # TTS
        *("vc-demo", "slmgan", "metis-demo"),  # voice conversion
        *("wavegrad", "hiftnet"),  # vocoders
        *("funcodec", "bigcodec-demo"),  # codecs
    }
)
# One page of so many chooses networks and calibration too, drawn by its name: the pages named below turned out too easy a guide.
DEV_SHARE = 6
# Pages that choose epochs, features and calibration; nothing is reported on them.
DEV_PAGES = frozenset(
    {
        "flashspeech",
        "assem-vc",
        "hifi-gan-demo",
        "mobilespeech",
        "speechtokenizer",
        "freevc-demo",
        "fastspeech2",
        "vqtts",
    }
)
# Systems that are left out of training wherever they appear, relatives included.
TEST_SYSTEMS = frozenset(
    {
        *("indextts", "cosyvoice", "cosyvoice2", "f5tts", "fireredtts", "fishspeech", "xtts", "maskgct", "maskgctvc"),
        *("metis", "e1tts", "e1ttstoken", "ardit", "styletts2", "styletts", "stylettsvc", "zipvoice", "voicecraft"),
        *("hierspeech", "hierspeech++", "triaanvc", "slmgan", "hiftnet", "istftnet", "wavegrad", "wavegrad2"),
        *(
            "specgrad",
            "priorgrad",
            "fregrad",
            "funcodec",
            "audiodec",
            "bigcodec",
            "tfcodec",
            "llmcodec",
            "jets",
            "fluentspeech",
            "e2tts",
        ),
    }
)
# Recordings of no demo page that are never trained on either: other rooms, languages and microphones.
TEST_CORPORA = frozenset(
    {"tuxpaint", "tuxpaint-stamps-default", "asterisk-core-sounds-ru-g722", "voice-emotion-analysis"}
)
DEV_CORPORA = frozenset(
    {"fillets-ng-data-nl", "fillets_cs", "asterisk-core-sounds-it-g722", "picovoice_wake", "dc_tts"}
)


def part_of(page: str, system: str) -> str:
    """Return test, dev or train for a clip; the empty string leaves it out of everything (a held-out system elsewhere)."""
    if page in TEST_PAGES or page in TEST_CORPORA:
        return "test"
    if system in TEST_SYSTEMS:
        return ""
    return "dev" if page in DEV_PAGES or page in DEV_CORPORA or _drawn(page) else "train"


def _drawn(page: str) -> bool:
    return int(hashlib.sha256(page.encode()).hexdigest(), 16) % DEV_SHARE == 0
