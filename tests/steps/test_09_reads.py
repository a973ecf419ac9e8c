"""Step 09: move the reads, with one row in the facade."""

PATH = "/api/recommendations"


def test_recommendations_are_shown_while_the_monolith_is_stopped(encore):
    fan = encore.sign_in("fan@encore.example")

    encore.stop("web")

    answer = fan.request("GET", PATH)
    assert answer.status == 200
    assert answer.json["items"]


def test_who_has_signed_out_is_refused_without_the_monolith(encore, eventually):
    fan = encore.sign_in("fan@encore.example")
    cookie = fan.cookie
    fan.request("DELETE", "/api/sessions")
    encore.stop("web")

    fan.cookie = cookie

    eventually(lambda: fan.request("GET", PATH).status == 401, within=5)
