"""Commands on a terminal, which show how far they have come."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess

import pytest


def terminal(command: list[str]) -> str:
    """What a command prints on a terminal as its standard error."""
    pty = pytest.importorskip("pty")
    own, its = pty.openpty()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=its):
        os.close(its)
        shown = io.BytesIO()
        # It ends with an OSError, as the other end is closed.
        with open(own, "rb", buffering=0) as end, contextlib.suppress(OSError):
            shutil.copyfileobj(end, shown)
    return shown.getvalue().decode()
