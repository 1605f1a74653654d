"""Imperatives that address the reader as a friend."""

from __future__ import annotations

import pytest

from honekit.data.checks.consistency.imperatives import familiar


@pytest.mark.parametrize(
    "text",
    [
        "Das Sieb ist voll. Spül es ab und lass es trocknen.",
        "Bitte prüf zuerst den Filter.",
        "Öffne die Klappe.",
        "Stelle den Regler auf 3.",
        "1. Nimm den Deckel ab.\n2. Zieh das Sieb heraus.",
        "- Halte die Taste 5 Sekunden gedrückt.",
    ],
)
def test_german_ones(text: str) -> None:
    assert familiar(text, "de") == "du"


@pytest.mark.parametrize(
    "text",
    [
        "Öffnen Sie die Klappe.",
        "Prüfe ich den Filter, so ist er leer.",
        "Teile des Geräts sind aus Stahl.",
        "Ruf und Ansehen sind wichtig.",
        "Frage und Antwort stehen auf der Rückseite.",
        "Geh zum Amt, so hieß es. Bitte melden Sie sich dort.",
        "Das Gerät öffne man nur im Notfall.",
        "Den Filter reinigen, dann trocknen.",
    ],
)
def test_german_texts_without_one(text: str) -> None:
    assert familiar(text, "de") is None


def test_french_ones() -> None:
    assert familiar("Appuie sur le bouton et attends.", "fr") == "tu"
    assert familiar("Le câble est tombé. N'oublie pas de le remettre.", "fr") == "tu"
    assert familiar("Appuyez sur le bouton.", "fr") is None
    assert familiar("Fais vite, disait-il. Contactez le service.", "fr") is None
    assert familiar("Est-elle ouverte ? Ferme et propre, elle est prête.", "fr") is None


def test_other_languages_are_not_looked_at() -> None:
    assert familiar("Abre a las nueve.", "es") is None
