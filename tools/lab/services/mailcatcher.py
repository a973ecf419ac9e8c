"""A mail server for the lab that keeps every mail and delivers none; it answers Mailpit's two
endpoints for reading, and shows a page."""

import argparse
import asyncio
import email
import email.policy
import sqlite3
import time
import uuid
from datetime import UTC, datetime
from html import escape

from aiohttp import web
from aiosmtpd.smtp import SMTP

SCHEMA = """
create table if not exists mails (
  position integer primary key, id text unique not null, sender text not null,
  recipient text not null, subject text not null,
  created text not null, size integer not null, text text not null);
create index if not exists mails_recipient on mails (recipient, position);
"""
COLUMNS = ("id", "sender", "recipient", "subject", "created", "size", "text")
KNOBS = {"refuse": bool, "hang": bool, "drop_after": int, "recipients": dict}
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.3rem } a { color: inherit } ul { list-style: none; padding: 0 }
li a { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; padding: .6rem .8rem }
li a { border-bottom: 1px solid #8884; text-decoration: none }
li a:hover { background: #8882 } small { opacity: .7 }
pre { white-space: pre-wrap; font: inherit; padding: 1rem; background: #8882; border-radius: .5rem }
"""


class Mails:
    """The mail that came, in one SQLite file, with the knobs for trouble."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript("pragma journal_mode = wal; pragma synchronous = off;" + SCHEMA)
        self.knobs = {"refuse": False, "hang": False, "drop_after": 0, "recipients": {}}

    def keep(self, sender, recipient, content):
        message = email.message_from_bytes(content, policy=email.policy.default)
        body = message.get_body(("plain", "html"))
        row = (
            uuid.uuid4().hex,
            sender,
            recipient,
            str(message["Subject"] or ""),
            _now(),
            len(content),
            body.get_content().replace("\r\n", "\n") if body else "",
        )
        self.db.execute(
            f"insert into mails ({', '.join(COLUMNS)}) values (?, ?, ?, ?, ?, ?, ?)", row
        )  # noqa: S608 - our own names

    def newest(self, limit=50, start=0, to=None):
        where, values = ("where recipient = ? ", [to]) if to else ("", [])
        rows = self.db.execute(
            f"select {', '.join(COLUMNS)} from mails {where}order by position desc limit ? "
            "offset ?",
            (*values, limit, start),
        )  # noqa: S608
        return [dict(zip(COLUMNS, row, strict=True)) for row in rows]

    def find(self, id):
        row = self.db.execute(
            f"select {', '.join(COLUMNS)} from mails where id = ?", (id,)
        ).fetchone()  # noqa: S608
        if row is None:
            raise web.HTTPNotFound(text="There is no such mail.")
        return dict(zip(COLUMNS, row, strict=True))

    def forget_all(self):
        self.db.execute("delete from mails")

    def count(self, to=None):
        return self.db.execute(
            "select count(*) from mails" + (" where recipient = ?" if to else ""),
            [to] if to else [],
        ).fetchone()[0]


def _is_setting(name, value):
    """Whether a knob may have this value; recipients are {address: code of the refusal}."""
    if type(value) is not KNOBS.get(name):
        return False
    return name != "recipients" or all(
        type(code) is int and 400 <= code < 600 for code in value.values()
    )


def _now():
    return (
        datetime.fromtimestamp(time.time(), UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


class Inbox:
    """What the SMTP side does with a mail: keep it, then say so."""

    def __init__(self, mails):
        self.mails = mails

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.mails.knobs["refuse"]:
            return "451 The mail catcher is set to refuse"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if code := self.mails.knobs["recipients"].get(address):
            return f"{code} The mail catcher is set to refuse {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        while self.mails.knobs["hang"]:
            await asyncio.sleep(0.05)
        for recipient in envelope.rcpt_tos:
            self.mails.keep(envelope.mail_from, recipient, envelope.content)
        if self.mails.knobs["drop_after"]:
            self.mails.knobs["drop_after"] -= 1
            server.transport.abort()
        return "250 OK"


# The HTTP side: Mailpit's shapes for programs, a page for people


def _summary(mail):
    return {
        "ID": mail["id"],
        "From": {"Name": "", "Address": mail["sender"]},
        "To": [{"Name": "", "Address": mail["recipient"]}],
        "Subject": mail["subject"],
        "Created": mail["created"],
        "Size": mail["size"],
        "Snippet": " ".join(mail["text"].split())[:250],
    }


class Pages:
    def __init__(self, mails):
        self.mails = mails

    async def messages(self, request):
        return self._list(request, to=None)

    async def forget_all(self, request):
        self.mails.forget_all()
        return web.Response(text="ok")

    async def search(self, request):
        return self._list(request, to=request.query.get("query", "").removeprefix("to:").strip('"'))

    def _list(self, request, to):
        start, limit = int(request.query.get("start", 0)), int(request.query.get("limit", 50))
        found = self.mails.newest(limit, start, to)
        counts = {
            "total": self.mails.count(),
            "messages_count": self.mails.count(to),
            "count": len(found),
            "start": start,
        }
        return web.json_response({**counts, "messages": [_summary(mail) for mail in found]})

    async def message(self, request):
        mail = self.mails.find(request.match_info["id"])
        return web.json_response(
            {**_summary(mail), "Date": mail["created"], "Text": mail["text"], "HTML": ""}
        )

    async def knobs(self, request):
        wanted = await request.json()
        if not all(_is_setting(name, value) for name, value in wanted.items()):
            return web.json_response(
                {"type": "invalid", "detail": f"the knobs are {', '.join(KNOBS)}"}, status=422
            )
        self.mails.knobs |= wanted
        return web.json_response(self.mails.knobs)

    async def live(self, request):
        return web.Response(text="ok")

    async def index(self, request):
        rows = [
            f'<li><a href="message/{mail["id"]}"><b>{escape(mail["subject"]) or "(no subject)"}</b>'
            f"<small>{mail['created'][:19].replace('T', ' ')}</small>"
            f"<span>{escape(mail['recipient'])}</span></a></li>"
            for mail in self.mails.newest()
        ]
        return _page(
            "Mail", f"<h1>{self.mails.count()} mails</h1><ul>{''.join(rows)}</ul>", refresh=True
        )

    async def show(self, request):
        mail = self.mails.find(request.match_info["id"])
        head = (
            f"<p><a href='../'>All mail</a></p><h1>{escape(mail['subject'])}</h1><p><small>to "
            f"{escape(mail['recipient'])}, {mail['created']}</small></p>"
        )
        return _page(mail["subject"], head + f"<pre>{escape(mail['text'])}</pre>")


def _page(title, body, refresh=False):
    again = '<meta http-equiv="refresh" content="3">' if refresh else ""
    head = (
        '<meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width">{again}<title>{escape(title)}</title><style>{STYLE}</style>'
    )
    return web.Response(
        text=f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>',
        content_type="text/html",
    )


def application(mails, host, smtp_port):
    app, pages = web.Application(), Pages(mails)
    app.router.add_get("/", pages.index)
    app.router.add_get("/message/{id}", pages.show)
    app.router.add_get("/livez", pages.live)
    app.router.add_get("/api/v1/messages", pages.messages)
    app.router.add_delete("/api/v1/messages", pages.forget_all)
    app.router.add_get("/api/v1/search", pages.search)
    app.router.add_get("/api/v1/message/{id}", pages.message)
    app.router.add_patch("/_knobs", pages.knobs)

    async def smtp(app):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(Inbox(mails), enable_SMTPUTF8=True, hostname="encore-lab", loop=loop),
            host,
            smtp_port,
        )
        yield
        server.close()

    app.cleanup_ctx.append(smtp)
    return app


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--smtp-port", type=int, required=True)
    options.add_argument("--http-port", type=int, required=True)
    options.add_argument("--database", required=True, help="the SQLite file that keeps the mail")
    given = options.parse_args()
    app = application(Mails(given.database), given.host, given.smtp_port)
    web.run_app(
        app, host=given.host, port=given.http_port, print=None, shutdown_timeout=1, access_log=None
    )
