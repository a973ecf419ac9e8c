"""The environment of the processes that the lab starts. Variables that belong to other tools stay
out of it, so that they cannot change what a process does."""

import sys

USUAL = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH")
# for addresses outside this machine, such as Stripe's test mode; a proxy is never used for our own
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PASSED_ON = (*USUAL, *PROXIES, *map(str.upper, PROXIES), *CERTIFICATES)
# paths with any character need it; a locale of the user may lack it
UTF8 = {"LANG": "C.UTF-8", "PYTHONUTF8": "1"}
NO_PROXY = ("no_proxy", "NO_PROXY")
LOOPBACK = ("127.0.0.1", "localhost")
OF_LIBRARIES = ("PG", "FLASK_", "GUNICORN_")


def for_processes(given, settings=()):
    """What the processes of a system get of a given environment: what every program needs, and
    the values of these settings."""
    names = (*PASSED_ON, *settings)
    found = {name: given[name] for name in names if name in given}
    cache = {"PYTHONPYCACHEPREFIX": sys.pycache_prefix} if sys.pycache_prefix else {}
    return {**found, **without_proxy(given), **cache, **UTF8}


def without_proxy(given):
    """The variables with which HTTP clients use no proxy for the loopback address."""
    named = next((given[name] for name in NO_PROXY if given.get(name)), "")
    if named.strip() == "*":  # this stands for every address only if it is alone
        return dict.fromkeys(NO_PROXY, "*")
    names = [name.strip() for name in named.split(",") if name.strip()]
    names += [name for name in LOOPBACK if name not in names]
    return dict.fromkeys(NO_PROXY, ",".join(names))


def clean(environ):
    """Change the environment of the lab itself, and of the tests and commands that it runs: no
    proxy for the loopback address, and no defaults for the libraries that the system uses."""
    environ.update(without_proxy(environ))
    for name in [name for name in environ if name.startswith(OF_LIBRARIES)]:
        del environ[name]
