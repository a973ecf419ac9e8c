"""The ids of the sample data: the same numbers give the same ids in every service."""

import uuid

FAN = "fan@encore.example"
ORGANISER = "organiser@encore.example"


def id_of(seed, kind, *which):
    """The id of a thing of the sample with this seed number."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:encore:{seed}:{kind}:{which}").hex


def account_id(seed, email):
    """The id of the sample's account with this address."""
    return id_of(seed, "account", email)


def customers(accounts):
    """The addresses of those who buy, the fan's first; accounts counts the organiser, too."""
    return [FAN, *(f"customer{number}@encore.example" for number in range(3, accounts + 1))]
