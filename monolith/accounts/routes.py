from flask import Blueprint, Response, g, jsonify, request

from monolith import fields as checks
from monolith.accounts import service, sessions
from monolith.accounts.sessions import SESSION_FOR
from monolith.process import this_process
from monolith.web import customer, fields, public, signed_in

bp = Blueprint("accounts", __name__)
COOKIE = "encore_session"


@bp.post("/api/accounts")
@public()
def register():
    process = this_process()
    body = fields(email=checks.email, password=checks.password, name=checks.text())
    with process.db.transaction("accounts") as session:
        return service.register(session, now=process.clock(), **body).as_json(), 201


@bp.post("/api/sessions")
@public()
def sign_in():
    process = this_process()
    body = fields(email=checks.email, password=checks.password)
    with process.db.reading("accounts") as session:
        account = service.sign_in(session, **body)
    token = process.tokens.issue(account, process.clock())
    answer = jsonify(account_id=account.id, name=account.name, role=account.role)
    answer.set_cookie(COOKIE, token, max_age=SESSION_FOR, httponly=True, samesite="Lax", secure=request.is_secure)
    return answer, 201


@bp.delete("/api/sessions")
@customer()
def sign_out():
    with this_process().db.transaction("accounts") as session:
        sessions.end(session, g.session)
    answer = Response(status=204)
    answer.delete_cookie(COOKIE, httponly=True, samesite="Lax", secure=request.is_secure)
    return answer


@bp.get("/api/accounts/me")
@customer()
def me():
    with this_process().db.reading("accounts") as session:
        account = service.find(session, signed_in())
        return {**account.as_json(), "role": account.role}
