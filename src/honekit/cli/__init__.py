"""The command line: one thin file for each command or noun. Nothing but `main` imports from here."""
