"""Grader and benchmark for deep-learning exercises on generative models."""

__version__ = "0.1.0"
