"""Changing the form of every toy step: `./lab publish --each`, `--rename` and `--messages`."""

import pytest

UPPER = (
    "for file in $(git ls-files shop extracted); do tr a-z A-Z < $file > new; mv new $file; done"
)


def about(toy, commit):
    """Author, date and message of a commit."""
    return toy.git("show", "-s", "--format=%an %ae %ad%n%B", commit)


def test_a_command_is_run_in_every_step_and_nothing_is_merged(toy):
    toy.publish()
    before = {slug: about(toy, f"step-{slug}") for slug in toy.steps}

    toy.publish("--each", UPPER)

    tags = [f"step-{slug}" for slug in toy.steps]
    assert {slug: about(toy, f"step-{slug}") for slug in toy.steps} == before
    assert [toy.git("rev-parse", f"{tag}~1") for tag in tags[1:]] == [
        toy.git("rev-parse", tag) for tag in tags[:-1]
    ]
    assert toy.file("step-00-first", "shop/core.py").startswith("ONE\nTWO")
    assert toy.file("step-01-second", "shop/mail.py") == "ALPHA\nBETA\nGAMMA\nDELTA\n"
    assert toy.file("main", "extracted/tail.py") == "TAIL\n"
    assert (toy.path / "extracted/tail.py").read_text() == "TAIL\n"
    assert "nothing to publish" in toy.publish()


def test_files_that_the_command_adds_removes_and_moves_are_taken(toy):
    toy.publish()

    toy.publish(
        "--each",
        "mkdir kit; echo $STEP_NUMBER $STEP > kit/number; git mv shop/core.py kit/core.py; "
        "rm -f extracted/mail.py; mkdir -p .lab; echo ignored > .lab/output",
    )

    for slug in toy.steps:
        assert toy.file(f"step-{slug}", "kit/number") == f"{slug[:2]} {slug}\n"
        assert toy.file(f"step-{slug}", "kit/core.py").startswith("one\ntwo")
        assert toy.file(f"step-{slug}", "shop/core.py") is None
        assert toy.file(f"step-{slug}", ".lab/output") is None
    assert toy.file("step-02-third", "extracted/mail.py") is None
    assert "deleted file mode" not in toy.diff("03-fourth")


def test_a_command_that_puts_a_prepared_step_in_place_of_its_files_is_taken_as_it_is(toy, tmp_path):
    toy.publish()
    for slug in toy.steps:
        toy.write({f"{slug}/new/{slug}.py": slug, f"{slug}/Procfile": "web: true\n"}, tmp_path)

    toy.publish("--each", f"git rm -rq shop taught tests; cp -r {tmp_path}/$STEP/* .")

    listed = toy.git("ls-tree", "-r", "--name-only", "step-01-second").splitlines()
    assert listed == sorted(
        [".gitignore", "Procfile", "new/01-second.py", "pyproject.toml"]
        + [f"docs/day-{day}.md" for day in range(4)]
    )


def test_a_step_is_renamed_with_its_tag_lesson_page_and_measurements(toy):
    toy.commit(
        "Pages", {"docs/steps/02-third.md": "page\n", "docs/measurements/02-third.json": "{}\n"}
    )
    toy.publish()

    said = toy.publish("--rename", "02-third=02-last-but-one", "--each", UPPER)

    assert "step-02-third removed" in said
    assert "step-02-last-but-one" in toy.tags()
    assert about(toy, "step-02-last-but-one").endswith("\n\nStep: 02-last-but-one")
    for tag in ("step-02-last-but-one", "main"):
        assert toy.file(tag, "tests/steps/test_02_last_but_one.py")
        assert toy.file(tag, "tests/steps/test_02_third.py") is None
        assert toy.file(tag, "docs/steps/02-last-but-one.md") == "page\n"
        assert toy.file(tag, "docs/measurements/02-last-but-one.json") == "{}\n"
        assert toy.file(tag, "docs/steps/02-third.md") is None
    assert "nothing to publish" in toy.publish()
    toy.edit("02", {"extracted/mail.py": "new\n"})
    toy.publish()
    assert toy.file("main", "extracted/mail.py") == "new\n"


def test_a_steps_message_is_replaced_and_its_trailer_stays(toy, tmp_path):
    toy.publish()
    toy.write({"01-second.txt": "Say it plainly\n\nIn a body.\n"}, tmp_path / "messages")
    toy.write({"02-new.txt": "Another\n\nStep: 02-third\n"}, tmp_path / "messages")

    toy.publish("--messages", str(tmp_path / "messages"), "--rename", "02-third=02-new")

    messages = [
        toy.git("show", "-s", "--format=%B", f"step-{slug}") for slug in ("01-second", "02-new")
    ]
    assert messages == [
        "Say it plainly\n\nIn a body.\n\nStep: 01-second",
        "Another\n\nStep: 02-new",
    ]
    assert toy.git("show", "-s", "--format=%s", "step-03-fourth") == "Teach 03-fourth"
    toy.write({"04-nothing.txt": "No such step\n"}, tmp_path / "messages")
    assert "messages of no step: 04-nothing" in toy.refused(
        "--messages", str(tmp_path / "messages")
    )


def test_a_command_that_changes_tooling_is_an_error_that_names_the_files(toy):
    toy.publish()
    head = toy.git("rev-parse", "main")

    done = toy.lab("publish", "--no-prove", "--each", "echo more >> docs/day-1.md; rm .gitignore")

    assert done.returncode == 1
    assert ".gitignore, docs/day-1.md" in done.stderr
    assert toy.git("rev-parse", "main") == head


def test_a_command_that_fails_stops_it_and_names_the_step(toy):
    toy.publish()

    done = toy.lab("publish", "--no-prove", "--each", "test $STEP != 01-second")

    assert done.returncode == 1
    assert "01-second: the command failed with exit code 1" in done.stderr


@pytest.mark.parametrize(
    ("rename", "said"),
    [
        ("07-x=07-y", "there is no step 07-x"),
        ("02-third=03-third", "it must be 02-words"),
        ("02-third=02 Third", "it must be 02-words"),
    ],
)
def test_a_rename_that_makes_no_list_of_steps_is_refused(toy, rename, said):
    toy.publish()

    assert said in toy.refused("--rename", rename)


def test_with_an_open_edit_the_form_is_not_changed(toy):
    toy.publish()
    toy.edit("01", {"shop/core.py": "mine\n"})

    assert "edit/01-second: publish this first" in toy.refused("--each", "true")
    assert "does not go with" in toy.refused("--each", "true", "--continue")


def test_a_dry_run_says_what_would_be_proved_and_publishes_nothing(toy):
    toy.publish()
    head = toy.git("rev-parse", "main")

    said = toy.publish("--dry-run", "--each", UPPER)

    assert "to be proved: 00-first, 01-second, 02-third, 03-fourth" in said
    assert toy.git("rev-parse", "main") == head


def test_a_wrong_turn_is_changed_like_its_step(toy):
    toy.publish()
    toy.git("checkout", "-q", "-b", "wrong/haste", "step-01-second")
    toy.commit("Hurry\n\nWrong: haste", {"shop/haste.py": "haste\n"})
    toy.git("checkout", "-q", "main")
    toy.publish()

    toy.publish("--each", UPPER, "--rename", "01-second=01-other")

    assert toy.file("wrong-haste", "shop/haste.py") == "HASTE\n"
    assert toy.git("rev-parse", "wrong-haste~1") == toy.git("rev-parse", "step-01-other")
