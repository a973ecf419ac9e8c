"""The one exception whose message is all that the terminal shows."""


class Failed(Exception):
    """What was asked for could not be done; exit_code is for the shell."""

    def __init__(self, message, exit_code=1):
        super().__init__(message)
        self.exit_code = exit_code
