"""Markdown documents cut into passages, one for each `##` section.

A section `## 4.3 Code AC-510` has the reference `4.3`. In a document whose sections carry no numbers, the
references are `<file name>#1`, `#2`, ... in order, so they stay the same as long as nothing is inserted.

A line `Keywords: a b, c, ...` holds words by which its section is found: the jargon of logs, other languages, everyday
phrases. A prompt shows only the few that match its input, so it stays short and tells why the section was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from honekit.errors import DataError

if TYPE_CHECKING:
    from honekit.project import Project

_HEADING = re.compile(r"^##\s+(?P<title>.*?)\s*#*\s*$")
_NUMBERED = re.compile(r"^(?P<number>\d+(?:\.\d+)*)\.?\s+(?P<rest>\S.*)$")
_CHAPTER = re.compile(r"^#\s")
KEYWORDS = "Keywords:"
_FENCE = re.compile(r"^\s*(```|~~~)")


@dataclass(frozen=True)
class Passage:
    """One section. `text` is what the model reads: title and body on one line."""

    ref: str
    title: str
    text: str
    document: str = ""
    """The file that it stands in, as `hone.toml` names it."""
    keywords: str = ""
    """Further words to find it by, in phrases with commas between them; a search puts those that match into its `text`."""


def load_passages(project: Project) -> list[Passage]:
    """All passages of the project's documents, in order; empty without a `[retrieval]` section.

    Raises: DataError[data.passage_duplicate | data.passages_missing], SettingsError[settings.file_unreadable].
    """
    if project.retrieval is None:
        return []
    passages: list[Passage] = []
    seen: dict[str, str] = {}
    for document in project.retrieval.documents:
        for passage in split_markdown(project.read_text(document), document):
            if passage.ref in seen:
                raise DataError(
                    "data.passage_duplicate",
                    what=f"two sections have the reference {passage.ref} (the other one is in {seen[passage.ref]})",
                    where=str(project.path(document)),
                    mend="give every `##` section of the documents its own number",
                )
            seen[passage.ref] = document
            passages.append(passage)
    if not passages:
        raise DataError(
            "data.passages_missing",
            what="the documents named in [retrieval] have no sections",
            where=", ".join(str(project.path(document)) for document in project.retrieval.documents),
            mend="write each thing to be looked up under a heading of its own: `## 1.1 Title`",
        )
    return passages


def split_markdown(text: str, document: str) -> Iterator[Passage]:
    """The `##` sections of one Markdown text. What stands before the first one is introduction and left out."""
    title: str | None = None
    body: list[str] = []
    keywords: list[str] = []
    count = 0
    fenced = False
    for line in [*text.splitlines(), "## "]:
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.match(line)
        if heading is None and (fenced or not _CHAPTER.match(line)):
            if line.startswith(KEYWORDS) and not fenced:
                keywords.append(line.removeprefix(KEYWORDS).strip())
            else:
                body.append(line)
            continue
        if title is not None:
            count += 1
            yield _passage(title, " ".join(" ".join(body).split()), ", ".join(keywords), count, document)
        title = heading["title"] if heading else None
        body, keywords = [], []


def _passage(heading: str, body: str, keywords: str, count: int, document: str) -> Passage:
    numbered = _NUMBERED.match(heading)
    ref, title = (numbered["number"], numbered["rest"]) if numbered else (f"{PurePath(document).stem}#{count}", heading)
    joint = " " if title.endswith((".", "!", "?", ":")) else ". "
    return Passage(ref, title, f"{title}{joint}{body}" if body else title, document, keywords)
