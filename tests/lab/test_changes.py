"""The changes of docs/changes: which patch serves where, and what it costs there."""

import subprocess
import sys

import pytest

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE
from tools.lab.steps import chain, changes

PROCFILE = """\
release: alembic -c migrations/monolith/alembic.ini upgrade head
release-mail: alembic -c migrations/mail/alembic.ini upgrade head
release-topics: python -m kit.topics extracted/topics.json
seed: flask --app monolith.app seed
web: gunicorn "monolith.app:create_app()"
relay: python -m kit.relay
mail-web: gunicorn --config extracted/mail/serve.py "extracted.mail.app:create_app()"
mail-relay: python -m kit.relay
mail-worker: python -m extracted.mail.worker
facade: caddy run --config facade/Caddyfile
"""
MAIL = ("mail-web", "mail-relay", "mail-worker")
PATCH = """\
diff --git a/monolith/shop.py b/monolith/shop.py
--- a/monolith/shop.py
+++ b/monolith/shop.py
@@ -1,2 +1,3 @@
-price = 1
+price = 2
+limit = 8
 name = "shop"
diff --git a/monolith/limit.py b/monolith/limit.py
new file mode 100644
--- /dev/null
+++ b/monolith/limit.py
@@ -0,0 +1,2 @@
+one = 1
+two = 2
diff --git a/tests/test_shop.py b/tests/test_shop.py
--- a/tests/test_shop.py
+++ b/tests/test_shop.py
@@ -1 +1 @@
-assert price == 1
+assert price == 2
"""
EVERYWHERE = [
    pytest.param(change, step, id=f"{change.name} at {step.slug}")
    for change in changes.known().values()
    for step in chain.read().steps
]


@pytest.fixture
def change(tmp_path):
    """A change with patches for two steps."""
    for name in ("00", "04"):
        (tmp_path / f"{name}.patch").write_text(PATCH)
    return changes.Change(tmp_path)


@pytest.mark.parametrize(("change", "step"), EVERYWHERE)
def test_a_patch_of_every_change_applies_at_every_step(change, step):
    changes.check(change, step)


def test_every_patch_serves_at_some_step():
    steps = chain.read().steps

    for change in changes.known().values():
        serving = {change.patch(step.slug) for step in steps}

        assert serving == set(change.path.glob("*.patch")), change.name


def test_a_patch_that_does_not_apply_is_named_with_its_step(change):
    with pytest.raises(Failed, match=r"00\.patch does not apply to 00-monolith"):
        changes.check(change, chain.read().steps[0])


def test_files_and_lines_are_counted_without_tests(change):
    figures = changes.count(change.path / "00.patch", PROCFILE)

    assert figures == changes.Figures(files=2, lines=5, processes=("web", "relay"))


def test_a_patch_serves_until_the_next_one(change):
    served = [change.patch(slug).stem for slug in ("00-monolith", "03-stateless", "04-modules")]

    assert served == ["00", "00", "04"]
    assert change.patch("07-notifications").stem == "04"


@pytest.mark.parametrize(
    ("paths", "processes"),
    [
        (["monolith/shop.py"], ("web", "relay")),
        (["extracted/mail/service.py"], MAIL),
        (["monolith/shop.py", "extracted/mail/service.py"], ("web", "relay", *MAIL)),
        (["kit/outbox.py"], ("web", "relay", *MAIL)),
        (["extracted/topics.json"], ("web", "relay", *MAIL)),
        (["migrations/mail/versions/0002.py"], ("release-mail", *MAIL)),
        (["migrations/monolith/versions/0002.py"], ("release", "web", "relay")),
        (["facade/routes"], ("facade",)),
        (["web/event.js"], ("facade",)),
        ([], ()),
    ],
    ids=str,
)
def test_the_deployables_of_touched_files_are_deployed(paths, processes):
    assert changes.to_deploy(paths, PROCFILE) == processes


def test_pages_belong_to_the_monolith_where_there_is_no_facade():
    procfile = PROCFILE.replace("facade: caddy run --config facade/Caddyfile\n", "")

    assert changes.to_deploy(["web/event.js"], procfile) == ("web", "relay")


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["nonsense"], "lab: there is no change nonsense; there are: artist-in-subject, "),
        (["booking-limit", "99"], "lab: there is no step 99; there are: 00-monolith, "),
        (["booking-limit", "00", "--all"], "lab: give a STEP or --all, not both"),
    ],
    ids=" ".join,
)
def test_an_unknown_name_is_refused_in_one_line(words, refusal):
    ended = subprocess.run(
        [sys.executable, "-m", "tools.lab", "changes", *words],
        cwd=HERE.path,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith(refusal)
    assert ended.stderr.count("\n") == 1


def test_the_table_has_every_step_of_every_change():
    ended = subprocess.run(
        [sys.executable, "-m", "tools.lab", "changes"],
        cwd=HERE.path,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stderr
    for slug in (step.slug for step in chain.read().steps):
        assert ended.stdout.count(f" {slug} ") == len(changes.known())
    assert max(map(len, ended.stdout.splitlines())) <= 80
