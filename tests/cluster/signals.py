"""SIGTERM as an exception, so that a program that is asked to end still stops its cluster."""

import signal
import sys
import threading


def terminate_as_exit() -> None:
    """Turn SIGTERM into SystemExit unless the program has its own idea of it."""
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit)


def _exit(number: int, _frame: object) -> None:
    signal.signal(number, lambda *_: None)  # a second one would end the clean-up, and leave everything behind
    if "pytest" in sys.modules:
        raise KeyboardInterrupt  # of a SystemExit it thinks that one test has failed, and goes on
    raise SystemExit(128 + number)
