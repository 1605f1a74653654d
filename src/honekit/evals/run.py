"""One evaluation: every arm on the same frozen examples, with intervals, paired tests, cost and a verdict."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.data import Example
from honekit.errors import EvalError
from honekit.evals.amounts import mean_interval
from honekit.evals.answers import Answer, AnswerStore, latency_ms, latency_of
from honekit.evals.arms import TUNED, UNTUNED, ArmRunner, Choice, choose_demonstrations, choose_prompt
from honekit.evals.classical import run_classical_once
from honekit.evals.correction import Name, holm
from honekit.evals.cost import cost_report, measured_costs
from honekit.evals.power import ALPHA
from honekit.evals.prompting import Prompting, Sources
from honekit.evals.scores import by_slice, confusion, correct_rate, in_slice, slice_names, summarise
from honekit.evals.stats import Difference, examples_needed, mcnemar_exact, metric_interval, paired_difference
from honekit.evals.subset import stratified_subset
from honekit.evals.verdict import Verdict, choose_arm, compare_arms, decide
from honekit.graders import Graded
from honekit.models.fingerprint import fingerprint_json
from honekit.models.floor import Shape
from honekit.project import Project
from honekit.retrieval import Index
from honekit.stages import LeastWork, Stages

if TYPE_CHECKING:
    from honekit.inference.engine import Engine
    from honekit.inference.requests import Work

Report = Callable[[str, int, int], None]
"""(what is being answered, done, total)"""


@dataclass
class Subject:
    """A tuned model under evaluation and the facts that its records carry."""

    name: str
    adapter_dir: Path
    base_fingerprint: str
    adapter_fingerprint: str
    train_seconds: float


@dataclass
class Evaluation:
    """Everything that an evaluation found; `document` is the JSON that reports and `--json` are made of."""

    arms: dict[str, dict[str, Any]] = field(default_factory=dict)
    graded: dict[str, list[Graded]] = field(default_factory=dict)
    answers: dict[str, list[str]] = field(default_factory=dict)
    validation_answers: dict[str, list[Answer]] = field(default_factory=dict)
    prompting: dict[str, Prompting] = field(default_factory=dict)
    choices: dict[str, Any] = field(default_factory=dict)
    tests: dict[str, Any] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    verdict: Verdict | None = None
    examples: list[Example] = field(default_factory=list)


class Evaluator:
    """Runs the arms of one project. `load(adapter_dir | None)` gives an engine; one is alive at a time."""

    def __init__(
        self,
        project: Project,
        *,
        train: Sequence[Example],
        validation: Sequence[Example],
        test: Sequence[Example],
        share: float,
        load: Callable[[Path | None], Engine],
        index: Index | None,
        shape: Shape,
        stages: Stages,
        report: Report | None = None,
    ) -> None:
        self.project, self.train, self.validation = project, train, validation
        self.all_test = test
        self.test = stratified_subset(test, share, project.data.stratify)
        self.load, self.index, self.shape = load, index, shape
        self.stages, self.report = stages, report or (lambda *_: None)
        self.result = Evaluation(examples=self.test)

    def run(self, subject: Subject) -> Evaluation:
        """All arms that the project can have (retrieval arms only with documents)."""
        self._classical()
        with self.stages.time("load the base") as stage:
            engine = self.load(None)
        base_print = engine.fingerprint
        if base_print != subject.base_fingerprint:
            raise EvalError(
                "eval.other_base",
                what="the adapter was made on another base than the one that is evaluated",
                where=str(subject.adapter_dir),
                mend="evaluate with the base that the job names, or train again",
            )
        self._untuned(self._runner(engine))
        del engine
        with self.stages.time("load the tuned model") as stage:
            engine = self.load(subject.adapter_dir)
        stage.note = "base and adapter"
        if engine.fingerprint == base_print:
            raise EvalError(
                "eval.tuned_is_base",
                what="the tuned arm has the base's fingerprint: it is the base itself",
                where=str(subject.adapter_dir),
                mend="check that the job's adapter was loaded; train again if it is empty",
            )
        self._tuned(self._runner(engine))
        self.engine = engine
        self._conclude(subject, base_print, engine.template.fingerprint)
        return self.result

    def _runner(self, engine: Engine) -> ArmRunner:
        store = AnswerStore(self.project.state_dir / "answers", engine.computes_as)
        return ArmRunner(self.project, engine, store, Sources(self.project, self.index))

    def _classical(self) -> None:
        with self.stages.time("classical"):
            if not any(f.classical for f in self.project.task.fields):
                return
            # All test examples, though a part is looked at: the whole evaluation need not fit again.
            run = run_classical_once(self.project, self.train, self.validation, self.all_test, self.project.state_dir / "answers")
            asked = {example.id for example in self.test}
            chosen = [i for i, example in enumerate(self.all_test) if example.id in asked]
            self.result.graded["classical"] = [run.graded[i] for i in chosen]
            timed = latency_of([run.answer_s[i] for i in chosen])
            self.result.arms["classical"] = {name: timed[name] for name in ("latency_ms_p50", "latency_ms_p50_interval")}
            self.result.choices["classical"] = run.chosen
            self.result.answers["classical"] = [json.dumps(run.values[i], ensure_ascii=False) for i in chosen]

    def _untuned(self, runner: ArmRunner) -> None:
        with self._generation(runner, "choose the base's prompt (validation)"):
            chosen = choose_prompt(runner, self.validation, partial(self.report, "choosing a prompt"))
        self._note_choice("base", chosen)
        self._arm(runner, "base", chosen.prompting)
        for name in UNTUNED[1:]:
            retrieval = name.endswith("_rag")
            if retrieval and self.index is None:
                continue
            with self._generation(runner, f"choose demonstrations for {name} (validation)"):
                few = choose_demonstrations(
                    runner,
                    chosen.prompting,
                    self.train,
                    self.validation,
                    retrieval=retrieval,
                    progress=partial(self.report, "choosing demonstrations"),
                )
            self._note_choice(name, few)
            self._arm(runner, name, few.prompting)

    def _tuned(self, runner: ArmRunner) -> None:
        system = self.project.system_prompt
        summaries: dict[str, Mapping[str, float]] = {}
        for name in TUNED:
            if name == "tuned_rag" and self.index is None:
                continue
            prompting = Prompting(system, self.project.task.instructions, retrieval=name == "tuned_rag")
            with self._generation(runner, f"{name} on validation"):
                answers = runner.answer(prompting, self.validation, progress=partial(self.report, f"{name}, validation"))
            self.result.validation_answers[name] = answers
            summaries[name] = summarise(self.project, runner.graded(answers, self.validation))
        self.result.choices["tuned"] = {
            "chosen": choose_arm(self.project, summaries),
            "validation": {name: dict(summary) for name, summary in summaries.items()},
        }
        for name in summaries:
            self._arm(runner, name, Prompting(system, self.project.task.instructions, retrieval=name == "tuned_rag"))

    def _note_choice(self, arm: str, choice: Choice) -> None:
        self.result.choices[arm] = {"chosen": choice.prompting.as_dict(), "tried": choice.tried}

    def _arm(self, runner: ArmRunner, name: str, prompting: Prompting) -> None:
        sample = min(self.project.evaluate.latency_sample, len(self.test))
        report = partial(self.report, name)
        # The whole prompt list is built for both calls, so that the shared prefix and the answers' keys are the same.
        with self._generation(runner, f"{name}: answers alone (latency)", alone=True):
            runner.answer_first(prompting, self.test, sample, report)
        with self._generation(runner, name):
            answers = runner.answer(prompting, self.test, progress=report)
        self.result.graded[name] = runner.graded(answers, self.test)
        self.result.answers[name] = [a.text for a in answers]
        self.result.prompting[name] = prompting
        answer_tokens = sum(a.new_tokens for a in answers) / len(answers)
        tokens = [float(a.prompt_tokens + a.new_tokens) for a in answers]
        self.result.arms[name] = {
            **latency_ms(answers),
            "tokens_per_request": sum(tokens) / len(tokens),
            "tokens_interval": list(mean_interval(tokens, self.project)),
            "answer_tokens_per_request": answer_tokens,
            "cut_at_the_cap": sum(a.finish_reason == "length" for a in answers),
            "fingerprint": runner.store.fingerprint,
            "prompt_fingerprint": prompting.fingerprint,
            "prompting": prompting.as_dict(),
        }

    @contextmanager
    def _generation(self, runner: ArmRunner, name: str, *, alone: bool = False) -> Iterator[None]:
        engine = runner.engine
        before, computed = self.stages.speed_before(), replace(engine.work)
        with self.stages.time(name) as stage:
            yield
        if alone:
            stage.note = "one at a time: floor by memory bandwidth"
        self.stages.set_floor(stage, before, _least_work(engine.work.minus(computed), self.shape, engine.precision, alone))

    def _conclude(self, subject: Subject, base_print: str, template_print: str) -> None:
        project, result = self.project, self.result
        with self.stages.time("statistics and verdict"):
            for name, graded in result.graded.items():
                summary = summarise(project, graded)
                slices = by_slice(project, graded)
                arm = result.arms[name]
                arm |= summary
                arm["slices"] = slices
                arm["intervals"] = self._intervals(summary, graded)
                arm["slice_intervals"] = {
                    s: self._intervals(slices[s], in_slice(graded, s)) for s in slice_names(project, graded)
                }
                arm["correct_rate"] = correct_rate(project, graded)
                arm["confusion"] = {
                    f.name: confusion(project, graded, f.name)
                    for f in project.task.fields
                    if f.type == "enum" and f.name in graded[0].labels
                }
            chosen = result.choices["tuned"]["chosen"]
            differences, classical = compare_arms(project, chosen, result.graded)
            summaries = {name: _numbers(arm) for name, arm in result.arms.items()}
            result.verdict = decide(
                project,
                summaries,
                differences,
                chosen=chosen,
                classical=classical,
            )
            result.tests = {
                "chosen": chosen,
                "primary_metric": project.task.primary_metric,
                "differences": _figures(differences),
                "classical": _figures(classical),
                "by_slice": self._differences_by_slice(),
                "mcnemar": self._mcnemar(),
            }
            result.cost = cost_report(project, subject.train_seconds, measured_costs(project, result.arms))
            data_print = fingerprint_json([[e.id, e.input, e.answer] for e in self.test])
            for name, arm in result.arms.items():
                arm["fingerprints"] = {
                    "base": base_print,
                    "adapter": subject.adapter_fingerprint if name in TUNED else None,
                    "template": template_print,
                    "prompt": arm.get("prompt_fingerprint"),
                    "data": data_print,
                }

    def _intervals(self, summary: Mapping[str, float], graded: Sequence[Graded]) -> dict[str, list[float]]:
        names = [n for n in self.project.task.metric_names() if n in summary]
        return {n: list(metric_interval(self.project, n, graded)) for n in names}

    def _differences_by_slice(self) -> dict[str, Any]:
        """Each tuned arm minus each other arm on the primary metric, overall and by slice. Holm over those of all items, and over
        those of all slices together, as in `honekit.evals.compare_runs`."""
        project, options = self.project, self.project.evaluate
        metric, graded = project.task.primary_metric, self.result.graded
        whole = "all"
        sliced: dict[str, dict[str, Difference]] = {}
        any_arm = next(iter(graded.values()))
        for name in [whole, *slice_names(project, any_arm)]:
            part = {arm: items if name == whole else in_slice(items, name) for arm, items in graded.items()}
            rows: dict[str, Difference] = {}
            for tuned in (arm for arm in TUNED if arm in part):
                for other in (arm for arm in part if arm not in TUNED):
                    if metric in self.result.arms[other]:
                        rows[f"{tuned} - {other}"] = paired_difference(
                            project, metric, part[tuned], part[other], options.bootstrap_resamples, options.seed
                        )
            sliced[name] = rows
        families = [[whole], [name for name in sliced if name != whole]]
        figures = [_figures({(name, row): found for name in names for row, found in sliced[name].items()}) for names in families]
        told = {key: one for family in figures for key, one in family.items()}
        return {name: {row: told[name, row] for row in rows} for name, rows in sliced.items()}

    def _mcnemar(self) -> dict[str, float]:
        """Exact p between every two arms, on the field of the primary metric, right or wrong per example."""
        graded = self.result.graded
        field_name = next(
            (f.name for f in self.project.task.fields if f.metric_name == self.project.task.primary_metric),
            self.project.task.fields[0].name,
        )
        arms = [arm for arm, items in graded.items() if field_name in items[0].right]
        return {
            f"{a} / {b}": mcnemar_exact([g.right[field_name] for g in graded[a]], [g.right[field_name] for g in graded[b]])
            for i, a in enumerate(arms)
            for b in arms[i + 1 :]
        }


def _least_work(work: Work, shape: Shape, precision: str, alone: bool) -> LeastWork:
    """What the answers of a stage need at the least, from the tokens that the engine really computed."""
    if not alone:
        return LeastWork(precision, shape.forward_flops(work.prompt_tokens + work.new_tokens, work.logit_rows))
    width = 2 if precision == "bf16" else 4
    return LeastWork(
        precision,
        shape.forward_flops(work.prompt_tokens, work.logit_rows - work.new_tokens),
        work.new_tokens * (shape.body + shape.head) * width,
    )


def _figures(differences: Mapping[Name, Difference]) -> dict[Name, Any]:
    """With the examples that each undecided difference needs, as many comparisons as these being made: an interval that excludes
    zero alone decides nothing among many."""
    adjusted = holm({name: d.p for name, d in differences.items()})
    return {
        name: {
            **d.as_dict(),
            "p_holm": adjusted[name],
            "examples_needed": examples_needed(d, alpha=ALPHA / len(differences))
            if d.lo <= 0 <= d.hi or adjusted[name] >= ALPHA
            else None,
        }
        for name, d in differences.items()
    }


def _numbers(arm: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in arm.items() if isinstance(value, float | int) and not isinstance(value, bool)}
