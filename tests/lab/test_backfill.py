"""The backfill is measured on the newest step, if it has one."""

import pytest

from tools.lab.ground.tree import HERE
from tools.lab.measure import backfill

pytestmark = pytest.mark.skipif(
    not (HERE.path / backfill.PROGRAM).exists(), reason="this step has no backfill"
)


def test_rows_are_copied_and_compared_beside_bookings(fresh_encore):
    figures = backfill.figures(fresh_encore.system, payments=5000, seconds=1.0)

    copied = "select count(*) from payments where created_at < '2025-02-01Z'"
    assert fresh_encore.rows("payments", copied) == [(5000,)]
    assert [name for name, (value,) in figures.items() if value <= 0] == []
    assert "backfill of 5,000 payments, rows a second" in figures
