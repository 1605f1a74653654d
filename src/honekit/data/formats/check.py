"""`hone data check` on a file of any format: the format's own faults, then those of the chat records it stands for.

Chat, preference and reinforcement records go to their own checkers; others are checked as the chat records they stand for.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from honekit.data.blank_lines import BLANK_LINE, BlankLines
from honekit.data.checks.check import CheckOptions
from honekit.data.checks.other_kinds import with_contents
from honekit.data.checks.run import check_file
from honekit.data.checks.score import marked, score
from honekit.data.formats import chosen_rejected
from honekit.data.formats.columns import ColumnMap
from honekit.data.formats.container import has_mark
from honekit.data.formats.detect import Given, Source, detect
from honekit.data.formats.excel_rows import sheets
from honekit.data.formats.row_groups import group_leaks
from honekit.data.formats.spill import SHIFTED, TURNS, Spill
from honekit.data.lines import MIN_TRAINING_EXAMPLES, Finding, read_lines, shown
from honekit.data.mending.mends import BOM
from honekit.data.preference import check_preference_file
from honekit.data.records import MAX_KEPT, CheckResult, Tally
from honekit.data.reinforcement import check_reinforcement_file

_SCANS = {"preference": check_preference_file, "reinforcement": check_reinforcement_file}
_TOO_LITTLE = ("data.too_few", "data.empty")
_MAX_SHEETS = 5
_BYTE_ORDER_MARK = Finding(
    BOM, "advice", 1, "", "the file begins with a byte order mark, which many readers of JSON refuse",
    "`hone data fix` takes it away; or save the file as UTF-8 without it", True,
)  # fmt: skip
_MESSAGE = re.compile(r"messages\[(\d+)\](\.content)?$")


def check_any(
    path: Path,
    options: CheckOptions | None = None,
    given: Given | None = None,
    check: Callable[[Path, CheckOptions], CheckResult] = check_file,
    *,
    structure_only: bool = False,
    like: ColumnMap | None = None,
) -> CheckResult:
    """Every finding of a file of any format that Hone reads. `check` looks at chat JSONL, and at what stands for it.

    The structure of the validation and the test file is checked as well; findings there name their file. `like`: the map of
    columns of the file that this one is a split of.

    Raises: DataError[data.file_missing | data.file_unreadable], and what `detect` raises for a file whose format is unclear.
    """
    options = options or CheckOptions()
    held_out = [other for other in (options.validation, options.test) if other]
    asked = options
    source = detect(path, given, like)
    with TemporaryDirectory(prefix="hone-check-") as folder:
        spill = Spill(source, Path(folder) / "checked")
        options = replace(
            options,
            validation=_beside(options.validation, given, source.columns, Path(folder) / "validation"),
            test=_beside(options.test, given, source.columns, Path(folder) / "test"),
        )
        kind = "preference" if source.format == chosen_rejected.NAME else source.format
        if kind in _SCANS:
            result = _SCANS[kind](spill.file)
            result.score = score(result, ["structure"])
            if not structure_only:
                result = with_contents(result, spill.file, kind, options)
        else:
            result = check(spill.file, options)
        if spill.file != path:
            result = _merge(result, spill)
            if source.container == "jsonl":
                result = _with(result, _blank_lines(path))
            if held_out and not structure_only and source.dialect is not None:
                result = _with_groups(result, source, asked, given)
        if source.container == "jsonl" and has_mark(path):
            result = _advised(result, _BYTE_ORDER_MARK)
        if source.container == "excel" and source.split is None:
            result = _with_sheets(result, path)
    for other in held_out:
        structure = partial(check_file, checks=())
        held = check_any(other, None, given, structure, structure_only=True, like=source.columns)
        result = _joined(result, held)
    return result


def _with_groups(result: CheckResult, source: Source, options: CheckOptions, given: Given | None) -> CheckResult:
    """The result with the leaks that the further columns of a table show."""
    leaks = {finding.line for finding in (*result.errors, *result.warnings) if finding.code.startswith("data.leak.")}
    return _with(result, ((finding, 1) for finding in group_leaks(source, options, given, leaks)))


def _blank_lines(path: Path) -> Iterator[tuple[Finding, int]]:
    blank = BlankLines()
    for line in read_lines(path):
        blank.see(line)
    return blank.findings()


def _with(result: CheckResult, findings: Iterable[tuple[Finding, int]]) -> CheckResult:
    """The result with further errors and warnings, each with how often it was found."""
    tally = Tally(counts=Counter(result.counts), findings=[*result.errors, *result.warnings, *result.advice])
    tally.totals.update(result.stats)
    for finding, times in findings:
        tally.report(finding, times)
    found = tally.result(result.path)
    merged = replace(result, errors=found.errors, warnings=found.warnings, stats=found.stats, counts=found.counts)
    merged.score = score(merged, marked(result.score))
    return merged


def _with_sheets(result: CheckResult, path: Path) -> CheckResult:
    """The result, and which sheet of several was read."""
    read, others = sheets(path)
    if not others:
        return result
    names = ", ".join(map(shown, others[:_MAX_SHEETS])) + (" and more" if len(others) > _MAX_SHEETS else "")
    message = f"only the sheet {shown(read)} was read, the first with rows in it; not read: {names}"
    fix = "name another one with --sheet"
    return _advised(result, Finding("data.excel_sheets", "advice", 0, "", message, fix))


def _advised(result: CheckResult, finding: Finding) -> CheckResult:
    """The result with a finding of the file as such."""
    stats = {**result.stats, "advice": result.stats["advice"] + 1}
    return replace(result, advice=[finding, *result.advice], stats=stats, counts={**result.counts, finding.code: 1})


def _joined(result: CheckResult, held_out: CheckResult) -> CheckResult:
    """The result with the structural findings of a held-out file, which may be shorter than a training file."""
    codes = Counter({code: count for code, count in held_out.counts.items() if code != "data.too_few"})
    found = {
        name: [replace(one, file=held_out.path.name) for one in getattr(held_out, name) if one.code in codes]
        for name in ("errors", "warnings", "advice")
    }
    stats = dict(result.stats)
    for name in found:
        stats[name] += held_out.stats[name] - (held_out.counts.get("data.too_few", 0) if name == "errors" else 0)
    return replace(
        result,
        errors=[*result.errors, *found["errors"]],
        warnings=[*result.warnings, *found["warnings"]],
        advice=[*result.advice, *found["advice"]],
        stats=stats,
        counts=dict(Counter(result.counts) + codes),
    )


def _beside(path: Path | None, given: Given | None, like: ColumnMap | None, folder: Path) -> Path | None:
    """A further split in the form that the checks read. Its own faults are told when it is checked itself."""
    return None if path is None else Spill(detect(path, given, like), folder).file


def _merge(result: CheckResult, spill: Spill) -> CheckResult:
    """The result under the source's name, with the format's own faults in their places."""
    result = _without(result, BLANK_LINE)  # of what stands for the source
    found = {"error": result.errors, "warning": result.warnings, "advice": result.advice}
    stats = dict(result.stats)
    if spill.records >= MIN_TRAINING_EXAMPLES or spill.is_cut_short:
        # Records that could not be read are there all the same: their own findings stand for them.
        found["error"] = [finding for finding in result.errors if finding.code not in _TOO_LITTLE]
        stats["errors"] -= len(result.errors) - len(found["error"])
    stats["errors"] += spill.counts.total()
    counts = Counter(result.counts) + spill.counts
    for code in _TOO_LITTLE if spill.records >= MIN_TRAINING_EXAMPLES or spill.is_cut_short else ():
        counts.pop(code, None)
    records = _records(spill, [finding for findings in found.values() for finding in findings])
    placed = {name: [_in_source(finding, spill, records) for finding in findings] for name, findings in found.items()}
    errors = sorted([*spill.findings, *placed["error"]], key=lambda finding: (finding.line == 0, finding.line))
    merged = replace(
        result,
        path=spill.source.path,
        format=f"{spill.source.format} in {spill.source.container}",
        records=spill.records,
        errors=errors[:MAX_KEPT],
        warnings=placed["warning"],
        advice=placed["advice"],
        stats=stats,
        counts=dict(counts),
    )
    merged.score = score(merged, marked(result.score))
    return merged


def _without(result: CheckResult, code: str) -> CheckResult:
    """The result without the warnings of a code."""
    warnings = [finding for finding in result.warnings if finding.code != code]
    counts = {name: count for name, count in result.counts.items() if name != code}
    stats = {**result.stats, "warnings": result.stats["warnings"] - result.counts.get(code, 0)}
    return replace(result, warnings=warnings, counts=counts, stats=stats)


def _records(spill: Spill, findings: Sequence[Finding]) -> dict[int, tuple[list[str], int]]:
    """line -> roles of its messages, and how many of them stand before the source's turns, for records with a finding."""
    lines = {finding.line for finding in findings if _MESSAGE.match(finding.field)}
    if not lines or not (spill.fields or spill.source.format in TURNS):
        return {}
    with spill.file.open(encoding="utf-8") as file:
        found = {number: line.rstrip("\n") for number, line in enumerate(file, 1) if number in lines}
    return {
        number: ([message["role"] for message in json.loads(line)["messages"]], int(line.endswith(SHIFTED)))
        for number, line in found.items()
    }


def _in_source(finding: Finding, spill: Spill, records: dict[int, tuple[list[str], int]]) -> Finding:
    """The finding with the source's words: its path, and the source's own field where one message stands for one."""
    found = replace(finding, message=finding.message.replace(str(spill.file), str(spill.source.path)))
    if spill.source.format == chosen_rejected.NAME:
        return replace(found, field=chosen_rejected.field_of(found.field, spill.has_messages))
    match = _MESSAGE.match(finding.field)
    roles, shift = records.get(finding.line, ([], 0))
    if match is None or int(match[1]) >= len(roles):
        return found
    index = int(match[1])
    if spill.source.format in TURNS:
        turns, content = TURNS[spill.source.format]
        field = "system" if index < shift else f"{turns}[{index - shift}]{content if match[2] else ''}"
        return replace(found, field=field)
    # Earlier turns stand in Alpaca's `history`, which no field of its own names.
    is_own = roles[index] == "system" or index >= len(roles) - 2
    return replace(found, field=spill.fields.get(roles[index], finding.field)) if is_own else found
