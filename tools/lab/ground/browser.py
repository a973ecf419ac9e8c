"""The browser that the tests of the shop's pages use."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
INSTALL = "apt install chromium"


def find_browser():
    """The path of Chromium, or None if it is not installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)
