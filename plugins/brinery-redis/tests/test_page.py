"""The code of the plugin's page runs as it stands, where there is a server."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import redis_servers

PAGE = Path(__file__).parents[3] / "docs" / "plugins" / "brinery-redis.md"


def test_the_code_of_the_page_runs(tmp_path):
    redis_servers.require()
    code = "".join(
        re.findall(r"^```py\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    )
    assert "RedisStore" in code
    if redis_servers.URL != "redis://127.0.0.1:6379/0":
        code = code.replace("redis.Redis()", f"redis.Redis.from_url({redis_servers.URL!r})")
    script = tmp_path / "page.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
