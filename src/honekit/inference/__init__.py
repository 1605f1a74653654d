"""Generation: many sequences at once on one model, with shared prompt prefixes computed once."""
