"""Boxes: where a group's code runs, and the only place where it runs."""
