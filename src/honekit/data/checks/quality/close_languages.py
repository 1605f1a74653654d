"""Languages so close that an identifier takes one for the other, told apart by the words and letters that only one of them has:
Russian among Ukrainian, Spanish among Portuguese, Norwegian among Danish."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from honekit.data.checks.tally import Tallies
from honekit.data.checks.turn import adviser, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding

_WORDS = {
    "pt": "não uma com em do dos ao aos você vocês são pelo pela isso também muito seu ou foi há à é até mas mais nos um",
    "es": "el los las una con y en del al es pero muy sus lo está también hay cuando dónde qué cómo más son luego un",
    "ca": "amb els és però més també són aquest aquesta molt dels perquè una un i",
    "da": "af hvad blev efter mig dig sig noget nogle uge meget mellem nu ud op hvornår gør bliver vand køb læg mod uden ind"
    " jeres lidt derefter hjælp bruge lægge igen gennem penge let mere lad aften blevet tør værd"
    " fortæl vejr slut straks stof spil jer måske altid aldrig besøg tænk sæt mælk æg mand vej ske læs hæld skær",
    "no": "av hva ble etter meg deg seg noe noen uke mye mellom nå opp gjør blir vann uten inn litt hjelp bruk bruke igjen"
    " gjennom gi lett penger mer dere legg alltid aldri kanskje"
    " melk egg skje kveld deretter slutt fortell besøk tenk tørr mann vei blitt verdt les hell skjær spill",
    "sv": "och är att inte jag ett från när för över mycket efter vad hur varje också vatten eller sedan mig dig sig ut upp nu",
    "cs": "se jak pro co když jsem jsou také nebo při ve než být který která které může"
    " ji není jsme jste více přes mezi proto je v s i",
    "sk": "sa ako pre čo keď som sú aj alebo pri vo byť ktorý ktorá ktoré môže"
    " veľmi ich iba ešte ju so nie treba viac sme ste tiež cez medzi preto je v s",
    "uk": "та що як це або від його щоб під і й є ще дуже після якщо ви у з не на до",
    "ru": "и что как это или от его чтобы под ещё очень после если вы с не на до в из потом нужно",
    "bg": "и е са за да се че от който това както които при със не на в по",
}
_LETTERS = {"cs": "ěřů", "sk": "ľĺŕ", "uk": "іїєґ", "ru": "ыэё", "bg": "ъ", "es": "ñ¿¡", "pt": "ãõ", "sv": "ä"}
_GROUPS = (("pt", "es", "ca"), ("da", "no", "sv"), ("cs", "sk"), ("uk", "ru", "bg"))
_NAMES = {
    "pt": "Portuguese", "es": "Spanish", "ca": "Catalan", "da": "Danish", "no": "Norwegian", "sv": "Swedish", "cs": "Czech",
    "sk": "Slovak", "uk": "Ukrainian", "ru": "Russian", "bg": "Bulgarian",
}  # fmt: skip


def _own_words(group: tuple[str, ...]) -> dict[str, str]:
    """Each word that just one language of the group has, with that language."""
    counts = Counter(word for one in group for word in _WORDS[one].split())
    return {word: one for one in group for word in _WORDS[one].split() if counts[word] == 1}


_OWN_WORDS = [*map(_own_words, _GROUPS)]
_MAX_CHARS = 300
_SURE_MARKS, _TIMES = 3, 3
_ENDS = ".,;:!?»«\"'“”()¿¡…—-"
_LEAST, _MOSTLY, _SMALL_MOSTLY, _FEW = 8, 0.95, 0.85, 2
_MANY = 0.4
"""So many of the file's texts have to be in a group of languages."""

_odd = warner("data.language.answer", "answer in the language of the question, or delete the record")
_other = adviser("data.language.other", "leave it when more than one language is meant; else translate or delete it")


@dataclass
class CloseLanguages:
    """`data.language.answer`, `data.language.other` within a group of close languages."""

    answers: Tallies = field(default_factory=Tallies)
    """By group: the language of the answer, whether it is sure, and the language of the question."""
    texts: int = 0

    def see(self, turns: Turns) -> None:
        self.texts += len(turns.prose)
        for turn in turns.prose:
            if turn.is_plain:
                continue
            asked = told_apart(turn.question)
            for group, (language, marks) in told_apart(turn.answer).items():
                category = (language, marks >= _SURE_MARKS, asked.get(group, ("", 0))[0])
                self.answers.add(0, group, category, turn.line, turn.field)

    def join(self, later: CloseLanguages, lines_before: int) -> None:
        self.answers.join(later.answers, lines_before)
        self.texts += later.texts

    def finish(self) -> Iterator[Finding]:
        for tally in self.answers.tasks.get(0, {}).values():
            languages = tally.of(0)
            main = str(languages.main)
            count, total = languages.counts[main], languages.total
            least = _SMALL_MOSTLY if total - count <= _FEW else _MOSTLY
            if total < _LEAST or count < least * total or total < _MANY * self.texts:
                continue
            usual = f"{count} of {total} answers that can be told apart are in {_NAMES[main]}"
            for (language, is_sure, asked), places in tally.places.items():
                for line, at in places if is_sure and language != main else ():
                    say = _odd if asked == main else _other
                    yield say(line, at, f"the answer is in {_NAMES[language]}; {usual}")


def told_apart(text: str) -> dict[str, tuple[str, int]]:
    """By group of close languages: the ISO 639-1 code of that whose own words and letters stand in the text, and how many;
    nothing where a relative has a third as many."""
    lower = text[:_MAX_CHARS].casefold()
    words = {word.strip(_ENDS) for word in lower.split()}
    found = {}
    for group, known in zip(_GROUPS, _OWN_WORDS, strict=True):
        counts = Counter([known[word] for word in words if word in known])
        for one in group:
            counts[one] += sum([letter in lower for letter in _LETTERS.get(one, "")])
        (first, count), (_, second), *_ = counts.most_common(2)
        if count and count >= _TIMES * second:
            found[group[0]] = (first, count)
    return found
