"""Faults of single lines: JSON, keys, roles and their order, tools, endings, and lengths against a base model."""
