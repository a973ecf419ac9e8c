"""The shop in a real browser."""

import os

import pytest
from playwright.sync_api import sync_playwright

from tools.lab.ground.browser import INSTALL, find_browser
from tools.lab.testing.visitor import PASSWORD

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser():
    path = find_browser()
    if path is None:
        missing = f"no Chromium here: {INSTALL}, then these tests run too"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, shared_encore):
    """Open the shop in a window of its own; every complaint of the browser's is a failure."""
    contexts, complaints = [], []

    def visit(path="/", **options):
        context = browser.new_context(base_url=shared_encore.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text)
                if said.type == "error" and "the server responded with a status of" not in said.text
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"/#{path}")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def event(shared_encore):
    return shared_encore.request("GET", "/api/events").json["items"][0]


@pytest.fixture
def someone(shared_encore):
    """Make an account; answer its address."""
    made = iter(range(1000))

    def someone(name):
        email = f"{name}.{next(made)}@shop.example"
        assert (
            shared_encore.request(
                "POST",
                "/api/accounts",
                json={"email": email, "password": PASSWORD, "name": name.title()},
            ).status
            == 201
        )
        return email

    return someone
