import pytest

from kit import checks, paging


def refusal(check, value):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the test reads its text
        check(value)
    return str(refused.value)


@pytest.mark.parametrize(
    "value", ["a\0b", "\ud800", 7, None, [], checks.MISSING, "", "   ", "x" * 201]
)
def test_text_is_a_valid_string_within_limits(value):
    assert refusal(checks.text(), value)


def test_text_is_trimmed_but_passwords_are_not():
    assert checks.text()("  Ada  ") == "Ada"
    assert checks.text(trimmed=False)("  pass  word") == "  pass  word"


@pytest.mark.parametrize("character", "\n\r\t\v\f\0\x1b\x1c\x7f\x85\u2028\u2029")
@pytest.mark.parametrize("value", ["Late{}Show", "Late Show{}", "{}Late Show"])
def test_a_line_holds_no_break_and_no_control_character(value, character):
    assert refusal(checks.line, value.format(character))


def test_a_line_may_hold_any_letter_and_sign():
    for value in ("Zoë & the ×2", "مساء الخير", "👩‍🎤 Late\u00a0Show", "x" * 200):
        assert checks.line(value) == value
    assert refusal(checks.line, "x" * 201)
    assert refusal(checks.line, checks.MISSING)


@pytest.mark.parametrize(
    "value",
    [
        "fan",
        "fan@",
        "@encore.example",
        "fan@encore example",
        "fan@-x.example",
        "fan\n@x.example",
        "ü@x.example",
        "=?utf-8?q?a?=@x.example",
    ],
)
def test_an_email_address_has_the_right_form(value):
    assert refusal(checks.email, value) == "is not an e-mail address"


@pytest.mark.parametrize("value", [True, 1.0, "1", -1, 11, None])
def test_a_whole_number_is_an_integer_in_range(value):
    assert refusal(checks.whole(0, 10), value)


@pytest.mark.parametrize("value", ["", "-1", "0", "101", "1e1", "٣", "9" * 5000])
def test_digits_are_ascii_and_within_bounds(value):
    assert refusal(checks.digits(1, 100), value)


@pytest.mark.parametrize(
    "value",
    [
        "2030-06-01",
        "2030-06-01T19:30:00",
        "2030-06-01T19:30:00+01:00",
        "2030-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "٢030-06-01T19:30:00Z",
    ],
)
def test_a_time_is_iso_8601_with_a_z(value):
    assert refusal(checks.moment, value)


def test_a_time_can_be_read_and_written_back():
    assert checks.as_text(checks.moment("2030-06-01T19:30:00Z")) == "2030-06-01T19:30:00Z"
    assert checks.as_text(checks.moment("2030-06-01T19:30:00.25Z")) == "2030-06-01T19:30:00.250000Z"


def test_a_cursor_can_be_written_and_read_back():
    read = paging.cursor(checks.moment, checks.identifier)

    assert read(paging.write_cursor("2030-06-01T19:30:00Z", "abc"))[1] == "abc"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "abc",
        "é",
        paging.write_cursor("abc"),
        paging.write_cursor(1, "abc"),
        paging.write_cursor("2030-06-01T19:30:00Z", "a\0"),
        "e30=",
        "[" * 9000,
    ],
)
def test_a_cursor_of_another_list_is_refused(value):
    assert (
        refusal(paging.cursor(checks.moment, checks.identifier), value)
        == "is not a cursor of this list"
    )


def test_all_wrong_fields_are_named_at_once():
    values, errors = checks.check(
        {"name": "", "colour": "red"}, {"name": checks.text(), "email": checks.email}
    )

    assert values == {}
    assert sorted(field for field, _ in errors) == ["colour", "email", "name"]
