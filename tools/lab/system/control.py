"""How a second terminal reaches the lab that runs in a first one: `./lab ps`, kill, stop, start,
restart, exec.

A question is one line of JSON, {"key", "words"}, and so is its answer, {"done", "answer"}. A client
that sends nothing, or anything else, gets no answer."""

import json
import secrets
import socket
import socketserver
import threading

import psutil

from tools.lab.ground.failed import Failed
from tools.lab.ground.http import as_object

ASKED_WITHIN = 5.0  # seconds from connecting to the whole question
LONGEST = 4096  # bytes of a question
ANSWERED_WITHIN = {"ps": 10.0}  # seconds
OTHERS_WITHIN = 600.0  # a restart waits for each instance


class Control:
    """Listens on the loopback address for clients with the key, which only this user can read."""

    def __init__(self, system):
        self.system = system
        self.key = secrets.token_hex(16)
        self.server = Server(("127.0.0.1", 0), Question)
        self.server.control = self
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()

    @property
    def address(self):
        return [self.server.server_address[1], self.key]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, verb, *words):
        """(whether it was done, what came of it); trouble is for the terminal that asked."""
        supervisor = self.system.supervisor
        verbs = {
            "ps": supervisor.facts,
            "kill": supervisor.kill,
            "stop": supervisor.stop,
            "start": supervisor.start,
            "restart": self.system.restart,
            "settings": supervisor.settings,
        }
        try:
            return True, verbs[verb](*words)
        except Exception as trouble:
            return False, str(trouble.args[0] if trouble.args else trouble)


class Server(socketserver.ThreadingTCPServer):
    """A thread for each question, so that a slow one delays no other."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        """A client that goes away before the answer is no error."""


class Question(socketserver.StreamRequestHandler):
    timeout = ASKED_WITHIN

    def handle(self):
        control = self.server.control
        question = as_object(self.rfile.readline(LONGEST))
        if secrets.compare_digest(str(question.get("key")).encode(), control.key.encode()):
            done, answer = control.answer(*question["words"])
            self.wfile.write(json.dumps({"done": done, "answer": answer}).encode() + b"\n")


def ask(noted, *words):
    """The answer of the lab that has noted itself; Failed, with exit code 2, if it refuses."""
    port, key = noted["control"]
    who = f"./lab up (process {noted['pid']})"
    if psutil.Process(noted["pid"]).status() == psutil.STATUS_STOPPED:
        raise Failed(f"{who} is suspended; let it go on, with fg in its terminal")
    within = ANSWERED_WITHIN.get(words[0], OTHERS_WITHIN)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=within) as connection:
            connection.sendall(json.dumps({"key": key, "words": words}).encode() + b"\n")
            answer = as_object(connection.makefile("rb").readline())
    except OSError as trouble:
        raise Failed(f"{who} does not answer: {trouble}") from None
    if not answer:
        raise Failed(f"{who} has ended meanwhile")
    if not answer["done"]:
        raise Failed(answer["answer"], 2)
    return answer["answer"]
