import pytest

from monolith import fields


def refusal(check, value):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - its text is the point
        check(value)
    return str(refused.value)


@pytest.mark.parametrize("value", ["a\0b", "\ud800", 7, None, [], fields.MISSING, "", "   ", "x" * 201])
def test_text_is_a_storable_string_of_the_right_length(value):
    assert refusal(fields.text(), value)


def test_text_is_trimmed_and_a_password_is_not():
    assert fields.text()("  Ada  ") == "Ada"
    assert fields.password("  pass  word") == "  pass  word"


@pytest.mark.parametrize(
    "value", ["fan", "fan@", "@encore.example", "fan@encore example", "fan@-x.example", "fan\n@x.example", "ü@x.example", "=?utf-8?q?a?=@x.example"]
)
def test_an_email_address_looks_like_one(value):
    assert refusal(fields.email, value) == "is not an e-mail address"


@pytest.mark.parametrize("value", [True, 1.0, "1", -1, 11, None])
def test_a_whole_number_is_one(value):
    assert refusal(fields.whole(0, 10), value)


@pytest.mark.parametrize("value", ["", "-1", "0", "101", "1e1", "٣", "9" * 5000])
def test_digits_are_ascii_and_within_bounds(value):
    assert refusal(fields.digits(1, 100), value)


@pytest.mark.parametrize(
    "value", ["2030-06-01", "2030-06-01T19:30:00", "2030-06-01T19:30:00+01:00", "2030-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "٢030-06-01T19:30:00Z"]
)
def test_a_moment_is_iso_8601_with_a_z(value):
    assert refusal(fields.moment, value)


def test_a_moment_is_written_as_it_was_read():
    assert fields.as_text(fields.moment("2030-06-01T19:30:00Z")) == "2030-06-01T19:30:00Z"
    assert fields.as_text(fields.moment("2030-06-01T19:30:00.25Z")) == "2030-06-01T19:30:00.250000Z"


def test_a_cursor_is_read_as_it_was_written():
    read = fields.cursor(fields.moment, fields.identifier)

    assert read(fields.write_cursor("2030-06-01T19:30:00Z", "abc"))[1] == "abc"


@pytest.mark.parametrize(
    "value", ["", "abc", "é", fields.write_cursor("abc"), fields.write_cursor(1, "abc"), fields.write_cursor("2030-06-01T19:30:00Z", "a\0"), "e30=", "[" * 9000]
)
def test_a_cursor_that_is_not_ours_is_refused(value):
    assert refusal(fields.cursor(fields.moment, fields.identifier), value) == "is not a cursor of this list"


def test_all_wrong_fields_are_named_at_once():
    values, errors = fields.check({"name": "", "colour": "red"}, {"name": fields.text(), "email": fields.email})

    assert values == {}
    assert sorted(field for field, _ in errors) == ["colour", "email", "name"]
