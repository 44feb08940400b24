"""CONCURRENTLY and what it leaves, without a pooler."""

import test_concurrently
from case import main, setUpModule  # noqa: F401
from outside import Direct


class ConcurrentlyDirect(Direct, test_concurrently.Concurrently):
    """The same tests."""


if __name__ == "__main__":
    main()
