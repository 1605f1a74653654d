"""docs/conformance.md from the contract, the application's routes and the tests' `conformance` markers.

`python -m tests.conformance` writes the page; with `--check` it says whether the committed one is stale.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from tests import contract

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "conformance.md"
FOLDERS = ("tests/api", "tests/acceptance")


@dataclass(frozen=True, order=True)
class Proof:
    """What one marker says: the test shows that something works, or is refused with a code."""

    operation: str
    parameter: str
    refused: str
    test: str


COLLECTED = pytest.StashKey[set[Proof]]()
"""The proofs of all tests, where a run of pytest has collected all of them (`tests/conftest.py`)."""


def is_whole(config: pytest.Config, items: Iterable[pytest.Item]) -> bool:
    """Whether pytest has looked at every test that may carry a marker."""
    files = {item.path for item in items}
    return not any("::" in argument for argument in config.args) and all(
        file in files for folder in FOLDERS for file in (ROOT / folder).rglob("test_*.py")
    )


def proofs_of(items: Iterable[pytest.Item]) -> set[Proof]:
    found = set()
    for item in items:
        for marker in item.iter_markers("conformance"):
            operation, *parameters = marker.args
            name = item.nodeid.partition("[")[0].removeprefix("tests/")
            found |= {Proof(operation, parameter, marker.kwargs.get("refused", ""), name) for parameter in parameters or [""]}
    return found


class Collector:
    """Keeps the proofs of the tests that pytest collects."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.proofs = proofs_of(items)


def collect() -> set[Proof]:
    """The proofs of all tests. Raises: RuntimeError when tests cannot be collected."""
    collector, said = Collector(), StringIO()
    with redirect_stdout(said):
        code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *FOLDERS], plugins=[collector])
    if code != 0:
        raise RuntimeError(said.getvalue())
    return collector.proofs


def served() -> set[str]:
    """The contract's operations that the application has a route for."""
    from honekit.api.app import create_app
    from honekit.api.engines import Engines

    paths = create_app(Engines(device="cpu")).openapi()["paths"]
    routes = {_key(f"{method.upper()} {path}") for path, item in paths.items() for method in item}
    return {name for name in of_contract() if _key(name) in routes}


def of_contract() -> list[str]:
    """Every operation of the whole contract, as `GET /v1/files/{file_id}`."""
    return [name.replace(" ", " /v1", 1) for name in contract.document()["info"]["x-operations"]]


def _key(operation: str) -> str:
    return re.sub(r"{[^}]*}", "{}", operation)


def render(proofs: Iterable[Proof], routes: set[str]) -> str:
    """The page. Raises: ValueError for a marker that names nothing of the contract."""
    proofs = sorted(proofs)
    known = of_contract()
    parameters = {name: contract.parameters(name.replace(" /v1", " ", 1)) for name in known if name in routes}
    for proof in proofs:
        if proof.operation not in known:
            raise ValueError(f"{proof.test} names {proof.operation!r}, which the contract does not have")
        if proof.parameter and proof.parameter.partition(".")[0] not in parameters[proof.operation]:
            raise ValueError(f"{proof.test} names {proof.parameter!r}, which {proof.operation} does not have")
    lines = [
        "# Conformance",
        "",
        "Made by `python -m tests.conformance`; do not edit. What Hone does of the contract, operation by operation and",
        "parameter by parameter, with the test that shows it. The contract's own words are changed where",
        "`info.x-deviations` of `tests/assets/contract/openapi.yaml` says so; besides the tests named here, generated",
        "requests go to every operation that is served (`api/openai/test_contract.py`).",
        "",
        f"{len(routes)} of {len(known)} operations are served. Of a parameter that is refused, null and the values that ask for",
        "nothing are accepted. No parameter of a body is ignored (the `name` of a message reaches the chat template, which may",
        "have no place for it; a Python grader's `image_tag` is kept and chooses nothing, since there is one environment, and a",
        "source that needs another one is refused); query parameters that the contract does not have are. Training files are",
        "taken in each of the contract's four formats; prompts with completions are texts, as `POST /v1/completions` has them.",
        "",
        "## Operations",
        "",
        "| operation | state | test |",
        "|---|---|---|",
    ]
    for name in known:
        of_this = [proof for proof in proofs if proof.operation == name and not proof.parameter]
        state = _state(of_this) if name in routes else f"not yet, {_state(of_this)}"
        lines.append(f"| `{name}` | {state} | {_tests(of_this)} |")
    lines += ["", "## Parameters", ""]
    for name, declared in parameters.items():
        marked = {proof.parameter for proof in proofs if proof.operation == name and proof.parameter}
        rows = sorted({*declared, *marked})
        if not rows:
            continue
        lines += [f"### `{name}`", "", "| parameter | state | test |", "|---|---|---|"]
        for parameter in rows:
            of_this = [proof for proof in proofs if (proof.operation, proof.parameter) == (name, parameter)]
            lines.append(f"| `{parameter}` | {_state(of_this)} | {_tests(of_this)} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _state(proofs: list[Proof]) -> str:
    if not proofs:
        return "unknown"
    codes = sorted({proof.refused for proof in proofs if proof.refused})
    works = any(not proof.refused for proof in proofs)
    refused = "refused: " + ", ".join(f"`{code}`" for code in codes)
    return "works" if works and not codes else f"works in part, {refused}" if works else refused


def _tests(proofs: list[Proof]) -> str:
    return ", ".join(f"`{name}`" for name in sorted({proof.test for proof in proofs})) or "untested"


def is_fresh(page: str) -> bool:
    return PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    page = render(collect(), served())
    if check:
        fresh = is_fresh(page)
        print("fresh" if fresh else f"docs/{PAGE.name} is stale: run `python -m tests.conformance`")
        return 0 if fresh else 1
    PAGE.write_text(page, encoding="utf-8")
    print(f"docs/{PAGE.name} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
