"""Publishing a chain of toy steps, as a maintainer does it with `./lab`."""

import subprocess

import pytest

from tools.lab.steps import publish


def test_the_first_publication_makes_one_commit_a_step_on_tooling_alone(toy):
    head = toy.git("rev-parse", "main")

    toy.publish()

    base, *steps = ("step-00-first~1", *(f"step-{slug}" for slug in toy.steps))
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
    before = {step: toy.diff(step) for step in toy.steps}
    toy.edit("00", {"shop/core.py": toy.steps["00-first"]["shop/core.py"].replace("one", "ONE")})
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


def test_a_conflict_stops_and_goes_on_when_it_is_resolved(toy):
    toy.publish()
    toy.edit("00", {"shop/core.py": "one\ntwo\nthree\nfour\nfive\nsix!\n"})

    stopped = toy.lab("publish", "--no-prove")
    early = toy.lab("publish", "--no-prove", "--continue")
    resolve(toy, "01-second", {"shop/core.py": "one\ntwo\nthree\nfour\nfive\nSIX!\n"})
    toy.publish("--continue")

    assert (stopped.returncode, early.returncode) == (3, 2)
    assert "resolve shop/core.py" in stopped.stderr.replace("\n", " ")
    assert toy.file("main", "shop/core.py").endswith("SIX!\n")
    assert toy.lab("publish", "--continue").returncode == 2


def test_an_edit_of_a_step_that_itself_conflicts_is_carried_too(toy):
    toy.publish()
    toy.edit("00", {"shop/core.py": "one\ntwo\nthree\nfour\nfive\nsix!\n"})
    toy.edit("01", {"shop/core.py": "ONE\ntwo\nthree\nfour\nfive\nSIX\n"})
    assert toy.lab("publish", "--no-prove").returncode == 3
    resolve(toy, "01-second", {"shop/core.py": "one\ntwo\nthree\nfour\nfive\nSIX!\n"})

    toy.publish("--continue")

    assert toy.file("main", "shop/core.py") == "ONE\ntwo\nthree\nfour\nfive\nSIX!\n"


def resolve(toy, name, files):
    worktree = toy.path / ".lab" / "publish" / name
    toy.write(files, worktree)
    toy.git("add", "-A", cwd=worktree)


def test_what_was_resolved_is_not_used_for_another_edit(toy):
    toy.publish()
    toy.edit("00", {"shop/core.py": "one\ntwo\nthree\nfour\nfive\nsix!\n"})
    assert toy.lab("publish", "--no-prove").returncode == 3
    resolve(toy, "01-second", {"shop/core.py": "one\ntwo\nthree\nfour\nfive\nSIX!\n"})

    toy.edit("00", {"shop/core.py": "one\nTWO\nthree\nfour\nfive\nsix!\n"})

    assert "an edit has changed since" in toy.refused("--continue")


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
    repaired = toy.path / ".lab" / "edit" / "02-third" / "extracted" / "mail.py"
    repaired.write_text("mine\n")

    assert "extracted/mail.py" in toy.refused()
    assert repaired.read_text() == "mine\n"
    assert "publish from there" in type(toy)(repaired.parents[1]).refused()


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
    done, said_by_lab = [], []

    def prove(before, step, say):
        if not done:
            done.append(subprocess.run(command, shell=True, cwd=toy.path, env=toy.environment))

    with toy.here():
        publish.publish(said_by_lab.append, prove=prove)
    toy.publish()

    assert said in " ".join(said_by_lab)
    assert toy.file("main", "extracted/mail.py") == "ALPHA\nbeta\ngamma\nDELTA\n" + (
        "" if said else "more\n"
    )
    assert toy.git("branch", "--list", "edit/*") == ""


def test_a_new_last_step_is_appended_by_its_trailer(toy):
    toy.publish()
    before = toy.tags()
    toy.commit("Prepare", {"extracted/more.py": "more\n"})
    toy.commit("Finish\n\nStep: 04-fifth", {"extracted/end.py": "end\n", **toy.lessons("04-fifth")})

    toy.publish()

    assert {tag: commit for tag, commit in toy.tags().items() if tag != "step-04-fifth"} == before
    assert "extracted/more.py" in toy.diff("04-fifth")


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
    said = toy.refused()
    undo() if undo else toy.git("reset", "-q", "--hard", head)
    return said


@pytest.mark.parametrize("text, rule", [("import os\n", "F401"), ("x='late'\n", "reformat")])
def test_what_ruff_refuses_is_not_published(toy, text, rule):
    toy.publish()
    before = toy.git("rev-parse", "main")
    toy.edit("01", {"kit/late.py": text})

    done = toy.lab("publish", "--no-prove")

    assert done.returncode == 1
    assert "kit/late.py" in done.stderr and rule in done.stderr
    assert toy.git("rev-parse", "main") == before


def test_an_edit_of_tooling_and_a_step_that_became_empty_are_refused(toy):
    toy.publish()
    toy.edit("01", {"docs/elsewhere.md": "x\n"})
    assert "changes tooling" in toy.refused()
    toy.lab("edit", "01", "--drop")

    toy.edit("02", {"extracted/tail.py": "tail\n", **toy.lessons("03-fourth")})

    assert "03-fourth has become empty" in toy.lab("publish", "--no-prove").stderr


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
    toy.edit("00", {"shop/core.py": toy.steps["00-first"]["shop/core.py"].replace("one", "ONE")})

    toy.publish()

    assert toy.file("wrong-haste", "shop/core.py") == "ONE\ntwo\nthree\nfour\nfive\nSEVEN\n"
    assert toy.git("rev-parse", "wrong-haste~1") == toy.git("rev-parse", "step-01-second")
    assert toy.git("rev-parse", "main^3") == toy.git("rev-parse", "wrong-haste")
    toy.edit("01", {"shop/core.py": "ONE\ntwo\nthree\nfour\nfive\nEIGHT\n"})
    assert toy.lab("publish", "--no-prove").returncode == 3
    resolve(toy, "wrong-haste", {"shop/core.py": "resolved\n"})
    toy.publish("--continue")
    assert toy.file("wrong-haste", "shop/core.py") == "resolved\n"


def test_main_that_is_not_checked_out_is_advanced_too(toy):
    toy.git("checkout", "-q", "--detach")

    toy.publish()

    assert toy.git("log", "-1", "--format=%s", "main") == "Publish 4 steps"
