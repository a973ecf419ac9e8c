"""Publishing a chain of toy steps: each test is a small repository of its own, and speaks to
`./lab` as a maintainer does."""

import os
import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE, Tree
from tools.lab.ground.waiting import eventually
from tools.lab.steps import chain, proving

STEPS = {
    "00-first": {
        "shop/core.py": "one\ntwo\nthree\nfour\nfive\nsix\n",
        "tests/shop/test_core.py": "def test_core():\n    pass\n",
        "Procfile": "web: true\n",
    },
    "01-second": {
        "shop/mail.py": "alpha\nbeta\ngamma\ndelta\n",
        "shop/core.py": "one\ntwo\nthree\nfour\nfive\nSIX\n",
    },
    "02-third": {
        "extracted/mail.py": "alpha\nbeta\ngamma\nDELTA\n",
        "shop/mail.py": None,
        "tests/shop/test_core.py": None,
    },
    "03-fourth": {"extracted/tail.py": "tail\n"},
}
LESSON = (
    '"""Step {number}: {word}. A toy."""\n\nimport pathlib\n\n\ndef test_it_is_there():\n   '
    ' assert pathlib.Path({path!r}).exists(), "no {word}"\n'
)
PROVE = """
from tools.lab.steps import chain, proving
from tools.lab.ground.failed import Failed
try:
    proving.prove(*chain.read().steps, print)
except Failed as failed:
    print(failed)
"""
MEANWHILE = """
import subprocess
from tools.lab.steps import publish
done = []
def prove(before, step, say):
    if not done:
        done.append(subprocess.run(["sh", "-c", {command!r}], check=True))
publish.publish(print, prove=prove)
"""
SLOW = """
import pathlib, signal, pytest
folder = pathlib.Path({folder!r})
@pytest.fixture
def system():
    yield (folder / "up").touch()
    (folder / "down").touch()
def test_it(system):
    signal.pause()
"""
PASSES = "def test_it():\n    pass\n"
PLUGIN = (
    "[tool.pytest.ini_options]\naddopts = '--import-mode=importlib -p tools.lab.testing.plugin'\n"
)


class Toy:
    """A repository with a lab of today."""

    def __init__(self, path, day=1):
        self.path = path
        self.day = day
        self.environment = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONPATH": str(path),
        }
        for role in ("AUTHOR", "COMMITTER"):
            self.environment |= {
                f"GIT_{role}_NAME": "Toy",
                f"GIT_{role}_EMAIL": "toy@encore.example",
            }

    def git(self, *words, cwd=None):
        dates = {
            f"GIT_{role}_DATE": f"2020-01-{self.day:02}T12:00:00Z"
            for role in ("AUTHOR", "COMMITTER")
        }
        done = subprocess.run(
            ["git", *words],
            cwd=cwd or self.path,
            env=self.environment | dates,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def lab(self, *words):
        command = [sys.executable, "-m", "tools.lab", *words]
        return subprocess.run(
            command,
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=100,
        )

    def publish(self, *words, prove=False):
        done = self.lab("publish", *([] if prove else ["--no-prove"]), *words)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def write(self, files, at=None):
        for name, text in files.items():
            path = (at or self.path) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink() if text is None else path.write_text(text)

    def commit(self, message, files, at=None):
        self.write(files, at)
        self.git("add", "-A", cwd=at)
        self.git("commit", "-q", "-m", message, cwd=at)
        return self.git("rev-parse", "HEAD", cwd=at)

    def edit(self, step, files, message="Mend it"):
        assert self.lab("edit", step).returncode == 0
        at = next((self.path / ".lab" / "edit").glob(f"{step}-*"))
        return self.commit(message, files, at)

    def file(self, commit, path):
        shown = subprocess.run(
            ["git", "show", f"{commit}:{path}"], cwd=self.path, capture_output=True, text=True
        )
        return shown.stdout if shown.returncode == 0 else None

    def diff(self, step):
        return self.git("diff", f"step-{step}~1", f"step-{step}")

    def tags(self):
        return dict(
            line.split()
            for line in self.git(
                "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/tags"
            ).splitlines()
        )


def lessons(slug):
    """A lesson, and what it looks for."""
    path = f"taught/{slug}"
    return {
        path: slug,
        f"tests/steps/test_{slug.replace('-', '_')}.py": LESSON.format(
            number=slug[:2], word=slug[3:], path=path
        ),
    }


@pytest.fixture
def bare(tmp_path):
    """Tooling and an ordinary history, without any step."""
    toy = Toy(tmp_path / "toy")
    toy.path.mkdir()
    toy.git("init", "-q", "-b", "main")
    tools = {
        str(file.relative_to(HERE.path)): file.read_text()
        for file in (HERE.path / "tools" / "lab").rglob("*.py")
    }
    toy.commit(
        "Begin, mixed as beginnings are",
        {
            **tools,
            "pyproject.toml": PLUGIN,
            ".gitignore": "/.lab/\n__pycache__/\n",
            "shop/core.py": "begun\n",
        },
    )
    return toy


@pytest.fixture
def toy(bare):
    """Four steps on main, not published yet; each day's commit is dated a day before the one that
    it follows."""
    for number, (slug, files) in enumerate(STEPS.items()):
        bare.day = 20 - number
        bare.commit(
            f"Teach {slug}\n\nIt says Step: 99-quoted in passing,\nStep: 98-quoted\non a line of "
            f"its own too.\n\nStep: {slug}",
            {**files, **lessons(slug)},
        )
        bare.commit("Tool of the day", {f"docs/day-{number}.md": "said\n"})
    return bare


def test_the_first_publication_makes_one_commit_a_step_on_tooling_alone(toy):
    head = toy.git("rev-parse", "main")

    toy.publish()

    base, *steps = ("step-00-first~1", *(f"step-{slug}" for slug in STEPS))
    assert [toy.git("rev-parse", f"{step}~1") for step in steps] == [
        toy.git("rev-parse", each) for each in (base, *steps[:-1])
    ]
    assert toy.file(base, "shop/core.py") is None
    assert all(toy.file(step, "docs/day-3.md") for step in (base, *steps))
    assert toy.file("step-01-second", "shop/core.py").endswith("SIX\n")
    assert toy.git("rev-parse", "main^1") == head
    assert toy.git("diff", "main", "step-03-fourth") == ""
    assert toy.git("status", "--porcelain") == ""


def test_publishing_twice_changes_nothing(toy):
    toy.publish()
    before = toy.git("rev-parse", "main")

    said = toy.publish()

    assert "nothing to publish" in said
    assert toy.git("rev-parse", "main") == before


def test_two_publications_carry_edits_of_two_steps_to_all_later_ones(toy):
    toy.publish()
    before = {step: toy.diff(step) for step in STEPS}
    toy.edit("00", {"shop/core.py": STEPS["00-first"]["shop/core.py"].replace("one", "ONE")})
    toy.publish()
    toy.edit("02", {"extracted/mail.py": "ALPHA\nbeta\ngamma\nDELTA\n"})
    toy.commit("More tooling", {"docs/more.md": "more\n", "docs/day-0.md": None})

    toy.publish()

    assert toy.file("step-03-fourth", "shop/core.py") == "ONE\ntwo\nthree\nfour\nfive\nSIX\n"
    assert toy.file("step-01-second", "shop/mail.py") == "alpha\nbeta\ngamma\ndelta\n"
    assert toy.file("main", "extracted/mail.py") == "ALPHA\nbeta\ngamma\nDELTA\n"
    assert toy.file("step-00-first", "docs/more.md") == "more\n"
    assert toy.file("step-00-first", "docs/day-0.md") is None
    assert toy.diff("03-fourth") == before["03-fourth"]
    assert changed(toy.diff("01-second")) == changed(before["01-second"])
    assert toy.git("branch", "--list", "edit/*") == ""


def changed(diff):
    """The lines that a diff adds and takes away, without their surroundings."""
    return [
        line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]


def test_a_fix_goes_along_when_a_later_step_moves_and_rewrites_its_file(toy):
    toy.publish()

    toy.edit("01", {"shop/mail.py": "ALPHA\nbeta\ngamma\ndelta\n"})
    toy.publish()

    assert toy.file("step-02-third", "extracted/mail.py") == "ALPHA\nbeta\ngamma\nDELTA\n"
    assert toy.file("step-02-third", "shop/mail.py") is None


def test_a_file_that_is_new_in_a_package_which_a_later_step_moves_goes_along(bare):
    bare.commit(
        "A\n\nStep: 00-first",
        {f"shop/mail/{name}.py": f"{name}\n" * 5 for name in "abc"} | {"shop/core.py": "core\n"},
    )
    moved = {f"extracted/mail/{name}.py": f"{name}\n" * 5 for name in "abc"} | {
        f"shop/mail/{name}.py": None for name in "abc"
    }
    bare.commit("B\n\nStep: 01-second", moved)
    bare.publish()

    bare.edit("00", {"shop/mail/fix.py": "a fix\n"})
    bare.publish()

    assert bare.file("step-01-second", "extracted/mail/fix.py") == "a fix\n"
    assert bare.file("step-01-second", "shop/mail/fix.py") is None


def test_where_a_fix_meets_a_later_deletion_the_deletion_wins_and_is_said(toy):
    toy.publish()
    toy.edit("00", {"tests/shop/test_core.py": "def test_core():\n    assert True\n"})

    said = toy.publish()

    assert "02-third deletes tests/shop/test_core.py" in said
    assert toy.file("step-01-second", "tests/shop/test_core.py").endswith("assert True\n")
    assert toy.file("step-02-third", "tests/shop/test_core.py") is None


def test_a_conflict_stops_and_goes_on_when_it_is_settled(toy):
    toy.publish()
    toy.edit("00", {"shop/core.py": "one\ntwo\nthree\nfour\nfive\nsix!\n"})

    stopped = toy.lab("publish", "--no-prove")
    early = toy.lab("publish", "--no-prove", "--continue")
    settle(toy, "01-second", {"shop/core.py": "one\ntwo\nthree\nfour\nfive\nSIX!\n"})
    toy.publish("--continue")

    assert (stopped.returncode, early.returncode) == (3, 2)
    assert "settle shop/core.py" in stopped.stderr.replace("\n", " ")
    assert toy.file("main", "shop/core.py").endswith("SIX!\n")
    assert toy.lab("publish", "--continue").returncode == 2


def test_an_edit_of_a_step_that_itself_conflicts_is_carried_too(toy):
    toy.publish()
    toy.edit("00", {"shop/core.py": "one\ntwo\nthree\nfour\nfive\nsix!\n"})
    toy.edit("01", {"shop/core.py": "ONE\ntwo\nthree\nfour\nfive\nSIX\n"})
    assert toy.lab("publish", "--no-prove").returncode == 3
    settle(toy, "01-second", {"shop/core.py": "one\ntwo\nthree\nfour\nfive\nSIX!\n"})

    toy.publish("--continue")

    assert toy.file("main", "shop/core.py") == "ONE\ntwo\nthree\nfour\nfive\nSIX!\n"


def settle(toy, name, files):
    worktree = toy.path / ".lab" / "publish" / name
    toy.write(files, worktree)
    toy.git("add", "-A", cwd=worktree)


def test_what_was_settled_is_not_used_for_another_edit(toy):
    toy.publish()
    toy.edit("00", {"shop/core.py": "one\ntwo\nthree\nfour\nfive\nsix!\n"})
    assert toy.lab("publish", "--no-prove").returncode == 3
    settle(toy, "01-second", {"shop/core.py": "one\ntwo\nthree\nfour\nfive\nSIX!\n"})

    toy.edit("00", {"shop/core.py": "one\nTWO\nthree\nfour\nfive\nsix!\n"})

    assert "an edit has changed since" in refused(toy, "--continue")


def test_an_edit_that_began_before_another_publication_undoes_nothing_of_it(toy):
    toy.publish()
    toy.edit("01", {"shop/mail.py": "ALPHA\nbeta\ngamma\ndelta\n"})
    toy.git("branch", "-q", "aside", "edit/01-second")
    toy.lab("edit", "01", "--drop")
    toy.edit("01", {"shop/more.py": "more\n"})
    toy.publish()

    toy.git("branch", "-q", "edit/01-second", "aside")
    toy.publish()

    assert toy.file("step-01-second", "shop/more.py") == "more\n"
    assert toy.file("main", "extracted/mail.py") == "ALPHA\nbeta\ngamma\nDELTA\n"


def test_what_is_not_committed_in_an_edit_is_neither_published_nor_lost(toy):
    toy.publish()
    assert toy.lab("edit", "02").returncode == 0
    mended = toy.path / ".lab" / "edit" / "02-third" / "extracted" / "mail.py"
    mended.write_text("mine\n")

    assert "extracted/mail.py" in refused(toy)
    assert mended.read_text() == "mine\n"
    assert "publish from there" in refused(Toy(mended.parents[1]))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("git commit -q --allow-empty -m Meanwhile", "once more"),
        ("cd .lab/edit/02-third; echo more >> extracted/mail.py; git commit -qam More", ""),
    ],
    ids=["main moves", "the edit goes on"],
)
def test_nothing_is_lost_that_happens_while_steps_are_proved(toy, command, said):
    toy.publish()
    toy.edit("02", {"extracted/mail.py": "ALPHA\nbeta\ngamma\nDELTA\n"})
    script = MEANWHILE.format(command=command)

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=toy.path,
        env=toy.environment,
        capture_output=True,
        text=True,
    )
    toy.publish()

    assert said in done.stdout and done.returncode == 0
    assert toy.file("main", "extracted/mail.py") == "ALPHA\nbeta\ngamma\nDELTA\n" + (
        "" if said else "more\n"
    )
    assert toy.git("branch", "--list", "edit/*") == ""


def test_a_new_last_step_is_appended_by_its_trailer(toy):
    toy.publish()
    before = toy.tags()
    toy.commit("Prepare", {"extracted/more.py": "more\n"})
    toy.commit("Finish\n\nStep: 04-fifth", {"extracted/end.py": "end\n", **lessons("04-fifth")})

    toy.publish()

    assert {tag: commit for tag, commit in toy.tags().items() if tag != "step-04-fifth"} == before
    assert "extracted/more.py" in toy.diff("04-fifth")


def refused(toy, *words):
    done = toy.lab("publish", "--no-prove", *words)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def test_what_must_not_be_published_is_refused_in_one_line(toy):
    assert "not committed" in refused_with(
        toy, lambda: toy.write({"loose.py": "x\n"}), undo=lambda: (toy.path / "loose.py").unlink()
    )
    toy.publish()

    def commit(message, files):
        return lambda: toy.commit(message, files)

    assert "no step has (shop/core.py)" in refused_with(
        toy, commit("Change", {"shop/core.py": "changed\n"})
    )
    assert "split it" in refused_with(
        toy, commit("Mixed\n\nStep: 04-x", {"shop/new.py": "x\n", "docs/new.md": "x\n"})
    )
    assert "list of steps has changed" in refused_with(
        toy, commit("Gap\n\nStep: 05-x", {"shop/new.py": "x\n"})
    )
    assert "list of steps has changed" in refused_with(
        toy, commit("Renamed\n\nStep: 03-renamed", {"shop/new.py": "x\n"})
    )


def refused_with(toy, do, undo=None):
    head = toy.git("rev-parse", "HEAD")
    do()
    said = refused(toy)
    undo() if undo else toy.git("reset", "-q", "--hard", head)
    return said


def test_an_edit_of_tooling_and_a_step_that_became_empty_are_refused(toy):
    toy.publish()
    toy.edit("01", {"docs/elsewhere.md": "x\n"})
    assert "touches tooling" in refused(toy)
    toy.lab("edit", "01", "--drop")

    toy.edit("02", {"extracted/tail.py": "tail\n", **lessons("03-fourth")})

    assert "03-fourth has become empty" in toy.lab("publish", "--no-prove").stderr


def test_a_worktree_that_somebody_has_changed_is_refused_and_an_unknown_step_too(toy):
    toy.publish()
    assert toy.lab("test", "00", "--", "--collect-only").returncode == 0
    (toy.path / ".lab/steps/00-first/shop/core.py").write_text("mine\n")

    said = toy.lab("test", "00")

    assert said.returncode == 2 and "shop/core.py" in said.stderr
    assert toy.lab("diff", "77").returncode == 2


def test_a_fresh_clone_makes_the_same_tags_and_an_old_one_has_them_moved(toy, tmp_path):
    toy.publish()
    clones = [Toy(tmp_path / name) for name in ("old", "fresh")]
    old, fresh = clones
    old.git("clone", "-q", "--no-tags", str(toy.path), str(old.path), cwd=tmp_path)
    assert "brought up to date" in old.lab("steps").stderr
    assert old.tags() == toy.tags()
    toy.edit("00", {"shop/core.py": STEPS["00-first"]["shop/core.py"].replace("one", "ONE")})
    toy.publish()

    old.git("pull", "-q", "--ff-only")
    fresh.git("clone", "-q", "--no-tags", str(toy.path), str(fresh.path), cwd=tmp_path)

    assert all(
        clone.lab("steps").returncode == 0 and clone.tags() == toy.tags() for clone in clones
    )
    assert "brought up to date" not in old.lab("steps").stderr


def test_a_linear_publication_needs_no_merge_and_is_read_alike(toy):
    toy.publish()
    toy.edit("01", {"shop/mail.py": "ALPHA\nbeta\ngamma\ndelta\n"})

    toy.publish("--linear")

    assert toy.git("rev-parse", "main") == toy.git("rev-parse", "step-03-fourth")
    assert toy.file("main", "extracted/mail.py").startswith("ALPHA")
    assert len(toy.tags()) == 4
    assert "nothing to publish" in toy.publish("--linear")
    toy.publish()
    assert toy.file("main", "extracted/mail.py").startswith("ALPHA")


def test_a_wrong_turn_is_replayed_and_kept_reachable(toy, tmp_path):
    toy.publish()
    toy.git("checkout", "-q", "-b", "wrong/haste", "step-01-second")
    toy.commit("Hurry\n\nWrong: haste", {"shop/core.py": "one\ntwo\nthree\nfour\nfive\nSEVEN\n"})
    toy.git("checkout", "-q", "main")
    toy.publish()
    toy.edit("00", {"shop/core.py": STEPS["00-first"]["shop/core.py"].replace("one", "ONE")})

    toy.publish()

    assert toy.file("wrong-haste", "shop/core.py") == "ONE\ntwo\nthree\nfour\nfive\nSEVEN\n"
    assert toy.git("rev-parse", "wrong-haste~1") == toy.git("rev-parse", "step-01-second")
    assert toy.git("rev-parse", "main^3") == toy.git("rev-parse", "wrong-haste")
    toy.edit("01", {"shop/core.py": "ONE\ntwo\nthree\nfour\nfive\nEIGHT\n"})
    assert toy.lab("publish", "--no-prove").returncode == 3
    settle(toy, "wrong-haste", {"shop/core.py": "settled\n"})
    toy.publish("--continue")
    assert toy.file("wrong-haste", "shop/core.py") == "settled\n"


def test_main_that_is_not_checked_out_is_advanced_too(toy):
    toy.git("checkout", "-q", "--detach")

    toy.publish()

    assert toy.git("log", "-1", "--format=%s", "main") == "Publish 4 steps"


def test_without_git_the_lab_still_runs_this_checkout(toy, tmp_path):
    toy.git("archive", "--format=tar", "-o", str(tmp_path / "toy.tar"), "main")
    archive = Toy(tmp_path / "archive")
    archive.path.mkdir()
    subprocess.run(["tar", "-xf", tmp_path / "toy.tar", "-C", archive.path], check=True)
    archive.environment["GIT_CEILING_DIRECTORIES"] = str(tmp_path)

    assert archive.lab("steps").returncode == 0
    assert archive.lab("up", "00").returncode == 2


def test_the_steps_are_listed_and_one_is_shown_in_reading_order(toy):
    toy.publish()

    listed, shown = toy.lab("steps"), toy.lab("diff", "02")

    assert [line.split()[:2] for line in listed.stdout.splitlines()[1:]] == [
        [f"step-{slug}", slug[3:]] for slug in STEPS
    ]
    assert "rename from shop/mail.py" in shown.stdout
    assert (
        shown.stdout.index("tests/steps/")
        < shown.stdout.index("extracted/mail.py")
        < shown.stdout.index("tests/shop/")
    )
    assert "docs/" not in shown.stdout


# Proving


def test_what_is_run_of_a_step_are_all_its_tests_however_deep_they_lie(tmp_path):
    for name in (
        "extracted/kit/test_relay.py",
        "monolith/test_web.py",
        "lab/test_chain.py",
        "lab/test_shop.py",
        "mutants/kit/no-inbox.patch",
    ):
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    assert proving.tests_of(Tree(tmp_path)) == [
        "tests/extracted",
        "tests/monolith",
        "tests/lab/test_shop.py",
    ]


def test_each_step_is_proved_once_and_again_only_when_its_files_change(toy):
    said = toy.publish(prove=True)
    assert [line.split()[1] for line in said.splitlines() if "proving" in line] == list(STEPS)
    assert "red before: no third" in said
    toy.commit("A typo", {"docs/day-1.md": "said better\n", "tests/lab/test_day_1.py": "\n"})
    assert "proving" not in toy.publish(prove=True)

    toy.edit("02", {"extracted/mail.py": "ALPHA\nbeta\ngamma\nDELTA\n"})
    said = toy.publish(prove=True)

    assert [line.split()[1] for line in said.splitlines() if "proving" in line] == [
        "02-third",
        "03-fourth",
    ]
    assert toy.lab("test", "--unlisted").returncode == 0


def test_what_was_proved_before_a_publication_was_cut_off_is_not_proved_again(
    tmp_path, monkeypatch
):
    (tmp_path / ".lab").mkdir()
    monkeypatch.setattr(proving, "HERE", SimpleNamespace(home=tmp_path))
    monkeypatch.setattr(proving, "proof_key", lambda before, step: step.commit)
    steps, tried, fails = [chain.Step(slug, "as it was") for slug in STEPS], [], True

    def prove(before, step, say):
        tried.append(step.slug)
        if step.slug == "02-third" and fails:
            raise Failed("cut off")

    with pytest.raises(Failed):
        proving.bring_up_to_date(steps, {}, prove, print)
    fails, steps[1] = False, chain.Step("01-second", "changed")
    proving.bring_up_to_date(steps, {}, prove, print)

    assert tried == ["00-first", "01-second", "02-third", "01-second", "02-third", "03-fourth"]


def test_a_proof_outlives_changes_of_the_lab_that_no_steps_test_runs_on():
    loaded = (
        "import sys, tools.lab.testing.plugin; print(*(name.split('.')[2] for name in "
        "sys.modules if name.startswith('tools.lab.')))"
    )
    used = set(
        subprocess.run(
            [sys.executable, "-c", loaded],
            cwd=HERE.path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
    )
    for path in (path for path in HERE.path.glob("tests/*/*.py") if path.parent.name != "lab"):
        used |= {
            module
            for line in path.read_text().splitlines()
            for module in re.findall(r"^from tools\.lab\.(\w+)", line)
        }

    assert used >= {"ground", "services", "system", "look", "testing"}
    assert used.isdisjoint(proving.ABOUT_THE_LAB)


def test_a_step_whose_tables_the_code_of_the_step_before_cannot_work_on_is_refused(bare):
    journey = (
        "from pathlib import Path\n\ndef test_it():\n    assert not [each for each in "
        "Path('migrations').rglob('*.py') if 'drop' in each.read_text()]\n"
    )
    lesson = (
        "from pathlib import Path\n\ndef test_it():\n    assert "
        "Path('migrations/shop/versions/2.py').exists(), 'no second'\n"
    )
    bare.commit(
        "Begin\n\nStep: 00-first",
        {"tests/journeys/test_all.py": journey, "migrations/shop/versions/1.py": "create\n"},
    )
    second = {
        "migrations/shop/versions/2.py": "drop\n",
        "tests/steps/test_01_second.py": lesson,
        "tests/journeys/test_all.py": PASSES,
    }
    bare.commit("Go on\n\nStep: 01-second", second)

    refused = bare.lab("publish")
    of_a_new_database = {"migrations/mail/versions/1.py": "drop\n"}
    bare.commit(
        "Expand only\n\nStep: 01-second",
        {"migrations/shop/versions/2.py": "add\n", **of_a_new_database},
    )

    assert refused.returncode == 1
    assert "01-second: the code of the step before does not work on its tables" in refused.stderr
    assert bare.lab("publish").returncode == 0


def test_proving_that_is_stopped_takes_down_what_its_tests_have_started(bare, tmp_path):
    slow = SLOW.format(folder=str(tmp_path))
    bare.commit("Begin\n\nStep: 00-first", {"tests/shop/test_slow.py": slow})
    command = [sys.executable, "-m", "tools.lab", "publish"]

    process = subprocess.Popen(
        command,
        cwd=bare.path,
        env=bare.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually((tmp_path / "up").exists, within=30)
    process.terminate()

    assert process.wait(30) == 128 + signal.SIGTERM
    assert (tmp_path / "down").exists()
    assert not list((bare.path / ".lab" / "prove").iterdir())


def test_every_step_is_proved_even_if_one_before_it_is_not_as_it_must_be(toy):
    toy.publish()
    toy.edit("01", {"tests/steps/test_01_second.py": "def test_it():\n    pass\n"})
    toy.publish()

    done = toy.lab("test", "--all")

    assert done.returncode == 1
    ended = dict(
        line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith(" 0")
    )
    assert [slug for slug, how in ended.items() if how.strip() == "proved"] == [
        slug for slug in STEPS if slug != "01-second"
    ]
    assert ended["01-second"].startswith("one step earlier")


@pytest.mark.parametrize(
    ("lesson", "why"),
    [
        ("def test_it():\n    pass\n", "must fail by an assertion"),
        (
            "import pathlib\ndef test_it():\n    pathlib.Path('extracted/end.py').read_text()\n",
            "FileNotFoundError",
        ),
        (
            "import pathlib\ntext = pathlib.Path('extracted/end.py').read_text()\ndef "
            "test_it():\n    pass\n",
            "collect failed",
        ),
        (
            "import pathlib, pytest\ndef test_it():\n    "
            "pathlib.Path('extracted/end.py').exists() or pytest.skip('no')\n",
            "must fail by an assertion",
        ),
        (
            "import pathlib, pytest\n@pytest.fixture\ndef there():\n    assert "
            "pathlib.Path('extracted/end.py').exists()\ndef test_it(there):\n    pass\n",
            "setup failed",
        ),
        (
            "import pathlib, pytest\ndef test_it():\n    assert "
            "pathlib.Path('extracted/end.py').exists()\n    pytest.skip('no')\n",
            "it is not run",
        ),
    ],
    ids=["green", "another error", "collection", "skip", "setup", "skip at its own step"],
)
def test_a_lesson_that_is_not_red_by_an_assertion_one_step_earlier_is_refused(bare, lesson, why):
    bare.commit(
        "Begin\n\nStep: 00-first", {"tests/test_nothing.py": "def test_nothing():\n    pass\n"}
    )
    bare.commit(
        "Finish\n\nStep: 01-second",
        {"extracted/end.py": "end\n", "tests/steps/test_01_second.py": lesson},
    )

    refused = subprocess.run(
        [sys.executable, "-c", PROVE],
        cwd=bare.path,
        env=bare.environment,
        capture_output=True,
        text=True,
    )

    assert why in refused.stdout


def test_a_page_must_quote_the_assertion_that_is_red_before(bare):
    for slug in ("00-first", "01-second"):
        bare.commit(f"Teach\n\nStep: {slug}", {f"shop/{slug}.py": "x\n", **lessons(slug)})
    bare.commit("A page", {"docs/steps/01-second.md": "It says nothing.\n"})
    assert "does not quote" in " ".join(bare.lab("publish").stderr.split())

    bare.commit("A better page", {"docs/steps/01-second.md": "The assertion: no second\n"})

    assert bare.lab("publish").returncode == 0
