"""Whatever is sent, the answer is one that the document names: requests made up by schemathesis, against the running system."""

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
# Not among them: positive_data_acceptance, since a request that fits its schema may name a seat that is taken; ignored_auth and
# unsupported_method, which tests/monolith/test_web.py holds; and those that follow links, of which the document has none.
HELD = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]


def without_security(document):
    """The document for somebody whose cookie we choose: schemathesis must not leave it out and then expect a refusal."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
    return document


schema = schemathesis.openapi.from_dict(without_security(yaml.safe_load(Path("docs/openapi.yaml").read_text())))


@pytest.fixture
def cookie(shared_encore, who):
    """The Cookie header of nobody, or of an organiser, who may do all that a customer may; signed in anew for each operation."""
    return {} if who == "stranger" else {"Cookie": shared_encore.sign_in(f"{who}@encore.example").cookie}


@pytest.mark.parametrize("who", ["stranger", "organiser"])
@schema.include(path_regex="^/api/").parametrize()
@BOUNDED
def test_every_answer_is_one_that_the_document_names(case, shared_encore, cookie):
    answer = case.call(base_url=shared_encore.url, headers=cookie, timeout=30)

    case.validate_response(answer, checks=HELD)
