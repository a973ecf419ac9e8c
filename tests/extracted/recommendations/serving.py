"""Recommendations as a process of its own, from the messages in a file: python serving.py FILE

It prints its port. The service is imported from PYTHONPATH, so that a changed copy can be served;
the settings come from the environment."""

import pickle
import sys
from pathlib import Path

from werkzeug.serving import make_server

from extracted.recommendations.app import create_app
from extracted.recommendations.worker import GROUPS
from kit import memory
from kit.worker import consumer


def main(file):
    app = create_app()
    database = app.extensions["process"].database
    broker = memory.Broker(partitions=1)
    broker.logs.update(pickle.loads(Path(file).read_bytes()))
    for group, module in GROUPS.items():
        consumer(group, module, None, broker.source(group, module.TOPICS), database).step()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
