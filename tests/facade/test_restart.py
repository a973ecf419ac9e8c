"""Stopping without a failed request: not ready, nothing more sent, a pause, SIGTERM."""

import threading


def test_a_restart_under_load_fails_no_request(encore):
    serving, failed, asked, done = encore.request("GET", "/api/events").headers["X-Served-By"], [], [], threading.Event()

    def visit(number):
        client = encore.client()
        while not done.is_set():
            new = {"email": f"visitor{number}.{len(asked)}@encore.example", "password": "correct horse", "name": "Visitor"}
            for answer in (client.request("GET", "/api/events"), client.request("POST", "/api/accounts", json=new)):
                asked.append(answer.status)
                if answer.status not in (200, 201):
                    failed.append((answer.status, answer.text))

    visitors = [threading.Thread(target=visit, args=[number]) for number in range(4)]
    for visitor in visitors:
        visitor.start()
    encore.restart(serving)
    before = len(asked)
    while len(asked) < before + 20:
        encore.request("GET", "/api/venues")
    done.set()
    for visitor in visitors:
        visitor.join(30)

    assert failed == []
