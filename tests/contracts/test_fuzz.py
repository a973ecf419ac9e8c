"""schemathesis generates requests to the running system; the document describes every answer."""

from pathlib import Path

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

BOUNDED = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# Not included: positive_data_acceptance (a valid request may name a taken seat); ignored_auth and
# unsupported_method (see tests/monolith/test_http.py); checks of links (the document has none).
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]


def without_security(document):
    """The document without its security rules, so that schemathesis always sends our cookie."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
    return document


schema = schemathesis.openapi.from_dict(
    without_security(yaml.safe_load(Path("docs/openapi.yaml").read_text()))
)


@pytest.fixture
def cookie(shared_encore, role):
    """The Cookie header: none for a stranger, a new session for an organiser."""
    return (
        {}
        if role == "stranger"
        else {"Cookie": shared_encore.sign_in(f"{role}@encore.example").cookie}
    )


@pytest.mark.parametrize("role", ["stranger", "organiser"])
@schema.include(path_regex="^/api/").parametrize()
@BOUNDED
def test_every_answer_is_described_by_the_document(case, shared_encore, cookie):
    answer = case.call(base_url=shared_encore.url, headers=cookie, timeout=30)

    case.validate_response(answer, checks=CHECKS)
