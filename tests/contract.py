"""The contract that the server is tested against: tests/assets/contract/openapi.yaml (see scripts/derive_contract.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parent / "assets" / "contract" / "openapi.yaml"


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(FILE.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return loaded


def operations() -> dict[str, dict[str, Any]]:
    """The operations that Hone serves, as `GET /files/{file_id}`."""
    return {f"{method.upper()} {path}": found for path, item in document()["paths"].items() for method, found in item.items()}


def operation_of(method: str, path: str) -> str:
    """The operation that a request below /v1 is, such as `GET /files/{file_id}`. Raises: KeyError."""
    for name in operations():
        known, _, template = name.partition(" ")
        if known == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return name
    raise KeyError(f"{method} {path}")


def parameters(operation: str) -> list[str]:
    """Names of what a request of this operation may carry besides its path, nested ones of `method` with dots."""
    found = operations()[operation]
    names = [one["name"] for one in found.get("parameters", []) if one["in"] != "path"]
    for media in found.get("requestBody", {}).get("content", {}).values():
        names += [name for name, _ in _properties(media["schema"])]
    return list(dict.fromkeys(names))


def _properties(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for part in schema.get("allOf", []):
        yield from _properties(part)
    yield from schema.get("properties", {}).items()


def schema(name: str) -> dict[str, Any]:
    """One schema that a JSON Schema validator takes as it is."""
    return {"$ref": f"#/components/schemas/{name}", "components": document()["components"]}
