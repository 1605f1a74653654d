from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests import tiny

from honekit.chat.messages import Message, parse_messages
from honekit.data.chat import ChatExample, read_chat_file
from honekit.data.generate.spec import Draws, Spec, read_spec, with_topics
from honekit.errors import DataError


@pytest.fixture
def seeds(tmp_path: Path) -> list[ChatExample]:
    return read_chat_file(tiny.write_jsonl(tmp_path / "seeds.jsonl", tiny.conversations(10)))


def test_a_text_describes_and_its_lines_of_choices_are_attributes() -> None:
    spec = read_spec("Requests to a shop: short ones.\ntone: calm | angry\nlength: one line | a story |\nNote: be kind")
    assert spec.description == "Requests to a shop: short ones.\nNote: be kind"
    assert spec.attributes == {"tone": ("calm", "angry"), "length": ("one line", "a story")}


def test_a_toml_file_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "spec.toml"
    file.write_text('description = "Requests."\n[attributes]\ntone = ["calm", "angry"]\n')
    assert read_spec(str(file)) == Spec("Requests.", {"tone": ("calm", "angry")})


@pytest.mark.parametrize(
    "content", ["", "x = 1", 'description = "a"\nattribute = 1', 'description = "a"\n[attributes]\ntone = "calm"']
)
def test_a_toml_file_without_its_parts_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "spec.toml"
    file.write_text(content)
    with pytest.raises(DataError) as caught:
        read_spec(str(file))
    assert caught.value.code == "data.spec"


def test_a_spec_of_attributes_alone_is_refused() -> None:
    with pytest.raises(DataError):
        read_spec("tone: calm | angry")


def test_every_combination_comes_before_one_comes_again(seeds: list[ChatExample]) -> None:
    draws = Draws(Spec("x", {"tone": ("calm", "angry", "brief"), "place": ("web", "app")}), seeds)
    drawn = [tuple(draws[number].attributes.items()) for number in range(12)]
    assert len(set(drawn[:6])) == 6
    assert drawn[6:] == drawn[:6]


def test_every_seed_is_shown_as_often_as_any_other(seeds: list[ChatExample]) -> None:
    draws = Draws(Spec("x"), seeds)
    shown = Counter(seed.line for number in range(25) for seed in draws[number].seeds)
    assert set(shown) == set(range(1, 11))
    assert max(shown.values()) - min(shown.values()) <= 2


def test_neighbouring_requests_show_different_seeds_and_the_same_request_the_same(seeds: list[ChatExample]) -> None:
    draws = Draws(Spec("x"), seeds)
    assert draws[0].seeds != draws[1].seeds
    assert draws[7] == Draws(Spec("x"), seeds)[7]


def test_without_attributes_the_clusters_of_the_seeds_are_the_topics() -> None:
    topics = ["invoice refund payment voucher", "parcel courier tracking depot"]
    records = [
        {"messages": [{"role": "user", "content": f"{topics[n % 2]}"}, {"role": "assistant", "content": "x"}]} for n in range(60)
    ]
    examples = [ChatExample(_messages(record), None, n) for n, record in enumerate(records)]
    spec = with_topics(Spec("x"), examples)
    assert len(spec.attributes["topic"]) == 2
    assert with_topics(Spec("x", {"tone": ("a",)}), examples).attributes == {"tone": ("a",)}


def _messages(record: dict[str, list[dict[str, str]]]) -> list[Message]:
    return list(parse_messages(record["messages"]))


def test_the_name_of_a_file_that_is_not_there_is_no_task(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_spec(str(tmp_path / "speck.toml"))
    assert read_spec("Write notes.txt entries.").description == "Write notes.txt entries."
