"""What a request holds: its body and its query, read once and checked as a whole."""

import json

from flask import g, request
from werkzeug.exceptions import RequestEntityTooLarge

from kit import checks
from kit.http import LARGEST_BODY, Problem
from kit.refusals import Invalid


def read_body(*, needed):
    """The body as a dict; {} where there is none and none is needed."""
    request.max_content_length = LARGEST_BODY + 1  # one byte more: of chunks, no more are read
    data = request.get_data()
    if len(data) > LARGEST_BODY:
        raise RequestEntityTooLarge
    if not data and not needed:
        return {}
    try:
        body = json.loads(data.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Problem("malformed", "The body must be a JSON object.")
    if request.mimetype != "application/json":
        raise Problem("unsupported-media-type", "The body must be sent as application/json.")
    return body


def _refuse_constant(constant):
    raise ValueError(f"{constant} is not JSON")


def fields(also=lambda values: [], **field_checks):
    """The fields of the body, each checked; Invalid names all that are wrong.

    also(values) gets the good values, and answers further errors as (field, what is wrong)."""
    values, errors = checks.check(g.body, field_checks)
    errors += also(values)
    if errors:
        raise Invalid(errors)
    return values


def query(**parameter_checks):
    """The parameters of the query, each checked; unknown ones are ignored."""
    sent = {name: value for name, value in request.args.items() if name in parameter_checks}
    values, errors = checks.check(sent, parameter_checks)
    if errors:
        raise Invalid(errors)
    return values


def field_if_valid(name, field_check):
    """One field of the body, or None where it does not pass its check.

    For a lookup whose NotFound must come before the errors in the fields."""
    sent = {name: g.body[name]} if name in g.body else {}
    values, _ = checks.check(sent, {name: field_check})
    return values.get(name)
