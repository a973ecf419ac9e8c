"""How long a connection to PostgreSQL lives where the other side has gone silent."""

NETWORK = {
    "connect_timeout": 3,  # seconds, like the next three
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}
# The same at the server: it gives up a session whose machine is gone, with its locks. Keepalives do
# not count while something that was sent is not acknowledged; the timeout does.
SERVER_NETWORK = {
    "tcp_keepalives_idle": 5,
    "tcp_keepalives_interval": 2,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
