"""Words that answers have when several checks have to search them: one pass over a text finds all of them.

Most answers have none, and a search with RE2 for any of hundreds of words takes as long as one or two for a single word. A cue
has to stand wherever the pattern of its check matches; what else it is found in costs a search in vain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from honekit.data.checks.turn import MAX_LABEL_CHARS, Turn

BEGINNINGS = (
    "i", "sorry", "apolog", "unfort", "es tut", "tut", "leider", "je ", "dés", "lo ", "sinto", "desc", "mi ",
    "很", "抱", "对", "申",
)  # fmt: skip
"""Of refusals."""
SPEAKS_AS_AI = (
    r"\bas an? (?:AI|artificial intelligence|(?:large )?language model)\b"
    r"|\bI(?:['’]| a)m (?:just |only )?an? (?:AI|language model)\b"
    r"|\bals (?:KI|eine? (?:KI|künstliche Intelligenz|(?:großes )?Sprachmodell))\b"
    r"|\ben tant qu(?:e |['’])(?:IA|modèle de langage|intelligence artificielle)\b"
    r"|\bcomo (?:una? )?(?:IA|modelo de lenguaje|inteligencia artificial)\b|\bcomo (?:uma? )?modelo de linguagem\b"
    r"|\b(?:come|in quanto) (?:IA|modello linguistico|intelligenza artificiale)\b"
    r"|\benquanto (?:IA|modelo de linguagem)\b|作为一个?(?:AI|人工智能|大?语言模型)|AI言語モデルとして"
    r"|\bmy (?:last )?(?:knowledge (?:update|cut-?off)|training (?:data|cut-?off))\b"
    r"|\bmy knowledge (?:was last updated|(?:only )?(?:ends|goes|extends|reaches)|is (?:current|up to date) (?:as of|until|to))\b"
    r"|\bas of my last (?:update|training|knowledge)\b"
    r"|\bI (?:was|have been) (?:trained|created|developed) by (?:OpenAI|Anthropic)\b|\b(?:I am|I['’]m|as) ChatGPT\b"
)
FOOT_WORDS = (
    "reserved", "opyright", "©", "ead more", "ubscribe to", "Wikipedia", "etrieved ", "confidential", "intended recipient",
    "egenerate", "make mistakes", "better or worse", "vorbehalten", "réservés", "reservados", "ent from my", "esendet von",
)  # fmt: skip
"""Of pages and mails, without the first letter's case."""
SLOT_WORDS = (
    r"(?:placeholder|(?:first |last |full |company |customer |user |your |\w{1,20}['’]s )?(?:name|date|time|address|e-?mail"
    r"|phone|password|number|amount|link|url|city|place|title|company|signature|nom|date|heure|datum|uhrzeit|adresse|betrag|firma|nombre|fecha|hora))"
)
SLOT_PHRASES = (
    r"(?:(?:the |your )?(?:number|name|date|time|amount|address|title|type|price) of "
    r"|(?:insérer|insertar|inserire|inserir|wstawić|wstaw|uzupełnić|uzupełnij|invullen) )"
)
"""How a slot begins that says what belongs into it: `<number of days>`, `[insertar fecha]`."""
SLOT_CAPITALS = r"\[(?:[A-Z]{3,20} ){1,3}[A-Z]{3,20}\](?!\()"
"""A slot of several words in capitals: `[OPENING HOURS]`."""
THINGS = r"table|figure|chart|graph|diagram|image|picture|screenshot|tabelle|abbildung|tableau|figura|tabla"

_BETWEEN = "\0"
"""Between answers that are searched together."""
_AT_ONCE = 8
_SLOT_WORDS = SLOT_WORDS.replace(r"\w", r"[\pL\pN_]")
"""For RE2, whose `\\w` knows ASCII alone."""
_NONE: Mapping[int, Sequence[int]] = {}
_PATTERNS = {
    "refusal": rf"(?:^|{_BETWEEN})[^\pL]*(?:{'|'.join(BEGINNINGS)})",
    "ai": SPEAKS_AS_AI.replace(r"\b", ""),
    "source": r"【\d+(?::\d+)?†|oaicite",
    "mark": r"TODO|TBD|FIXME|XX|lorem ipsum|\[(?:reviewer|annotator|editor|labell?er|note to self)"
    r"|(?:answer|response|text) (?:goes )?here"
    r"|(?:translation|summary|output|content|description|result) here[>\]]"
    r"|einfügen|ergänzen|compléter|ausfüllen|(?:eintragen|nachtragen)[>\]]|por completar|da completare|nog invullen",
    "slot": rf"\{{\{{|\{{[a-z]+_|\$\{{[a-z]|[<\[](?:insert|your|enter|add|fill in|{_SLOT_WORDS}[\]>]|{SLOT_PHRASES})"
    r"|\[[a-z]+ (?:[a-z]+ )?(?:name|date|time|address|email|phone|number|amount|title|company|position|department|signature)\]"
    r"|(?-i:\[[A-Z]{3,20} [A-Z ]{3,80}\])",
    "foot": "|".join(FOOT_WORDS),
    "filler": r"I hope (?:this|that) helps|let me know if|feel free to|any (?:other|further|more) questions"
    r"|is there anything else|happy to help|ich hoffe, (?:das|dies) hilft|n'hésitez pas|no dudes en",
    "opening": r"(?:Sure(?: thing)?|Certainly|Of course|Absolutely)[!,.][^\n.:]*"
    r"(?:here(?:'s| is| are)|I(?:'d| would) be happy|happy to)"
    r"|Great question|Here(?:'s| is| are) (?:the|an?|your|some) (?:answer|response|summary|translation|corrected|list)"
    r"|(?:Natürlich|Gerne)[!,.] Hier|Bien sûr|(?:Claro|Por supuesto)[!,.]",
    "reference": rf"(?:as|like)(?: [a-z]+){{0,2}} (?:in|by) the (?:(?:{THINGS}) )?(?:above|before|previous|earlier)"
    rf"|(?:see|in|from) the (?:(?:{THINGS}) above|(?:previous|preceding|last) (?:answer|response|question|example|row|record))"
    r"|as (?:shown|seen|mentioned|described|noted|stated|discussed|explained) (?:above|before|earlier|previously)"
    r"|as (?:the )?(?:above|previous|before|last one)|see above|ditto|(?:siehe|wie) oben|ci-dessus|arriba"
    r"|siehe (?:vorige|vorherige|letzte)"
    r"|(?:respuesta|pregunta|resposta|pergunta) anterior|(?:réponse|question) précédente|(?:risposta|domanda) precedente",
}
REFUSAL, AI, SOURCE, MARK, SLOT, FOOT, FILLER, OPENING, REFERENCE = range(len(_PATTERNS))


Cues = Mapping[int, Sequence[int]]
"""Of one turn, by the place of the trained answer that has them."""


def cues_of(turns: Iterable[Turn]) -> list[Cues]:
    """Those of each turn. Some answers are searched together, and where that finds one, each of them."""
    turns = [*turns]
    cues: list[Cues] = [_NONE] * len(turns)
    answers = [(index, at, text) for index, turn in enumerate(turns) for at, text in turn.trained]
    for begin in range(0, len(answers), _AT_ONCE):
        some = answers[begin : begin + _AT_ONCE]
        if _cues_in(_BETWEEN.join([text for _, _, text in some])):
            for index, at, text in some:
                if found := _of_short(text) if len(text) <= MAX_LABEL_CHARS else _cues_in(text):
                    cues[index] = {**cues[index], at: found}
    return cues


def _cues_in(text: str) -> Sequence[int]:
    return _cues().Match(text.encode("utf-8", "surrogatepass")) or ()


_of_short = lru_cache(maxsize=4096)(_cues_in)
"""Labels come again and again."""


@cache
def _cues() -> Any:
    import re2  # type: ignore[import-untyped]

    cues = re2.Set.SearchSet()
    for pattern in _PATTERNS.values():
        cues.Add(f"(?i){pattern}")
    cues.Compile()
    return cues
