"""The review page as a server on this machine alone: who may come in, what may be asked, what is sent.

Somebody else's page in the same browser must reach nothing here: the host is compared (against names that are made to
point here), so is the origin of everything that changes something, the cookie goes to requests of these pages alone,
and no page loads, runs or sends anything that is not its own.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from threading import Lock
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from harness.errors import HarnessError, HarnessFault, UserError
from harness.quiz.exact import exact
from harness.report import render_report
from harness.review import pages
from harness.review.marks import MarkedMeanwhile
from harness.review.pages import Draft, address, denied_page, item_page, queue_page
from harness.review.queue import Choice, Item, Queue
from harness.rubric import as_written

__all__ = ["Door", "application"]

logger = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024      # of a form
LONGEST_REASON = 4_000
LONGEST_NAME = 100


class Door:
    """Lets in whoever comes with a link that was not used before; afterwards their browser holds a cookie.

    Args:
        port: where the server listens.
        renewed: is told the next link when one was used, so that a second person can be let in.

    """

    def __init__(self, port: int, *, renewed: Callable[[str], object] = str) -> None:
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.cookie = f"harness-review-{port}"      # cookies are shared by all ports of a machine
        self._port, self._renewed = port, renewed
        self._token = secrets.token_urlsafe(32)
        self._sessions: set[str] = set()
        self._lock = Lock()

    @property
    def link(self) -> str:
        """The link that lets in one browser, once."""
        return f"http://127.0.0.1:{self._port}/enter?token={self._token}"

    def enter(self, token: str) -> str | None:
        """Trade a link's token for a session; None where it is wrong or was used before."""
        with self._lock:
            if not secrets.compare_digest(token.encode(), self._token.encode()):
                return None
            session = secrets.token_urlsafe(32)
            self._sessions.add(session)
            self._token = secrets.token_urlsafe(32)
        self._renewed(self.link)
        return session

    def knows(self, session: str) -> bool:
        """Whether a session was given out here."""
        with self._lock:
            return any(secrets.compare_digest(session.encode(), known.encode()) for known in self._sessions)


def application(queue: Queue, door: Door, *, author: str) -> Starlette:
    """Make the server's application.

    Args:
        queue: what is reviewed.
        door: who may come in.
        author: whose name the form holds at first.

    """
    review = _Review(queue, door, author)
    return Starlette(
        routes=[
            Route("/enter", review.enter),
            Route("/", review.queue_page),
            Route("/item/{id}", review.item_page),
            Route("/item/{id}", review.save, methods=["POST"]),
            Route("/report/{id}", review.report),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=review.guard)],
        exception_handlers={404: _not_found, 405: _not_found},
    )


class _Review:
    """The answers to requests; each page is made in a thread, as it may take a moment."""

    def __init__(self, queue: Queue, door: Door, author: str) -> None:
        self.queue, self.door, self.author = queue, door, author

    async def guard(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Refuse what does not come from these pages, and let no page do more than it has to."""
        refused = self._refused(request)
        if refused:
            response: Response = HTMLResponse(denied_page("Not allowed", refused), status_code=403)
        else:
            try:
                response = await call_next(request)
            except UserError as error:
                response = HTMLResponse(denied_page("This cannot be shown", str(error)), status_code=409)
            except HarnessFault as error:
                response = HTMLResponse(
                    denied_page("A fault of the harness", f"{error} Nothing was lost that was saved."), status_code=500)
        response.headers.update({**_HEADERS, "Content-Security-Policy": _policy(request.url.path)})
        return response

    def _refused(self, request: Request) -> str:
        """Say why a request is refused; empty if it is not."""
        host = request.headers.get("host", "")
        if host not in self.door.hosts:
            return "This address is not that of the review page. Open the link that the terminal shows."
        origin = request.headers.get("origin")
        changes = request.method not in {"GET", "HEAD"}
        if (changes and origin is None) or (origin is not None and origin != f"http://{host}"):
            return "This request comes from another page, and nothing was changed."
        entering = request.url.path == "/enter"
        if not entering and request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            return "This request comes from another page. Open the link that the terminal shows."
        if not entering and not self.door.knows(request.cookies.get(self.door.cookie, "")):
            return "This browser was not let in. Open the link that the terminal shows; each link works once."
        return ""

    async def enter(self, request: Request) -> Response:
        session = self.door.enter(request.query_params.get("token", ""))
        if session is None:
            return HTMLResponse(denied_page(
                "This link was used", "Each link works once. The terminal shows a fresh one."), status_code=403)
        # A page, and no redirection: what follows is then a request of these pages' own, which gets the cookie.
        response = HTMLResponse(pages.landing_page())
        response.set_cookie(self.door.cookie, session, httponly=True, samesite="strict", path="/")
        return response

    async def queue_page(self, request: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(queue_page, self.queue, _choice(request)))

    async def item_page(self, request: Request) -> Response:
        return await run_in_threadpool(self._item, request.path_params["id"], _choice(request), Draft())

    async def report(self, request: Request) -> Response:
        """Show the whole report of an item's group, as it lies beside its result."""
        found = await run_in_threadpool(self._find, request.path_params["id"])
        if found is None or self.queue.anonymous:
            return _missing()
        return HTMLResponse(await run_in_threadpool(lambda: render_report(self.queue.result(found[1]))))

    async def save(self, request: Request) -> Response:
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    return HTMLResponse(
                        denied_page("Too much", "The form holds more than can be saved."), status_code=413)
        except ClientDisconnect:
            return Response(status_code=400)
        fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        return await run_in_threadpool(self._save, request.path_params["id"], _choice(request), fields)

    # --- in threads

    def _find(self, name: str) -> tuple[list[Item], Item] | None:
        items = self.queue.items()
        item = next((one for one in items if one.id == name), None)
        return (items, item) if item else None

    def _item(self, name: str, choice: Choice, draft: Draft, status: int = 200) -> Response:
        found = self._find(name)
        if found is None:
            return _missing()
        items, item = found
        page = item_page(self.queue, items, item, choice, author=self.author, draft=draft)
        following = _next(items, item, choice)
        return HTMLResponse(page, status_code=status, background=BackgroundTask(self._prepare, following))

    def _prepare(self, item: Item | None) -> None:
        """Draw the evidence of the next item while somebody looks at this one."""
        if item is not None:
            pages.evidence(self.queue, item)

    def _settle(self) -> None:
        """Bring the reports up to date; where that fails the mark is kept, and they are written another time."""
        try:
            self.queue.store.settle()
        except HarnessError as error:
            logger.warning("the mark is saved, but reports lag behind: %s", error)

    def _save(self, name: str, choice: Choice, fields: Mapping[str, str]) -> Response:
        found = self._find(name)
        if found is None:
            return _missing()
        items, item = found
        draft = Draft(
            points=fields.get("points", "").strip(), reason=fields.get("reason", "").strip()[:LONGEST_REASON],
            author=fields.get("author", "").strip()[:LONGEST_NAME])
        try:
            self._give(item, draft, seen=fields.get("seen", ""), evidence=fields.get("evidence", ""))
        except UserError as error:
            status = 409 if isinstance(error, MarkedMeanwhile) else 422
            kept = Draft(points=draft.points, reason=draft.reason, author=draft.author, problem=str(error))
            return self._item(name, choice, kept, status)
        following = _next(items, item, choice)
        # 303: what follows is a request of its own, so that going back and forth in the browser saves nothing twice
        return RedirectResponse(
            address(following, choice), status_code=303, background=BackgroundTask(self._settle))

    def _give(self, item: Item, draft: Draft, *, seen: str, evidence: str) -> None:
        if evidence != item.evidence:
            raise MarkedMeanwhile("the hand-in was graded again meanwhile; look at it anew, and save again")
        if not draft.author:
            raise UserError("say who gives these points")
        if not draft.reason:
            raise UserError("say why, in a sentence that the group may read")
        try:
            points = exact(draft.points.replace(",", "."))
        except ValueError:
            raise UserError(f"“{draft.points[:40]}” is no number of points") from None
        if not 0 <= points <= as_written(item.max_points):
            raise UserError(f"there are 0 to {item.max_points:g} points for this")
        self.queue.store.give(
            self.queue.result(item), item.criterion, points, reason=draft.reason, author=draft.author,
            evidence=item.evidence, seen=seen)


def _next(items: list[Item], item: Item, choice: Choice) -> Item | None:
    """Give what comes next that is not done: after this one, else from the start."""
    chosen = [one for one in items if choice.holds(one) or one.id == item.id]
    here = next(index for index, one in enumerate(chosen) if one.id == item.id)
    return next((one for one in [*chosen[here + 1:], *chosen[:here]] if one.state != "done"), None)


def _choice(request: Request) -> Choice:
    asked = request.query_params
    return Choice(criterion=asked.get("criterion", ""), group=asked.get("group", ""), state=asked.get("state", ""))


def _missing() -> Response:
    return HTMLResponse(
        denied_page("Not here", "There is nothing at this address; the hand-in may have been graded again."),
        status_code=404)


async def _not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001 - as Starlette calls it
    return _missing()


_HEADERS = {
    "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
}
"""Of every answer. Browsers leave `Origin` out where no referrer may be told at all, so these pages may tell it."""


def _policy(path: str) -> str:
    """Give the policy of a page; a whole report brings its own, for its own style sheet."""
    own = "" if path.startswith("/report/") else (
        f"default-src 'none'; img-src data:; style-src 'sha256-{pages.style_hash()}'; "
        f"script-src 'sha256-{pages.script_hash()}'; ")
    return f"{own}form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
