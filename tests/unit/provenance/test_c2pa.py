"""C2PA: what a manifest says, how far it is believed, and that reading it never reaches the network."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import c2pa  # type: ignore[import-untyped]
import pytest

from forensics.domain.evidence import Claim
from forensics.domain.verdict import DECISIVE_STRENGTH
from forensics.provenance import read_provenance
from forensics.provenance.generators import generator_of_agents
from tests.support.signing import Signer, manifest

Maker = Callable[..., Signer]


@pytest.fixture
def jpeg(encode: Callable[..., bytes]) -> bytes:
    return encode("JPEG", quality=90)


@pytest.mark.parametrize(
    ("term", "claim", "decides"),
    [
        ("trainedAlgorithmicMedia", Claim.SYNTHETIC, True),
        ("compositeWithTrainedAlgorithmicMedia", Claim.MANIPULATED, True),
        ("algorithmicMedia", Claim.SYNTHETIC, False),
        ("digitalCapture", Claim.CAPTURED, False),
        ("humanEdits", Claim.NEUTRAL, False),
    ],
)
def test_digital_source_type_gives_the_claim(
    make_signer: Maker, jpeg: bytes, term: str, claim: Claim, decides: bool
) -> None:
    read = read_provenance(make_signer("OpenAI").sign(jpeg, "image/jpeg", manifest(term)), None)
    assert read.c2pa is not None
    assert (read.c2pa.state, read.c2pa.issuer, read.c2pa.generator) == ("Valid", "OpenAI", "ChatGPT/1.0")
    assert read.digital_source_type == term
    assert [e.claim for e in read.evidence] == [claim]
    fakes = (Claim.SYNTHETIC, Claim.MANIPULATED)
    assert (claim in fakes and read.evidence[0].strength >= DECISIVE_STRENGTH) is decides


@pytest.mark.parametrize(("format", "mime"), [("PNG", "image/png"), ("WEBP", "image/webp"), ("TIFF", "image/tiff")])
def test_every_container_is_read_and_names_the_generator(
    make_signer: Maker, encode: Callable[..., bytes], format: str, mime: str
) -> None:
    signed = make_signer("OpenAI").sign(encode(format), mime, manifest("trainedAlgorithmicMedia"))
    read = read_provenance(signed, None, format=format)
    assert read.evidence[0].generator == "gpt-image-1"


def test_an_expired_credential_lowers_the_belief_but_still_decides(make_signer: Maker, jpeg: bytes) -> None:
    signed = make_signer("OpenAI", seconds=2).sign(jpeg, "image/jpeg", manifest("trainedAlgorithmicMedia"))
    deadline = time.monotonic() + 10
    while (read := read_provenance(signed, None)).warnings == () and time.monotonic() < deadline:
        if read.c2pa is not None and read.c2pa.state != "Valid":
            break
        time.sleep(0.5)
    assert read.c2pa is not None
    assert read.c2pa.state == "Invalid"
    assert "signingCredential.expired" in read.c2pa.validation_codes
    assert DECISIVE_STRENGTH <= read.evidence[0].strength < 0.97
    assert "expired" in read.evidence[0].what


def test_a_changed_picture_says_so_and_does_not_decide(make_signer: Maker, jpeg: bytes) -> None:
    signed = bytearray(make_signer("OpenAI").sign(jpeg, "image/jpeg", manifest("trainedAlgorithmicMedia")))
    signed[-50] ^= 1
    read = read_provenance(bytes(signed), None)
    assert read.c2pa is not None
    assert "assertion.dataHash.mismatch" in read.c2pa.validation_codes
    assert read.evidence[0].claim is Claim.SYNTHETIC
    assert read.evidence[0].strength < DECISIVE_STRENGTH
    assert "changed after signing" in read.evidence[0].what


def test_an_edit_of_a_generated_picture_is_still_synthetic(make_signer: Maker, jpeg: bytes) -> None:
    parent = make_signer("OpenAI").sign(jpeg, "image/jpeg", manifest("trainedAlgorithmicMedia"))
    edit = manifest("humanEdits", action="c2pa.color_adjustments", agent="Editor", tool="Photo Editor")
    signer = make_signer("Adobe Inc.")
    context = c2pa.Context(c2pa.Settings.from_dict({"verify": {"verify_after_sign": False}}))
    signed = io.BytesIO()
    with c2pa.Builder(json.dumps(edit), context=context) as builder:
        builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
        builder.add_ingredient({"title": "p", "relationship": "parentOf"}, "image/jpeg", io.BytesIO(parent))
        info = c2pa.C2paSignerInfo(b"es256", signer.chain, signer.key, None)
        builder.sign(c2pa.Signer.from_info(info), "image/jpeg", io.BytesIO(jpeg), signed)
    read = read_provenance(signed.getvalue(), None)
    first = read.evidence[0]
    assert (first.claim, first.generator) == (Claim.SYNTHETIC, "gpt-image-1")
    assert DECISIVE_STRENGTH <= first.strength < 0.97
    assert "made from" in first.what


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A loopback server that writes down every request."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        running = threading.Event()
        running.set()

        def serve() -> None:
            while running.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(1)
                    seen.append(connection.recv(4096))
                    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], seen
        running.clear()
        thread.join()


def test_a_remote_manifest_is_told_and_never_fetched(
    make_signer: Maker, jpeg: bytes, listener: tuple[int, list[bytes]]
) -> None:
    port, seen = listener
    address = f"http://127.0.0.1:{port}/manifest.c2pa"
    remote = make_signer().sign(jpeg, "image/jpeg", manifest("trainedAlgorithmicMedia"), remote_url=address)
    read = read_provenance(remote, None)
    assert seen == []
    assert read.c2pa is not None
    assert read.c2pa.state == "unreadable"
    assert read.warnings == ("the C2PA manifest is stored elsewhere and was not fetched",)
    # The control: with its default context the library does call the listener, so silence above means something.
    with pytest.raises(c2pa.C2paError):
        c2pa.Reader("image/jpeg", io.BytesIO(remote))
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("names", "generator"),
    [
        (("DALL·E", "OpenAI"), "dall-e-3"),
        (("", "ChatGPT", "OpenAI"), "openai"),
        (("gpt-image-1.5",), "gpt-image-1.5"),
        (("Adobe Firefly Pipeline", "Adobe_Photoshop/26"), "adobe-firefly"),
        (("", "Google C2PA Core Generator Library", "Google LLC"), "google"),
        (("Imagen 4",), "google-imagen"),
        (("Bing Image Creator",), "bing-image-creator"),
        (("Unheard Of",), None),
    ],
)
def test_names_map_to_stable_ids(names: tuple[str, ...], generator: str | None) -> None:
    assert generator_of_agents(names) == generator
