"""What payments does about what others say."""

from monolith.payments import service


def make_customer(session, process, message):
    service.make_customer(session, process, account_id=message.data["id"], name=message.data["name"])


TOPICS = ("accounts",)
ANNOUNCED = False
HANDLERS = {"account.registered": make_customer}
