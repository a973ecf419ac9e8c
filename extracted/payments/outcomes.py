"""What the payment provider's answers mean to the service. A process that never asks the provider
does not load its client."""

from dataclasses import dataclass

from kit.failures import TryLater


@dataclass(frozen=True)
class Charge:
    """The outcome of a charge; id is the provider's payment intent, if it made one."""

    id: str | None
    succeeded: bool


class UnknownCustomer(TryLater):
    """The provider does not know the customer."""
