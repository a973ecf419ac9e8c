"""Commands of a release run one after the other."""

import pytest
from sqlalchemy import create_engine

from kit.turn import turn


@pytest.fixture
def engine(database_url):
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


def test_a_command_that_waits_too_long_says_so(engine):
    with (
        engine.connect() as first,
        engine.connect() as second,
        turn(first),
        pytest.raises(SystemExit, match=r"^encore: another release has been running for 0\.1 s"),
        turn(second, within=0.1),
    ):
        pass


def test_the_next_command_goes_on_after_a_turn(engine):
    with engine.connect() as first, engine.connect() as second:
        with turn(first):
            pass

        with turn(second, within=0):
            pass
