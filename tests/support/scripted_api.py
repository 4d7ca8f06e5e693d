"""A server on loopback that answers as it is told and keeps what it was asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "vedette_operator_secret"


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Told:
    """One answer; ``parts`` are sent one by one and the connection is closed."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, body: Any, status: int = 200, **headers: str) -> Told:
        kind = "application/json" if status < 400 else "application/problem+json"
        return cls(status, json.dumps(body).encode(), kind, headers)

    @classmethod
    def stream(cls, text: str) -> Told:
        return cls(200, text.encode(), "text/event-stream")


class ScriptedApi:
    """Serves until closed."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Told] = lambda _: Told.json({})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def serve(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                names = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, names, self.rfile.read(length))
                outer.asked.append(asked)
                told = outer.answer(asked)
                self.send_response(told.status)
                if told.kind:
                    self.send_header("Content-Type", told.kind)
                for name, value in told.headers.items():
                    self.send_header(name, value)
                if told.kind != "text/event-stream":
                    self.send_header("Content-Length", str(len(told.body)))
                self.end_headers()
                self.wfile.write(told.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815 - the framework's names

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def use_tls(self, context: ssl.SSLContext) -> None:
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)
