"""Help that reads well in any width: the terminal breaks the lines of a docstring's paragraphs, not its author."""

from __future__ import annotations

from typing import Any


def tidy(command: Any) -> Any:
    """The command, and all below it, with flowing paragraphs; options that take no value show none.

    Brackets are escaped, since a section of hone.toml such as [cost] would be taken for markup and vanish.
    """
    from rich.markup import escape

    command.help = escape(reflowed(command.help or ""))
    for option in command.params:
        if getattr(option, "help", None):
            option.help = escape(option.help)
        if getattr(option, "is_flag", False) and option.metavar is None:
            option.metavar = ""
    own_help = command.get_help_option

    def without_value(context: Any) -> Any:
        option = own_help(context)
        if option is not None:
            option.metavar = ""
        return option

    command.get_help_option = without_value
    for inner in getattr(command, "commands", {}).values():
        tidy(inner)
    return command


def reflowed(text: str) -> str:
    """Paragraphs on one line each; indented ones, such as examples, stay as they are."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(one if one.startswith(" ") else " ".join(one.split("\n")) for one in paragraphs)
