"""Which URLs may be fetched, by their text alone: read strictly, refused rather than repaired."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from forensics.domain.errors import MediaUrlForbidden
from forensics.net.addresses import allowed

MAX_URL_CHARS = 2048
MAX_NAME_CHARS = 253  # RFC 1035, 2.3.4, as text without the root's dot
PORTS = {"https": 443, "http": 80}
# One text for every reason, so that no refusal tells more than the rule.
FORBIDDEN_DETAIL = (
    "Only https URLs of public hosts are fetched: port 443, no user information, at most 2048 characters."
)

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
# Names that never belong to the public DNS (IANA's special-use domain names, RFC 6761, and ICANN's private-use one).
_LOCAL_DOMAINS = frozenset({"alt", "arpa", "internal", "invalid", "local", "localhost", "onion", "test"})

# What parsers disagree about: controls and blanks are dropped by some, a backslash is a slash to others.
_UNCLEAN = re.compile(r"[\x00-\x20\x7f\\]")
_AUTHORITY = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[^\[\]:@%]+))(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# A last label with a digit in it is a number to some resolvers ("127.1", "0x7f.1"); real ones have letters only, or are A-labels.
_TOP_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")
# IDNA 2003, which Python speaks, leads these elsewhere than IDNA 2008, which browsers speak (UTS 46, section 7, deviations).
_DEVIATIONS = frozenset("\u00df\u03c2\u200c\u200d")
_PRINTABLE_ASCII = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True)
class Target:
    """One request's destination by its URL: an A-label name or an address without brackets, and the path with its query."""

    scheme: str
    host: str
    port: int
    path: str
    allow_loopback: bool

    @property
    def literal(self) -> bool:
        """Whether the host is an address already."""
        return ":" in self.host or self.host[-1].isdigit()

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS[self.scheme] else f"{name}:{self.port}"


def check_url(url: str, *, allow_loopback: bool = False) -> Target:
    """Return the target of a URL that its own text allows; raises MediaUrlForbidden."""
    try:
        return _target(url, allow_loopback=allow_loopback)
    except ValueError:
        # without its cause, whose text may quote user information
        raise MediaUrlForbidden(FORBIDDEN_DETAIL) from None


def redirected(url: str, location: str) -> str:
    """Return where a Location header leads from `url`; raises ValueError."""
    # urljoin drops some of the unclean silently, and reads as a path the three slashes that browsers read as a host
    if _UNCLEAN.search(location) or location.startswith("///"):
        raise ValueError("unclean location")
    return urljoin(url, location.encode("latin-1").decode())  # http.client reads as Latin-1 what is UTF-8 in practice


def _target(url: str, *, allow_loopback: bool) -> Target:
    if len(url) > MAX_URL_CHARS or _UNCLEAN.search(url):
        raise ValueError("too long, or unclean")
    parts = urlsplit(url)
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if authority is None or parts.scheme not in PORTS:
        raise ValueError("not host and port")
    host = _ipv6(authority["ipv6"]) if authority["ipv6"] else _name(authority["name"])
    port = int(authority["port"] or PORTS[parts.scheme])
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_PRINTABLE_ASCII)
    target = Target(parts.scheme, host, port, path, allow_loopback and host in LOOPBACK_HOSTS)
    if not target.allow_loopback:
        _check_public(target)
    return target


def _check_public(target: Target) -> None:
    if (target.scheme, target.port) != ("https", PORTS["https"]):
        raise ValueError("not https on its own port")
    if target.literal:
        public = allowed(ipaddress.ip_address(target.host))
    else:
        labels = target.host.split(".")
        public = len(labels) > 1 and labels[-1] not in _LOCAL_DOMAINS
    if not public:
        raise ValueError("not a public host")


def _ipv6(text: str) -> str:
    return str(ipaddress.IPv6Address(text))


def _name(text: str) -> str:
    """Return the A-label form of a name, or a plain dotted IPv4 address as it is."""
    if _DEVIATIONS & set(text):
        raise ValueError("a name that leads to different places")
    name = (text if text.isascii() else text.encode("idna").decode()).lower()
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError:
        pass
    labels = name.split(".")
    if len(name) > MAX_NAME_CHARS or not all(map(_LABEL.fullmatch, labels)) or not _TOP_LABEL.fullmatch(labels[-1]):
        raise ValueError("not a name")
    return name
