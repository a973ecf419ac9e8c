"""Step 00: a monolith that keeps state in its process and calls every other system directly."""


def test_nobody_can_register_while_mail_is_down(encore):
    new = {"email": "ada@encore.example", "password": "correct horse", "name": "Ada"}
    encore.stop("mail")

    refused = encore.request("POST", "/api/accounts", json=new)

    assert (refused.status, refused.json.get("type")) == (503, "unavailable")
    assert encore.request("GET", "/api/events").status == 200
    encore.start("mail")
    assert encore.request("POST", "/api/accounts", json=new).status == 201
    assert [mail["subject"] for mail in encore.mails(to="ada@encore.example")] == [
        "Welcome to Encore"
    ]
