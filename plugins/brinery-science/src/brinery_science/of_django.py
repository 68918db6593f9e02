"""Django: querysets, queries and responses whose classes keep their parts under other names, or have more."""

from __future__ import annotations

import datetime
import time
from typing import Any

from brinery import NameTable, Shape, TextRule

#: Of a query, what was another name once.
_QUERY = {"_annotations": "annotations", "_extra": "extra"}


NAMES = [
    NameTable(
        "Django",
        stand_ins={
            "django.utils.timezone:FixedOffset": "brinery_science.of_django:FixedOffset",
            "django.utils.timezone:LocalTimezone": "brinery_science.of_django:FixedOffset",
            "django.utils.datastructures:SortedDict": "brinery_science.of_django:SortedDict",
        },
    )
]


class FixedOffset(datetime.tzinfo):
    """A zone of Django's own, before 3.0 by its offset, and before 1.9 the machine's, with two."""

    def _offset(self, moment: datetime.datetime | None) -> datetime.timedelta:
        state: dict[str, datetime.timedelta] = vars(self)
        if "STDOFFSET" not in state:
            return state["_FixedOffset__offset"]
        if state["DSTOFFSET"] != state["STDOFFSET"] and moment is not None and self._is_dst(moment):
            return state["DSTOFFSET"]
        return state["STDOFFSET"]

    def _is_dst(self, moment: datetime.datetime) -> bool:
        return time.localtime(time.mktime((*moment.timetuple()[:6], moment.weekday(), 0, 0))).tm_isdst > 0

    def utcoffset(self, moment: datetime.datetime | None) -> datetime.timedelta:
        """What it was pickled with."""
        return self._offset(moment)

    def dst(self, moment: datetime.datetime | None) -> datetime.timedelta:
        """Of the machine's zone, the difference in summer."""
        usual: datetime.timedelta = vars(self).get("STDOFFSET", self._offset(moment))
        return self._offset(moment) - usual

    def tzname(self, moment: datetime.datetime | None) -> str:
        """The name of a fixed offset."""
        if "STDOFFSET" not in vars(self):
            return str(vars(self).get("_FixedOffset__name", ""))
        return time.tzname[moment is not None and self._is_dst(moment)]


class SortedDict(dict[Any, Any]):
    """The dict in the order of ``keyOrder``, as a state says it once the items are there."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        items = [(key, self[key]) for key in state.get("keyOrder", self)]
        self.clear()
        self.update(items)


def safe_state(text: Any, state: Any) -> None:
    """Python 2 gave a ``SafeText`` an empty state, for which there is no place now."""


def query_state(state: Any) -> Any:
    """A ``Query``, which has its annotations and its ``extra`` without an underscore since Django 4.

    Of Django 1.6 and before it has conditions that no version since knows.
    """
    if not isinstance(state, dict) or "extra" in state:
        return state
    if "_annotations" not in state:
        raise ValueError(
            "this Query was pickled by Django 1.7 or before, whose conditions no version since can read: ask "
            "the database with that version, and pickle list(queryset)"
        )
    from django.db.models.sql import Query

    new = {_QUERY.get(name, name): value for name, value in state.items()}
    for name in _QUERY.values():
        new[name] = dict(new[name] or {})
    return {**vars(Query(new["model"])), **new}


def queryset_state(state: Any) -> Any:
    """A ``QuerySet``, whose query has an underscore since Django 3, and which has more parts than it had."""
    if not isinstance(state, dict) or "_query" in state:
        return state
    from django.db.models import QuerySet

    new = {"_query" if name == "query" else name: value for name, value in state.items()}
    return {**vars(QuerySet(new["model"])), **new}


def join_state(state: Any) -> Any:
    """A ``Join``, which knows the fields that it joins by since Django 5."""
    if isinstance(state, dict) and "join_fields" not in state and "join_field" in state:
        fields = state["join_field"].get_joining_fields()
        return {"filtered_relation": None, **state, "join_fields": fields}
    return state


def response_state(state: Any) -> Any:
    """An ``HttpResponse``, whose headers are a mapping since Django 3.2."""
    if not isinstance(state, dict) or "headers" in state or "_headers" not in state:
        return state
    from django.http import HttpResponse
    from django.http.cookie import SimpleCookie
    from django.http.response import ResponseHeaders

    new = {**vars(HttpResponse()), **state}
    new["headers"] = ResponseHeaders(dict(new.pop("_headers").values()))
    new["_resource_closers"] = new.pop("_closable_objects", [])
    # Text is encoded when it is asked for, in those versions.
    charset = new["_charset"] or "utf-8"
    container = new["_container"]
    if isinstance(container, list):
        new["_container"] = [part.encode(charset) if isinstance(part, str) else part for part in container]
    if "reason_phrase" in new:
        new["_reason_phrase"] = new.pop("reason_phrase")
    if isinstance(new["cookies"], str):
        new["cookies"] = SimpleCookie(new["cookies"])
    return new


SHAPES = [
    Shape(f"django.{target}", state=f"brinery_science.of_django:{function}")
    for target, function in (
        ("db.models.sql.query:Query", "query_state"),
        ("db.models.query:QuerySet", "queryset_state"),
        ("db.models.sql.datastructures:Join", "join_state"),
        ("http.response:HttpResponse", "response_state"),
    )
]

SHAPES += [
    Shape(f"django.utils.safestring:{name}", build="brinery_science.of_django:safe_state")
    for name in ("SafeString", "SafeText")
]

TEXTS = [TextRule("django.http.response:HttpResponse", {"_container": "bytes"})]
