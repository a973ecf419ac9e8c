"""Step 01: pin the behaviour from outside before touching anything."""

AWAY = (502, 503)  # only while a required process is down, or an answer is lost
ALIKE = {202: 200}  # an accepted cancellation and a finished one


def test_journeys_cover_every_answer_of_the_contract(contract, seen_by_the_journeys):
    promised, seen = (
        {(method, path, ALIKE.get(status, status)) for method, path, status in each}
        for each in (contract, seen_by_the_journeys)
    )

    missing = sorted(each for each in promised - seen if each[2] not in AWAY)

    assert missing == [], f"{len(missing)} answers of the contract are covered by no journey"
