"""Proving toy steps: what is run of them, what a lesson must do, and how long a proof holds."""

import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE, Tree
from tools.lab.ground.waiting import eventually
from tools.lab.steps import chain, git, jobs, keys, proving

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
WITHOUT_BROWSER = """
from tools.lab.steps import proving
proving.find_browser = lambda: "chromium"
from tools.lab.__main__ import lab
lab()
"""
PASSES = "def test_it():\n    pass\n"
SLUGS = ("00-first", "01-second", "02-third", "03-fourth")


@pytest.fixture(autouse=True)
def browser(monkeypatch):
    """Toy steps need no browser."""
    monkeypatch.setattr(proving, "find_browser", lambda: "chromium")


def test_what_is_run_of_a_step_are_all_its_tests_however_deep_they_lie(tmp_path):
    for name in (
        "kit/test_relay.py",
        "extracted/mail/test_mail.py",
        "monolith/test_web.py",
        "lab/test_chain.py",
        "lab/shop/test_buying.py",
        "mutants/kit/no-inbox.patch",
    ):
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    assert proving.tests_of(Tree(tmp_path)) == [
        "tests/extracted",
        "tests/kit",
        "tests/monolith",
        "tests/lab/shop/",
    ]


def test_each_step_is_proved_once_and_again_only_when_its_files_change(toy):
    said = toy.publish(prove=True)
    assert [line.split()[1] for line in said.splitlines() if "proving" in line] == list(toy.steps)
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
    for module in (keys, proving):
        monkeypatch.setattr(module, "proof_key", lambda before, step: step.commit)
    steps, tried, fails = [chain.Step(slug, "as it was") for slug in SLUGS], [], True

    def prove(before, step, say):
        tried.append(step.slug)
        if step.slug == "02-third" and fails:
            raise Failed("cut off")

    with pytest.raises(Failed):
        proving.bring_up_to_date(keys.pairs(steps), {}, prove, print)
    fails, steps[1] = False, chain.Step("01-second", "changed")
    proving.bring_up_to_date(keys.pairs(steps), {}, prove, print)

    assert tried == ["00-first", "01-second", "02-third", "01-second", "02-third", "03-fourth"]


def test_a_proof_outlives_changes_of_the_lab_that_no_steps_test_runs_on():
    loaded = (
        "import sys, tools.lab.testing.plugin; print(*(name.split('.')[2] for name in "
        "sys.modules if name.startswith('tools.lab.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", loaded], cwd=HERE.path, capture_output=True, text=True, check=True
    )
    used = set(done.stdout.split())
    for path in files_of_proofs():
        used |= set(re.findall(r"^from tools\.lab\.(\w+)", path.read_text(), re.MULTILINE))

    assert used >= set(keys.ROOMS)
    assert used.isdisjoint({"measure", "report", "steps", "cli"})


def test_a_proof_depends_on_the_documents_that_the_tests_of_a_step_read():
    texts = [path.read_text() for path in files_of_proofs()]
    documents = [path for path in (HERE.path / "docs").iterdir() if path.is_file()]

    read = {path for path in documents if any(f'{path.name}"' in text for text in texts)}

    assert read
    names = {str(path.relative_to(HERE.path)) for path in read} - {keys.SETTINGS}
    assert all(map(keys.is_proved_on, names))
    assert keys.is_proved_on("web/index.html")
    assert keys.is_proved_on("docs/events/README.md")
    assert not keys.is_proved_on("docs/measurements/00-monolith.json")


ROWS = """
| `COLOUR` | `red` | Its colour. |
| `SHAPE` | {shape} | {words} |
"""
LATER = {"requirements/later.txt": "flask==3.1\n", "extracted/now/__init__.py": ""}


@pytest.mark.parametrize(
    ("changed", "is_proved"),
    [
        ({"requirements/later.txt": "flask==3.2\n"}, True),
        ({"docs/settings.md": ROWS.format(shape="`round`", words="Other words.")}, True),
        (
            {"docs/settings.md": ROWS.replace("red", "blue").format(shape="`round`", words="")},
            False,
        ),
        ({"requirements/now.txt": "flask==3.2\n"}, False),
        ({"requirements/system.txt": "flask==3.2\n"}, False),
        ({"extracted/later/__init__.py": ""}, False),
        ({"kit/settings.py": "COLOUR = SHAPE = 1\n"}, False),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_proof_outlives_the_lock_and_the_settings_of_a_later_service(
    bare, monkeypatch, changed, is_proved
):
    monkeypatch.setattr(git, "HERE", Tree(bare.path))
    settings = {"kit/settings.py": "COLOUR = 1\n"}
    settings["docs/settings.md"] = ROWS.format(shape="none", words="From step 99 on.")
    before = bare.commit("Begin", {**LATER, **settings})

    after = bare.commit("Change", changed)

    assert (keys.key(after) == keys.key(before)) == is_proved


def files_of_proofs():
    """The files of this checkout that its step's proof runs."""
    for name in proving.tests_of(HERE):
        path = HERE.path / name
        yield from path.rglob("*.py") if path.is_dir() else [path]


def test_without_a_browser_no_step_is_proved(bare, monkeypatch):
    monkeypatch.setattr(proving, "find_browser", lambda: None)
    bare.commit("Begin\n\nStep: 00-first", {"tests/shop/test_all.py": PASSES})

    done = bare.lab("publish")

    assert done.returncode == 1
    assert "00-first: without Chromium" in done.stderr and "apt install" in done.stderr


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


def test_proving_that_is_stopped_takes_down_what_its_tests_have_started(lab_of_its_own, tmp_path):
    toy = lab_of_its_own
    slow = SLOW.format(folder=str(tmp_path))
    toy.commit("Begin\n\nStep: 00-first", {"tests/shop/test_slow.py": slow})
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    process = subprocess.Popen(
        [sys.executable, "-c", WITHOUT_BROWSER, "publish"],
        cwd=toy.path,
        env=toy.environment,
        **options,
    )
    eventually((tmp_path / "up").exists, within=30)
    process.terminate()

    assert process.wait(30) == 128 + signal.SIGTERM
    assert (tmp_path / "down").exists()
    assert not list((toy.path / ".lab" / "prove").iterdir())


def test_where_some_tests_fail_those_that_run_beside_them_are_stopped(bare, tmp_path):
    tests = {
        "tests/shop/test_all.py": "import time\ndef test_it():\n    time.sleep(1)\n    assert 0\n",
        "tests/journeys/test_slow.py": SLOW.format(folder=str(tmp_path)),
    }
    bare.commit("Begin\n\nStep: 00-first", tests)

    done = bare.lab("publish")

    assert done.returncode == 1 and "its tests do not pass" in done.stderr
    assert (tmp_path / "down").exists()


def test_the_processes_of_a_proof_share_one_cache_of_compiled_code(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))

    environment = jobs.environment(Tree(tmp_path / "step"))

    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["PYTHONPYCACHEPREFIX"] == str(tmp_path)
    assert environment["PYTHONPATH"] == str(tmp_path / "step")


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
        slug for slug in SLUGS if slug != "01-second"
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
            "is skipped at its own step",
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

    with bare.here(), pytest.raises(Failed, match=why):
        proving.prove(*chain.read().steps, print)


def test_a_page_must_quote_the_assertion_that_is_red_before(bare):
    for slug in ("00-first", "01-second"):
        bare.commit(f"Teach\n\nStep: {slug}", {f"shop/{slug}.py": "x\n", **bare.lessons(slug)})
    bare.commit("A page", {"docs/steps/01-second.md": "It says nothing.\n"})
    assert "does not quote" in " ".join(bare.lab("publish").stderr.split())

    bare.commit("A better page", {"docs/steps/01-second.md": "The assertion: no second\n"})

    assert bare.lab("publish").returncode == 0
