"""Wrong turn dual-write: commit, then send the message to Kafka.

The web process is killed between the two writes. The account exists, its message does not, and
nobody sends it later: the customer never gets the welcome mail. Step 06 repairs it: there the
message is a row of the outbox, which is committed together with the account."""

from concurrent.futures import ThreadPoolExecutor

CUSTOMERS = [f"ada{number}@encore.example" for number in range(5)]


def register(encore, email):
    account = {"email": email, "password": "correct horse", "name": "Ada"}
    return encore.request("POST", "/api/accounts", json=account).status


def accounts(encore):
    found = encore.rows("monolith", "select email from accounts")
    return [email for (email,) in found if email in CUSTOMERS]


def test_accounts_without_a_message_never_get_a_mail(encore, whole, eventually):
    encore.stop("kafka")  # no request gets further than its commit
    with ThreadPoolExecutor(len(CUSTOMERS)) as clients:
        for email in CUSTOMERS:
            clients.submit(register, encore, email)
        eventually(lambda: len(accounts(encore)) == len(CUSTOMERS), within=30)
        encore.kill("web")

    whole.mend()
    encore.wait_ready()
    eventually(whole.flow.is_settled, within=60)

    lost = [email for email in accounts(encore) if not encore.mails(to=email)]
    damage = f"{len(lost)} of {len(CUSTOMERS)} accounts without a welcome mail"
    print(damage)
    assert len(lost) == len(CUSTOMERS), damage
