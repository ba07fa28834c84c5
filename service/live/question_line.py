"""A line between API workers and the updater on this machine: questions about what would be.

Loopback TCP, one JSON question and one answer in bytes per connection, each after its length. The file that
names the port holds a token too, and only its owner may read it.
"""

import json
import logging
import os
import queue
import secrets
import socket
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.errors import ServiceError

logger = logging.getLogger(__name__)

LINE_NAME = "questions.json"
MAX_QUESTION_BYTES = 1024 * 1024
SECONDS = 30.0


class NoAnswer(ServiceError):
    """The updater does not answer; the message says why."""


@dataclass
class Question:
    """A question and where its answer goes."""

    asked: dict[str, Any]
    answer: "Future[bytes]" = field(default_factory=Future)


class QuestionLine:
    """The updater's end: questions come in by a thread and are answered between two rounds of work."""

    def __init__(self, folder: Path) -> None:
        """Listen, and write down where."""
        self._questions: queue.SimpleQueue[Question] = queue.SimpleQueue()
        self._token = secrets.token_hex(16)
        self._path = folder / LINE_NAME
        self._socket = socket.create_server(("127.0.0.1", 0))
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{LINE_NAME}"
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as out:
            json.dump({"port": self._socket.getsockname()[1], "token": self._token}, out)
        temporary.replace(self._path)
        threading.Thread(target=self._listen, name="question-line", daemon=True).start()

    def waiting(self) -> list[Question]:
        """Questions that came since the last call."""
        found = []
        while not self._questions.empty():
            found.append(self._questions.get())
        return found

    def close(self) -> None:
        """Stop listening."""
        self._path.unlink(missing_ok=True)
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(SECONDS)
            try:
                asked = json.loads(_receive(connection, MAX_QUESTION_BYTES))
                if not secrets.compare_digest(str(asked.pop("token", "")), self._token):
                    return
                question = Question(asked)
                self._questions.put(question)
                _send(connection, question.answer.result(timeout=SECONDS))
            except Exception as error:  # whoever asked is told by the connection's end
                logger.warning("a question was not answered: %s", type(error).__name__)


def ask(folder: Path, question: dict[str, Any]) -> bytes:
    """Ask the updater of a home. Raises `NoAnswer`."""
    try:
        line = json.loads((folder / LINE_NAME).read_text("utf-8"))
        with socket.create_connection(("127.0.0.1", int(line["port"])), timeout=SECONDS) as connection:
            _send(connection, json.dumps({**question, "token": line["token"]}).encode())
            return _receive(connection, 2**31)
    except (OSError, ValueError, KeyError) as error:
        raise NoAnswer("the updater does not answer at present; try again") from error


def _send(connection: socket.socket, content: bytes) -> None:
    connection.sendall(len(content).to_bytes(8, "little") + content)


def _receive(connection: socket.socket, most: int) -> bytes:
    size = int.from_bytes(_exactly(connection, 8), "little")
    if size > most:
        raise ValueError(f"{size} bytes are too many")
    return _exactly(connection, size)


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = connection.recv(min(size, 1 << 20))
        if not part:
            raise OSError("the other side hung up")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
