"""The concerts of the sample: the same numbers give the same ones in every process."""

from datetime import UTC, datetime

import pytest

from kit.concerts import VENUES, concert

TODAY = datetime(2030, 1, 1, tzinfo=UTC)


def test_the_same_numbers_give_the_same_concert():
    assert concert(1, 7, TODAY) == concert(1, 7, TODAY)


def test_another_seed_gives_other_ids():
    first, other = concert(1, 7, TODAY), concert(2, 7, TODAY)

    assert first.id != other.id
    assert not {seat["id"] for seat in first.seats} & {seat["id"] for seat in other.seats}


def test_one_concert_in_ten_is_over():
    assert [at for at in range(40) if concert(1, at, TODAY).starts_at < TODAY] == [9, 19, 29, 39]


@pytest.mark.parametrize("at", range(12))
def test_a_concert_has_every_seat_of_its_venue_once(at):
    made = concert(1, at, TODAY)

    *_, sections = VENUES[made.venue]
    places = {(seat["section"], seat["row"], seat["number"]) for seat in made.seats}
    assert len(made.seats) == len(places) == sum(rows * seats for _, rows, seats in sections)
    assert [seat["position"] for seat in made.seats] == list(range(len(made.seats)))
    assert {seat["price"] for seat in made.seats} == set(made.prices.values())
