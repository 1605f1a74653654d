"""OpenAI's HTTP contract, as far as Hone answers it."""
