"""What a careful expert would look for in a chat file, each kind of check in a module of its own."""

from honekit.data.checks.check import Check, CheckOptions

__all__ = ["Check", "CheckOptions"]
