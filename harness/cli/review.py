"""`harness review`: what needs a person, in the browser, on this machine alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import Reports
from harness.errors import UserError

if TYPE_CHECKING:
    import socket

    from starlette.applications import Starlette

__all__ = ["review"]


def review(
    *,
    author: Annotated[str | None, typer.Option(
        "--author", metavar="NAME", show_default="git's user.name",
        help="Who gives the points; the form can change it.")] = None,
    anonymous: Annotated[bool, typer.Option(
        "--anonymous", help="Show groups under numbers, without their names and members.")] = False,
    port: Annotated[int, typer.Option(
        "--port", min=0, max=65_535, show_default="a free one", help="Where to listen on 127.0.0.1.")] = 0,
    open_: Annotated[bool, typer.Option("--open", help="Open the link in this machine's browser.")] = False,
    reports: Reports = None,
) -> None:
    """Go through what needs a person, with the evidence beside the form; every mark is saved at once.

    Listens on this machine alone and prints a link that lets in one browser; when it was used, it prints the next, for
    a second person. Ctrl-C ends it. Needs the extra `web` of this package.
    """
    try:
        import starlette  # noqa: F401 - only whether it is there
        import uvicorn  # noqa: F401 - likewise
    except ModuleNotFoundError as error:
        raise UserError(
            f"the review page needs {error.name}, which is not installed; run: pip install 'harness[web]'") from None

    from harness.cli.mark import me
    from harness.cli.terminal import console
    from harness.course import find_course
    from harness.review import Kept, Queue, application
    from harness.review.queue import progress
    from harness.review.server import Door

    course = find_course()
    folder = reports or course.reports
    queue = Queue(folder, Kept(course, folder), anonymous=anonymous)
    queue.store.settle()
    out = console()
    listening = _listen(port)
    door = Door(
        listening.getsockname()[1],
        renewed=lambda link: out.print(f"[dim]for another browser[/] {link}", soft_wrap=True))
    found = queue.items()
    out.print(f"{progress(found)['done']} of {len(found)} done")
    out.print(f"[bold]review[/] {door.link}", soft_wrap=True)
    if open_:
        typer.launch(door.link)
    _serve(application(queue, door, author=author or me()), listening)
    queue.store.settle()
    found = queue.items()
    out.print(f"\n{progress(found)['done']} of {len(found)} done")


def _listen(port: int) -> socket.socket:
    import socket

    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        raise UserError(f"--port {port}: cannot be used ({error.strerror}); leave it out to take a free one") from error
    return listening


def _serve(app: Starlette, listening: socket.socket) -> None:
    """Serve until Ctrl-C; requests under way are answered first."""
    import contextlib

    import uvicorn

    server = uvicorn.Server(uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, proxy_headers=False, lifespan="off",
        timeout_graceful_shutdown=10))
    with contextlib.suppress(KeyboardInterrupt):    # which uvicorn raises again when it has ended
        server.run(sockets=[listening])
