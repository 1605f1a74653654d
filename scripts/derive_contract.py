"""Derive the contract that Hone is tested against from the full one: `derive_contract.py SOURCE.yaml`.

What stays: the operations that the application serves, with the schemas they need and without prose. What changes is one
function each below, whose docstring is its line in the document's `info.x-deviations`. The source's licence stays at the
head. Run it again when a route of the contract is added.
"""

from __future__ import annotations

import argparse
import copy
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

TARGET = Path(__file__).parents[1] / "tests" / "assets" / "contract" / "openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete")
_PROSE = frozenset({"description", "summary", "title", "example", "examples", "externalDocs", "tags"})
Document = dict[str, Any]
DEVIATIONS: list[Callable[[Document], None]] = []


def deviation(change: Callable[[Document], None]) -> Callable[[Document], None]:
    """Register one difference between the contract and Hone."""
    DEVIATIONS.append(change)
    return change


@deviation
def _errors(document: Document) -> None:
    """Every operation answers errors with the envelope ErrorResponse; single error answers of the contract fall under it."""
    schema = {"$ref": "#/components/schemas/ErrorResponse"}
    for _, operation in operations(document):
        kept = {code: answer for code, answer in operation["responses"].items() if code.startswith("2")}
        operation["responses"] = {**kept, "default": {"content": {"application/json": {"schema": schema}}}}


@deviation
def _paused(document: Document) -> None:
    """A job's status may be `paused`, which the contract shows in an example but leaves out of the enum."""
    document["components"]["schemas"]["FineTuningJob"]["properties"]["status"]["enum"].append("paused")


@deviation
def _returned_purposes(document: Document) -> None:
    """A file object's purpose may be `evals`, which the contract accepts on upload; jobs make `fine-tune-results`."""
    purposes = document["components"]["schemas"]["OpenAIFile"]["properties"]["purpose"]["enum"]
    purposes += [name for name in ("evals", "fine-tune-results") if name not in purposes]


@deviation
def _bracketed_form(document: Document) -> None:
    """The form of POST /files carries `expires_after` as the clients send it: one field in brackets for each part."""
    fields = document["components"]["schemas"]["CreateFileRequest"]["properties"]
    parts = document["components"]["schemas"]["FileExpirationAfter"]["properties"]
    del fields["expires_after"]
    for name, part in parts.items():
        fields[f"expires_after[{name}]"] = part


@deviation
def _page_sizes(document: Document) -> None:
    """`limit` is 1 to 10000 for files and 1 to 1000 elsewhere; other values are refused."""
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["name"] == "limit":
                parameter["schema"] |= {"minimum": 1, "maximum": 10_000 if name == "GET /files" else 1000}


@deviation
def _bracketed_metadata(document: Document) -> None:
    """GET /chat/completions takes `metadata[key]=value`: the contract says so in words, and not in the style of the parameter."""
    for parameter in document["paths"]["/chat/completions"]["get"]["parameters"]:
        if parameter["name"] == "metadata":
            parameter |= {"style": "deepObject", "explode": True}


@deviation
def _file_content(document: Document) -> None:
    """GET /files/{file_id}/content answers bytes as `application/octet-stream`; the contract says a JSON string."""
    answer = document["paths"]["/files/{file_id}/content"]["get"]["responses"]["200"]
    answer["content"] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@deviation
def _completion_logprobs(document: Document) -> None:
    """In the log-probabilities of POST /completions the first token of an echoed prompt has null; so have alternatives that
    nobody asked for.
    """
    choice = document["components"]["schemas"]["CreateCompletionResponse"]["properties"]["choices"]["items"]
    lists = choice["properties"]["logprobs"]["anyOf"][0]["properties"]
    for name in ("token_logprobs", "top_logprobs"):
        lists[name]["items"] = _or_null(lists[name]["items"])
    lists["top_logprobs"] = _or_null(lists["top_logprobs"])


@deviation
def _completion_stream(document: Document) -> None:
    """POST /completions streams too; its events are like the plain answer, with `finish_reason` and `usage` null until known."""
    schemas = document["components"]["schemas"]
    event = copy.deepcopy(schemas["CreateCompletionResponse"])
    fields = event["properties"]
    choice = fields["choices"]["items"]["properties"]
    choice["finish_reason"] = _or_null(choice["finish_reason"])
    fields["usage"] = _or_null(fields["usage"])
    schemas["CreateCompletionStreamResponse"] = event
    content = document["paths"]["/completions"]["post"]["responses"]["200"]["content"]
    content["text/event-stream"] = {"schema": {"$ref": "#/components/schemas/CreateCompletionStreamResponse"}}


@deviation
def _encoded_embedding(document: Document) -> None:
    """An embedding is text where `encoding_format` is `base64`; the contract shows numbers alone."""
    fields = document["components"]["schemas"]["Embedding"]["properties"]
    fields["embedding"] = {"anyOf": [fields["embedding"], {"type": "string", "format": "byte"}]}


@deviation
def _named_graders(document: Document) -> None:
    """The graders of a multi grader may be an object of graders by name, as the guides show them, or a single one."""
    fields = document["components"]["schemas"]["GraderMulti"]["properties"]
    single = fields["graders"]
    fields["graders"] = {"anyOf": [single, {"type": "object", "minProperties": 1, "additionalProperties": single}]}


@deviation
def _label_model_alone(document: Document) -> None:
    """A `label_model` grader may be run and validated by itself, not within a multi grader alone."""
    for name in ("RunGraderRequest", "ValidateGraderRequest", "ValidateGraderResponse"):
        grader = document["components"]["schemas"][name]["properties"]["grader"]
        grader["oneOf"].append({"$ref": "#/components/schemas/GraderLabelModel"})


@deviation
def _stored_roles(document: Document) -> None:
    """A stored chat completion's messages keep their own roles; the contract's schema for them knows `assistant` alone."""
    role = document["components"]["schemas"]["ChatCompletionResponseMessage"]["properties"]["role"]
    role["enum"] = ["assistant", "developer", "function", "system", "tool", "user"]


@deviation
def _response_stream(document: Document) -> None:
    """GET /responses/{response_id} streams too, with the events of POST /responses."""
    content = document["paths"]["/responses/{response_id}"]["get"]["responses"]["200"]["content"]
    content["text/event-stream"] = {"schema": {"$ref": "#/components/schemas/ResponseStreamEvent"}}


@deviation
def _unsampled_items(document: Document) -> None:
    """An evaluation run and the sample of an output item have null for `error` where nothing is wrong, and the sample for how
    it was made where no model was asked, or no limit set.
    """
    schemas = document["components"]["schemas"]
    fault = schemas["EvalRun"]["properties"]
    fault["error"] = _or_null(fault["error"])
    sample = schemas["EvalRunOutputItem"]["properties"]["sample"]["properties"]
    for name in ("error", "finish_reason", "model", "temperature", "max_completion_tokens", "top_p", "seed"):
        sample[name] = _or_null(sample[name])


@deviation
def _own_criteria(document: Document) -> None:
    """The testing criteria of an evaluation may also be graders of Hone's own (docs/graders.md)."""
    from honekit.graders.criteria import own_types

    grader = {
        "type": "object",
        "required": ["type", "name"],
        "properties": {"type": {"type": "string", "enum": own_types()}, "name": {"type": "string"}},
    }
    document["components"]["schemas"]["HoneGrader"] = grader
    for name in ("CreateEvalRequest", "Eval"):
        criteria = document["components"]["schemas"][name]["properties"]["testing_criteria"]
        criteria["items"]["oneOf"].append({"$ref": "#/components/schemas/HoneGrader"})


@deviation
def _plain_unions(document: Document) -> None:
    """Discriminators without a mapping are left out: their values (`message`) are not the names of the schemas."""

    def drop(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(found := value.get("discriminator"), dict) and "mapping" not in found:
                del value["discriminator"]
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                drop(one)

    drop(document)


def _or_null(schema: Document) -> Document:
    return {"anyOf": [schema, {"type": "null"}]}


def derive(source: Document, served: set[str]) -> Document:
    """The document for the operations in `served` (named as `operation_key` does)."""
    document = {key: source[key] for key in ("openapi", "info", "servers", "security", "paths", "components")}
    named = [name for name, _ in operations(source)]
    document["paths"] = {
        path: kept
        for path, item in source["paths"].items()
        if (kept := {m: op for m, op in item.items() if m in METHODS and operation_key(m, path) in served})
    }
    document = _without_prose(document)
    for change in DEVIATIONS:
        change(document)
    document["info"] = {
        "title": "What Hone serves of the OpenAI API",
        "version": source["info"]["version"],
        "license": source["info"]["license"],
        "x-source": {key: source["info"]["x-source"][key] for key in ("repository", "path", "commit", "licence")},
        "x-operations": named,
        "x-deviations": [
            "Operations that Hone does not serve are left out; x-operations names all of the contract.",
            "Descriptions, examples, tags and extensions are left out, and the schemas that nothing needs.",
            *(" ".join((change.__doc__ or "").split()) for change in DEVIATIONS),
        ],
    }
    for _, operation in operations(document):
        for answer in operation["responses"].values():
            answer["description"] = ""  # OpenAPI demands one
    schemas = document["components"]["schemas"]
    needed = _reachable(document["paths"], schemas)
    document["components"] = {
        "schemas": {name: schemas[name] for name in sorted(needed)},
        "securitySchemes": document["components"]["securitySchemes"],
    }
    return document


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    """Every operation under its name, as `GET /files/{file_id}`."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def operation_key(method: str, path: str) -> str:
    """The same for the contract's path and the application's, whatever they call their parameters."""
    return f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}"


def served_operations() -> set[str]:
    """Keys of the application's operations below /v1."""
    from honekit.api.app import create_app
    from honekit.api.engines import Engines

    paths = create_app(Engines(device="cpu")).openapi()["paths"]
    return {operation_key(m, path.removeprefix("/v1")) for path, item in paths.items() if path.startswith("/v1/") for m in item}


def _without_prose(value: Any, *, of_names: bool = False) -> Any:
    """`of_names`: the keys are names that the contract gives (properties, schemas), none of them a keyword."""
    if isinstance(value, list):
        return [_without_prose(one) for one in value]
    if not isinstance(value, dict):
        return value
    if of_names:
        return {key: _without_prose(one) for key, one in value.items()}
    return {
        key: _without_prose(one, of_names=key in ("properties", "schemas", "securitySchemes", "paths", "responses"))
        for key, one in value.items()
        if key not in _PROSE and not key.startswith("x-")
    }


def _reachable(start: Any, schemas: Document) -> set[str]:
    found: set[str] = set()
    waiting: list[Any] = [start]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(named := value.get("$ref"), str):
                name = named.rpartition("/")[2]
                if name not in found:
                    found.add(name)
                    waiting.append(schemas[name])
            mapping = value.get("mapping") if "propertyName" in value else None
            waiting += [one for one in value.values() if one is not mapping]
        elif isinstance(value, list):
            waiting += value
    return found


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--target", type=Path, default=TARGET)
    given = parser.parse_args()
    text = given.source.read_text(encoding="utf-8")
    licence = text[text.index("# The MIT License") : text.index("\nopenapi:")].strip()
    document = derive(yaml.safe_load(text), served_operations())
    source = document["info"]["x-source"]
    head = (
        f"# Made by scripts/derive_contract.py from a subset of {source['repository']}, file {source['path']}, commit\n"
        f"# {source['commit']}. Do not edit: change the script. What differs: info.x-deviations.\n#\n"
    )
    body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=130, allow_unicode=True)
    given.target.parent.mkdir(parents=True, exist_ok=True)
    given.target.write_text(f"{head}{licence}\n\n{body}", encoding="utf-8")
    print(f"{len(list(operations(document)))} operations, {len(document['components']['schemas'])} schemas: {given.target.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
