"""What a careful expert would look for in a chat file, each kind of check in a module of its own.

The modules here are the way of the data: `run` has a file scanned (`scan`, `ranges`: several cores) and looked at by the checks
that need a library (`passes`); `answers` shows a block of `turns` to all checks of answers, which count in a `tally`; `score`
marks.
The packages hold the checks, each named like the page of `honekit.data.findings` that documents most of its codes.
"""

from honekit.data.checks.check import Check, CheckOptions

__all__ = ["Check", "CheckOptions"]
