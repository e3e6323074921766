"""Which URLs and which addresses may be reached at all."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from forensics.domain.errors import MediaFetchFailed, MediaUrlForbidden

MAX_URL_CHARS = 2048
HTTPS_PORT = 443

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What `is_global` lets through although it can lead inside: NAT64, 6to4 with its relay, Teredo, IPv4-compatible.
_LEADING_INSIDE = ("192.88.99.0/24", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
_BLOCKED = tuple(ipaddress.ip_network(network) for network in ("100.64.0.0/10", *_LEADING_INSIDE))


@dataclass(frozen=True)
class Target:
    """One request's destination: the name as given, and the checked address the connection goes to."""

    scheme: str
    host: str
    port: int
    path: str
    allow_loopback: bool
    address: str = ""

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        default = HTTPS_PORT if self.scheme == "https" else 80
        return name if self.port == default else f"{name}:{self.port}"

    def checked_address(self, resolver: Callable[[str, int], list[str]]) -> str:
        """Resolve once and return an address; raises MediaFetchFailed unless EVERY answer may be reached."""
        addresses = resolver(self.host, self.port)
        if not addresses or not all(
            allowed(ipaddress.ip_address(a), allow_loopback=self.allow_loopback) for a in addresses
        ):
            raise MediaFetchFailed("The URL could not be fetched as a public HTTPS file.")
        return addresses[0]


def check_url(url: str, *, allow_loopback: bool = False) -> Target:
    """Return the target of a URL that its own text allows; raises MediaUrlForbidden."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise MediaUrlForbidden("The URL is malformed.") from exc
    loopback = allow_loopback and _is_loopback_name(host)
    if len(url) > MAX_URL_CHARS or any(ord(c) <= 0x20 or c == "\\" or ord(c) == 0x7F for c in url):
        raise MediaUrlForbidden("The URL is malformed.")
    if not host or (parts.scheme != "https" and not (loopback and parts.scheme == "http")):
        raise MediaUrlForbidden("Only https URLs are fetched.")
    if "@" in parts.netloc:
        raise MediaUrlForbidden("A URL with user information is not fetched.")
    if port not in (None, HTTPS_PORT) and not loopback:
        raise MediaUrlForbidden("Only port 443 is fetched.")
    _check_host(host, allow_loopback=loopback)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    default = HTTPS_PORT if parts.scheme == "https" else 80
    return Target(parts.scheme, _ascii(host), port or default, path, loopback)


def allowed(address: Address, *, allow_loopback: bool) -> bool:
    """Say whether an address is public; v4-mapped ones are judged as the IPv4 address they carry."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    if allow_loopback and address.is_loopback:
        return True
    blocked = any(address in network for network in _BLOCKED if network.version == address.version)
    return address.is_global and not address.is_multicast and not blocked


def resolve(host: str, port: int) -> list[str]:
    """Return every A and AAAA answer of one look-up."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def _check_host(host: str, *, allow_loopback: bool) -> None:
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        # inet_aton spellings ("0x7f.1", "2130706433", "0177.0.0.1") are numbers to a resolver: no real name ends in one
        last = host.rstrip(".").rpartition(".")[2]
        if last.isdigit() or last.lower().startswith("0x"):
            raise MediaUrlForbidden("The URL's host is not a public name.") from None
        return
    if not allowed(literal, allow_loopback=allow_loopback):
        raise MediaUrlForbidden("The URL's host is not a public address.")


def _is_loopback_name(host: str | None) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError as exc:
        raise MediaUrlForbidden("The URL's host is malformed.") from exc
