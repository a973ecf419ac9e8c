"""What payments does when others publish."""

from monolith.payments import service


def make_customer(session, process, message):
    service.make_customer(
        session,
        process.provider,
        account_id=message.data["id"],
        name=message.data["name"],
    )


TOPICS = ("accounts",)
SNAPSHOTS = False
HANDLERS = {"account.registered": make_customer}
