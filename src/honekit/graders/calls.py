"""Calls of tools compared with those of a reference: each counts once, in whatever order unless one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from honekit.graders.faults import GradingFault
from honekit.graders.own import ToolCallGrader
from honekit.graders.values import MISSING, read_json, same

Call = tuple[str, Any]
"""(name, arguments)"""


def tool_calls(grader: ToolCallGrader, calls: Sequence[Any], reference: str) -> float:
    """F1 of the calls. Raises: GradingFault[invalid_variable_error] when the reference is no list of calls."""
    listed = read_json(reference)
    if not isinstance(listed, list) or any(_call(one) is None for one in listed):
        raise GradingFault("invalid_variable_error", "the reference is no JSON list of calls with name and arguments")
    wanted = [call for one in listed if (call := _call(one))]
    given = [_call(one) or ("", {}) for one in calls]
    if not wanted and not given:
        return 1.0
    return 2 * _matched(grader, given, wanted) / (len(given) + len(wanted))


def _matched(grader: ToolCallGrader, given: list[Call], wanted: list[Call]) -> int:
    if not given or not wanted:
        return 0
    fits = [[_fits(grader, one, other) for other in wanted] for one in given]
    if grader.ordered:
        best = [[0] * (len(wanted) + 1) for _ in range(len(given) + 1)]
        for i in range(len(given)):
            for j in range(len(wanted)):
                best[i + 1][j + 1] = max(best[i][j + 1], best[i + 1][j], best[i][j] + fits[i][j])
        return best[-1][-1]
    import numpy as np
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    # With `subset` one call may fit several.
    return int(np.count_nonzero(maximum_bipartite_matching(csr_matrix(np.array(fits)), perm_type="column") >= 0))


def _fits(grader: ToolCallGrader, given: Call, wanted: Call) -> bool:
    if given[0] != wanted[0]:
        return False
    match grader.arguments:
        case "ignore":
            return True
        case "exact":
            return same(given[1], wanted[1])
        case _:
            return all(key in given[1] and same(given[1][key], value) for key, value in wanted[1].items())


def _call(one: Any) -> Call | None:
    """(name, arguments) of a call, written flat or as OpenAI's `function`; arguments may be JSON text, and none are `{}`."""
    inner = one.get("function", one) if isinstance(one, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
        return None
    arguments = inner.get("arguments")
    if isinstance(arguments, str):
        read = read_json(arguments) if arguments.strip() else None
        arguments = arguments if read is MISSING else read
    if arguments is None:
        arguments = {}
    return inner["name"], arguments if isinstance(arguments, Mapping) else {"": arguments}
