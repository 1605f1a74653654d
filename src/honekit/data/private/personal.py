"""Where a text names a person or a device: e-mail, phone, card, IBAN, national number, IP and MAC addresses.

What the standards set aside for examples is nobody's: example.com (RFC 2606), 192.0.2.0/24 and its like (RFC 5737,
3849), 00-00-5E-00-53-xx (RFC 7042), telephone numbers 555-01xx. Order numbers, versions, section numbers, timestamps
and hashes look alike; words before a number and its check digits tell them apart.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from honekit.data.lines import Severity
from honekit.data.private.national_ids import CUE, is_cued, national_ids


@dataclass(frozen=True)
class Span:
    """A place in a text: what stands at `start` to `end`, in a code's terms (`data.privacy.email`)."""

    start: int
    end: int
    code: str
    severity: Severity
    what: str
    """What it is, in words, for a message."""


_EMAIL = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9][\w.+%-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}\b(?![.-]?\w*@)"
)
_ROLE = re.compile(
    r"(?:no-?reply|do-?not-?reply|info|support|sales|help|helpdesk|contact|admin|postmaster|webmaster|office|service|billing|hello|"
    r"team|careers|jobs|press|privacy|security|abuse|feedback|orders?|customer[._-]?(?:care|service|support)|returns|git|hr|it|legal|"
    r"accounts?|invoices?|news(?:letter)?|marketing|media|enquiries|inquiries|user(?:name)?|name|you|your[._-]?(?:name|email)|email|e-?mail|mail)",
    re.IGNORECASE,
)
_RESERVED_DOMAIN = re.compile(
    r"(?:^|\.)(?:example\.(?:com|org|net|edu)|(?:your)?(?:domain|company|email)\.(?:com|org|net))$|\.(?:example|test|invalid|localhost|local|lan|internal|corp|home)$"
)
_NO_DOMAIN = re.compile(
    r"\.(?:png|jpe?g|gif|svg|webp|js|ts|css|py|md|txt|json|ya?ml|toml|zip|gz|html?|pdf|service|socket|mount|target|timer)$"
)

_IN_URL = re.compile(r"://[^\s/]*$")

_NUMBER = re.compile(r"\+?\(?\d[\d .()/-]{5,}\d")
_WEAK_CUE = re.compile(r"\bnumber\b[^\n]{0,12}$", re.IGNORECASE)
_GOOD_CUE = re.compile(
    r"\b(?:tel(?:ephone)?|phone|mobile|cell|call|ring|dial|text|fax|whatsapp|sms|reach|hotline|telefon|handy|mobil|rufnummer|anrufen|erreichbar|numéro|téléphone|portable|appele[rz]|teléfono|móvil|llam\w+|telefono"
    r"|cellulare|telefoon|telefone|celular)\b(?=[^\n]{0,30}$)",
    re.IGNORECASE,
)
_BAD_CUE = re.compile(
    r"\b(?:order|ticket|ref(?:erence)?|case|serial|s/?n|part|invoice|tracking|parcel|shipment|sku|model|isbn|issn|ean|id|policy|version|"
    r"batch|lot|account|customer|contract|claim|booking|po|timestamp|epoch|build|patent|rma|imei|hash)\b(?=[^\n]{0,12}$)|[#_=/\w-]$",
    re.IGNORECASE,
)
_NANP = re.compile(r"(?:\+?1[ .-]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}")
_EAST_ASIA = re.compile(r"0\d{1,3}-\d{2,4}-\d{4}")
_PAIRS = re.compile(r"0[1-79](?:[ .]\d\d){4}")
"""French numbers, in pairs: no other figures are written so."""
_FICTIONAL = re.compile(r"(?:\+?1[ .-]?)?(?:\(?\d{3}\)?[ .-]?)?555[ .-]?01\d\d(?!\d)")
_REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "IN", "AU", "NL", "BR")

_CARD = re.compile(
    r"(?<![\w.+-])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|3[47]\d\d([ -])\d{6}\2\d{5}|\d{13,19})(?![\w-]|\.\d)"
)
_CARD_PREFIX = re.compile(
    r"(?:4\d{12}(?:\d{3}(?:\d{3})?)?|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|(?:6011|65\d\d|64[4-9]\d)\d{12}|35\d{14}|3(?:0[0-5]|[689]\d)\d{11})"
)
_CARD_CUE = re.compile(r"\b(?:cards?|visa|master ?card|amex|american express|credit|debit|cc)\b", re.IGNORECASE)
_IBAN = re.compile(
    r"\b(?:[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?|[a-z]{2}\d{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?)\b"
)

_IPV4 = re.compile(r"(?<![\w.+-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:){1,7}(?::?[0-9A-Fa-f]{1,4}){0,7}(?![\w:])")
_VERSION_CUE = re.compile(
    r"\b(?:version|release|build|firmware|driver|revision|update|upgraded?|software|section|sections|chapter|clause|paragraph|oid|step)\b|"
    r"(?:\b(?:v|ver|fw|rev|sec|para|table|figure|article)|§)[\s.:#]*$",
    re.IGNORECASE,
)
_IP_CUE = re.compile(
    r"\b(?:ip|ipv4|host|address|addr|server|client|peer|src|dst|source|destination|gateway|login|ping|dns|ssh|node)\b",
    re.IGNORECASE,
)
_PERSON_CUE = re.compile(
    r"\b(?:my|your|his|her|their|user'?s?|customers?|subscribers?|visitors?|members?|guests?|employees?)\b", re.IGNORECASE
)
_RESOLVERS = frozenset({"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "208.67.220.220"})
_SET_ASIDE = tuple(
    ipaddress.ip_network(net)
    for net in (
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "198.18.0.0/15",
        "2001:db8::/32",
        "0.0.0.0/8",
        "127.0.0.0/8",
        "240.0.0.0/4",
        "1.2.3.4/32",
    )
)
_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})(?![\w:-])")
_MAC_SET_ASIDE = re.compile(
    r"00[:-]00[:-]5E[:-]00[:-]53|02[:-]00[:-]00|(?:00[:-]){5}00|(?:FF[:-]){5}FF|(?:[:-]?\d\d-){5}|12[:-]34[:-]56|00[:-]11[:-]22[:-]33",
    re.IGNORECASE,
)


def _before(text: str, start: int, length: int = 40) -> str:
    return text[max(0, start - length) : start]


def _emails(text: str) -> Iterator[Span]:
    for match in _EMAIL.finditer(text):
        local, _, domain = match[0].rpartition("@")
        domain = domain.lower()
        if _IN_URL.search(_before(text, match.start(), 200)):
            continue
        if not (_ROLE.fullmatch(local) or _RESERVED_DOMAIN.search(domain) or _NO_DOMAIN.search(domain)):
            yield Span(match.start(), match.end(), "data.privacy.email", "warning", "an e-mail address")


def _cards(text: str) -> Iterator[Span]:
    from stdnum import luhn

    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        is_grouped = bool(match[1] or match[2])
        if not (_CARD_PREFIX.fullmatch(digits) and luhn.is_valid(digits)) or (len(set(digits)) < 3 and digits[0] != "4"):
            continue
        before = _before(text, match.start(), 60)
        if _CARD_CUE.search(before) or (is_grouped or not _BAD_CUE.search(before)):
            yield Span(match.start(), match.end(), "data.privacy.card", "warning", "a payment card number")


def _ibans(text: str) -> Iterator[Span]:
    from stdnum import iban

    for match in _IBAN.finditer(text):
        # A word in capitals behind it may have been taken along.
        value = match[0]
        while value and not iban.is_valid(value):
            value = value.rpartition(" ")[0]
        if value:
            yield Span(match.start(), match.start() + len(value), "data.privacy.iban", "warning", "a bank account number (IBAN)")


def _national_ids(text: str) -> Iterator[Span]:
    for start, end, what in national_ids(text):
        yield Span(start, end, "data.privacy.national_id", "warning", what)


def _phones(text: str) -> Iterator[Span]:
    for match in _NUMBER.finditer(text):
        raw, before = match[0].rstrip(" .(/-"), _before(text, match.start())
        end = match.start() + len(raw)
        if (
            not _is_fictional(raw)
            and not is_cued(text, match.start(), end)
            and _is_phone(raw, before, text[match.end() : match.end() + 1])
        ):
            yield Span(match.start(), end, "data.privacy.phone", "warning", "a phone number")


def _is_phone(raw: str, before: str, after: str) -> bool:
    import phonenumbers

    digits = sum(char.isdigit() for char in raw)
    if not 8 <= digits <= 15 or after.isalpha() or after == "_" or (re.search(r"\d\.\d+\.\d", raw) and not _NANP.fullmatch(raw)):
        return False
    if before[-1:].isalnum() or (
        before[-1:] in {"_", ".", "-", "/", "=", "#", "+", ":"} and before[-2:-1].isalnum() and before[-1:] != ":"
    ):
        return False
    good, bad = _last(_GOOD_CUE, before), _last(_BAD_CUE, before)
    has_cue = good > bad
    try:
        if raw.startswith("+"):
            number = phonenumbers.parse(raw, None)
            return phonenumbers.is_valid_number(number) or (digits >= 10 and phonenumbers.is_possible_number(number))
        if bad >= 0 and not has_cue:
            return False
        if (has_cue or _WEAK_CUE.search(before)) and not re.fullmatch(
            r"\d{4}[-/.]\d\d[-/.]\d\d.*|\d\d?[-/.]\d\d?[-/.]\d{4}", raw
        ):
            return bool(_NANP.fullmatch(raw)) or any(
                phonenumbers.is_valid_number(phonenumbers.parse(raw, region)) for region in _REGIONS
            )
        if _PAIRS.fullmatch(raw):
            return True
        if _EAST_ASIA.fullmatch(raw):
            return any(phonenumbers.is_valid_number(phonenumbers.parse(raw, region)) for region in ("JP", "KR"))
        return bool(_NANP.fullmatch(raw)) and phonenumbers.is_valid_number(phonenumbers.parse(raw, "US"))
    except phonenumbers.NumberParseException:
        return False


def _last(cue: re.Pattern[str], before: str) -> int:
    """Where the last word of this kind stands, -1 for none."""
    return max((match.start() for match in cue.finditer(before)), default=-1)


def _is_fictional(raw: str) -> bool:
    """North American numbers 555-0100 to 555-0199 belong to nobody."""
    return bool(_FICTIONAL.match(raw))


def _ipv4(text: str) -> Iterator[Span]:
    for match in _IPV4.finditer(text):
        span = _address(match)
        octets = match[0].split(".")
        before = _before(text, match.start())
        is_version = _VERSION_CUE.search(before) and not _IP_CUE.search(before)
        # All numbers small: a version or a section, unless the words before speak of an address.
        is_version = is_version or (all(int(octet) < 30 for octet in octets) and not _IP_CUE.search(before) and octets[0] != "10")
        is_network = text[match.end() : match.end() + 1] == "/" and octets[3] == "0"
        if span and not is_version and not is_network and not any(len(octet) > 1 and octet[0] == "0" for octet in octets):
            yield span


def _ipv6(text: str) -> Iterator[Span]:
    for match in _IPV6.finditer(text):
        if match[0].count(":") >= 3 and (span := _address(match)):
            yield span


def _address(match: re.Match[str]) -> Span | None:
    """None for what is no address, or one that points at nobody."""
    try:
        address = ipaddress.ip_address(match[0])
    except ValueError:
        return None
    if str(address) in _RESOLVERS or any(address in net for net in _SET_ASIDE):
        return None
    if address.is_multicast or address.is_loopback or address.is_unspecified:
        return None
    if address.is_global:
        of_person = _PERSON_CUE.search(match.string, max(0, match.start() - 60), match.end() + 40)
        return Span(match.start(), match.end(), "data.privacy.ip", "warning" if of_person else "advice", "a public IP address")
    return Span(match.start(), match.end(), "data.privacy.private_ip", "advice", "an IP address of a private network")


def _macs(text: str) -> Iterator[Span]:
    for match in _MAC.finditer(text):
        if not _MAC_SET_ASIDE.match(match[0]):
            yield Span(match.start(), match.end(), "data.privacy.mac", "advice", "a MAC address")


PERSONAL: tuple[tuple[str, Callable[[str], Iterator[Span]]], ...] = (
    (r"[\w%+-]@\w", _emails),
    (r"\d{4}[ -]\d{4}[ -]\d{4}[ -]\d|3[47]\d\d[ -]\d{6}|\d{13}", _cards),
    (r"\b[A-Z]{2}\d\d ?[A-Z0-9]{4} ?[A-Z0-9]{4}|\b[a-z]{2}\d\d ?[a-z0-9]{4} ?[a-z0-9]{4}", _ibans),
    (CUE, _national_ids),
    (r"\d\.\d{1,3}\.\d{1,3}\.\d", _ipv4),
    (r"[0-9A-Fa-f]{2}[:-](?:[0-9A-Fa-f]{2}[:-]){4}[0-9A-Fa-f]{2}", _macs),
    (r"[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:", _ipv6),
    (r"(?:\d[ .()/-]{0,2}){7}\d", _phones),
)
"""For each detector a pattern for RE2 without which it finds nothing; of two at one place the first in this order wins."""
