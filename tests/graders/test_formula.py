from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honekit.graders.faults import GradingFault
from honekit.graders.formula import MAX_FORMULA_CHARS, check_formula, evaluate

VALUES = {"a": 0.5, "b": 2.0, "style_2": -3.0}


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("a", 0.5),
        ("0.7 * a + 0.3 * b", 0.95),
        ("a + b ^ 2", 4.5),
        ("b ^ 3 ^ 2", 512),
        ("b ** 3", 8),
        ("-b ^ 2", -4),
        ("b ^ -1", 0.5),
        ("(a + b) / 2 - 1", 0.25),
        ("min(a, b, 0.1) + max(1, b)", 2.1),
        ("abs(style_2) + floor(2.7) + ceil(2.1)", 8),
        ("exp(0) + sqrt(b * b) + log(exp(1))", 4),
        ("  1e2\n + .5 ", 100.5),
        ("+" * 20 + "a", 0.5),
        ("max(a)", 0.5),
        ("7", 7),
    ],
)
def test_arithmetic(formula: str, value: float) -> None:
    check_formula(formula, VALUES)
    assert evaluate(formula, VALUES) == pytest.approx(value)


@pytest.mark.parametrize(
    "formula",
    [
        "", " ", "a +", "a b", "a b +", "c", "A", "a.real", "a[0]", "__import__('os')", "a if a else b", "a and b", "a < b",
        "a // b", "a % b", "a @ b", "~a", "not a", "lambda: 1", "[a]", "(a, b)", "{a}", "f'{a}'", "'a'", "True", "1j", "None",
        "a := 1", "a = 1", "pow(a, 2)", "min()", "min(*a)", "min(a, key=b)", "abs(a, b)", "log(a, 2)", "max", "a; b", "a # b",
        "a\\\n+b", "ä + a", "0x10 if", "(" * 250 + "a" + ")" * 250, "-" * 900 + "a", "a+" * 400 + "a",
        "a" + " " * MAX_FORMULA_CHARS, "9" * 900, "1e999999 e",
    ],
)  # fmt: skip
def test_anything_else_is_refused_before_it_runs(formula: str) -> None:
    with pytest.raises(ValueError, match=r"formula|takes one value"):
        check_formula(formula, VALUES)
    with pytest.raises(GradingFault) as caught:
        evaluate(formula, VALUES)
    assert caught.value.flag == "formula_parse_error"


@pytest.mark.parametrize(
    "formula",
    ["1 / (a - a)", "log(0)", "log(-1)", "sqrt(-b)", "0 ^ -1", "(-8) ^ a", "exp(1000)", "10 ^ 400", "1e999"],
)
def test_no_finite_number_is_a_fault_of_grading_only(formula: str) -> None:
    check_formula(formula, VALUES)
    with pytest.raises(GradingFault) as caught:
        evaluate(formula, VALUES)
    assert caught.value.flag == "formula_parse_error"


def test_the_message_names_the_graders_there_are() -> None:
    with pytest.raises(ValueError, match=r"'tone'.*a, b, style_2"):
        check_formula("a + tone", VALUES)


NUMBERS = st.floats(min_value=-100, max_value=100).map(lambda x: round(x, 3))
TREES = st.recursive(
    NUMBERS.map(lambda x: (repr(abs(x)), abs(x))) | st.sampled_from(list(VALUES.items())),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]} + {p[1][0]})", p[0][1] + p[1][1])),
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]}-{p[1][0]})", p[0][1] - p[1][1])),
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]} *{p[1][0]})", p[0][1] * p[1][1])),
        st.tuples(inner, inner).map(lambda p: (f"min({p[0][0]}, {p[1][0]})", min(p[0][1], p[1][1]))),
        inner.map(lambda p: (f"abs(-{p[0]})", abs(p[1]))),
    ),
    max_leaves=12,
)


@given(TREES)
def test_it_computes_what_python_computes(tree: tuple[str, float]) -> None:
    formula, value = tree
    check_formula(formula, VALUES)
    assert math.isclose(evaluate(formula, VALUES), value, rel_tol=1e-9, abs_tol=1e-9)


@given(st.text(alphabet="ab12.+-*/^() ,minlogexp\n", max_size=60))
def test_any_text_has_a_finite_value_or_a_fault(formula: str) -> None:
    try:
        value = evaluate(formula, VALUES)
    except GradingFault:
        return
    assert math.isfinite(value)
    check_formula(formula, VALUES)
