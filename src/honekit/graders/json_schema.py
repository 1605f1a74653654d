"""JSON Schema for schemas that come with requests: no reference leaves the schema, and patterns take linear time (RE2)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from honekit.graders.patterns import compile_pattern, is_found
from honekit.graders.values import is_number


def check_schema(schema: dict[str, Any]) -> None:
    """Raises: ValueError that says what is wrong with it: its form, a pattern, a reference that leads out of it or nowhere."""
    from jsonschema.exceptions import SchemaError
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    try:
        _kind().check_schema(schema)
        whole = DRAFT202012.create_resource(schema)
        _follow(whole, Registry().resolver_with_root(whole))
    except Unresolvable as missing:
        raise ValueError(f"a reference leads out of the schema or nowhere: {str(missing.ref)[:200]}") from missing
    except SchemaError as fault:
        place = ".".join(map(str, fault.absolute_path))
        raise ValueError(f"{place + ': ' if place else ''}{fault.message[:200]}") from fault
    except RecursionError as fault:
        raise ValueError("the schema is nested too deeply") from fault


def schema_fault(schema: dict[str, Any], value: Any) -> str | None:
    """The first thing that keeps `value` from fitting, with its place; None when it fits.

    Raises: ValueError for a reference that leads nowhere, or a pattern that is none.
    """
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    validator = _kind()(schema, registry=Registry())
    try:
        fault = next(iter(sorted(validator.iter_errors(value), key=lambda found: list(map(str, found.absolute_path)))), None)
    except Unresolvable as missing:
        raise ValueError(f"a reference of the schema leads nowhere: {missing}") from missing
    except RecursionError as deep:
        raise ValueError("the schema or the value is nested too deeply") from deep
    if fault is None:
        return None
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault.absolute_path)
    return f"{place.lstrip('.') or 'the value'}: {fault.message[:300]}"


def _follow(part: Any, resolver: Any) -> None:
    """Look every reference up, and compile every pattern.

    Raises: referencing.exceptions.Unresolvable; ValueError of a pattern.
    """
    if isinstance(part.contents, dict):
        named = part.contents.get("patternProperties")
        for pattern in (part.contents.get("pattern"), *(named if isinstance(named, dict) else ())):
            if isinstance(pattern, str):
                compile_pattern(pattern)
        for keyword in ("$ref", "$dynamicRef"):
            if isinstance(given := part.contents.get(keyword), str):
                resolver.lookup(given)
    for inner in part.subresources():
        _follow(inner, resolver.in_subresource(inner))


@lru_cache(maxsize=1)
def _kind() -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    return extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {"pattern": _pattern, "patternProperties": _pattern_properties, "multipleOf": _multiple_of}
    )


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and not is_found(pattern, instance):
        yield ValidationError(f"{instance[:80]!r} does not match {pattern[:80]!r}")


def _pattern_properties(validator: Any, patterns: dict[str, Any], instance: Any, _schema: Any) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    for pattern, part in patterns.items():
        for key, value in instance.items():
            if is_found(pattern, key):
                yield from validator.descend(value, part, path=key, schema_path=pattern)


def _multiple_of(_validator: Any, step: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    """In decimal fractions, as both are written: in binary ones 19.99 is no multiple of 0.01."""
    from jsonschema import ValidationError

    if not is_number(instance):
        return
    endless = isinstance(instance, float) and not math.isfinite(instance)
    if endless or (Fraction(str(instance)) / Fraction(str(step))).denominator != 1:
        yield ValidationError(f"{str(instance)[:80]} is not a multiple of {step}")
