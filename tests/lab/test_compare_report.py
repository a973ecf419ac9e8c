from io import StringIO

import pytest
from rich.console import Console

from tools.lab.experiment import verdicts as judging
from tools.lab.experiment.figures import FIGURES
from tools.lab.experiment.result import Result, Run
from tools.lab.report.compare import show

A, B, C = "00-monolith", "07-notifications", "07-notifications (2)"
FACTS = {"processes": 1, "imports": 8, "keys": 7, "joins": 3, "largest": 2689}
CHANGES = {"changes": {"limit of bookings": [3, 41, 1]}}
BUDGET = {"cores": "2", "threads of web": "16"}
FACTORS = {A: 1.0, B: 1.5, C: 1.0}


def a_run(step, block):
    factor = FACTORS[step] * (1 + 0.01 * (block % 3))
    return Run(
        step,
        block,
        figures={key: 5800 * factor if key == "memory" else 12 * factor for key in FIGURES},
        by_process={"cpu": {"web": 10 * factor, "postgres": 1.9 * factor, "mail": 0.1}},
    )


def result_of(*steps, blocks=10):
    result = Result(
        "compare",
        "./lab compare",
        "m",
        files={step: step for step in steps},
        budgets={step: {**BUDGET, "processes": f"web, {step[:2]}"} for step in steps},
        runs=[a_run(step, block) for step in steps for block in range(blocks)],
        facts={step: {**FACTS, **CHANGES} for step in steps},
    )
    result.verdicts = judging.verdicts(result)
    return result


def shown(result, width=80):
    out = Console(file=StringIO(), width=width, highlight=False)
    show(out, result)
    return out.file.getvalue()


def line_of(text, words):
    return next(line for line in text.splitlines() if words in line)


@pytest.mark.parametrize("steps", [(A, B), (A, B, C), (A, C)])
def test_a_comparison_fits_eighty_columns_and_breaks_no_row(steps):
    text = shown(result_of(*steps))

    assert max(map(len, text.splitlines())) <= 80
    for figure in FIGURES.values():
        assert figure.name in text


def test_what_the_generator_cost_stands_below_the_tables():
    result = result_of(A, B)
    for run in result.runs:
        run.generator = {"cpu_ms": 0.27 + (run.block - 4.5) / 1000, "lag_p99_ms": 1.5}

    assert "generator" not in shown(result_of(A, B))
    assert "used 0.27 ms of CPU a request, and was 1.50 ms late" in shown(result)


def test_the_answer_stands_first_and_the_budgets_before_the_figures():
    text = shown(result_of(A, B))

    assert text.startswith(f"{B} costs more than {A}: ")
    assert (
        text.index("What each may use") < text.index("what it costs") < text.index("what it buys")
    )
    assert "all of them: cores 2; threads of web 16" in text
    assert f"{B}: processes web, 07" in text


def test_a_row_has_both_values_the_ratio_with_its_interval_and_the_verdict():
    row = line_of(shown(result_of(A, B)), "memory of all processes")

    assert row.split()[-6:] == ["less", "5,860", "8,790", "1.50", "(1.50-1.50)", "worse"]


def test_the_cost_of_a_request_is_shown_by_process():
    text = shown(result_of(A, B))

    assert line_of(text, "  web").split() == ["web", "10.1", "15.2"]
    assert "  postgres" in text
    assert "  mail" not in text  # too little to be seen


def test_every_row_says_whether_less_or_more_is_better():
    text = shown(result_of(A, B))

    for words in ("CPU time of", "browse, p50", "foreign keys", "imports"):
        assert " less " in line_of(text, words)
    assert " more " in line_of(text, "removed by")


def test_several_steps_have_a_mark_at_each_value():
    row = line_of(shown(result_of(A, B, C)), "CPU time of a request")

    assert row.split()[-4:] == ["less", "12.1", "18.2-", "12.1="]


def test_runs_that_broke_a_promise_show_what_was_lost_and_no_figure():
    result = result_of(A, B)
    result.runs[-1].broken = {"a booking is not lost": ["booking 5 is gone"]}
    result.runs[-1].history = {"5": ["12:00:01 bookings recorded BookingRequested"]}

    text = shown(result)

    assert "Broken: a booking is not lost. booking 5 is gone" in text
    assert "Booking 5:" in text
    assert "recorded BookingRequested" in text
    assert "p50" not in text


def test_what_nobody_measured_is_a_dot_with_the_command_that_measures_it():
    result = result_of(A, B)
    del result.facts[B]["keys"]

    text = shown(result)

    assert line_of(text, "foreign keys").split()[-2:] == ["7", "."]
    assert "./lab coupling STEP --keep" in text


def drilled(works, well_after):
    found = {"browse": "works", "book": "works" if works else "fails"}
    return {"found": found, "failed": 0 if works else 31, "well_after": well_after, "broken": {}}


def test_drills_of_both_steps_are_counted_and_others_are_not():
    result = result_of(A, B)
    result.drills = {
        A: {"kill-web": drilled(False, 2.5), "mail-down": drilled(False, None)},
        B: {
            "kill-web": drilled(True, 0.5),
            "mail-down": drilled(True, 1.0),
            "broker-down": drilled(False, 9.0),
        },
    }

    text = shown(result)

    assert line_of(text, "journeys that go on, of 4").split()[-3:] == ["more", "2", "4"]
    assert line_of(text, "failed requests, web killed").split()[-3:] == ["less", "31", "0"]
    assert line_of(text, "until well again, s").split()[-3:] == ["less", "never", "1"]
    assert line_of(text, "promises broken").split()[-3:] == ["less", "0", "0"]


def test_too_few_runs_are_called_that():
    text = shown(result_of(A, B, blocks=2))

    assert "not enough runs" in line_of(text, "CPU time of a request")
    assert "fewer than six pairs show nothing" in text


def test_a_change_at_each_step_shows_files_lines_and_deployments():
    row = line_of(shown(result_of(A, B)), "limit of bookings")

    assert row.split()[-2:] == ["3/41/1"] * 2
