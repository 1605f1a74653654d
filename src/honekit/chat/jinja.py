"""The sandbox in which chat templates run, with what templates from the Hub expect of it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NoReturn

import jinja2
import jinja2.ext
import jinja2.sandbox

TEMPLATE_DAY = datetime(2024, 7, 26)
"""The day that `strftime_now` tells every template. A moving date would make training, evaluation and serving
see different prompts; who needs today's date puts it into the system message.
"""


class _GenerationTag(jinja2.ext.Extension):
    """Lets templates with `{% generation %}` markers compile; the markers themselves are not needed."""

    tags = {"generation"}  # noqa: RUF012 (as the base class declares it)

    def parse(self, parser: Any) -> Any:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.Scope(body, lineno=line)


def environment() -> jinja2.Environment:
    """Jinja as Hub templates expect it: block trimming, loop controls, `tojson` without HTML escapes."""

    def raise_exception(message: str) -> NoReturn:
        raise jinja2.TemplateError(message)

    def tojson(value: Any, indent: int | None = None, ensure_ascii: bool = False, **options: Any) -> str:
        return json.dumps(value, indent=indent, ensure_ascii=ensure_ascii, **options)

    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols, _GenerationTag]
    )
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = TEMPLATE_DAY.strftime
    return made
