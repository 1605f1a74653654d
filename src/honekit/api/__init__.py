"""The HTTP server: `openai/` is the compatible surface below /v1; keys, limits and errors are shared by all of it."""
