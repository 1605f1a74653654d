"""Hone: decide, prepare data, fine-tune, evaluate and deploy small language models on your own machine."""

__version__ = "0.1.0"
