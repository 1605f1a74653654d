"""Numbers that a state gives to a person, told by shape and check digits and, where these are not enough, by words nearby."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class _Kind:
    what: str
    shape: str
    module: str
    """Of python-stdnum, which knows its check digits."""
    cue: str = ""
    """Words of which one stands nearby; none where hardly any other number passes."""
    aside: str = "-"
    """How the numbers begin that are set aside for tests, and nobody's."""


_KINDS = (
    _Kind(
        "a US social security number", r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}", "", "ssn|social security|social insurance"
    ),
    _Kind("a British NHS number", r"\d{3}[ -]?\d{3}[ -]?\d{4}", "gb.nhs", "nhs", "999"),
    _Kind("a Canadian social insurance number", r"\d{3}[ -]?\d{3}[ -]?\d{3}", "ca.sin", "(?-i:SIN)|social insurance"),
    _Kind(
        "a French social security number",
        r"[12] ?\d\d ?\d\d ?\d[\dAB] ?\d{3} ?\d{3} ?\d\d",
        "fr.nir",
        "nir|sécurité sociale|social security|insee",
    ),
    _Kind("a Spanish identity number", r"[XYZ\d]\d{7}-?[A-Z]", "es.nif", "dni|nif|nie"),
    _Kind("a German tax number", r"\d\d ?\d{3} ?\d{3} ?\d{3}", "de.idnr", "steuer-?id(?:entifikationsnummer)?|idnr|tax id"),
    _Kind("a Dutch citizen number", r"\d{9}", "nl.bsn", "bsn|burgerservicenummer"),
    _Kind("a Polish PESEL number", r"\d{11}", "pl.pesel", "pesel"),
    _Kind(
        "a Swedish personal number", r"(?:\d\d)?\d{6}[-+]\d{4}", "se.personnummer", "personnummer|personal (?:identity )?number"
    ),
    _Kind("an Indian Aadhaar number", r"\d{4} ?\d{4} ?\d{4}", "in_.aadhaar", "aadhaar"),
    _Kind("an Indian PAN", r"[A-Z]{5}\d{4}[A-Z]", "in_.pan", "pan"),
    _Kind("a passport number", r"[A-Z]{1,2}\d[A-Z0-9]{5,7}", "", "passport|reisepass|passeport|pasaporte"),
    _Kind("an Italian tax code", r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]", "it.codicefiscale"),
    _Kind("a Brazilian CPF number", r"\d{3}\.\d{3}\.\d{3}-\d\d", "br.cpf"),
    _Kind("a Belgian national number", r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d", "be.nn"),
    _Kind("a Swiss social security number", r"756\.\d{4}\.\d{4}\.\d\d", "ch.ssn"),
)
_CUES = [kind.cue for kind in _KINDS if kind.cue]
_SHAPES = [kind.shape for kind in _KINDS if not kind.cue]
CUE = rf"(?i:\b(?:{'|'.join(_CUES)})\b)|{'|'.join(_SHAPES)}"
"""For RE2: a text without it has no such number."""
_FINDERS = [
    (
        kind,
        re.compile(rf"(?<![\w.-])(?:{kind.shape})(?![\w-]|\.\d)"),
        re.compile(rf"\b(?:{kind.cue})\b", re.I) if kind.cue else None,
    )
    for kind in _KINDS
]
_BEFORE, _BEHIND = 60, 20


def national_ids(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and what it is, in words."""
    for kind, shape, cue in _FINDERS:
        if cue and not cue.search(text):
            continue
        for found in shape.finditer(text):
            is_near = not cue or cue.search(text, max(0, found.start() - _BEFORE), found.end() + _BEHIND)
            if is_near and not found[0].startswith(kind.aside) and (not kind.module or _is_valid(kind.module, found[0])):
                yield found.start(), found.end(), kind.what


def is_cued(text: str, start: int, end: int) -> bool:
    """Whether words nearby say that a number is one of these, so that it is none of another kind: it may be one that is set
    aside for tests (NHS numbers from 999 000 0000 on), or mistyped."""
    near = text[max(0, start - _BEFORE) : start]
    return any(cue and cue.search(near) and shape.fullmatch(text, start, end) for _, shape, cue in _FINDERS)


def _is_valid(module: str, number: str) -> bool:
    return bool(importlib.import_module(f"stdnum.{module}").is_valid(number))
