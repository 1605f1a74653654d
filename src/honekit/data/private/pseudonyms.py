"""Pseudonyms for personal data and secrets: the same value gets the same one everywhere, of a like shape.

A pseudonym lies in ranges that nobody owns, so the model learns the form and no person's data, and a second redaction
finds nothing: `person1@example.com`, `+1 201-555-0101`, `192.0.2.1`; card and account numbers keep their digits' grouping
and fail their checks. Without a key values are numbered in order of appearance; with a key the number is drawn from
HMAC-SHA-256 of the value, so that files redacted at other times agree.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Callable

from honekit.data.private.find import find_private
from honekit.data.private.span import Span

MAX_ROUNDS = 4
KEYED_RANGE = 10**6
"""With a key, numbers lie below it; two of a thousand values share one with probability 0.4, which does no harm."""


class Pseudonyms:
    """Remembers who got which number. One for all files of a run."""

    def __init__(self, key: bytes | None = None, advised: frozenset[str] = frozenset()) -> None:
        """`advised`: codes to be redacted although they are advice only."""
        self._key = key
        self._advised = advised
        self._numbers: dict[tuple[str, bytes], int] = {}
        self._count: dict[str, int] = {}

    def redact(self, text: str, wants: Callable[[str], bool] = lambda code: True) -> tuple[str, list[str]]:
        """The text with pseudonyms, and the code of each that was put in. `wants` limits the codes."""
        used: list[str] = []
        # What overlapped with a value and stepped back is found in the next round.
        for _ in range(MAX_ROUNDS):
            spans = [span for span in find_private(text) if wants(span.code) and self._is_redacted(span)]
            if not spans:
                break
            names = [self._pseudonym(span, text[span.start : span.end]) for span in spans]
            for span, name in zip(reversed(spans), reversed(names), strict=True):
                text = text[: span.start] + name + text[span.end :]
            used += [span.code for span in spans]
        return text, used

    def _is_redacted(self, span: Span) -> bool:
        return span.severity != "advice" or span.code in self._advised

    def _pseudonym(self, span: Span, value: str) -> str:
        make = _FORMS.get(span.code, _secret)
        return make(self._number(span.code, _normal(span.code, value)), value)

    def _number(self, code: str, value: str) -> int:
        """From 1 on in order of appearance, or by the key."""
        kind = "data.privacy.ip" if code == "data.privacy.private_ip" else code
        raw = value.encode("utf-8", "replace")
        if self._key is not None:
            digest = hmac.digest(self._key, f"{kind}\0".encode() + raw, "sha256")
            return 1 + int.from_bytes(digest[:8]) % KEYED_RANGE
        # The values themselves are not kept in memory.
        slot = (kind, hashlib.blake2b(raw, digest_size=12).digest())
        if slot not in self._numbers:
            self._count[kind] = self._count.get(kind, 0) + 1
            self._numbers[slot] = self._count[kind]
        return self._numbers[slot]


def _normal(code: str, value: str) -> str:
    """Writings of one value agree: capitals of an address, blanks in a number."""
    if code == "data.privacy.email":
        return value.lower()
    if code in ("data.privacy.phone", "data.privacy.card", "data.privacy.iban", "data.privacy.mac", "data.privacy.national_id"):
        return "".join(char for char in value.upper() if char.isalnum())
    return value


def _email(number: int, value: str) -> str:
    return f"person{number}@example.com"


def _phone(number: int, value: str) -> str:
    area, line = divmod(number, 100)
    return f"+1 {201 + area % 798}-555-01{line:02d}"


def _card(number: int, value: str) -> str:
    """The first digit stays, the rest counts; the last one makes the Luhn check fail."""
    from stdnum import luhn

    count = sum(char.isdigit() for char in value)
    digits = f"{value[0]}{number:0{count - 2}d}"[: count - 1]
    right = luhn.calc_check_digit(digits)
    return _filled(value, digits + str((int(right) + 5) % 10))


def _iban(number: int, value: str) -> str:
    """Country and length stay; check digits 00 are never right."""
    count = sum(char.isalnum() for char in value)
    return _filled(value, f"{value[:2]}00{number:0{count - 4}d}")


def _national_id(number: int, value: str) -> str:
    """Of the American form, whatever the country: numbers from 900 on are not given to anybody."""
    return f"9{number // 10_000 % 100:02d}-00-{number % 10_000:04d}"


def _ip(number: int, value: str) -> str:
    if ":" in value:
        return str(ipaddress.IPv6Address("2001:db8::") + number)
    nets = ("192.0.2.0", "198.51.100.0", "203.0.113.0")
    net, host = divmod(number - 1, 254)
    if net < len(nets):
        return str(ipaddress.IPv4Address(nets[net]) + 1 + host)
    return str(ipaddress.IPv4Address("198.18.0.0") + number % (1 << 17))


def _mac(number: int, value: str) -> str:
    sign = value[2]
    if value[4:5] == ".":
        return f"0200.00{number >> 16 & 255:02x}.{number & 0xFFFF:04x}"
    return sign.join(("02", "00", "00", *(f"{number >> shift & 255:02x}" for shift in (16, 8, 0))))


def _secret(number: int, value: str) -> str:
    return f"REDACTED-{number}"


def _filled(shape: str, signs: str) -> str:
    """`signs` in place of the letters and digits of `shape`."""
    rest = iter(signs)
    return "".join(next(rest) if char.isalnum() else char for char in shape)


_FORMS: dict[str, Callable[[int, str], str]] = {
    "data.privacy.email": _email,
    "data.privacy.phone": _phone,
    "data.privacy.card": _card,
    "data.privacy.iban": _iban,
    "data.privacy.national_id": _national_id,
    "data.privacy.ip": _ip,
    "data.privacy.private_ip": _ip,
    "data.privacy.mac": _mac,
}
