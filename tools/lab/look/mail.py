"""The mail catcher's mail, for tests and for the terminal."""

import json
import urllib.parse
import urllib.request

from rich.markup import escape
from rich.table import Table

from tools.lab.ground.failed import Failed


def read(url, path):
    with urllib.request.urlopen(url + path, timeout=10) as answer:
        return json.load(answer)


def messages(url, to=None, limit=50):
    """The newest mails, as Mailpit lists them."""
    query = {"limit": limit, **({"query": f'to:"{to}"'} if to else {})}
    return read(url, f"/api/v1/{'search' if to else 'messages'}?{urllib.parse.urlencode(query)}")[
        "messages"
    ]


def mails(url, to=None):
    """[{subject, to, text}], oldest first; none if the catcher does not answer."""
    try:
        found = messages(url, to, limit=1000)
        return [
            {
                "subject": mail["Subject"],
                "to": mail["To"][0]["Address"],
                "text": read(url, f"/api/v1/message/{mail['ID']}")["Text"],
            }
            for mail in found
        ][::-1]
    except OSError:
        return []


def clear(url):
    """Delete all mail of the catcher."""
    request = urllib.request.Request(f"{url}/api/v1/messages", method="DELETE")
    urllib.request.urlopen(request, timeout=10).close()


def show(out, url, id, to):
    if not url:
        raise Failed("the mail goes to the server of SMTP_URL, which ./lab cannot read")
    found = messages(url, to)
    if id is None:
        table = Table("id", "when", "to", "subject", box=None)
        for mail in found:
            table.add_row(
                mail["ID"][:8],
                mail["Created"][:19].replace("T", " "),
                escape(mail["To"][0]["Address"]),
                escape(mail["Subject"]),
            )
        out.print(table)
        return
    named = [mail for mail in found if mail["ID"].startswith(id)]
    if len(named) != 1:
        raise Failed(f"{len(named)} mails begin with {id}", 2)
    out.print(f"To: {named[0]['To'][0]['Address']}\nSubject: {named[0]['Subject']}\n", markup=False)
    out.print(read(url, f"/api/v1/message/{named[0]['ID']}")["Text"], markup=False)
