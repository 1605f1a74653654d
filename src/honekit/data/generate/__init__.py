"""More examples from a few: what `hone data generate` asks a model for, and what it keeps of the answers."""
