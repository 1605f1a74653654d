"""Addresses of machines: IP and MAC. Those that the standards set aside for examples, and versions, are none."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from honekit.data.private.span import Span, text_before

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
_MAC_IN_FOURS = re.compile(r"(?<![\w:.-])(?=[0-9.]{0,13}[A-Fa-f])[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}(?![\w:-]|\.\w)")
"""As switches write it: 3c37.128a.f05d."""
_MAC_SET_ASIDE = re.compile(
    r"00[:-]00[:-]5E[:-]00[:-]53|02[:-]00[:-]00|(?:00[:-]){5}00|(?:FF[:-]){5}FF|(?:[:-]?\d\d-){5}|12[:-]34[:-]56|00[:-]11[:-]22[:-]33",
    re.IGNORECASE,
)


def ipv4(text: str) -> Iterator[Span]:
    for match in _IPV4.finditer(text):
        span = _address(match)
        octets = match[0].split(".")
        before = text_before(text, match.start())
        is_version = _VERSION_CUE.search(before) and not _IP_CUE.search(before)
        # All numbers small: a version or a section, unless the words before speak of an address.
        is_version = is_version or (all(int(octet) < 30 for octet in octets) and not _IP_CUE.search(before) and octets[0] != "10")
        is_network = text[match.end() : match.end() + 1] == "/" and octets[3] == "0"
        if span and not is_version and not is_network and not any(len(octet) > 1 and octet[0] == "0" for octet in octets):
            yield span


def ipv6(text: str) -> Iterator[Span]:
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


def macs(text: str) -> Iterator[Span]:
    for match in _MAC.finditer(text):
        if not _MAC_SET_ASIDE.match(match[0]):
            yield Span(match.start(), match.end(), "data.privacy.mac", "advice", "a MAC address")
    for match in _MAC_IN_FOURS.finditer(text):
        is_set_aside = match[0].startswith("0200.00") or len(set(match[0])) < 4
        if any(map(str.isdigit, match[0])) and not is_set_aside:
            yield Span(match.start(), match.end(), "data.privacy.mac", "advice", "a MAC address")
