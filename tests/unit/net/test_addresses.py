from __future__ import annotations

import ipaddress

import pytest

from forensics.net.addresses import allowed
from tests.support.hostile_urls import BY_ANSWERS, PUBLIC, PUBLIC_2, PUBLIC_6

SINGLE = [row for row in BY_ANSWERS if ":" in row or row.count(".") == 3]
PUBLIC_ADDRESSES = (
    PUBLIC,
    PUBLIC_2,
    PUBLIC_6,
    "8.8.8.8",
    "1.1.1.1",
    "223.255.255.254",
    "100.63.255.255",
    "100.128.0.1",
)
PUBLIC_ADDRESSES_6 = ("2001:4860:4860::8888", "2001:200::1", "2a00:1450::1", "2600:1f00::1", "3ffe::1")


@pytest.mark.parametrize("address", [row for row in SINGLE if " " not in row])
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not allowed(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", [*PUBLIC_ADDRESSES, *PUBLIC_ADDRESSES_6])
def test_public_addresses_are_allowed(address: str) -> None:
    assert allowed(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_loopback_is_allowed_by_the_setting_alone(address: str) -> None:
    assert allowed(ipaddress.ip_address(address), allow_loopback=True)
    assert not allowed(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fe80::1", "0.0.0.0", "::"])
def test_the_setting_opens_nothing_else(address: str) -> None:
    assert not allowed(ipaddress.ip_address(address), allow_loopback=True)
