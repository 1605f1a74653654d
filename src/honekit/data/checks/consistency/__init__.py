"""Answers and system prompts that differ from the others by accident: formats, labels, notation, style, contradictions."""
