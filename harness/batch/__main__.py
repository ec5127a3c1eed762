"""A process that grades: settings and tasks come in as lines of JSON, stages and results go out the same way.

It ends when its input ends, also in the midst of a task: so it does not outlive whoever started it.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from typing import IO, Any

from harness.batch.opening import Settings, open_workshop
from harness.batch.task import Task, run_task
from harness.errors import HarnessFault, UserError

SECONDS_TO_STOP = 20.0


def main() -> None:
    """Open a workshop, and grade what comes in."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)       # whatever a library prints is no message
    lock = threading.Lock()

    def say(**message: Any) -> None:
        with lock:      # stages are told from several threads
            channel.write(json.dumps(message) + "\n")
            channel.flush()

    try:
        _serve(sys.stdin, say)
    except UserError as error:
        say(fault="", wrong_use=str(error))
    except HarnessFault as fault:
        say(fault=str(fault), wrong_use="")
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(130)       # told to stop, or nobody listens any more


def _serve(source: IO[str], say: Any) -> None:
    settings = Settings.model_validate_json(source.readline())
    workshop = open_workshop(settings)
    tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    busy = threading.Event()

    def listen() -> None:
        for line in source:
            tasks.put(Task.model_validate_json(line))
        tasks.put(None)
        if busy.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(SECONDS_TO_STOP)
            os._exit(130)

    threading.Thread(target=listen, daemon=True, name="tasks").start()
    say(ready=True)
    while (task := tasks.get()) is not None:
        busy.set()
        done = run_task(task, workshop, progress=lambda stage, share: say(stage=stage, share=share))
        busy.clear()
        say(done=done.model_dump(mode="json", by_alias=True))


if __name__ == "__main__":
    main()
