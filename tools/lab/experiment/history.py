"""What happened to the bookings and holds that a run has harmed."""

import re

HARMED = re.compile(r"\b(?:booking|hold) ([0-9a-f][0-9a-f-]{7,})", re.IGNORECASE)
SHOWN = 5


def histories(settings, broken):
    """{id: lines of its rows and messages} of the first bookings and holds that violations name."""
    lines = [line for violations in broken.values() for line in violations]
    found = dict.fromkeys(id for line in lines for id in HARMED.findall(line))
    return {id: history(settings, id) for id in list(found)[:SHOWN]}


def history(settings, booking):
    """The rows and messages that name a booking or a hold, in the system with these settings."""
    from tools.lab.look import trace  # Kafka's client takes a while to import

    rows = [
        f"{owner}, {table}: {trace.brief(row, booking)}"
        for owner, table, row in trace.rows(settings, booking)
    ]
    messages = [
        f"{topic}, {each['headers'].get('ce_time', '')[11:23]}, {each['type']}: "
        f"{trace.brief(each['data'], booking)}"
        for topic, each in trace.messages_of(settings, booking)
    ]
    return [*rows, *messages] or ["no row and no message names it"]
