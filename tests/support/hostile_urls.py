"""The corpus of hostile URLs: refused by their text, by what their name leads to, or by where a site redirects them."""

from __future__ import annotations

from dataclasses import dataclass

PUBLIC = "93.184.216.34"
PUBLIC_2 = "151.101.1.140"
PUBLIC_6 = "2606:2800:220:1::1"

# Refused before any look-up. One a line; `_rows` undoes the escapes.
BY_TEXT = r"""
http://files.public.example/a.jpg
HTTP://files.public.example/a.jpg
ftp://files.public.example/a.jpg
ftps://files.public.example/a.jpg
gopher://files.public.example:70/_GET
file:///etc/passwd
file://files.public.example/etc/passwd
data:image/png;base64,iVBORw0KGgo=
javascript:alert(1)
jar:https://files.public.example/a.jar!/b
dict://files.public.example:2628/d
ldap://files.public.example/x
s3://bucket/key
unix:///var/run/docker.sock
ws://files.public.example/
netdoc:///etc/passwd
//files.public.example/a.jpg
/a.jpg
a.jpg
files.public.example/a.jpg
https:files.public.example/a.jpg
https:/files.public.example/a.jpg
https://
https:///a.jpg
https://?x
https://#x
https://:443/
https://user@files.public.example/a.jpg
https://user:pw@files.public.example/a.jpg
https://@files.public.example/
https://:@files.public.example/
https://files.public.example@169.254.169.254/
https://files.public.example%40169.254.169.254/
https://files.public.example:443@169.254.169.254/
https://169.254.169.254@files.public.example/
https://169.254.169.254#@files.public.example/
https://169.254.169.254?@files.public.example/
https://files.public.example\\@169.254.169.254/
https://169.254.169.254\\.files.public.example/
https:\\\\files.public.example\\a.jpg
https://files.public.example/a\\b.jpg
https://files.public.example:80/a.jpg
https://files.public.example:22/
https://files.public.example:6379/
https://files.public.example:8443/a.jpg
https://files.public.example:0/
https://files.public.example:99999/a.jpg
https://files.public.example:-443/
https://files.public.example:+443/
https://files.public.example: 443/
https://files.public.example:443:80/
https://files.public.example:80:443/
https://files.public.example:4\u06643/
https://files.public.example:\uff14\uff14\uff13/
https://files.public.example:https/
https://127.0.0.1/
https://127.0.0.1./
https://127.0.0.1../
https://127.1/
https://127.0.1/
https://127.255.255.254/
https://0/
https://0.0.0.0/
https://0.1.2.3/
https://1/
https://2130706433/
https://2852039166/latest/meta-data/
https://0x7f000001/
https://0x7F000001/
https://0xa9fea9fe/
https://0x7f.0.0.1/
https://0x7f.1/
https://0177.0.0.1/
https://017700000001/
https://0251.0376.0251.0376/
https://127.0.0.0x1/
https://127.0.0.01/
https://0000127.0.0.1/
https://00000000000000000000000177.1/
https://127.0.0.1.1/
https://256.256.256.256/
https://4294967297/
https://425.510.425.510/
https://10.0.0.1/
https://100.64.0.1/
https://100.100.100.200/latest/meta-data/
https://168.63.129.16/machine?comp=goalstate
https://169.254.169.254/latest/meta-data/
https://169.254.169.254./latest/meta-data/
https://169.254.170.2/v2/credentials/
https://172.16.0.1/
https://172.31.255.255/
https://192.0.0.1/
https://192.0.0.192/opc/v2/instance/
https://192.0.2.1/
https://192.88.99.1/
https://192.168.1.1/
https://198.18.0.1/
https://198.51.100.7/
https://203.0.113.7/
https://224.0.0.1/
https://239.255.255.250/
https://240.0.0.1/
https://255.255.255.255/
https://[::]/
https://[::1]/
https://[0:0:0:0:0:0:0:1]/
https://[0000:0000:0000:0000:0000:0000:0000:0001]/
https://[::1]:443/
https://[::ffff:127.0.0.1]/
https://[::ffff:7f00:1]/
https://[0:0:0:0:0:ffff:a9fe:a9fe]/
https://[::ffff:169.254.169.254]/
https://[::ffff:93.184.216.34]/
https://[::ffff:0:127.0.0.1]/
https://[::127.0.0.1]/
https://[::a9fe:a9fe]/
https://[::93.184.216.34]/
https://[64:ff9b::127.0.0.1]/
https://[64:ff9b::a9fe:a9fe]/
https://[64:ff9b::93.184.216.34]/
https://[64:ff9b:1::a00:1]/
https://[64:ff9b:1:ffff::a9fe:a9fe]/
https://[2002:7f00:1::]/
https://[2002:a9fe:a9fe::1]/
https://[2001::1]/
https://[2001:0:7f00:1:0:0:8000:fffe]/
https://[2001:2::1]/
https://[2001:10::1]/
https://[2001:20::1]/
https://[2001:db8::1]/
https://[3fff::1]/
https://[5f00::1]/
https://[100::1]/
https://[4000::1]/
https://[fc00::1]/
https://[fd00:ec2::254]/latest/meta-data/
https://[fd20:ce::254]/
https://[fe80::1]/
https://[fe80::a9fe:a9fe]/
https://[fe80::1%eth0]/
https://[fe80::1%25eth0]/
https://[2606:2800:220:1::1%25lo]/
https://[fec0::1]/
https://[ff02::1]/
https://[ff0e::1]/
https://[::1/
https://::1]/
https://::1/
https://[]/
https://[::1]files.public.example/
https://files.public.example[::1]/
https://[127.0.0.1]/
https://[files.public.example]/
https://[v1.files.public.example]/
https://[1.2.3]/
https://localhost/
https://LOCALHOST/
https://localhost./
https://localhost:443/
https://localhost.localdomain.localhost/
https://api.localhost/
https://printer.local/
https://metadata.google.internal/computeMetadata/v1/
https://ip-10-0-0-1.ec2.internal/
https://1.0.0.127.in-addr.arpa/
https://router.home.arpa/
https://abcdefgh.onion/
https://name.test/
https://name.invalid/
https://metadata/
https://kubernetes/
https://com/
https://files.public.example./
https://files.public.example../
https://.files.public.example/
https://files..public.example/
https://./
https://../
https://-files.public.example/
https://files-.public.example/
https://files.public.example-/
https://files.public.0x7f/
https://files.public.1/
https://127.0.0.1.public.example1/
https://%31%32%37.0.0.1/
https://127%2e0%2e0%2e1/
https://%6c%6f%63%61%6c%68%6f%73%74/
https://files%2epublic%2eexample/
https://files.public.example%00.evil.com/
https://files.public.example%2f@169.254.169.254/
https://files.public.example%23.evil.com/
https://%00/
https://\uff11\uff12\uff17.0.0.1/
https://\uff11\uff12\uff17\u3002\uff10\u3002\uff10\u3002\uff11/
https://127\u30020\u30020\u30021/
https://\u2460\u2461\u2466.0.0.1/
https://\u0661\u0662\u0667.0.0.1/
https://\uff10\uff58\uff17\uff46.1/
https://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/
https://l\u03bfcalhost/
https://\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54/
https://fa\u00df.example/
https://a\u200db.example/
https://files.public.example\uff0fa.jpg
https://files.public.example\uff03.evil.com/
https://files.public.example\u2100.evil.com/
https://files\u202e.public.example/
https://xn--/
https://xn--.xn--/
https://exa mple.org/
https://exa\tmple.org/
https://files.public.example\n/
https://files.public.example\r\nHost: internal\r\n\r\n/
https://files.public.example/\r\nHost: internal
https://files.public.example/a b
https://files.public.example/\x00
https://files.public.example/\x7f
https://files.public.example/\ud800
https://\x00files.public.example/
\x20https://files.public.example/
https://files.public.example/\x20
\x01https://files.public.example/
ht\ntps://files.public.example/
https://files!public.example/
https://files$public.example/
https://files,public.example/
https://files;public.example/
https://files*.public.example/
https://*.public.example/
https://(files).public.example/
https://<files>.public.example/
https://files|public.example/
https://`id`.public.example/
https://${jndi:x}.public.example/
https://{{7*7}}.public.example/
https://files'.public.example/
""".strip("\n")

# Refused by a name's answers: one a line, addresses separated by blanks; no answer at all is one too.
BY_ANSWERS = (
    f"""
127.0.0.1
127.8.8.8
0.0.0.0
10.0.0.1
100.64.0.1
100.127.255.255
100.100.100.200
168.63.129.16
169.254.0.1
169.254.169.254
169.254.170.23
172.16.0.1
172.31.255.255
192.0.0.8
192.0.0.192
192.0.2.1
192.31.196.1
192.52.193.1
192.88.99.1
192.168.0.1
192.175.48.1
198.18.0.1
198.19.255.255
198.51.100.1
203.0.113.1
224.0.0.251
240.0.0.1
255.255.255.255
::
::1
::127.0.0.1
::93.184.216.34
::ffff:127.0.0.1
::ffff:169.254.169.254
::ffff:93.184.216.34
::ffff:0:7f00:1
64:ff9b::7f00:1
64:ff9b::a9fe:a9fe
64:ff9b::5db8:d822
64:ff9b:1::a00:1
100::1
2001::1
2001:0:4136:e378:8000:63bf:3fff:fdd2
2001:2::1
2001:10::1
2001:db8::1
2002:7f00:1::1
2002:5db8:d822::1
2620:4f:8000::1
3fff::1
5f00::1
4000::1
fc00::1
fd00:ec2::254
fe80::1
fe80::1%eth0
2606:2800:220:1::1%2
fec0::1
ff02::fb
ff0e::1
{PUBLIC} 10.0.0.1
10.0.0.1 {PUBLIC}
{PUBLIC} {PUBLIC_2} 127.0.0.1
{PUBLIC} {PUBLIC_6} fd00::1
{PUBLIC} ::1
{PUBLIC_6} ::ffff:10.0.0.1
{PUBLIC} 64:ff9b::a00:1
{PUBLIC} fe80::1%eth0
{PUBLIC} not-an-address
{PUBLIC} 0x7f000001
{PUBLIC} 127.1
not-an-address
2130706433

""".removeprefix("\n")
    .removesuffix("\n")
    .split("\n")
)

# Refused although the first URL is a good one: the Location that a site answers. `rebound.public.example` is public when
# first asked for and 169.254.169.254 from then on; `private.public.example` is 10.0.0.1.
BY_REDIRECT = r"""
http://files.public.example/a.jpg
http://169.254.169.254/latest/meta-data/iam/security-credentials/
https://169.254.169.254/latest/meta-data/
https://169.254.170.2/v2/credentials/
https://metadata.google.internal/computeMetadata/v1/
https://100.100.100.200/
https://[fd00:ec2::254]/latest/meta-data/
https://[::ffff:169.254.169.254]/
https://[64:ff9b::a9fe:a9fe]/
https://2852039166/
https://0xa9fea9fe/
https://0251.0376.0251.0376/
https://127.0.0.1/
https://localhost/
https://private.public.example/
https://rebound.public.example/hop/loop
https://files.public.example:8443/
https://files.public.example:22/
https://user:pw@files.public.example/
https://files.public.example@169.254.169.254/
//169.254.169.254/latest/
//private.public.example/
///169.254.169.254/
/\\\\169.254.169.254/
\\\\\\\\169.254.169.254\\\\
file:///etc/passwd
ftp://files.public.example/a
gopher://127.0.0.1:6379/_FLUSHALL
data:image/png;base64,iVBORw0KGgo=
javascript:alert(1)
https://
https://[::1
https://files.public.example/a b
https://files.public.example/\x0b
https://files.public.example./
https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/
\xff\xfe
/hop/loop
/hop/far/4
https://files.public.example/hop/far/4
""".strip("\n")


@dataclass(frozen=True)
class HostileUrl:
    """One URL, what its name leads to at each look-up, the Location that the site answers it with, and the code it must get."""

    url: str
    code: str
    answers: tuple[tuple[str, ...], ...] = ((PUBLIC,),)
    location: str | None = None


def corpus() -> list[HostileUrl]:
    """Return every row of the tables above."""
    return [*_by_text(), *_by_answers(), *_by_redirect()]


def _by_text() -> list[HostileUrl]:
    endless = ["https://files.public.example/" + "a" * 2048, "https://" + "a" * 64 + ".example/"]
    deep = ["https://" + "a." * 126 + "example/", "https://" + "\u00fc" * 64 + ".example/"]
    return [HostileUrl(url, "media-url-forbidden") for url in [*_rows(BY_TEXT), *endless, *deep]]


def _by_answers() -> list[HostileUrl]:
    return [
        HostileUrl(f"https://name{number}.public.example/a.jpg", "media-fetch-failed", (tuple(row.split()),))
        for number, row in enumerate(BY_ANSWERS)
    ]


def _by_redirect() -> list[HostileUrl]:
    return [
        HostileUrl(f"https://files.public.example/hop/{number}", "media-fetch-failed", location=location)
        for number, location in enumerate(_rows(BY_REDIRECT))
    ]


def _rows(table: str) -> list[str]:
    return [row.encode().decode("unicode_escape") for row in table.split("\n")]
