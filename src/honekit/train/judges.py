"""Models that a job's grader asks, loaded beside the model in training. They are the base itself or adapters on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from honekit.errors import HoneError, ServeError, TrainError
from honekit.graders import elsewhere
from honekit.graders.judges import GRADE_TOKENS, Answer, Ask, AskFailed, TokenUsage, labels_schema
from honekit.graders.schema import Grader, LabelModelGrader, SamplingParams, ScoreModelGrader, all_graders, embeds
from honekit.graders.similarity import Embed
from honekit.inference.constrain import Constraint, json_grammar
from honekit.inference.engine import Engine, load_engine
from honekit.inference.requests import Request
from honekit.inference.sampling import SamplingParams as Sampling


def models_asked(grader: Grader) -> list[str]:
    """The names of the models that a grader asks, each once."""
    names = [part.model for part in all_graders(grader) if isinstance(part, ScoreModelGrader | LabelModelGrader)]
    return list(dict.fromkeys(names))


def judge_of(base: str, grader: Grader, judges: Mapping[str, str | None] | None, device: str, precision: str) -> Ask | None:
    """What answers the grader's questions, or None for a grader that asks none. Loads each model once; those that are
    configured elsewhere (`honekit.graders.elsewhere`) are asked there.

    Raises: TrainError[train.judge_unknown] for a model that is not among `judges`; ModelError for a missing adapter, or for one
    of another base.
    """
    engines: dict[str, Engine] = {}
    names = models_asked(grader)
    for name in names:
        if elsewhere.is_elsewhere(name):
            continue
        if name not in (judges or {}):
            raise TrainError(
                "train.judge_unknown",
                what=f"the grader asks the model {name!r}, which this job does not know",
                where="method.reinforcement.grader",
                mend="name the base that is trained, or a model that was tuned on it",
            )
        adapter = (judges or {})[name]
        engines[name] = load_engine(base, Path(adapter) if adapter else None, device=device, precision=precision)
    return _asking(engines) if names else None


def embedder_of(base: str, grader: Grader, device: str, precision: str) -> Embed | None:
    """What embeds the texts of a grader that compares embeddings: the base itself, as it is before the training; else None."""
    if not embeds(grader):
        return None
    engine = load_engine(base, None, device=device, precision=precision)

    def embed(texts: Sequence[str]) -> list[list[float]]:
        ids = [engine.tokenizer.encode(text).ids for text in texts]
        longest = max(map(len, ids))
        if longest > engine.context_tokens:
            raise AskFailed(f"a text has {longest} tokens, and the base reads at most {engine.context_tokens}")
        found: list[list[float]] = engine.embed(ids).tolist()
        return found

    return embed


def _asking(engines: Mapping[str, Engine]) -> Ask:
    def ask(model: str, messages: list[dict[str, str]], sampling: SamplingParams, labels: Sequence[str]) -> Answer:
        if model not in engines:
            return elsewhere.ask(model, messages, sampling, labels)
        engine = engines[model]
        try:
            ids = engine.template.prompt_ids(messages)
        except HoneError as fault:
            raise AskFailed(f"the messages cannot be sent to a model: {fault.what}") from fault
        if len(ids) >= engine.context_tokens:
            raise AskFailed(f"the messages have {len(ids)} tokens, and {model} reads at most {engine.context_tokens}")
        how = Sampling(
            sampling.max_completions_tokens or GRADE_TOKENS,
            temperature=sampling.temperature or 0.0,
            top_p=1.0 if sampling.top_p is None else sampling.top_p,
            # Without a seed of its own a judge that samples would rate a resumed job's answers differently.
            seed=0 if sampling.seed is None else sampling.seed % 2**63,
        )
        shared = engine.template.system_prefix_length(messages)
        done = engine.generate([Request(ids, how, shared, _held_to(engine, labels))])[0]
        return Answer(done.text, TokenUsage(len(ids), len(done.token_ids)), model)

    return ask


def _held_to(engine: Engine, labels: Sequence[str]) -> Constraint | None:
    if not labels:
        return None
    try:
        return engine.grammars.compile(json_grammar(labels_schema(labels)))
    except ServeError as fault:
        if fault.code == "serve.no_grammars":  # a tokenizer that cannot be held to anything: it answers freely
            return None
        raise AskFailed(fault.what) from fault
