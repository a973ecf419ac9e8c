from flask import Blueprint, Response, jsonify, request

from kit import checks
from kit.access import caller, public, signed_in
from kit.process import this_process
from kit.request import fields
from kit.tokens import COOKIE
from monolith.accounts import service, sessions
from monolith.accounts.sessions import SESSION_FOR

bp = Blueprint("accounts", __name__)
PASSWORD = checks.text(low=8, high=128, trimmed=False)


@bp.post("/api/accounts")
@public()
def register():
    process = this_process()
    body = fields(email=checks.email, password=PASSWORD, name=checks.line)
    with process.db.accounts.transaction() as session:
        return service.register(session, now=process.clock(), **body).as_json(), 201


@bp.post("/api/sessions")
@public()
def sign_in():
    process = this_process()
    body = fields(email=checks.email, password=PASSWORD)
    with process.db.accounts.reading() as session:
        account = service.sign_in(session, **body)
    token = process.signer.issue(account, process.clock())
    answer = jsonify(account_id=account.id, name=account.name, role=account.role)
    answer.set_cookie(COOKIE, token, max_age=SESSION_FOR, **_cookie_options())
    return answer, 201


@bp.delete("/api/sessions")
@signed_in()
def sign_out():
    with this_process().db.accounts.transaction() as session:
        sessions.end(session, caller().sid, caller().expires_at)
    answer = Response(status=204)
    answer.delete_cookie(COOKIE, **_cookie_options())
    return answer


def _cookie_options():
    return {"httponly": True, "samesite": "Lax", "secure": request.is_secure}


@bp.get("/api/accounts/me")
@signed_in()
def me():
    with this_process().db.accounts.reading() as session:
        account = service.find(session, caller().account_id)
        return {**account.as_json(), "role": account.role}
