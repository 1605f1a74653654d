"""Where a text names a person or a device: e-mail, phone, card, IBAN, national number, IP and MAC addresses.

What the standards set aside for examples is nobody's: example.com (RFC 2606), 192.0.2.0/24 and its like (RFC 5737,
3849), 00-00-5E-00-53-xx (RFC 7042), telephone numbers 555-01xx. Order numbers, versions, section numbers, timestamps
and hashes look alike; words before a number and its check digits tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from honekit.data.private.national_ids import CUE, is_cued, national_ids
from honekit.data.private.network import ipv4, ipv6, macs
from honekit.data.private.span import Span, text_before

_EMAIL = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9][\w.+%-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}\b(?![.-]?\w*@)"
)
_SPELT_EMAIL = re.compile(
    r"(?<![\w.+%-])(?P<local>[A-Za-z0-9][\w.+%-]{0,63}) ?[(\[](?:at|AT|@)[)\]] ?(?P<domain>[A-Za-z0-9-]{1,63}"
    r"(?:(?:\.| ?[(\[](?:dot|DOT|punkt|\.)[)\]] ?)[A-Za-z0-9-]{2,63}){1,4})\b"
)
"""`jonas.weber (at) posteo (dot) de`."""
_DOT = re.compile(r" ?[(\[][^)\]]*[)\]] ?")
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
_WEAK_CUE = re.compile(
    r"\bnumber\b[^\n]{0,12}$"
    r"|\b(?:(?:meine|mon|mi|meu|il mio|mój|mijn) (?:nummer|num[eé]ro|número|numer)"
    r"|(?:(?:^|[.,;:!?] ?)|\b(?:telefon|cep|benim) )numaram)"
    r"(?: (?:ist|lautet|is|est|es|é|è|to))?\W{1,3}$"
    r"|(?:رقمي|جوالي|هاتفي|मेरा नंबर|(?:मोबाइल|फ़ोन) नंबर)\W{1,3}$",
    re.IGNORECASE,
)
"""`number`, and where a language has that word mostly in other names, somebody's own."""
_GOOD_CUE = re.compile(
    r"\b(?:tel(?:ephone)?|phone|mobile|cell|call|ring|dial|text|fax|whatsapp|sms|reach|hotline|telefon|handy|mobil|rufnummer|anrufen|erreichbar|numéro|téléphone|portable|appele[rz]|teléfono|móvil|llam\w+|telefono"
    r"|cellulare|telefoon|telefone|celular|telefonum|telefonumu|telefonu"
    r"|zadzwo[nń]\w*|dzwoni[ćc]|telemóvel|ligue|liga(?= para)|chiam\w+|rufen)\b(?=[^\n]{0,30}$)",
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
_SLASHED = re.compile(r"0[1-9]\d{1,3} ?/ ?\d{3,4}[ -]?\d{3,4}(?:-\d{1,3})?")
"""German numbers: the area, a stroke, and the rest."""
_DATED = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[-./]\d{1,4}$")
"""`20240418-3`: a number of that day, such as an invoice's."""
_FICTIONAL = re.compile(r"(?:\+?1[ .-]?)?(?:\(?\d{3}\)?[ .-]?)?555[ .-]?01\d\d(?!\d)")
_REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "IN", "AU", "NL", "BR", "PL", "TR", "PT", "SA")

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


def _emails(text: str) -> Iterator[Span]:
    for match in _EMAIL.finditer(text):
        local, _, domain = match[0].rpartition("@")
        if not _IN_URL.search(text_before(text, match.start(), 200)) and _is_persons(local, domain):
            yield Span(match.start(), match.end(), "data.privacy.email", "warning", "an e-mail address")


def _spelt_emails(text: str) -> Iterator[Span]:
    for match in _SPELT_EMAIL.finditer(text):
        if _is_persons(match["local"], _DOT.sub(".", match["domain"])):
            yield Span(match.start(), match.end(), "data.privacy.email", "warning", "an e-mail address")


def _is_persons(local: str, domain: str) -> bool:
    domain = domain.lower()
    return not (_ROLE.fullmatch(local) or _RESERVED_DOMAIN.search(domain) or _NO_DOMAIN.search(domain))


def _cards(text: str) -> Iterator[Span]:
    from stdnum import luhn

    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        is_grouped = bool(match[1] or match[2])
        if not (_CARD_PREFIX.fullmatch(digits) and luhn.is_valid(digits)) or (len(set(digits)) < 3 and digits[0] != "4"):
            continue
        before = text_before(text, match.start(), 60)
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
        raw, before = match[0].rstrip(" .(/-"), text_before(text, match.start())
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
    if (
        not 8 <= digits <= 15
        or after.isalpha()
        or after == "_"
        or (re.search(r"\d\.\d+\.\d", raw) and not _NANP.fullmatch(raw) and not _PAIRS.fullmatch(raw))
    ):
        return False
    if _DATED.match(raw):
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
        if _SLASHED.fullmatch(raw):
            return phonenumbers.is_valid_number(phonenumbers.parse(raw, "DE"))
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


PERSONAL: tuple[tuple[str, Callable[[str], Iterator[Span]]], ...] = (
    (r"[\w%+-]@\w", _emails),
    (r"\w ?[(\[](?:at|AT|@)[)\]] ?\w", _spelt_emails),
    (r"\d{4}[ -]\d{4}[ -]\d{4}[ -]\d|3[47]\d\d[ -]\d{6}|\d{13}", _cards),
    (r"\b[A-Z]{2}\d\d ?[A-Z0-9]{4} ?[A-Z0-9]{4}|\b[a-z]{2}\d\d ?[a-z0-9]{4} ?[a-z0-9]{4}", _ibans),
    (CUE, _national_ids),
    (r"\d\.\d{1,3}\.\d{1,3}\.\d", ipv4),
    (r"[0-9A-Fa-f]{2}[:-](?:[0-9A-Fa-f]{2}[:-]){4}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}", macs),
    (r"[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:", ipv6),
    (r"(?:\d[ .()/-]{0,2}){7}\d", _phones),
)
"""For each detector a pattern for RE2 without which it finds nothing; of two at one place the first in this order wins."""
