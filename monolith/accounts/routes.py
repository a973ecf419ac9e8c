import secrets

from flask import Blueprint, Response, jsonify, request

from kit import checks
from kit.access import caller, public, signed_in
from kit.process import this_process
from kit.request import fields
from monolith.accounts import service
from monolith.accounts.model import Account
from monolith.accounts.sessions import SESSION_FOR

bp = Blueprint("accounts", __name__)
COOKIE = "encore_session"
PASSWORD = checks.text(low=8, high=128, trimmed=False)


def identify():
    """The session that the cookie of this request belongs to, or None."""
    process = this_process()
    found = process.memory.sessions.find(request.cookies.get(COOKIE), now=process.clock())
    if found is None:
        return None
    with process.db.accounts.reading() as session:
        return found if service.exists(session, found.account_id) else None


@bp.post("/api/accounts")
@public()
def register():
    process = this_process()
    body = fields(email=checks.email, password=PASSWORD, name=checks.line)
    with process.db.monolith.transaction() as session:
        account = service.register(
            session,
            **body,
            now=process.clock(),
            provider=process.provider,
            mailer=process.mailer,
            similarity=process.memory.similarity,
        )
        return account.as_json(), 201


@bp.post("/api/sessions")
@public()
def sign_in():
    process = this_process()
    body = fields(email=checks.email, password=PASSWORD)
    with process.db.accounts.reading() as session:
        account = service.sign_in(session, **body)
    token = secrets.token_urlsafe(32)
    process.memory.sessions.open(token, account, process.clock())
    answer = jsonify(account_id=account.id, name=account.name, role=account.role)
    answer.set_cookie(COOKIE, token, max_age=SESSION_FOR, **_cookie_options())
    return answer, 201


@bp.delete("/api/sessions")
@signed_in()
def sign_out():
    this_process().memory.sessions.close(request.cookies[COOKIE])
    answer = Response(status=204)
    answer.delete_cookie(COOKIE, **_cookie_options())
    return answer


def _cookie_options():
    return {"httponly": True, "samesite": "Lax", "secure": request.is_secure}


@bp.get("/api/accounts/me")
@signed_in()
def me():
    with this_process().db.accounts.reading() as session:
        account = session.get_one(Account, caller().account_id)
        return {**account.as_json(), "role": account.role}
