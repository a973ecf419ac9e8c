"""A restart of one instance fails no request: not ready, no new requests, a pause, then SIGTERM.
Another one answers meanwhile, so it does not matter how long the start takes."""

import threading


def test_a_restart_under_load_fails_no_request(encore_of):
    encore = encore_of(web=2)
    serving, failed, statuses, done = (
        encore.request("GET", "/api/events").headers["X-Served-By"],
        [],
        [],
        threading.Event(),
    )

    def visit(number):
        client = encore.client()
        while not done.is_set():
            new = {
                "email": f"visitor{number}.{len(statuses)}@encore.example",
                "password": "correct horse",
                "name": "Visitor",
            }
            for answer in (
                client.request("GET", "/api/events"),
                client.request("POST", "/api/accounts", json=new),
            ):
                statuses.append(answer.status)
                if answer.status not in (200, 201):
                    failed.append((answer.status, answer.text))

    visitors = [threading.Thread(target=visit, args=[number]) for number in range(4)]
    for visitor in visitors:
        visitor.start()
    encore.restart(serving)
    before = len(statuses)
    while len(statuses) < before + 20:
        encore.request("GET", "/api/venues")
    done.set()
    for visitor in visitors:
        visitor.join(30)

    assert failed == []
