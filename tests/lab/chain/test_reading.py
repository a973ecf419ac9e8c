"""Reading a chain of toy steps: tags, worktrees, the list, a diff."""

import subprocess

import pytest

from tools.lab.steps import chain, tags


def test_a_worktree_that_somebody_has_changed_is_refused_and_an_unknown_step_too(toy):
    toy.publish()
    assert toy.lab("routes", "00").returncode == 0
    (toy.path / ".lab/steps/00-first/shop/core.py").write_text("mine\n")

    said = toy.lab("routes", "00")

    assert said.returncode == 2 and "shop/core.py" in said.stderr
    assert toy.lab("diff", "77").returncode == 2


def test_a_fresh_clone_makes_the_same_tags_and_an_old_one_has_them_moved(toy, tmp_path):
    toy.publish()
    old = toy.clone(tmp_path / "old")
    assert "brought up to date" in old.lab("steps").stderr
    assert old.tags() == toy.tags()
    toy.edit("00", {"shop/core.py": toy.steps["00-first"]["shop/core.py"].replace("one", "ONE")})
    toy.publish()

    old.git("pull", "-q", "--ff-only")
    fresh = toy.clone(tmp_path / "fresh")

    for clone in (old, fresh):
        assert clone.lab("steps").returncode == 0
        assert clone.tags() == toy.tags()
    assert "brought up to date" not in old.lab("steps").stderr


@pytest.mark.parametrize("words", [["doctor"], ["ps"], ["routes", "00"], ["mail"]])
def test_every_command_brings_the_tags_up_to_date(toy, tmp_path, words):
    toy.publish()
    clone = toy.clone(tmp_path / "fresh")

    said = clone.lab(*words)

    assert said.stderr.startswith("tags brought up to date: step-00-first, ")
    clone.git("checkout", "-q", "step-02-third")


def test_tags_of_steps_that_no_longer_exist_are_removed_and_other_tags_stay(toy):
    toy.publish()
    before = toy.tags()
    for tag in ("step-02-doors", "step-forward", "v1"):
        toy.git("tag", tag, "main")

    said = toy.lab("ps").stderr.splitlines()[0]

    assert said == "tags brought up to date: step-02-doors removed"
    assert toy.tags().keys() == {*before, "step-forward", "v1"}


def test_where_no_tag_has_moved_no_chain_is_read(toy, monkeypatch):
    toy.publish()
    toy.lab("ps")
    monkeypatch.setattr(chain, "read", None)

    with toy.here():
        tags.keep_up_to_date(print)


@pytest.mark.parametrize("depth", ["1", "3"])
def test_a_shallow_clone_is_told_how_to_get_the_steps(toy, tmp_path, depth):
    toy.publish()
    clone = toy.clone(tmp_path / "shallow", "--depth", depth)

    said = [clone.lab(*words).stderr for words in (["steps"], ["routes", "02"], ["publish"])]
    checked = clone.lab("doctor").stdout

    assert all("git fetch --unshallow" in each for each in said)
    assert "git fetch --unshallow" in " ".join(checked.split())
    assert [len(each.splitlines()) for each in said] == [1, 1, 1]
    clone.git("fetch", "-q", "--unshallow")
    clone.lab("doctor")
    assert clone.tags() == toy.tags()


def test_in_a_clone_of_somebody_else_git_is_quoted_where_steps_are_needed(toy, tmp_path):
    toy.publish()
    clone = toy.clone(tmp_path / "theirs")
    clone.environment["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "true"

    refused = {word: clone.lab(word, *more) for word, *more in (["steps"], ["up", "02"])}
    others = clone.lab("routes")

    assert all(each.returncode == 1 for each in refused.values())
    assert all("safe.directory" in each.stderr for each in refused.values())
    assert (others.returncode, others.stderr) == (0, "")
    assert "safe.directory" in clone.lab("doctor").stdout


def test_a_step_is_named_by_its_number_with_or_without_a_zero(toy):
    toy.publish()

    named = [toy.lab("routes", name).stdout for name in ("2", "02", "02-third", "step-02-third")]

    assert len(set(named)) == 1
    assert "everything" in named[0]


def test_without_git_the_lab_still_runs_this_checkout(toy, tmp_path):
    toy.git("archive", "--format=tar", "-o", str(tmp_path / "toy.tar"), "main")
    archive = type(toy)(tmp_path / "archive")
    archive.path.mkdir()
    subprocess.run(["tar", "-xf", tmp_path / "toy.tar", "-C", archive.path], check=True)
    archive.environment["GIT_CEILING_DIRECTORIES"] = str(tmp_path)

    assert archive.lab("steps").returncode == 0
    assert archive.lab("up", "00").returncode == 2


def test_the_steps_are_listed_and_one_is_shown_in_reading_order(toy, capfd):
    toy.publish()

    listed = toy.lab("steps").stdout.splitlines()
    code, shown = toy.lab("diff", "02").returncode, capfd.readouterr().out

    assert [line.split()[:4] for line in listed[::2]] == [
        [f"step-{slug}", "1", "process", "unproved"] for slug in toy.steps
    ]
    assert [line.strip() for line in listed[1::2]] == [slug[3:] for slug in toy.steps]
    assert code == 0
    assert "rename from shop/mail.py" in shown
    assert (
        shown.index("tests/steps/") < shown.index("extracted/mail.py") < shown.index("tests/shop/")
    )
    assert "docs/" not in shown
