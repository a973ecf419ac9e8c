"""Variables that belong to other tools do not reach the processes that the lab starts."""

import json

import pytest

from tools.lab.ground import environment
from tools.lab.ground.tree import HERE
from tools.lab.ground.waiting import free_port

OF_OTHERS = {
    "FLASK_DEBUG": "1",
    "GUNICORN_CMD_ARGS": "--workers nonsense",
    "HOST": "x86_64-conda-linux-gnu",
    "JAVA_TOOL_OPTIONS": "-javaagent:nowhere.jar",
    "JDK_JAVA_OPTIONS": "--nonsense",
    "KAFKA_HEAP_OPTS": "-Xmx1m",
    "LC_ALL": "C",
    "PGSSLMODE": "require",
    "PGSERVICE": "nonsense",
    "PORT": "1",
    "PYTHONWARNINGS": "error",
    "WEB_CONCURRENCY": "nonsense",
}
SHOW = (
    "web: sh -c 'env > environment; exec python web.py'",
    "worker: sh -c 'env > worker; sleep 1000'",
)


def variables(path):
    return dict(line.partition("=")[::2] for line in path.read_text().splitlines())


def test_a_system_starts_and_charges_beside_the_variables_of_other_tools(make_lab):
    lab = make_lab(*SHOW)
    lab.environment |= OF_OTHERS

    lab.up()

    seen = variables(lab.path / "environment") | variables(lab.path / "worker")
    assert {name: seen[name] for name in OF_OTHERS if name in seen and name != "PORT"} == {}
    assert seen["LANG"] == "C.UTF-8"


@pytest.mark.parametrize("no_proxy", ["", "localhost", "example.org,localhost"])
def test_a_proxy_is_not_used_for_the_loopback_address(make_lab, no_proxy):
    lab = make_lab(*SHOW)
    nowhere = f"http://127.0.0.1:{free_port()}"
    names = (*environment.PROXIES, *map(str.upper, environment.PROXIES))
    lab.environment |= dict.fromkeys(names, nowhere)
    lab.environment |= {"no_proxy": no_proxy} if no_proxy else {}

    lab.up()

    assert lab("mail").returncode == 0
    assert variables(lab.path / "environment")["no_proxy"].split(",")[-2:] == [
        *(["localhost", "127.0.0.1"] if no_proxy else ["127.0.0.1", "localhost"])
    ]


def test_a_list_that_names_every_address_stays_as_it_is():
    assert environment.without_proxy({"NO_PROXY": "*"}) == {"no_proxy": "*", "NO_PROXY": "*"}


def test_the_documented_settings_reach_the_processes(make_lab):
    lab = make_lab(*SHOW)
    (lab.path / "docs").mkdir()
    (lab.path / "docs" / "settings.md").write_text("| `COLOUR` | `red` | Its colour. |\n")
    lab.environment |= {"COLOUR": "green", "SHAPE": "round"}

    lab.up()

    seen = variables(lab.path / "environment")
    assert (seen["COLOUR"], seen.get("SHAPE")) == ("green", None)


def test_every_setting_of_the_shop_is_known():
    assert {"HOLD_SECONDS", "THREADS", "SMTP_URL", "LOG_LEVEL"} <= set(HERE.settings)
    assert not {"HOST", "PORT", "INSTANCE"} & set(HERE.settings)


def test_the_environment_of_the_tests_has_no_defaults_for_libraries():
    found = {"PGSSLMODE": "require", "FLASK_DEBUG": "1", "CI": "true"}

    environment.clean(found)

    assert json.dumps(found, sort_keys=True) == json.dumps(
        {"CI": "true", "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    )
