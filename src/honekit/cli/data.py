"""`hone data`: check a chat file, prepare a project's data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honekit.cli.data_check import check, explain
from honekit.cli.data_convert import convert
from honekit.cli.data_diff import diff
from honekit.cli.data_fix import fix
from honekit.cli.data_generate import generate
from honekit.cli.data_label import label
from honekit.cli.data_report import report
from honekit.cli.data_split import split
from honekit.cli.data_stats import stats
from honekit.cli.data_suspects import suspects
from honekit.cli.data_versions import versions
from honekit.cli.render import print_json

if TYPE_CHECKING:
    from honekit.data.prepare import Prepared

app = typer.Typer(
    no_args_is_help=True, help="Training data: check, mend, convert, split and compare files, prepare a project's examples."
)
app.command("check")(check)
app.command("explain")(explain)
app.command("fix")(fix)
app.command("convert")(convert)
app.command("split")(split)
app.command("stats")(stats)
app.command("diff")(diff)
app.command("suspects")(suspects)
app.command("label")(label)
app.command("report")(report)
app.command("generate")(generate)
app.command("versions")(versions)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]


@app.command("prepare")
def prepare(
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="Folder with hone.toml.")] = Path("."),
    more: Annotated[bool, typer.Option(help="Use the further training files of `data.more` too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Check a project's examples and splits, and write them as chat JSONL.

    Examples:

        hone data prepare

        hone data prepare examples/iot-diagnostics --no-more --json
    """
    from honekit.data.prepare import prepare as prepare_data
    from honekit.data.versions import record_prepared
    from honekit.project import load_project

    prepared = prepare_data(load_project(project), use_more=more)
    record_prepared(prepared)
    if as_json:
        print_json(prepared.summary())
    else:
        _print_prepared(prepared)


def _print_prepared(prepared: Prepared) -> None:
    counts = prepared.counts
    print(f"data version {prepared.version}")
    print(f"  {counts['train']} training, {counts['validation']} validation, {counts['test']} test examples")
    if prepared.forms > 1:
        print(f"  each training example in {prepared.forms} forms, the further ones with other names in them")
    for name, count in prepared.with_passages.items():
        if count:
            print(f"  {count} of {counts[name]} {name} examples with retrieved passages")
    for field, train in prepared.class_balance["train"].items():
        print(f"\n{field:<24}{'train':>8}{'valid.':>8}{'test':>8}")
        columns = [prepared.class_balance[split].get(field, {}) for split in ("validation", "test")]
        for value, count in train.items():
            print(f"  {value:<22}{count:>8}" + "".join(f"{column.get(value, 0):>8}" for column in columns))
    print("\nno group, no near duplicate (Jaccard >= 0.7, ids and numbers masked) in two splits")
    print("share of word trigrams that occur in training, by slice of the test set:")
    for name, share in prepared.overlaps.items():
        print(f"  {name:<22}{share:>8.1%}")
    for warning in prepared.warnings:
        print(f"warning: {warning}")
    print(f"\nwritten: {prepared.train_file}\n         {prepared.validation_file}")
