"""URLs of stores as they may be shown: without passwords."""

from __future__ import annotations

import re

__all__ = ["redacted"]

# Userinfo ends with the last @ (RFC 3986, section 3.2.1). Somebody may have forgotten to encode what a
# password has of @, / and #: rather too much is hidden than too little.
# (Compiled when it is needed: every profile imports this module, and few have a URL.)
_USERINFO = r"(?P<head>(?:^|//|['\"\s])[^:/?#\s@'\"]*):(?!//)[^\s'\"]*@"
_QUERY = (
    r"(?i)(?P<head>[?&;](?:(?:[^=&;#\s]*[_.-])?(?:pass|passwd|password|passphrase|pwd|secret|token|credentials?)"
    r"|[^=&;#\s]*(?:api|access|secret|private)[_.-]?key))=[^&;#\s'\"]*"
)


def redacted(text: str) -> str:
    """`text` with ``***`` in the place of each password in a URL, be it that URL or have it somewhere."""
    if "@" not in text and "=" not in text:
        return text
    return re.sub(_QUERY, r"\g<head>=***", re.sub(_USERINFO, r"\g<head>:***@", text))
