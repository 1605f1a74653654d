"""Contents of answers, identifiers, characters, languages and diversity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.checks.conversations import answers, conversation, findings

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample
from honekit.data.checks.quality.clean_text import SAFE_MENDS, CleanText, faults
from honekit.data.checks.quality.content import Content, says_nothing
from honekit.data.checks.quality.diversity import template_share
from honekit.data.checks.quality.grounding import identifiers
from honekit.data.checks.quality.languages import Languages, is_surely_english, language_of
from honekit.data.checks.quality.refusals import refusal_in
from honekit.data.checks.read_turns import read_turn


@pytest.mark.parametrize(
    "text",
    [
        "As an AI language model, I cannot browse.",
        "I'm sorry, but I can't assist with that.",
        "I’m sorry, I cannot help with this request.",
        "Als KI-Sprachmodell habe ich keine Meinung.",
        "En tant que modèle de langage, je n'ai pas d'avis.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "作为一个人工智能语言模型，我不能回答。",
        "As of my last knowledge update in 2021, it is Titan.",
        "My knowledge only goes up to 2022, so look it up.",
        "As of my last update in June, the bridge was open.",
        "I was trained by OpenAI. The smallest prime is 2.",
        "Es tut mir leid, aber das kann ich leider nicht beantworten.",
        "申し訳ございませんが、そのご質問にはお答えできません。",
    ],
)
def test_refusals_by_rote_are_known_in_several_languages(text: str) -> None:
    assert refusal_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry to hear that. Let us look for your parcel.",
        "I cannot recommend the soup enough!",
        "Said the AI to the engineer: hello.",
        "We are sorry, the shop is closed on Monday.",
        "I can answer that at once.",
        "Unfortunately the shipment is late by two days.",
        "My knowledge of tin is limited to its symbol.",
        "I was trained by a baker in Ghent.",
        "I won't help you get in without permission, but you could ask for a guest access.",
        "申し訳ございませんが、最新号は館内でのみご覧いただけます。",
    ],
)
def test_a_kind_word_is_no_refusal(text: str) -> None:
    assert refusal_in(text) is None


def test_refusals_in_many_answers_are_meant() -> None:
    texts = ["I'm sorry, but I can't help with that."] * 10 + [f"Take the {n}th door on the left." for n in range(20)]
    assert findings(Content(), answers(texts)) == []


@pytest.mark.parametrize("text", ["-", "...", "n/a", "N/A", "None", "—", "null", "(empty)", "idk", "\u200b \ufeff"])
def test_an_answer_without_content_says_nothing(text: str) -> None:
    assert says_nothing(text)


@pytest.mark.parametrize("text", ["no", "0", "A", "42", "unknown", "yes."])
def test_a_short_answer_may_say_something(text: str) -> None:
    assert not says_nothing(text)


@pytest.mark.parametrize(
    "text",
    [
        "[your guide](https://example.org/a) helps",
        "Size XXL fits",
        "In the XX century",
        "A list of todos",
        "Use <b> here",
        "[1] is the source",
    ],
)
def test_ordinary_brackets_are_no_placeholders(text: str) -> None:
    assert findings(Content(), answers([text] * 2)) == []


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("Hello [Pet's name], welcome back.", "[Pet's name]"),
        ("Dear ${guest}, your room is ready.", "${guest}"),
        ("${guest} has paid.", "${guest}"),
        ("The network is Lakeside, the password <password>.", "<password>"),
    ],
)
def test_a_slot_that_nobody_filled_is_told(text: str, slot: str) -> None:
    found = findings(Content(), answers(["The room is ready.", text]))
    assert [(one.code, one.line) for one in found] == [("data.text.placeholder", 2)]
    assert slot in found[0].message


@pytest.mark.parametrize("text", ["echo ${HOME}", "for f in *; do mv ${f} ${f%.txt}; done", "cp ${src} ${dst}"])
def test_a_variable_of_a_shell_is_no_slot(text: str) -> None:
    assert findings(Content(), answers(["ls", text])) == []


def test_an_answer_that_is_the_system_prompt_repeats_it() -> None:
    found = findings(Content(), answers(["Sow in March.", "You advise gardeners.", "Water at dawn."], "You advise gardeners."))
    assert [(one.code, one.line) for one in found] == [("data.answers.echo", 2)]


def test_what_was_lost_or_scraped_in_a_single_input_is_told() -> None:
    asked = [conversation(line, f"What does tool {line} do?", f"It cuts {line} boards.") for line in range(1, 31)]
    lost = conversation(31, "Was tun die Kr\ufffdne?", "They lift stones.")
    scraped = conversation(32, "<p>Is larch hard?<br>Or soft?</p>", "Hard, for a conifer.")
    page = conversation(33, "<ul><li>one</li></ul> Why is my list not bold?", "Wrap it in `<b>`.")
    found = findings(CleanText(), [*asked, lost, scraped, page])
    assert [(one.code, one.line) for one in found] == [("data.text.lost", 31), ("data.text.tags", 32)]


def test_a_template_in_code_is_no_placeholder() -> None:
    assert findings(Content(), answers(["```jinja\n{{ name }}\n```", "```py\n# TODO\n```"])) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Order GS-48213 and pump-14 at P-310", ["GS-48213", "pump-14", "P-310"]),
        ("See #48213.", ["#48213"]),
        ("On 2026-04-03 at 14:30 it had 25kg and 3.5 km", []),
        ("the 21st, 1990s, v2, utf-8, covid-19, ISO-9001, MP3, 24-hour, 3rd", []),
        ("```py\nx1234y = 5\n```", []),
        ("write to http://example.org/AB-1234", []),
        ("48213 plain numbers 1,234", []),
        ("Order 88-1204, part 7-104-4471", ["88-1204", "7-104-4471"]),
        ("10-15 people, 2019-2023, 2024-05, 1-0, 3-4-3, 03-04-2026, 1000-1500", []),
    ],
)
def test_identifiers_are_names_of_things_and_nothing_else(text: str, found: list[str]) -> None:
    assert identifiers(text) == found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("cafÃ© und FrÃ¼hstÃ¼ck", "data.text.mojibake"),
        ("one&nbsp;two", "data.text.entities"),
        ("one\u200btwo", "data.text.invisible"),
        ("one\u0007two", "data.text.control"),
        ("one\u00a0two", "data.text.blanks"),
        (" one", "data.text.edges"),
        ("one\r\ntwo", "data.text.line_ends"),
        ("Рoзкладіть дошки", "data.text.homoglyphs"),  # a Latin o
        ("the сomputer", "data.text.homoglyphs"),  # a Cyrillic s
    ],
)
def test_a_safe_mend_takes_its_own_fault_away(text: str, code: str) -> None:
    assert list(faults(text, is_answer=True)) == [code]
    assert list(faults(SAFE_MENDS[code](text), is_answer=True)) == []


@pytest.mark.parametrize(
    "text",
    [
        "Zürich, Ærø, naïve, 東京タワー, Ελλάδα, здравствуйте",
        "👩‍👩‍👧 family, 🏴󠁧󠁢󠁳󠁣󠁴󠁿 flag",
        "می‌خواهم",
        "Vraiment\u00a0! Et\u00a0? 5\u00a0%",
        "全角　空白",
        "AT&T and R&D, a < b > c",
        "Use &amp; to escape an ampersand in HTML.",
        "The `<br>` tag breaks a line.",
        "VIPы, TOPовый, 3D-модель, pH розчину, iPhone'а, USB-кабель, 5 кВт",
    ],
)
def test_good_text_of_any_language_has_no_fault(text: str) -> None:
    assert list(faults(text, is_answer=True)) == []


@given(st.sampled_from(sorted(set(SAFE_MENDS) - {"data.text.mojibake", "data.text.entities"})), st.text(max_size=60))
def test_a_mend_done_twice_changes_no_more(code: str, text: str) -> None:
    once = SAFE_MENDS[code](text)
    assert SAFE_MENDS[code](once) == once


@pytest.mark.parametrize(("ending", "is_found"), [("N/A", True), ("nan", True), ("<noinput>", True), ("a noun", False)])
def test_a_word_for_nothing_at_the_end_of_an_input_is_a_placeholder(ending: str, is_found: bool) -> None:
    turns = [*answers(["Take the left door."]), conversation(2, f"Name three dyes.\n{ending}", "Red, blue and green ones.")]
    assert [(one.code, one.line) for one in findings(Content(), turns)] == [("data.text.placeholder", 2)] * is_found


def test_none_as_the_last_choice_is_meant() -> None:
    assert findings(Content(), [conversation(1, "Which one?\nred\nblue\nNone", "It is the red one.")]) == []


def test_a_short_question_before_its_answer_is_an_echo_and_a_slot_in_an_input_a_placeholder() -> None:
    turns = [
        *answers([f"Take door {n}, then stop." for n in range(12)]),
        conversation(13, "Explain what a deposit is.", "Explain what a deposit is. Money that is given back."),
        conversation(14, "Hello {customer_name}, where is it?", "It is on the way."),
    ]
    assert [(one.code, one.line) for one in findings(Content(), turns)] == [
        ("data.text.placeholder", 14),
        ("data.answers.echo", 13),
    ]


def test_letters_that_look_alike_are_told_in_answers_only() -> None:
    assert list(faults("Is раypal.com real?", is_answer=False)) == []


def test_control_characters_of_a_wrong_encoding_are_no_second_fault() -> None:
    text = "五冊までお受けしております。".encode().decode("latin-1")
    assert list(faults(text, is_answer=True)) == ["data.text.mojibake"]


def test_a_mend_never_breaks_json() -> None:
    text = '{"said": "he said &quot;no&quot;"}'
    assert SAFE_MENDS["data.text.entities"](text) == text
    assert SAFE_MENDS["data.text.entities"]('{"said": "salt &amp; pepper"}') == '{"said": "salt & pepper"}'


def test_a_fault_of_most_records_is_told_once() -> None:
    found = findings(CleanText(), answers([f" label{n}" for n in range(40)]))
    assert [(f.code, f.line) for f in found] == [("data.text.edges", 1)]


UKRAINIAN = [
    "Озимий часник садять у жовтні, за три тижні до морозів.",
    "Найчастіше бракує азоту: підживіть настоєм кропиви.",
    "Розкладіть мокрі дошки на ніч і зранку зберіть слимаків під ними.",
    "Двічі на тиждень, але рясно, під корінь.",
    "Добре підійдуть горох, квасоля або гірчиця.",
    "Садіть цибулини в пластикових кошиках і поруч висадіть рябчик.",
    "Можливо, забагато азоту: припиніть підживлення і пригніть гілки до горизонталі.",
    "Так, одразу після збору врожаю, поки рани добре гояться.",
    "Соломою або хвоєю шаром п’ять сантиметрів.",
]


def test_a_short_english_answer_shows_by_its_letters_among_those_of_another_script() -> None:
    found = findings(Languages(), answers([*UKRAINIAN, "When the umbels turn brown, on a dry day."]))
    assert [(one.code, one.line) for one in found] == [("data.language.other", 10)]
    asked = conversation(10, "Коли збирати насіння кропу?", "When the umbels turn brown, on a dry day.")
    assert [one.code for one in findings(Languages(), [*answers(UKRAINIAN), asked])] == ["data.language.answer"]


def test_a_command_or_a_name_among_answers_of_another_script_is_meant() -> None:
    texts = ["docker run --rm -it --name web nginx:1.25 sh", "Microsoft Visual Studio Code Insiders Build"]
    assert findings(Languages(), answers([*UKRAINIAN, *texts])) == []


def test_english_is_told_without_a_model_and_others_with_one() -> None:
    assert is_surely_english(["what", "is", "the", "time", "of", "the", "next", "train", "to", "you"])
    assert not is_surely_english(["het", "is", "niet", "de", "bedoeling", "dat", "je", "van", "de", "trein", "valt"])
    assert language_of("Der Zug an die Küste fährt heute mittags von Gleis vier ab, und er ist voll.") == "de"
    assert language_of("pump-14 P-310 23.7A") == ""


def test_inputs_of_one_template_are_told_from_inputs_in_many_words() -> None:
    template = [f"What is the capital of {name}?" for name in ("Peru", "Kenya", "Japan", "Cuba", "Chile")]
    assert template_share(template) == 1.0
    assert (
        template_share(["Where is it?", "I lost my card", "Can you help me with that?", "Twice charged!", "Why so late?"]) == 0.0
    )


def test_a_language_that_question_and_answer_share_is_advice() -> None:
    turns = answers(["The museum is open on all days of the week, and you can buy the tickets at the door."] * 20)
    german = conversation(
        21,
        "Ist das Museum auch am Montag geöffnet, und wo kann ich die Karten dafür kaufen?",
        "Das Museum ist an allen Tagen geöffnet, und die Karten bekommen Sie direkt an der Kasse.",
    )
    assert [(f.code, f.line) for f in findings(Languages(), [*turns, german])] == [("data.language.other", 21)]


def test_one_english_answer_among_short_ones_of_another_language_is_found() -> None:
    texts = [
        "Llame a la clínica o cancele en la aplicación.",
        "No, venga en ayunas; solo puede beber agua.",
        "Los encontrará en su carpeta a partir del tercer día.",
        "Unos veinte minutos; traiga sus informes anteriores.",
        "Por supuesto, pero en la sala solo cabe una más.",
        "Sí, detrás del edificio; la primera hora es gratuita.",
        "Descanse, beba mucho y llámenos si pasa de tres días.",
        "Rellene el formulario en recepción; tarda una semana.",
        "Para el especialista sí; pídalo a su médico.",
        "Yes, from nine to one, by appointment only.",
    ]
    found = findings(Languages(), answers(texts))
    assert [(one.code, one.line) for one in found] == [("data.language.answer", 10)]


def test_a_turkish_majority_is_one_though_half_of_its_answers_are_short() -> None:
    texts = [
        "Bavulunuzu teslim bandının yanındaki görevliye gösterin.",
        "Biniş kapısı kalkıştan kırk dakika önce kapanır.",
        "Evet, kabin çantası için ek ücret ödemezsiniz.",
        "Yemek seçiminizi iki gün önce bildirin.",
        "Terminaller arasında ücretsiz otobüs var.",
        "Çocuk arabasını uçağın kapısına kadar götürebilirsiniz.",
        "Pasaportunuzun süresi altı aydan uzun olmalı.",
        "Koltuğunuzu uygulamadan değiştirebilirsiniz.",
        "Das Gepäck finden Sie am dritten Band, gleich neben dem Ausgang.",
    ]
    found = findings(Languages(), answers(texts))
    assert [(one.code, one.line) for one in found] == [("data.language.answer", 9)]
    assert findings(Languages(), answers(texts[:8])) == []


@pytest.mark.parametrize(("text", "mended"), [("dodam tÄ™ kartÄ™ jutro", "dodam tę kartę jutro"), ("mojÄ… kopiÄ…", "moją kopią")])
def test_polish_letters_alone_show_a_wrong_encoding(text: str, mended: str) -> None:
    assert [*faults(text, is_answer=False)] == ["data.text.mojibake"]
    assert SAFE_MENDS["data.text.mojibake"](text) == mended


@pytest.mark.parametrize("text", ["die Marke Ä™ ist alt", "Umlaute: Ä… und Ö", "kartę już mają"])
def test_a_capital_umlaut_before_a_sign_is_meant(text: str) -> None:
    assert [*faults(text, is_answer=False)] == []


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("It takes <number of days> days.", "<number of days>"),
        ("Am [bitte Datum eintragen] ziehen Sie aus.", "[bitte Datum eintragen]"),
        ("Llegará el [insertar fecha] por la tarde.", "[insertar fecha]"),
        ("Dojazd zajmie [uzupełnić czas] minut.", "[uzupełnić czas]"),
    ],
)
def test_a_slot_that_says_what_belongs_into_it_is_told(text: str, slot: str) -> None:
    found = findings(Content(), answers(["It takes three days.", text]))
    assert [(one.code, one.line) for one in found] == [("data.text.placeholder", 2)]
    assert slot in found[0].message


@pytest.mark.parametrize(
    "text",
    [
        "The number of days [in a leap year] is 366.",
        "[name of the rose](https://example.org) is a novel",
        "Usage: `split <number of lines> FILE`",
        "Bitte das Datum eintragen.",
        "[hier] steht mehr",
    ],
)
def test_a_remark_a_link_and_a_usage_line_are_no_slots(text: str) -> None:
    assert findings(Content(), answers(["It takes three days.", text])) == []


def test_an_assistant_that_speaks_first_repeats_no_system_prompt() -> None:
    turn = read_turn(
        ChatExample(
            [Message("assistant", "Cut the roses."), Message("user", "When?"), Message("assistant", "Cut the roses.")], None, 1
        )
    )
    assert turn is not None
    assert findings(Content(), [turn]) == []
