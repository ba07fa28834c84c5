"""A model hub on the loopback, as far as its client asks."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def loopback_hub(model_id: str, folder: Path) -> Iterator[str]:
    """Serve one model at one commit; yields the address. Every other model is unknown (404)."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, with_body: bool) -> None:
            names = sorted(path.name for path in folder.iterdir())
            api = {
                f"/api/models/{model_id}",
                *(f"/api/models/{model_id}/revision/{r}" for r in (COMMIT, "main")),
            }
            path = self.path.partition("?")[0]
            name = path.removeprefix(f"/{model_id}/resolve/{COMMIT}/")
            if path in api:
                files = [{"rfilename": name} for name in names]
                body = json.dumps({"id": model_id, "sha": COMMIT, "siblings": files}).encode()
            elif path.startswith(f"/api/models/{model_id}/tree/{COMMIT}"):
                body = json.dumps([_entry(folder / name) for name in names]).encode()
            elif name in names:
                body = (folder / name).read_bytes()
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound" if model_id in path else "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _entry(path: Path) -> dict[str, object]:
    digest = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
    return {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": digest}
