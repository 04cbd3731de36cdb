"""The one exception that people are meant to read."""


class ClusterError(Exception):
    """A failure in one sentence that says what happened and what to do about it."""
