from __future__ import annotations

import pytest

from forensics.domain.errors import MediaUrlForbidden
from forensics.net.urls import check_url, redirected


def test_a_public_url_is_a_target() -> None:
    target = check_url("https://B\u00fccher.example:443/a%20b.jpg?sig=1&x=\u00fc#part")
    assert (target.host, target.port, target.path) == ("xn--bcher-kva.example", 443, "/a%20b.jpg?sig=1&x=%C3%BC")
    assert target.host_header == "xn--bcher-kva.example" and not target.literal


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://Files.EXAMPLE.org", "files.example.org", "/"),
        ("HTTPS://example.org?sig=%2F%0d", "example.org", "/?sig=%2F%0d"),
        ("https://my_bucket.s3.eu-west-1.amazonaws.com/k", "my_bucket.s3.eu-west-1.amazonaws.com", "/k"),
        ("https://1.example.org/", "1.example.org", "/"),
        ("https://\u4f8b\u3048.\u30c6\u30b9\u30c8/", "xn--r8jz45g.xn--zckzah", "/"),
        ("https://example.org/@user:pw/[1]|{2}", "example.org", "/@user:pw/[1]|{2}"),
    ],
)
def test_good_urls_stay_what_they_are(url: str, host: str, path: str) -> None:
    target = check_url(url)
    assert (target.scheme, target.host, target.port, target.path) == ("https", host, 443, path)


@pytest.mark.parametrize(
    ("url", "header"),
    [("https://8.8.8.8/", "8.8.8.8"), ("https://[2001:4860:4860:0::8888]/", "[2001:4860:4860::8888]")],
)
def test_public_addresses_need_no_look_up(url: str, header: str) -> None:
    target = check_url(url)
    assert target.literal and target.host_header == header


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/a", "http://localhost:1/a", "https://[::1]:9/a"])
def test_loopback_only_by_the_setting(url: str) -> None:
    target = check_url(url, allow_loopback=True)
    assert target.allow_loopback and target.host_header == url.split("/")[2]
    with pytest.raises(MediaUrlForbidden):
        check_url(url)


def test_a_location_is_read_as_the_utf8_that_it_is() -> None:
    sent = "/b\u00fccher".encode().decode("latin-1")
    assert redirected("https://example.org/a?b", sent) == "https://example.org/b\u00fccher"


@pytest.mark.parametrize("location", ["/a\tb", "/a\r\n b", "\\\\evil.example", "///evil.example", "\xff"])
def test_locations_that_browsers_read_otherwise_are_refused(location: str) -> None:
    with pytest.raises(ValueError):
        redirected("https://example.org/", location)
