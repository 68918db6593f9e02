"""URLs of stores as they may be shown: without passwords."""

from __future__ import annotations

import re

__all__ = ["redact_error", "redacted", "shown"]

# Userinfo ends with the last @ (RFC 3986, section 3.2.1). Somebody may have forgotten to encode what a
# password has of @, / and #: rather too much is hidden than too little.
# (Compiled when it is needed: every profile imports this module, and few have a URL.)
_USERINFO = r"(?P<head>(?:^|//|['\"\s])[^:/?#\s@'\"]*):(?!//)[^\s'\"]*@"
#: What stands in the place of a user may be a token; a fragment too.
_USER = r"//[^/?#\s@:'\"]+@"
_FRAGMENT = r"(?P<head>\b[A-Za-z][A-Za-z0-9+.-]+:[^\s'\"#]*)#[^\s'\"]+"
_QUERY = (
    r"(?i)(?P<head>[?&;](?:(?:[^=&;#\s]*[_.-])?(?:pass|passwd|password|passphrase|pwd"
    r"|secret|token|credentials?|pw|sig|signature|auth|authorization|jwt|sas)"
    r"|[^=&;#\s]*(?:api|access|secret|private)[_.-]?key))=[^&;#\s'\"]*"
)


def redacted(text: str) -> str:
    """`text` with ``***`` in the place of each password in a URL, be it that URL or have it somewhere."""
    if "@" not in text and "=" not in text and "#" not in text:
        return text
    text = re.sub(_USERINFO, r"\g<head>:***@", text)
    text = re.sub(_USER, "//***@", text)
    return re.sub(_QUERY, r"\g<head>=***", re.sub(_FRAGMENT, r"\g<head>#***", text))


def shown(url: str) -> str:
    """`url` without anything that may be a secret: of its query the names only, whatever they are called."""
    text = re.sub(r"^[^/?#\s@:]+@", "***@", redacted(url).partition("#")[0])
    return re.sub(r"([?&;][^=&;]*)=[^&;]*", r"\1=***", text) + ("#***" if "#" in url else "")


def redact_error(exc: BaseException, url: str) -> str:
    """Take the secrets of `url` out of what `exc` says, and of what it comes from.

    "" where that could be done; else what it says without them, for an error to take its place.
    """
    from urllib.parse import unquote, urlsplit

    try:
        password = urlsplit(url).password or ""
    except ValueError:
        password = ""
    words = {word for word in (password, unquote(password)) if len(word) > 3}

    def clean(value: object) -> object:
        if not isinstance(value, str):
            return value
        text = redacted(value.replace(url, shown(url)))
        for word in words:
            text = text.replace(word, "***")
        return text

    met: list[BaseException] = []
    link: BaseException | None = exc
    while link is not None and not any(link is one for one in met):
        met.append(link)
        said = str(link)
        if said != clean(said):
            link.args = tuple(map(clean, link.args))
            if str(link) != clean(str(link)):
                return f"{type(link).__name__}: {clean(str(link))}"
        for number, note in enumerate(getattr(link, "__notes__", ())):
            link.__notes__[number] = str(clean(note))
        link = link.__cause__ or link.__context__
    return ""
