"""Hostile calls whose harm lies around the file: in the form, the JSON, the Content-Type."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.support.bombs import MB
from tests.support.hostile import BOUNDARY, FORM, Call, end, file_part, part, text_part, upload


def malformed_calls(files: Mapping[str, bytes]) -> dict[str, Call]:
    """Return the calls by name; `files` holds a good `seed.jpg`."""
    good = file_part(files["seed.jpg"])
    disposition = 'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
    form = {
        "no end": good,
        "no parts": end(),
        "only garbage": b"\x00\xff" * 5000,
        "two files": good + good + end(),
        "a file of another name": file_part(b"x", name="upload") + end(),
        "a file without file name": text_part("file", "x") + end(),
        "30 fields": b"".join(text_part(f"f{i}", "x") for i in range(30)) + good + end(),
        "5000 empty parts": part("", b"") * 5000 + end(),
        "unknown field": text_part("strict", "true") + good + end(),
        "wrong boolean": text_part("retain", "perhaps") + good + end(),
        "metadata too deep": text_part("metadata", "[" * 60_000) + good + end(),
        "metadata no object": text_part("metadata", "7") + good + end(),
        "metadata of 17 pairs": text_part("metadata", json.dumps({str(i): "x" for i in range(17)})) + good + end(),
        "metadata of wild numbers": text_part("metadata", '{"a": ' + "9" * 5000 + "}") + good + end(),
        "field of 1 MB": text_part("external_id", "x" * MB) + good + end(),
        "both file and url": text_part("media_url", "https://example.org/a.jpg") + good + end(),
        "base64 part": part(disposition + "Content-Transfer-Encoding: base64\r\n", b"/9j/4AAQ") + end(),
        "1000 headers in a part": part(disposition + "X-A: b\r\n" * 1000, b"x") + end(),
        "header of 1 MB": part(disposition + "X-A: " + "b" * MB + "\r\n", b"x") + end(),
        "no disposition": part("Content-Type: image/jpeg\r\n", files["seed.jpg"]) + end(),
        "no colon": part("Content-Disposition\r\n", b"x") + end(),
        "line feeds alone": good.replace(b"\r\n", b"\n") + end(),
        "null in the name": file_part(files["seed.jpg"], filename="a\x00.jpg") + end(),
        "unicode in the name": file_part(files["seed.jpg"], filename="\U0001f4a9\ud7ff.jpg") + end(),
        "nested multipart": part(disposition + f"Content-Type: {FORM}\r\n", good + end()) + end(),
    }
    calls = {name: Call(body) for name, body in form.items()}
    whole = good + end()
    return calls | {
        "no boundary": Call(whole, "multipart/form-data"),
        "empty boundary": Call(whole, "multipart/form-data; boundary="),
        "another boundary": Call(whole, "multipart/form-data; boundary=other"),
        "boundary of 5000": Call(whole, "multipart/form-data; boundary=" + "b" * 5000),
        "odd charset": Call(whole, f"multipart/form-data; charset=utf-7; boundary={BOUNDARY}"),
        "mixed": Call(whole, f"multipart/mixed; boundary={BOUNDARY}"),
        "no type": Call(whole, ""),
        "octets": Call(files["seed.jpg"], "application/octet-stream"),
        "picture itself": Call(files["seed.jpg"], "image/jpeg"),
        "form as json": Call(whole, "application/json"),
        "json as form": Call(b'{"media_url": "https://example.org/a.jpg"}', FORM),
        "json in utf-16": Call('{"media_url": "x"}'.encode("utf-16"), "application/json"),
        "json depth": Call(b"[" * 200_000, "application/json"),
        "json list": Call(b"[1, 2]", "application/json"),
        "json null": Call(b"null", "application/json"),
        "json nan": Call(b'{"strict_mode": NaN}', "application/json"),
        "json surrogate": Call(b'{"external_id": "\\ud800", "media_url": "https://example.org/"}', "application/json"),
        "json of 6 MB": Call(b'{"a": "' + b"x" * 6 * MB + b'"}', "application/json"),
        "url of a file": Call(b'{"media_url": "file:///etc/passwd"}', "application/json"),
        "url of the metadata service": Call(b'{"media_url": "http://169.254.169.254/latest/"}', "application/json"),
        "url with a null": Call(b'{"media_url": "https://example.org/\\u0000"}', "application/json"),
        "url of nowhere": Call(b'{"media_url": "https://[::ffff:7f00:1]:99999/"}', "application/json"),
        "5 MB file": upload(bytes(5 * MB)),
    }
