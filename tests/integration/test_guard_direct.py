"""The guard, without a pooler."""

import test_guard
from case import main, setUpModule  # noqa: F401
from outside import Direct


class GuardDirect(Direct, test_guard.Guard):
    """The same tests."""


if __name__ == "__main__":
    main()
