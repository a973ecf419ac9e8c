"""Step 01: pin the behaviour from outside before touching anything."""

AWAY = 503  # only while something that is needed is away
ALIKE = {202: 200}  # a cancellation that is accepted, and one that is done


def test_the_journeys_see_every_answer_that_the_contract_promises(contract, seen_by_the_journeys):
    promised, seen = ({(method, path, ALIKE.get(status, status)) for method, path, status in each} for each in (contract, seen_by_the_journeys))

    missing = sorted(each for each in promised - seen if each[2] != AWAY)

    assert missing == [], f"{len(missing)} answers that the contract promises are seen by no journey"
