"""Answers that may be wrong, from the other records and from what training found hard."""
