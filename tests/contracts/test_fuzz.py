"""Whatever is sent, the answer is one that the document names: requests made up by schemathesis, against the running system."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS

BOUNDED = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
EXCLUDED = {
    "ignored_auth",  # asks with its own credentials: the routes without a session are asked as a stranger here
    "positive_data_acceptance",  # a request that fits its schema may name a seat that is taken, or a venue that is not there
    "use_after_free",  # follows links, which the document has none of
    "ensure_resource_availability",
    "missing_required_header",  # Idempotency-Key is optional
    "unsupported_method",  # tests/monolith/test_web.py holds 405 and its Allow
}


@pytest.fixture(scope="module")
def cookies(encore_for_module):
    """The Cookie header of nobody, of a customer and of an organiser."""
    signed_in = {name: encore_for_module.sign_in(f"{name}@encore.example").cookie for name in ("fan", "organiser")}
    return {"stranger": None, **signed_in}


@pytest.fixture(scope="module")
def contract(encore_for_module):
    return schemathesis.openapi.from_path("docs/openapi.yaml").configure(base_url=encore_for_module.url) if False else encore_for_module.url


schema = schemathesis.openapi.from_path("docs/openapi.yaml")


@pytest.mark.parametrize("who", ["stranger", "fan", "organiser"])
@schema.parametrize()
@BOUNDED
def test_no_request_finds_an_answer_that_is_not_documented(case, who, contract, cookies):
    headers = {"Cookie": cookies[who]} if cookies[who] else {}

    answer = case.call(base_url=contract, headers=headers, timeout=30)

    assert answer.status_code < 500
    case.validate_response(answer, excluded_checks=[CHECKS.get_one(name) for name in EXCLUDED if name in CHECKS.get_all_names()])
