"""The subject of a confirmation mail names the artist, beside the title."""

import secrets


def test_the_subject_of_a_confirmation_names_the_artist(
    sign_up, make_event, buy, mails, eventually
):
    fan, artist = sign_up("Mina"), f"Ferry {secrets.token_hex(4)}"
    event = make_event(artist=artist)

    booking = buy(fan, event, event.seats[:1])

    (mail,) = eventually(
        "confirmation mail",
        lambda: [each for each in mails(fan.email) if booking["id"] in each["text"]],
    )
    assert event.word in mail["subject"]
    assert artist in mail["subject"]
