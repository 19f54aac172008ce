"""The two web pages, start page and GraphiQL. npm builds them, so they may be missing; the API never is."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from html import escape
from os import PathLike, stat_result
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_OWN_FILES_ONLY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
)
START_POLICY = _OWN_FILES_ONLY + "style-src 'self'; font-src 'self'; img-src 'self'"
# Monaco, GraphiQL's editor, writes style elements at run time, and has its icon font and the waves under
# a mistake as data: addresses.
GRAPHIQL_POLICY = _OWN_FILES_ONLY + "style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:"

_SAFE_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:17px/1.6 system-ui,sans-serif;max-width:42rem;margin:12vh auto;padding:0 1.25rem}"
    "pre{padding:1rem;border:1px solid;border-radius:8px;overflow-x:auto}"
)
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
NOT_BUILT_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>pricegraph</title>
<style>{style}</style>
<h1>pricegraph is running</h1>
<p>Its web pages are not built. If they are being built right now, reload in a minute. Otherwise install
Node.js 20.19 or newer with npm, run this where the Makefile is, and reload; the server can stay up:</p>
<pre>make web</pre>
<p>The API at <code>/graphql</code> works all the same:</p>
<pre>curl {base}graphql \\
  -H 'Content-Type: application/json' \\
  -d '{{"query":"{{ server {{ version }} }}"}}'</pre>
</html>
"""


def built_pages() -> Path:
    """Where a checkout keeps its built pages; the folder exists once `make web` has run."""
    return Path(__file__).resolve().parent.parent / "web" / "dist"


def page_routes(dist: Path) -> list[BaseRoute]:
    """`/`, `/graphiql` and `/static`, from a folder that is looked at anew for every request."""
    return [
        Route("/", _page(dist / "index.html", START_POLICY), name="start"),
        Route("/graphiql", _page(dist / "graphiql.html", GRAPHIQL_POLICY), name="graphiql"),
        Mount("/static", _HashedFiles(directory=dist / "static", check_dir=False), name="static"),
    ]


def _page(file: Path, policy: str) -> Callable[[Request], Response]:
    def respond(request: Request) -> Response:
        try:
            return _html(file.read_text(encoding="utf-8"), policy)
        except FileNotFoundError:
            return _html(_NOT_BUILT.format(style=_STYLE, base=escape(str(request.base_url))), NOT_BUILT_POLICY)

    return respond


def _html(content: str, policy: str) -> Response:
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache", **_SAFE_HEADERS}
    return HTMLResponse(content, headers=headers)


class _HashedFiles(StaticFiles):
    """The build's assets. Each has a hash of its content in its name, so a browser may keep it for good."""

    async def check_config(self) -> None:
        """Checks nothing: the folder may appear while the server runs, and until then every file is a 404."""

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        # Workers live under the policy of their own script, not under that of the page.
        response.headers["Content-Security-Policy"] = START_POLICY
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers.update(_SAFE_HEADERS)
        return response
