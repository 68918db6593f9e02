"""What a command tells its user instead of a traceback."""

__all__ = ["Problem"]


class Problem(Exception):
    """Something that the user can act on: printed after the command's name, exit code 1."""
