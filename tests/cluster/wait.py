"""Waiting for a condition with a deadline, the only way anything here waits."""

import time
from collections.abc import Callable
from typing import TypeVar

from .errors import ClusterError

T = TypeVar("T")


def until(
    condition: Callable[[], T],
    what: str,
    timeout: float,
    check: Callable[[], None] | None = None,
    interval: float = 0.05,
) -> T:
    """Return the first true value of `condition`.

    An OSError, a ValueError or a ClusterError of the condition means "not yet" and is quoted when
    the time is over. `check` is asked each time and may raise to end the wait early, for instance
    because the process that is waited for has died.
    """
    deadline = time.monotonic() + timeout
    reason = ""
    while True:
        if check:
            check()
        try:
            value = condition()
            if value:
                return value
        except (OSError, ValueError, ClusterError) as problem:
            reason = str(problem)
        if time.monotonic() >= deadline:
            last = f"; the last answer was: {reason}" if reason else ""
            raise ClusterError(f"Waited {timeout:.0f} s for {what}, in vain{last}.")
        time.sleep(interval)
