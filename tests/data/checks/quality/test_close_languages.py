"""Languages that are close to each other."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.quality.close_languages import CloseLanguages, told_apart

UKRAINIAN = "Спробуйте змінити пароль на сторінці входу, це забирає не більше хвилини."
RUSSIAN = "Попробуйте сменить пароль на странице входа, это займёт не больше минуты, и вы снова войдёте."
PORTUGUESE = "Você pode mudar a senha na página de entrada, isso não leva mais do que um minuto."
SPANISH = "Usted puede cambiar la contraseña en la página de inicio, y el cambio se hace con un clic."
DANISH = "Du kan ændre koden på siden, og det tager ikke noget af din tid, når du gør det nu."
NORWEGIAN = "Du får endret koden på siden, og det tar ikke noe av tiden din når du gjør det nå."
SWEDISH = "Du kan ändra koden på sidan, och det tar inte någon tid att göra det när du är inne."
CZECH = "Heslo si můžete změnit na stránce, která se otevře, když kliknete na jméno, a je to hned hotové."
SLOVAK = "Heslo si môžete zmeniť na stránke, ktorá sa otvorí, keď kliknete na meno, a je to hneď hotové aj pre vás."


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (UKRAINIAN, "uk"),
        (RUSSIAN, "ru"),
        (PORTUGUESE, "pt"),
        (SPANISH, "es"),
        (DANISH, "da"),
        (NORWEGIAN, "no"),
        (SWEDISH, "sv"),
        (CZECH, "cs"),
        (SLOVAK, "sk"),
    ],
)
def test_a_sentence_is_told_from_those_of_its_relatives(text: str, language: str) -> None:
    assert language in {one for one, _ in told_apart(text).values()}


@pytest.mark.parametrize(
    ("usual", "odd"),
    [(UKRAINIAN, RUSSIAN), (PORTUGUESE, SPANISH), (DANISH, NORWEGIAN), (DANISH, SWEDISH), (CZECH, SLOVAK), (SLOVAK, CZECH)],
)
def test_one_answer_in_a_close_language_is_found(usual: str, odd: str) -> None:
    texts = [usual] * 11 + [odd]
    found = findings(CloseLanguages(), [conversation(line, usual, text) for line, text in enumerate(texts, 1)])
    assert [(one.code, one.line, one.field) for one in found] == [("data.language.answer", 12, "messages[1].content")]
    found = findings(CloseLanguages(), [conversation(line, text, text) for line, text in enumerate(texts, 1)])
    assert [(one.code, one.line) for one in found] == [("data.language.other", 12)]


@pytest.mark.parametrize(
    "texts",
    [
        [UKRAINIAN] * 6 + [RUSSIAN] * 6,
        [DANISH] * 4 + [NORWEGIAN],
        ["Press the reset key and wait until the lamp is green – that is all."] * 20 + [PORTUGUESE] * 8 + [SPANISH],
    ],
)
def test_files_in_several_languages_pass(texts: list[str]) -> None:
    assert findings(CloseLanguages(), [conversation(line, "?", text) for line, text in enumerate(texts, 1)]) == []
