"""Lists in pages: `limit` is the length of a page, `after` the cursor where the last one ended."""

import base64
import binascii
import json

from kit import checks


def paging(*position):
    """The checks for a list's limit and after; position has the checks for a cursor's parts."""
    return {
        "limit": checks.optional(checks.digits(1, 100), 20),
        "after": checks.optional(cursor(*position)),
    }


def page(rows, limit, render, position):
    """One page as JSON; rows has one more than limit if another page follows.

    render(row) is an item, position(row) the values that its cursor is made of."""
    more = len(rows) > limit
    return {
        "items": [render(row) for row in rows[:limit]],
        "next": write_cursor(*position(rows[limit - 1])) if more else None,
    }


def write_cursor(*position):
    """The cursor of a position, as URL-safe text."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def cursor(*position_checks):
    """A check: the position that write_cursor made a text of, each value checked."""

    def checked(value):
        try:
            position = json.loads(base64.b64decode(value.encode(), altchars=b"-_", validate=True))
            if not isinstance(position, list):
                raise ValueError
            return [check(part) for check, part in zip(position_checks, position, strict=True)]
        except (ValueError, binascii.Error, RecursionError):
            raise ValueError("is not a cursor of this list") from None

    return checked
