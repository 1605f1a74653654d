"""The report of a run: one HTML file that needs no network, no script and no other file.

All texts of data, models and settings are untrusted: the template escapes them, and the page's own policy
forbids every request.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import honekit
from honekit.data.prompts import user_message
from honekit.data.report import page_environment
from honekit.evals import plots, report_origin, report_tables
from honekit.evals.report_examples import PER_KIND, example_groups
from honekit.evals.report_format import DASH, as_text, breakable, count, duration, interval, number, percent, signed
from honekit.models import catalogue
from honekit.project import Project

if TYPE_CHECKING:
    from jinja2 import Environment

VERDICTS = {
    "ship": (
        "✓",
        "Ship",
        "The fine-tuned model ({chosen}) passed every check: on {metric} it is better than each use of the untuned base that it "
        "had to beat.",
    ),
    "don't ship": (
        "✕",
        "Don't ship",
        "The fine-tuned model ({chosen}) failed a check on {metric} or on its format; the first of these lines says which.",
    ),
    "not enough evidence": (
        "?",
        "Not enough evidence",
        "These test examples cannot show on {metric} whether the fine-tuned model ({chosen}) is better than the untuned base; a "
        "draw never ships.",
    ),
}
NOT_PROMOTED = ("!", "Passed, but not promoted")
CLASSICAL = {
    "worse": "A classical model, with no language model in it, is better: see the last lines.",
    "undecided": "A classical model, with no language model in it, cannot be told apart from it: see the last lines.",
}
ARMS = {
    "classical": "TF-IDF of words and characters with logistic regression, fitted on the same training examples",
    "base": "the untuned base model with the best of the prompt wordings, no demonstrations",
    "base_few_shot": "the untuned base with demonstrations from the training data in its prompt",
    "base_few_shot_rag": "the same with retrieved passages in the prompt",
    "tuned": "the fine-tuned model with the short prompt that it was trained with",
    "tuned_rag": "the fine-tuned model with retrieved passages in the prompt",
}


def render_report(project: Project, document: dict[str, Any], items: list[dict[str, Any]]) -> str:
    """The whole report as HTML.

    document: what `hone run --json` prints. items: one dict a test example with `id`, `input`, `expected`,
    `slices` and, by arm, `answers`, `scores` and `right`.
    """
    sizes = Counter(name for item in items for name in item["slices"])
    train = document["train"]
    return (
        environment()
        .get_template("report.html")
        .render(
            project=project,
            document=document,
            version=honekit.__version__,
            created=document["created_at"].replace("T", " ").replace("Z", " UTC"),
            verdict=_verdict(document),
            figures=_figures(document),
            snippet=snippet(project, document),
            needs_passages=document["chosen_arm"].endswith("_rag"),
            arms=report_tables.arms_table(document),
            arm_notes={arm: ARMS[arm] for arm in document["arms"] if arm in ARMS},
            metric_notes=metric_notes(project),
            primary_plot=report_tables.primary_plot(document),
            kinds=[kind for kind in ("classical", "untuned", "tuned") if kind in map(plots.kind_of, document["arms"])],
            panels=report_tables.slice_panels(document, sizes),
            slice_tables=report_tables.slice_tables(document, sizes),
            differences=report_tables.paired_differences(document),
            gate=document.get("gate"),
            guard=document.get("guard"),
            epochs=[entry for entry in train.get("history") or [] if entry.get("valid_loss") is not None],
            curve=plots.loss_curve(train.get("history") or [], train.get("best_step"), train.get("base_held_out_loss")),
            confusions=report_tables.confusions(document),
            examples=example_groups(project, document, items),
            per_kind=PER_KIND,
            data=report_origin.data_summary(document),
            choices=report_origin.choices(document),
            cost=report_origin.cost_view(document),
            stages=report_origin.stages_view(document),
            recipe={key: as_text(value) for key, value in project.train.model_dump(mode="json").items()},
            base_note=_base_note(train.get("base") or project.train.base),
            fingerprints=_fingerprints(document["arms"]),
        )
    )


def snippet(project: Project, document: Mapping[str, Any]) -> str:
    """Three lines of Python that ask the model as it was evaluated, through the official client."""
    model = document["alias"] or document["model"]
    content = user_message(project, "YOUR TEXT")
    if document["chosen_arm"].endswith("_rag") and project.retrieval is not None:
        content = f"{project.retrieval.label}:\n[SECTION] ITS TEXT\n\n{content}"
    system = f"open({project.task.instructions!r}, encoding='utf-8').read().rstrip('\\n')"
    return (
        "from openai import OpenAI\n"
        'client = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="YOUR_KEY")\n'
        f"print(client.chat.completions.create(model={model!r}, temperature=0, "
        f"messages=[{{'role': 'system', 'content': {system}}}, {{'role': 'user', 'content': {content!r}}}])"
        ".choices[0].message.content)"
    )


def metric_notes(project: Project) -> dict[str, str]:
    """What each metric of the task means, in a line."""
    notes = (
        {"json_validity": "share of answers that are one JSON object and nothing else"} if project.task.format == "json" else {}
    )
    notes["schema_validity"] = (
        "share of answers with exactly the fields and values that hone.toml allows"
        if project.task.format == "json"
        else "share of answers that are one of the values that hone.toml allows"
    )
    kinds = {
        "macro_f1": "F1 of each class, averaged over all classes of the task; no answer counts as wrong",
        "accuracy": "share of exactly right values",
        "phrase": "share of values equal to one of the phrases that the example accepts, case and punctuation aside",
        "set_f1": "overlap of the listed members with the expected ones (F1), averaged over examples",
    }
    for field in project.task.fields:
        if field.score in kinds:
            notes[field.metric_name] = f"{field.name}: {kinds[field.score]}"
        if field.lenient and field.score != "none":
            notes[f"{field.name}_lenient_accuracy"] = f"{field.name} named anywhere in the answer, whatever its format"
    notes["field_exact_match"] = "share of an answer's fields that are exactly right, averaged over examples"
    for field in project.task.fields:
        if field.from_retrieval:
            notes[f"field_exact_match_without_{field.name}"] = f"the same without {field.name}"
    return {name: notes[name] for name in project.task.metric_names() if name in notes}


def _verdict(document: Mapping[str, Any]) -> dict[str, Any]:
    mark, title, plain = VERDICTS[document["verdict"]]
    checks = document["tests"].get("checks", [])
    outcomes = {check["reason"]: check["outcome"] for check in checks}
    sentences = [plain.format(chosen=document["chosen_arm"], metric=document["primary_metric"])]
    is_held_back = document["verdict"] == "ship" and not document["alias"]
    if is_held_back:
        mark, title = NOT_PROMOTED
        sentences.append(_held_back(document))
    against_classical = {check["outcome"] for check in checks if check["check"] == "against_classical"}
    sentences += [sentence for outcome, sentence in CLASSICAL.items() if outcome in against_classical][:1]
    signs = {key: text.partition(" ")[0] for key, text in report_tables.OUTCOMES.items()}
    return {
        "mark": mark,
        "title": title,
        "kind": "not-enough-evidence" if is_held_back else document["verdict"].replace("'", "").replace(" ", "-"),
        "plain": " ".join(sentences),
        "reasons": [
            {"text": reason, "outcome": outcomes.get(reason, "undecided"), "sign": signs[outcomes.get(reason, "undecided")]}
            for reason in document["reasons"]
        ],
    }


def _held_back(document: Mapping[str, Any]) -> str:
    """Why a version that passed the default checks was not promoted."""
    if not document["parity"]["holds"]:
        return "Nothing was promoted, because the served model does not answer as the evaluated one did."
    missed = [rule["rule"] for rule in (document.get("gate") or {}).get("rules", []) if rule["outcome"] != "passed"]
    return f"Nothing was promoted: {len(missed)} of the project's own rules did not pass." if missed else "Nothing was promoted."


def _figures(document: Mapping[str, Any]) -> list[dict[str, str]]:
    """The few numbers that stand beside the verdict."""
    arms, metric, chosen = document["arms"], document["primary_metric"], document["chosen_arm"]

    def figure(title: str, arm: str) -> dict[str, str]:
        values = arms[arm]
        return {
            "title": title,
            "value": number(values.get(metric)),
            "note": f"95 % interval {interval(values.get('intervals', {}).get(metric))}",
        }

    untuned = [arm for arm in arms if plots.kind_of(arm) == "untuned"]
    figures = [figure(f"{chosen}: {metric}", chosen)]
    if untuned:
        best = max(untuned, key=lambda arm: arms[arm].get(metric) or 0.0)
        figures.append(figure(f"best untuned arm, {best}", best))
    if metric in arms.get("classical", {}):
        figures.append(figure("classical baseline", "classical"))
    test = document["test"]
    figures.append(
        {
            "title": "test examples",
            "value": f"{count(test['examples'])} of {count(test['of'])}",
            "note": "all of them" if test["examples"] == test["of"] else "a fixed part, stratified",
        }
    )
    return figures


def _fingerprints(arms: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One line a kind of fingerprint; those that differ between arms name the arms."""
    lines = []
    for kind in ("base", "adapter", "template", "prompt", "data"):
        by_value: dict[str, list[str]] = {}
        for arm, values in arms.items():
            value = (values.get("fingerprints") or {}).get(kind)
            if value:
                by_value.setdefault(value, []).append(arm)
        lines += [
            {"kind": kind, "value": value, "arms": ", ".join(named) if len(named) < len(arms) else "all arms"}
            for value, named in by_value.items()
        ]
    return lines


def _base_note(base: str) -> str:
    entry = catalogue.find(base)
    return entry.note if entry else ""


@functools.cache
def environment() -> Environment:
    environment = page_environment("honekit.evals")
    environment.filters |= {
        "number": number,
        "percent": percent,
        "count": count,
        "duration": duration,
        "interval": interval,
        "signed": signed,
        "breakable": breakable,
    }
    environment.globals |= {"dash": DASH, "legend_mark": plots.legend_mark}
    return environment
