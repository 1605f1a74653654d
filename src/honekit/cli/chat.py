"""`hone chat`: talk to one model, or to two side by side, in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from honekit.cli import completion
from honekit.cli.device import Device
from honekit.errors import ServeError, SettingsError

if TYPE_CHECKING:
    from honekit.inference.engine import Engine
    from honekit.inference.session import Session

HELP = "/system TEXT sets the instructions, /reset forgets the conversation, /exit leaves; Ctrl-C stops an answer."
FRAMES_PER_S = 12


@dataclass
class Talker:
    """One model with its side of the conversation."""

    name: str
    engine: Engine
    system: str | None
    messages: list[dict[str, str]] = field(default_factory=list)

    def reset(self) -> None:
        self.messages.clear()

    def prompt(self, text: str) -> list[dict[str, str]]:
        """The conversation so far with one more turn of the user."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, *self.messages, {"role": "user", "content": text}]

    def remember(self, text: str, answer: str) -> None:
        self.messages += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]


@dataclass(frozen=True)
class Sampling:
    max_tokens: int
    temperature: float
    seed: int | None


def chat(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL [MODEL2]", help="Base, tuned model, alias or directory.", autocompletion=completion.own_model
        ),
    ],
    system: Annotated[str | None, typer.Option(help="Instructions for the model, as a system message.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 512,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0, help="0 gives the likeliest answer every time.")] = 0.0,
    seed: Annotated[int | None, typer.Option(help="Makes answers at a higher temperature repeatable.")] = None,
    device: Device = "auto",
) -> None:
    """Talk to one model, or to two side by side.

    Lines from a pipe are turns of one conversation, each answered in turn; /reset between them starts anew.

    Examples:

        hone chat smollm2-135m

        hone chat smollm2-135m iot-diagnostics@production

        echo "pump 7 lost its uplink" | hone chat iot-diagnostics@production
    """
    if len(models) > 2:
        raise SettingsError("cli.usage", what=f"{len(models)} models were given", mend="name one or two")
    from honekit.cli.known_names import find_model
    from honekit.cli.render import console
    from honekit.inference.engine import load_engine

    talkers = []
    for found in [find_model(name) for name in dict.fromkeys(models)]:
        with console.status(f"loading {found.name}"):
            talkers.append(Talker(found.name, load_engine(found.base_ref, found.adapter), system))
    interactive = sys.stdin.isatty()
    if interactive:
        with suppress(ImportError):  # line editing and history, where Python has it
            import readline  # noqa: F401
        console.print(" and ".join(talker.name for talker in talkers), style="bold")
        console.print(HELP, style="dim", soft_wrap=True)
    failed = False
    for line in _lines(interactive):
        if line.startswith("/"):
            if line.split()[0] in ("/exit", "/quit"):
                break
            _command(line, talkers)
            continue
        try:
            _answer(line, talkers, Sampling(max_tokens, temperature, seed), live=sys.stdout.isatty())
        except ServeError as fault:
            from honekit.cli.render import print_error

            print_error(fault)
            failed = True
    if failed and not interactive:
        raise typer.Exit(1)


def _lines(interactive: bool) -> Iterator[str]:
    """What the user types, without blank lines; ends at Ctrl-D or the end of the pipe."""
    while True:
        try:
            line = input("> " if interactive else "").strip()
        except EOFError:
            if interactive:
                print()
            return
        except KeyboardInterrupt:
            if not interactive:
                raise
            print("\n(Ctrl-D or /exit leaves)")
            continue
        if line:
            yield line


def _command(line: str, talkers: list[Talker]) -> None:
    from honekit.cli.render import console

    word, _, rest = line.partition(" ")
    if word == "/reset":
        for talker in talkers:
            talker.reset()
        console.print("the conversation is forgotten", style="dim")
    elif word == "/system":
        for talker in talkers:
            talker.system = rest.strip() or None
        console.print("the instructions are set" if rest.strip() else "there are no instructions now", style="dim")
    else:
        console.print(HELP, style="dim", soft_wrap=True)


def _answer(line: str, talkers: list[Talker], sampling: Sampling, *, live: bool) -> None:
    """Let every model answer, showing the text as it comes; Ctrl-C keeps what is there. Raises: ServeError[serve.too_long]."""
    sessions = [_ask(talker, line, sampling) for talker in talkers]
    texts = ["" for _ in talkers]
    steps = _steps(sessions)
    with suppress(KeyboardInterrupt):
        if len(talkers) == 1:
            for _, text in steps:
                texts[0] += text
                print(text, end="", flush=True)
        elif live:
            _side_by_side(talkers, texts, steps)
        else:
            for index, text in steps:
                texts[index] += text
    if len(talkers) == 1:
        print(flush=True)
    elif not live:
        for talker, text in zip(talkers, texts, strict=True):
            print(f"[{talker.name}]\n{text}", flush=True)
    for talker, text in zip(talkers, texts, strict=True):
        talker.remember(line, text)


def _ask(talker: Talker, line: str, sampling: Sampling) -> Session:
    from honekit.inference.requests import Request
    from honekit.inference.sampling import SamplingParams

    messages = talker.prompt(line)
    prompt = talker.engine.template.prompt_ids(messages)
    left = talker.engine.context_tokens - len(prompt)
    if left < 1:
        raise ServeError(
            "serve.too_long",
            what=f"the conversation has {len(prompt)} tokens, {talker.name} reads {talker.engine.context_tokens}",
            mend="/reset forgets the conversation",
        )
    params = SamplingParams(min(sampling.max_tokens, left), sampling.temperature, seed=sampling.seed)
    session = talker.engine.open(1)
    session.add(Request(prompt, params, talker.engine.template.system_prefix_length(messages)))
    return session


def _steps(sessions: list[Session]) -> Iterator[tuple[int, str]]:
    """(model, text) as it comes, the models taking turns token by token."""
    while any(session.busy for session in sessions):
        for index, session in enumerate(sessions):
            if session.busy:
                for _, token in session.step():
                    yield index, token.text


def _side_by_side(talkers: list[Talker], texts: list[str], steps: Iterator[tuple[int, str]]) -> None:
    from rich.console import Console
    from rich.live import Live

    # A live view cannot be longer than the screen, so the whole is printed once the answers are complete.
    with Live(console=Console(), refresh_per_second=FRAMES_PER_S, vertical_overflow="ellipsis", transient=True) as view:
        try:
            for index, text in steps:
                texts[index] += text
                view.update(_panels(talkers, texts))
        finally:
            view.update("")
    Console().print(_panels(talkers, texts))


def _panels(talkers: list[Talker], texts: list[str]) -> Any:
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(expand=True, padding=0)
    for _ in talkers:
        grid.add_column(ratio=1)
    grid.add_row(
        *(Panel(Text(text), title=Text(talker.name), title_align="left") for talker, text in zip(talkers, texts, strict=True))
    )
    return grid
