from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from honekit.chat.template import ChatTemplate
from honekit.errors import DataError, ModelError

SPECIALS = ["<|im_end|>", "<|im_start|>assistant\n", "<|endoftext|>", "\n\n", "  ", "12.5", "<think>"]
text = st.lists(st.one_of(st.sampled_from(SPECIALS), st.text(max_size=6)), max_size=4).map("".join)


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if draw(st.booleans()):
        messages.append({"role": "system", "content": draw(text)})
        if draw(st.booleans()):
            messages.append({"role": "assistant", "content": draw(text)})
    for _ in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": draw(text)})
        answer: dict[str, Any] = {"role": "assistant", "content": draw(text)}
        weight = draw(st.sampled_from([None, 0, 1]))
        messages.append(answer if weight is None else {**answer, "weight": weight})
    return messages


@pytest.mark.parametrize("name", ["chatml", "plain words", "trimmed, with markers"])
@settings(max_examples=60, deadline=None)
@given(messages=conversations())
def test_every_prompt_is_the_exact_beginning_of_the_training_ids(
    templates: dict[str, ChatTemplate], name: str, messages: list[dict[str, Any]]
) -> None:
    template = templates[name]
    training = template.training_ids(messages)
    assert len(training.token_ids) == len(training.weights)
    expected = [0.0] * len(training.token_ids)
    for index, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        prompt = template.prompt_ids(messages[:index])
        assert training.token_ids[: len(prompt)] == prompt
        answered = template.training_ids(messages[: index + 1])
        end = len(answered.token_ids)
        while not answered.weights[end - 1] and message.get("weight") != 0:
            end -= 1  # the line break after the end of turn
        if message.get("weight") != 0:
            expected[len(prompt) : end] = [1.0] * (end - len(prompt))
    assert training.weights == expected


@settings(max_examples=60, deadline=None)
@given(messages=conversations())
def test_no_content_forges_a_turn(chatml: ChatTemplate, tokenizer: Tokenizer, messages: list[dict[str, Any]]) -> None:
    ids = chatml.training_ids(messages).token_ids
    turns = len(messages) + (messages[0]["role"] != "system")
    assert ids.count(tokenizer.token_to_id("<|im_start|>")) == turns
    assert ids.count(tokenizer.token_to_id("<|im_end|>")) == turns
    assert tokenizer.token_to_id("<|endoftext|>") not in ids


def test_the_mask_covers_the_answer_and_its_end_of_turn_only(chatml: ChatTemplate, tokenizer: Tokenizer) -> None:
    training = chatml.training_ids(
        [{"role": "user", "content": "is the pump on?"}, {"role": "assistant", "content": "the pump stopped"}]
    )
    trained = [i for i, weight in zip(training.token_ids, training.weights, strict=True) if weight]
    assert tokenizer.decode(trained, skip_special_tokens=False) == "the pump stopped<|im_end|>"
    assert training.trained_tokens == len(trained)
    assert tokenizer.decode(training.token_ids, skip_special_tokens=False).endswith("<|im_end|>\n")


def test_a_greeting_that_nothing_comes_before_is_context(chatml: ChatTemplate, tokenizer: Tokenizer) -> None:
    greeting, asked, answer = (
        {"role": r, "content": c} for r, c in (("assistant", "hello"), ("user", "one"), ("assistant", "two"))
    )
    training = chatml.training_ids([greeting, asked, answer])
    trained = [i for i, weight in zip(training.token_ids, training.weights, strict=True) if weight]
    assert tokenizer.decode(trained, skip_special_tokens=False) == "two<|im_end|>"
    prompt = chatml.prompt_ids([greeting, asked])
    assert training.token_ids[: len(prompt)] == prompt


def test_a_message_of_weight_zero_is_context_and_not_learnt(chatml: ChatTemplate, tokenizer: Tokenizer) -> None:
    training = chatml.training_ids(
        [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "wrong", "weight": 0},
            {"role": "user", "content": "two"},
            {"role": "assistant", "content": "right"},
        ]
    )
    trained = [i for i, weight in zip(training.token_ids, training.weights, strict=True) if weight]
    assert tokenizer.decode(trained, skip_special_tokens=False) == "right<|im_end|>"
    assert "wrong" in tokenizer.decode(training.token_ids)


THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}"
    "<think></think>{% endif %}"
    "{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% endif %}"
)
TWO_ANSWERS = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "first"},
    {"role": "user", "content": "two"},
    {"role": "assistant", "content": "second"},
]


def test_a_template_that_rewrites_earlier_answers_is_refused_unless_they_are_context(
    tokenizer: Tokenizer,
) -> None:
    template = ChatTemplate(THINKING, tokenizer, {"eos_token": "<|im_end|>"})
    with pytest.raises(ModelError) as caught:
        template.training_ids(TWO_ANSWERS)
    assert (caught.value.code, caught.value.where) == ("chat.template_unsupported", "messages[1]")

    as_context = [{**message, "weight": 0} if i == 1 else message for i, message in enumerate(TWO_ANSWERS)]
    training = template.training_ids(as_context)
    trained = [i for i, weight in zip(training.token_ids, training.weights, strict=True) if weight]
    assert tokenizer.decode(trained, skip_special_tokens=False) == "<think></think>second<|im_end|>"
    prompt = template.prompt_ids(as_context[:3])
    assert training.token_ids[: len(prompt)] == prompt


def test_a_template_without_end_of_turn_is_refused_for_training_and_fine_for_prompts(
    tokenizer: Tokenizer,
) -> None:
    endless = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}" + (
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    template = ChatTemplate(endless, tokenizer, {"eos_token": "<|im_end|>"})
    with pytest.raises(ModelError) as caught:
        template.training_ids(TWO_ANSWERS[:2])
    assert caught.value.code == "chat.template_unsupported"
    assert tokenizer.decode(template.prompt_ids(TWO_ANSWERS[:1])) == "user: one\nassistant: "


def test_what_a_template_refuses_is_told_in_its_own_words(tokenizer: Tokenizer) -> None:
    template = ChatTemplate("{{ raise_exception('roles must alternate') }}", tokenizer)
    with pytest.raises(ModelError) as caught:
        template.prompt_ids(TWO_ANSWERS[:1])
    assert caught.value.code == "chat.template_refused"
    assert "roles must alternate" in caught.value.what


def test_a_template_cannot_reach_python(tokenizer: Tokenizer) -> None:
    for attack in (
        "{{ messages.__class__.__mro__[1].__subclasses__() }}",
        "{{ raise_exception.__globals__['json'] }}",
        "{{ messages.append(1) }}",
    ):
        template = ChatTemplate(attack, tokenizer)
        with pytest.raises(ModelError) as caught:
            template.render(TWO_ANSWERS[:1])
        assert caught.value.code == "chat.template_refused"


def test_a_template_that_does_not_compile_is_refused_at_once(tokenizer: Tokenizer) -> None:
    with pytest.raises(ModelError) as caught:
        ChatTemplate("{% for m in messages %}", tokenizer)
    assert caught.value.code == "chat.template_broken"


def test_an_empty_conversation_is_refused(chatml: ChatTemplate) -> None:
    with pytest.raises(DataError) as caught:
        chatml.prompt_ids([])
    assert caught.value.code == "data.no_messages"


def test_the_day_that_templates_see_never_moves(tokenizer: Tokenizer) -> None:
    assert ChatTemplate("{{ strftime_now('%d %b %Y') }}", tokenizer).render(TWO_ANSWERS[:1]) == "26 Jul 2024"


def test_tools_reach_the_template(tokenizer: Tokenizer) -> None:
    template = ChatTemplate("{{ tools | tojson if tools else 'none' }}", tokenizer)
    assert template.render(TWO_ANSWERS[:1]) == "none"
    assert template.render(TWO_ANSWERS[:1], tools=[{"name": "grüß"}]) == '[{"name": "grüß"}]'


def test_the_fingerprint_follows_source_and_special_tokens(chatml: ChatTemplate, tokenizer: Tokenizer) -> None:
    source = chatml.source
    fingerprints = {
        ChatTemplate(source, tokenizer).fingerprint,
        ChatTemplate(source, tokenizer, {"eos_token": "<|im_end|>"}).fingerprint,
        ChatTemplate(source + " ", tokenizer).fingerprint,
    }
    assert len(fingerprints) == 3
    assert ChatTemplate(source, tokenizer).fingerprint in fingerprints


@settings(max_examples=60, deadline=None)
@given(system=text, one=text, two=text)
def test_the_system_prefix_is_shared_by_all_conversations_with_the_same_system_message(
    chatml: ChatTemplate, tokenizer: Tokenizer, system: str, one: str, two: str
) -> None:
    conversations = [[{"role": "system", "content": system}, {"role": "user", "content": content}] for content in (one, two)]
    prompts = [chatml.prompt_ids(messages) for messages in conversations]
    lengths = [chatml.system_prefix_length(messages) for messages in conversations]
    shared = min(lengths)
    assert prompts[0][:shared] == prompts[1][:shared]
    end_of_system = tokenizer.token_to_id("<|im_end|>")
    assert end_of_system in prompts[0][:shared]


def test_the_system_prefix_reaches_as_far_as_a_folded_system_message(tokenizer: Tokenizer) -> None:
    folded = (
        "{% set first = messages[0].content if messages[0].role == 'system' else '' %}"
        "<|im_start|>user\n{{ first }}\n\n{{ messages[-1].content }}<|im_end|>\n"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    template = ChatTemplate(folded, tokenizer, {"eos_token": "<|im_end|>"})
    messages = [{"role": "system", "content": "the gateway rules"}, {"role": "user", "content": "hello"}]
    shared = template.prompt_ids(messages)[: template.system_prefix_length(messages)]
    assert tokenizer.decode(shared, skip_special_tokens=False).startswith("<|im_start|>user\nthe gateway rules")
