"""A class that waits for a person, and a server for it."""

from __future__ import annotations

import runpy
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import uvicorn

from harness.records import GradeResult
from harness.report import write_report
from harness.review import Queue, application
from harness.review.server import Door

HERE = Path(__file__).parent
made = SimpleNamespace(**runpy.run_path(str(HERE.parent / "report" / "conftest.py")))
Shelf = runpy.run_path(str(HERE / "shelf.py"))["Shelf"]


class Served:
    """A review page that listens, and whoever wants to come in."""

    def __init__(self, reports: Path, *, anonymous: bool = False) -> None:
        self.shelf = Shelf()
        self.queue = Queue(reports, self.shelf, anonymous=anonymous)
        self.links: list[str] = []
        self._clients: list[httpx.Client] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.door = Door(self.port, renewed=self.links.append)
        self.links.append(self.door.link)
        self.base = f"http://127.0.0.1:{self.port}"
        self._server = uvicorn.Server(uvicorn.Config(
            application(self.queue, self.door, author="Ada Example"), log_level="warning", access_log=False,
            server_header=False, lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listening]})
        self._thread.start()

    def person(self) -> httpx.Client:
        """Let a browser in."""
        client = self.stranger(Origin=self.base)
        assert client.get(self.links[-1]).status_code == 200
        return client

    def stranger(self, **headers: str) -> httpx.Client:
        """Give a browser that was not let in."""
        self._clients.append(httpx.Client(base_url=self.base, headers=headers, timeout=60))
        return self._clients[-1]

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._server.should_exit = True
        self._thread.join(20)
        self._listening.close()


@pytest.fixture(scope="session")
def complete() -> GradeResult:
    """A result with everything but pictures, which take long to draw."""
    drawn = made.complete_result(*made.pieces.garments(300, seed=0))
    models = {
        name: model.model_copy(update={"pictures": {}, "clouds": {}}) for name, model in drawn.measurements.items()}
    return drawn.model_copy(update={"measurements": models})


@pytest.fixture
def reports(complete: GradeResult, tmp_path: Path) -> Path:
    """Three groups: of each, four criteria need a person."""
    for name in ("group10", "group2", "group3"):
        write_report(complete.model_copy(update={"group": name}), tmp_path / "reports")
    return tmp_path / "reports"


@pytest.fixture
def serve(reports: Path) -> Iterator[Callable[..., Served]]:
    opened: list[Served] = []

    def begin(**options: bool) -> Served:
        opened.append(Served(reports, **options))
        return opened[-1]

    yield begin
    for one in opened:
        one.close()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    return serve()
