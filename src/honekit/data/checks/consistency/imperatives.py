"""Familiar imperatives at the beginning of a sentence, in German and French: `Spül ihn ab`, `Vérifie le câble`.

They address the reader without a pronoun. Forms that are nouns too (`Frage`, `Ruf`) count with an object behind them only.
Spanish is left out, where `Abre` may be what a shop does.
"""

from __future__ import annotations

import re

_BEGIN = re.compile(
    r"(?:^|[.!?:;]\s|\n)(?:\d+\. |[-*•] )?(?:[Bb]itte )?([^\W\d_]+(?:['’-][^\W\d_]+)?) ([^\W\d_A-ZÄÖÜ][\w'’]*|\d|[„»«\"])"
)
"""The first word of a sentence and the next one, if that begins with a small letter or is a number or a quotation."""
_VERBS_DE = """
achte aktiviere aktualisiere bestätige bewahre bewege bringe deaktiviere denke drehe drücke entferne
entsorge erstelle erwärme führe füge gehe gieße installiere kaufe klicke komme koche kontaktiere
kontrolliere lasse lösche mache melde mische notiere öffne probiere prüfe reduziere reinige
reserviere rufe rühre sammle schalte schaue schicke schiebe schließe schneide schreibe sende setze
speichere starte tippe trockne überlege überprüfe vereinbare vermeide versuche verwende verzichte
wähle warte wasche wechsle wickle wische zahle zeige ziehe halte nutze benutze sage bring denk drück
führ füg geh gieß hol kauf klick komm lad lass leg lös lösch mach meld misch probier prüf reservier
rühr schau schalt schieb schließ schneid schreib send setz speicher stell trink versuch wähl wasch
wisch zeig zieh gib hilf iss lies nimm sieh sprich tu triff vergiss wirf spül füll frag sag nutz
"""
_DE = frozenset(_VERBS_DE.split())
_NOUNS_DE = """
dreh frage fülle halt hänge klappe klemme koch lade lege löse pass presse press putz putze ruf schick schraube spüle stelle tausch
teile tipp trag trage zahl
"""
_OBJECTS_DE = frozenset(
    {"die", "das", "den", "dem", "es", "ihn", "sie", "ihm", "uns", "mich", "einen", "eine", "ein", "bitte", "mal", "einfach"}
)
_DE_WITH_OBJECT = {(verb, following) for verb in _NOUNS_DE.split() for following in _OBJECTS_DE}
"""What a noun at the beginning of a sentence has not behind it."""
_NOT_BEFORE_DE = frozenset({"ich", "man", "wir", "und", "oder", "sowie", "ist", "sind", "war"})
_FORMAL_DE = re.compile(r"\b(?:Sie|Ihnen|Ihr(?:e[nmrs]?)?)\b")
_VERBS_FR = """
ajoute allume appelle appuie arrête assure-toi attends branche choisis clique connecte contacte
débranche dis écris enlève envoie essaie essuie éteins évite fais ferme installe laisse lave lis
mets nettoie n'oublie n’oublie ouvre prends prépare redémarre regarde remplace remplis rends
rends-toi réserve retire rince saisis tourne utilise vérifie verse viens
"""
_FR = frozenset(_VERBS_FR.split())
_NOT_BEFORE_FR = frozenset({"je", "il", "elle", "on", "et", "ou", "est"})
_FORMAL_FR = re.compile(r"\b(?:[Vv]ous|[Vv]otre|[Vv]os)\b|[A-Za-zé]{3}ez\b")
_LANGUAGES = {"de": ("du", _DE, _NOT_BEFORE_DE, _FORMAL_DE), "fr": ("tu", _FR, _NOT_BEFORE_FR, _FORMAL_FR)}


def familiar(text: str, language: str) -> str | None:
    """The familiar form where a sentence begins with such an imperative and nothing addresses the reader politely."""
    if language not in _LANGUAGES:
        return None
    form, verbs, no_objects, formal = _LANGUAGES[language]
    pairs = [(verb.lower(), following) for verb, following in _BEGIN.findall(text)]
    is_familiar = any((pair[0] in verbs and pair[1] not in no_objects) or pair in _DE_WITH_OBJECT for pair in pairs)
    return form if is_familiar and not formal.search(text) else None
