"""What the processes depend on: web processes know neither Kafka nor the payment provider."""

import subprocess
import sys

import pytest

from tools.lab.ground.tree import HERE


@pytest.mark.parametrize(
    "package",
    [
        "monolith",
        "extracted.accounts",
        "extracted.bookings",
        "extracted.payments",
        "extracted.recommendations",
    ],
)
def test_a_web_process_imports_no_client_of_kafka_or_stripe(package):
    code = (
        f"import sys, {package}.app, {package}.serve; "
        "print([name for name in sys.modules if name.split('.')[0] in ('kafka', 'stripe')])"
    )
    environment = {
        "PYTHONPATH": str(HERE.path),
        "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c",
        **SETTINGS,
    }

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_a_missing_kafka_address_is_reported_in_one_line():
    for module in WORKERS:
        environment = {
            "PYTHONPATH": str(HERE.path),
            "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c",
            **SETTINGS,
        }

        done = subprocess.run(
            [sys.executable, "-m", module], env=environment, capture_output=True, text=True
        )

        assert (done.returncode, done.stderr) == (
            2,
            "encore: KAFKA_BOOTSTRAP_SERVERS is not set (see docs/settings.md)\n",
        )


WORKERS = (
    "monolith.worker",
    "kit.relay",
    "extracted.bookings.worker",
    "extracted.notifications.worker",
    "extracted.payments.worker",
    "extracted.recommendations.worker",
)
SETTINGS = {
    "SMTP_URL": "smtp://127.0.0.1:1",
    "STRIPE_API_KEY": "sk_test_sandbox",
    "SESSION_KEY": "sandbox:YSBzYW5kYm94IGtleSwgbm90IGZvciByZWFsIHNob3A=",
    "SESSION_PUBLIC_KEYS": "sandbox:90nBn2wtcAaltJybz8tgr72wzfyW2UOSCVFQUtWjkcc=",
}
