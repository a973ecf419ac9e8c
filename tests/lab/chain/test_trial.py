"""`./lab changes` on toy steps: a change is tried out with its patch and without."""

import pytest

FIXTURES = """
import pathlib, pytest

@pytest.fixture
def core():
    return pathlib.Path("shop/core.py").read_text()
"""
SEVEN = "def test_there_is_a_seventh(core):\n    assert 'seven' in core\n"
PATCH = """\
--- a/shop/core.py
+++ b/shop/core.py
@@ -5,2 +5,3 @@
 five
-{last}
+{last}
+{more}
"""


@pytest.fixture
def changed(toy):
    """A toy with the change `seventh`, and fixtures of journeys at the last step only."""
    toy.commit("Add journeys\n\nStep: 03-fourth", {"tests/journeys/conftest.py": FIXTURES})
    patches = {"00": ("six", "seven"), "01": ("SIX", "seven"), "03": ("SIX", "eight")}
    folder = "docs/changes/seventh"
    toy.write(
        {
            f"{folder}/README.md": "# There is a seventh\n",
            f"{folder}/test_seventh.py": SEVEN,
            **{
                f"{folder}/{number}.patch": PATCH.format(last=last, more=more)
                for number, (last, more) in patches.items()
            },
        }
    )
    return toy


@pytest.mark.parametrize("step", ["00", "01", "02"])
def test_a_change_works_if_its_test_fails_without_the_patch_only(changed, step):
    ended = changed.lab("changes", "seventh", step)

    assert ended.returncode == 0, ended.stderr
    assert "without the patch: 1 failed" in ended.stderr
    assert "with the patch: 1 passed" in ended.stderr
    assert "works" in ended.stdout
    assert not list((changed.path / ".lab" / "prove").iterdir())


def test_a_patch_that_does_not_do_it_is_reported(changed):
    ended = changed.lab("changes", "seventh", "03")

    assert ended.returncode == 1
    assert "DOES NOT WORK" in ended.stdout
    assert "assert 'seven' in" in ended.stderr


def test_all_steps_are_tried_and_one_failure_is_enough(changed):
    ended = changed.lab("changes", "--all")

    assert ended.returncode == 1
    assert ended.stdout.count(": works") == 3
    assert ended.stdout.count("DOES NOT WORK") == 1


def test_a_test_that_passes_without_the_patch_is_refused(changed):
    changed.write({"docs/changes/seventh/test_seventh.py": SEVEN.replace("seven", "five")})

    ended = changed.lab("changes", "seventh", "00")

    assert ended.returncode == 1
    assert "00-first has seventh already" in ended.stderr


def test_a_test_that_cannot_be_run_is_refused(changed):
    changed.write({"docs/changes/seventh/test_seventh.py": SEVEN.replace("(core)", "(nothing)")})

    ended = changed.lab("changes", "seventh", "00")

    assert ended.returncode == 1
    assert "cannot be run" in ended.stderr
