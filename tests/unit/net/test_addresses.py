from __future__ import annotations

import ipaddress

import pytest

from forensics.domain.errors import MediaFetchFailed, MediaUrlForbidden
from forensics.net.addresses import allowed, check_url

FORBIDDEN_URLS = """
http://example.org/a.jpg
ftp://example.org/a.jpg
file:///etc/passwd
https://
https:///a.jpg
https://user@example.org/a.jpg
https://user:pw@example.org/a.jpg
https://example.org@169.254.169.254/
https://example.org:8443/a.jpg
https://example.org:80/a.jpg
https://example.org:99999/a.jpg
https://127.0.0.1/
https://127.1/
https://0/
https://0.0.0.0/
https://2130706433/
https://0x7f000001/
https://0x7f.0.0.1/
https://0177.0.0.1/
https://127.0.0.0x1/
https://10.0.0.1/
https://172.16.0.1/
https://192.168.1.1/
https://169.254.169.254/latest/meta-data/
https://100.64.0.1/
https://198.18.0.1/
https://224.0.0.1/
https://255.255.255.255/
https://[::1]/
https://[::]/
https://[::ffff:127.0.0.1]/
https://[::ffff:169.254.169.254]/
https://[::127.0.0.1]/
https://[64:ff9b::7f00:1]/
https://[64:ff9b::a9fe:a9fe]/
https://[2002:7f00:1::]/
https://[fc00::1]/
https://[fe80::1]/
https://[fe80::1%25eth0]/
https://[ff02::1]/
https://[fd00:ec2::254]/
https://[::1
https://exa mple.org/
https://example.org\\@evil.example/
https://example.org/\r\nHost: internal
https://\x00example.org/
""".strip("\n").split("\n")


@pytest.mark.parametrize("url", FORBIDDEN_URLS)
def test_forbidden_by_its_text(url: str) -> None:
    with pytest.raises(MediaUrlForbidden):
        check_url(url)


def test_a_url_too_long_is_forbidden() -> None:
    with pytest.raises(MediaUrlForbidden):
        check_url("https://example.org/" + "a" * 2048)


def test_a_public_url_is_a_target() -> None:
    target = check_url("https://Bücher.example:443/a%20b.jpg?sig=1&x=ü#part")
    assert (target.host, target.port, target.path) == ("xn--bcher-kva.example", 443, "/a%20b.jpg?sig=1&x=ü")
    assert target.host_header == "xn--bcher-kva.example"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/a", "http://localhost:1/a", "https://[::1]:9/a"])
def test_loopback_only_by_the_setting(url: str) -> None:
    assert check_url(url, allow_loopback=True).allow_loopback
    with pytest.raises(MediaUrlForbidden):
        check_url(url)


def test_the_setting_opens_nothing_else() -> None:
    for url in ("http://example.org/a", "https://10.0.0.1/", "https://example.org:8443/"):
        with pytest.raises(MediaUrlForbidden):
            check_url(url, allow_loopback=True)


@pytest.mark.parametrize(
    "answers",
    [[], ["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["93.184.216.34", "::ffff:10.0.0.1"], ["64:ff9b::a00:1"]],
)
def test_every_resolved_address_must_be_public(answers: list[str]) -> None:
    with pytest.raises(MediaFetchFailed):
        check_url("https://example.org/").checked_address(lambda host, port: answers)


def test_public_answers_give_the_first_address() -> None:
    answers = ["93.184.216.34", "2606:2800:220:1::"]
    assert check_url("https://example.org/").checked_address(lambda host, port: answers) == "93.184.216.34"


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert allowed(ipaddress.ip_address(address), allow_loopback=False)
