"""A worker in this process: the same loop as in a box, on streams in memory."""

from __future__ import annotations

import io
import os
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from harness.wire import read_frame, write_frame
from harness.worker.serving import serve


class Conversation:
    """Writes a hand-in, asks, and reads what came back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, text: str, name: str = "model.py") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def run(self, *requests, source="model.py:Model", arguments=None, checkpoint=None, seed=0, **job):
        """Give (head, arrays) of each answer after the first, which says that the worker started."""
        asked, answered = io.BytesIO(), io.BytesIO()
        write_frame(asked, {
            "role": "decode", "source": source, "folder": str(self.folder), "arguments": arguments or {},
            "checkpoint": checkpoint if checkpoint is None or isinstance(checkpoint, dict) else str(checkpoint),
            "seed": seed, "device": "cpu", "threads": torch.get_num_threads(), **job,
        })
        for number, (verb, arrays, options) in enumerate(requests):
            write_frame(asked, {"id": number, "verb": verb, "options": options}, arrays)
        asked.seek(0)
        serve(asked, answered)
        end = answered.tell()
        answered.seek(0)
        assert read_frame(answered, None)[0] == {"stage": "started"}
        answers = []
        while answered.tell() < end:
            answers.append(read_frame(answered, None))
        return answers

    def ask(self, verb, arrays=None, options=None, **job):
        """Give head and arrays of the answer to one request."""
        ready, answer = self.run((verb, arrays or {}, options or {}), **job)
        assert ready[0] == {"stage": "ready"}, ready
        return answer

    def error(self, verb="describe", arrays=None, options=None, **job):
        """Give the error that loading or one request ends in."""
        return self.run((verb, arrays or {}, options or {}), **job)[-1][0]["error"]


@pytest.fixture
def talk(tmp_path, monkeypatch):
    """A conversation about a hand-in in an empty folder; whatever it changes in this process is undone."""
    before, here = set(sys.modules), Path.cwd()
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield Conversation(tmp_path)
    os.chdir(here)
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).is_relative_to(tmp_path):
            del sys.modules[name]
