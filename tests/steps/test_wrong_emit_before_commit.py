"""Wrong turn emit-before-commit: send the message to Kafka inside the transaction.

The database refuses the commit when the message has been sent. Nothing takes the message back:
people who have no account get a welcome mail. Step 06 repairs it: there the message is a row of the
outbox, which is rolled back together with the account."""

import pytest

PEOPLE = [f"ada{number}@encore.example" for number in range(5)]
# a trigger that is deferred fires at the commit, when everything else of the transaction is done
REFUSE_COMMITS = """
create function refuse_commit() returns trigger language plpgsql as $$
begin
  raise exception using errcode = 'disk_full', message = 'the disk is full';
end $$;
create constraint trigger refuse_commit after insert on accounts
deferrable initially deferred for each row execute function refuse_commit()"""
ALLOW_COMMITS = "drop function if exists refuse_commit() cascade"


@pytest.fixture
def database(encore):
    """A function: run SQL in the monolith's database, as its superuser."""

    def execute(sql):
        with encore.system.servers["monolith"].connect("monolith") as connection:
            connection.execute(sql)

    yield execute
    execute(ALLOW_COMMITS)


def register(encore, email):
    account = {"email": email, "password": "correct horse", "name": "Ada"}
    return encore.request("POST", "/api/accounts", json=account).status


def test_people_without_an_account_get_a_mail(encore, database, whole, eventually):
    database(REFUSE_COMMITS)
    answers = [register(encore, email) for email in PEOPLE]
    database(ALLOW_COMMITS)

    eventually(whole.flow.is_settled, within=30)

    stored = {email for (email,) in encore.rows("monolith", "select email from accounts")}
    mailed = [email for email in PEOPLE if email not in stored and encore.mails(to=email)]
    damage = f"{len(mailed)} of {len(PEOPLE)} welcome mails to people without an account"
    print(damage)
    assert (answers, stored & {*PEOPLE}) == ([503] * len(PEOPLE), set())
    assert mailed == PEOPLE, damage
