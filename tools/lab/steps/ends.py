"""How the tests of a proof must end: all pass, or all fail by assertions and in no other way."""

from tools.lab.ground.failed import Failed
from tools.lab.ground.tree import HERE


def must_pass(slug, job, otherwise):
    """Failed with `otherwise` and the end of the output unless the tests of a job pass."""
    if job.code:
        kept = HERE.home / ".lab" / "prove" / f"{slug}.log"
        kept.write_text(job.printed)
        raise Failed(f"{slug}: {otherwise}; see {kept}\n{job.last}")


def must_be_run(slug, name, ended):
    """Refuse a test of the file `name` that is skipped at its own step."""
    idle = [
        test
        for test, phases in ended.items()
        if test.startswith(f"{name}::") and phases[-1][1] != "passed"
    ]
    if idle:
        raise Failed(f"{slug}: its lesson is skipped at its own step: {', '.join(idle)}")


def must_be_quoted(slug, line, say):
    """Refuse a page of a step that does not quote this assertion."""
    say(f"    red before: {line}")
    page = HERE.path / "docs" / "steps" / f"{slug}.md"
    if page.exists() and " ".join(line.split()) not in " ".join(page.read_text().split()):
        raise Failed(f"docs/steps/{slug}.md does not quote the failed assertion: {line}")


def first_line(slug, job, where):
    """The first line of the assertion that fails there; Failed unless every test of the job fails
    by an assertion, and in no other way."""
    if not job.ends:
        raise Failed(f"{slug}: its lesson has no test that could be run {where}\n{job.last}")
    for test, ended in job.ends.items():
        if [each[:3] for each in ended] != [["call", "failed", "AssertionError"]]:
            ends = "; ".join(" ".join(map(str, each[:3])) for each in ended)
            raise Failed(
                f"{slug}: {where} {test} must fail by an assertion, and only so; it ended with "
                f"{ends}\n{job.last}"
            )
    return next(iter(job.ends.values()))[0][3][0]
