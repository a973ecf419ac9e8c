"""The process that serves a request: what the application made once, such as connections."""

from flask import current_app


def this_process():
    """The object that the application was made with."""
    return current_app.extensions["process"]
