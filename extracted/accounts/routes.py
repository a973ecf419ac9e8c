from flask import Blueprint, Response, jsonify, request

from extracted.accounts import fence, service, sessions
from extracted.accounts.sessions import SESSION_FOR
from kit import checks
from kit.access import caller, public, signed_in
from kit.process import this_process
from kit.request import fields
from kit.tokens import COOKIE

bp = Blueprint("accounts", __name__)
PASSWORD = checks.text(low=8, high=128, trimmed=False)


@bp.before_request
def wait_at_the_fence():
    """Let a request wait until the move has brought the rows. With a session, caller() has waited
    already, while it looked the session up."""
    if caller() is None:
        fence.wait_until_open(this_process())


@bp.post("/api/accounts")
@public()
def register():
    process = this_process()
    body = fields(email=checks.email, password=PASSWORD, name=checks.line)
    with process.database.transaction() as session:
        return service.register(session, now=process.clock(), **body).as_json(), 201


@bp.post("/api/sessions")
@public()
def sign_in():
    process = this_process()
    body = fields(email=checks.email, password=PASSWORD)
    with process.database.reading() as session:
        account = service.sign_in(session, **body)
    token = process.signer.issue(account, process.clock())
    answer = jsonify(account_id=account.id, name=account.name, role=account.role)
    answer.set_cookie(COOKIE, token, max_age=SESSION_FOR, **_cookie_options())
    return answer, 201


@bp.delete("/api/sessions")
@signed_in()
def sign_out():
    with this_process().database.transaction() as session:
        sessions.end(session, caller().sid, caller().expires_at)
    answer = Response(status=204)
    answer.delete_cookie(COOKIE, **_cookie_options())
    return answer


def _cookie_options():
    return {"httponly": True, "samesite": "Lax", "secure": request.is_secure}


@bp.get("/api/accounts/me")
@signed_in()
def me():
    with this_process().database.reading() as session:
        account = service.find(session, caller().account_id)
        return {**account.as_json(), "role": account.role}
