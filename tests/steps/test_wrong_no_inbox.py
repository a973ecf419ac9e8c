"""Wrong turn no-inbox: process every message that comes, without an inbox row.

The relay dies when Kafka has acknowledged its messages and they are not marked as published yet; so
it sends them again. Each customer gets a second mail. Step 06 repairs it, and step 07 takes the
repair along: the inbox row is committed together with the effect, and stops the duplicate."""

CUSTOMERS = [f"ada{number}@encore.example" for number in range(5)]
# what such a death leaves behind
FORGET_THE_MARKS = """
update outbox set published_at = null
where type = 'account.registered' and data ->> 'email' = any(%s)"""


def register(encore, email):
    account = {"email": email, "password": "correct horse", "name": "Ada"}
    return encore.request("POST", "/api/accounts", json=account).status


def test_a_message_that_comes_again_is_mailed_again(encore, whole, eventually):
    answers = [register(encore, email) for email in CUSTOMERS]
    eventually(whole.flow.is_settled, within=30)
    first = [len(encore.mails(to=email)) for email in CUSTOMERS]

    with encore.system.servers["monolith"].connect("monolith") as connection:
        sent_again = connection.execute(FORGET_THE_MARKS, [CUSTOMERS]).rowcount
    eventually(whole.flow.is_settled, within=30)

    again = [len(encore.mails(to=email)) for email in CUSTOMERS]
    damage = f"{sum(again) - sum(first)} second mails for {sent_again} messages that came twice"
    print(damage)
    assert (answers, first, sent_again) == ([201] * 5, [1] * 5, 5)
    assert again == [2] * 5, damage
