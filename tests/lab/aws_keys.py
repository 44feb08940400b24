"""The access keys of a make-believe AWS, and who they belong to."""

import secrets
import threading
from datetime import timedelta

from aws_signature import Key

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def identifier(prefix, length=16):
    """An id in AWS's style: a prefix, and capitals and digits."""
    return prefix + "".join(secrets.choice(LETTERS) for _ in range(length))


class Keys:
    """All keys there are. Any thread may use it."""

    def __init__(self):
        self.lifetime = timedelta(hours=6)  # of temporary ones
        self._keys = {}
        self._lock = threading.Lock()

    def static(self, arn):
        """A key of a user, without an end."""
        return self._keep(Key(arn, identifier("AKIA"), secrets.token_urlsafe(28) + "/+"))

    def temporary(self, arn, now, lifetime=None):
        """A key of a role's session."""
        return self._keep(Key(arn, identifier("ASIA"), secrets.token_urlsafe(28) + "/+",
                              secrets.token_urlsafe(200) + "/+==",
                              now + (lifetime or self.lifetime)))

    def _keep(self, key):
        with self._lock:
            self._keys[key.access_key_id] = key
        return key

    def known(self):
        """A copy of all, by their ids."""
        with self._lock:
            return dict(self._keys)

    def expire(self, now):
        """Ends all temporary ones handed out so far."""
        with self._lock:
            for key in self._keys.values():
                key.expires = key.expires and now

    def secrets(self):
        """What is secret about them."""
        return [text for key in self.known().values() for text in (key.secret, key.token) if text]


def stamp(moment):
    """A moment as AWS writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
