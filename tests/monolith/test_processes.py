"""Who knows what: web processes know no Kafka, and what is said and heard needs no more rights than its part has."""

import subprocess
import sys

from tools.lab.tree import HERE


def test_a_web_process_imports_no_kafka_client():
    asked = "import sys, monolith.app, monolith.serve; print([name for name in sys.modules if name.split('.')[0] == 'kafka'])"
    environment = {"PYTHONPATH": str(HERE.path), "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c", **SETTINGS}

    done = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_worker_without_kafkas_address_says_so_in_one_line():
    for module in ("monolith.worker", "extracted.kit.relay", "extracted.notifications.worker"):
        environment = {"PYTHONPATH": str(HERE.path), "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c", **SETTINGS}

        done = subprocess.run([sys.executable, "-m", module], env=environment, capture_output=True, text=True)

        assert (done.returncode, done.stderr) == (2, "encore: KAFKA_BOOTSTRAP_SERVERS is not set (see docs/settings.md)\n")


SETTINGS = {
    "SMTP_URL": "smtp://127.0.0.1:1",
    "STRIPE_API_KEY": "sk_test_sandbox",
    "SESSION_KEY": "sandbox:YSBzYW5kYm94IGtleSwgbm90IGZvciByZWFsIHNob3A=",
    "SESSION_PUBLIC_KEYS": "sandbox:90nBn2wtcAaltJybz8tgr72wzfyW2UOSCVFQUtWjkcc=",
}
