"""What Django, SQLAlchemy, NLTK and pendulum wrote once: streams as old versions wrote them, by hand."""

from __future__ import annotations

import datetime
import pickle
import re
from typing import Any

import pytest

import brinery

pytestmark = pytest.mark.filterwarnings("ignore")  # Django's, that another version wrote it


@pytest.fixture(scope="module")
def load() -> Any:
    profile = brinery.Profile(["science"])
    return lambda stream: profile.loads(b"\x80\x02" + stream + b".", encoding="utf-8", errors="bytes")


def named(name: str) -> bytes:
    return b"c" + name.replace(":", "\n").encode() + b"\n"


def body(obj: object) -> bytes:
    return pickle.dumps(obj, 2)[2:-1]


def called(name: str, *arguments: bytes) -> bytes:
    return named(name) + b"(" + b"".join(arguments) + b"tR"


def made(name: str, *arguments: object, items: bytes = b"", state: bytes = b"") -> bytes:
    return named(name) + body(arguments) + b"\x81" + items + (state + b"b" if state else b"")


class TestDjango:
    @pytest.fixture(scope="class", autouse=True)
    def configured(self) -> Any:
        django = pytest.importorskip("django")
        from django.conf import settings

        if not settings.configured:
            database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
            apps = ["django.contrib.contenttypes"]
            settings.configure(DATABASES={"default": database}, INSTALLED_APPS=apps, USE_TZ=False)
            django.setup()
        return django

    @pytest.fixture(scope="class")
    def model(self) -> Any:
        from django.contrib.contenttypes.models import ContentType

        return ContentType

    @staticmethod
    def old_query(query: Any) -> dict[str, Any]:
        """As Django 2.2 had it."""
        state = dict(vars(query))
        state["_annotations"] = state.pop("annotations") or None
        state["_extra"] = state.pop("extra") or None
        state.pop("alias_cols", None)
        return state

    def test_a_query(self, load: Any, model: Any) -> None:
        query = model.objects.filter(model="x").query
        old = load(made("django.db.models.sql.query:Query", state=body(self.old_query(query))))
        assert str(old) == str(query)
        assert str(old.clone()) == str(query)

    def test_a_query_of_another_kind_is_refused(self, load: Any) -> None:
        with pytest.raises(ValueError, match=r"pickled by Django 1\.7 or before"):
            load(made("django.db.models.sql.query:Query", state=body({"where": [], "alias_map": {}})))

    def test_a_queryset_has_its_results(self, load: Any, model: Any) -> None:
        query = model.objects.filter(model="x").query
        inner = made("django.db.models.sql.query:Query", state=body(self.old_query(query)))
        state = b"}(" + body("model") + body(model) + body("query") + inner
        state += body("_result_cache") + body([1, 2]) + body("_django_version") + body("2.2") + b"u"
        found = load(made("django.db.models.query:QuerySet", state=state))
        assert list(found) == [1, 2]
        assert str(found.query) == str(query)
        assert "LIMIT 5" in str(found.all()[:5].query)

    def test_a_join(self, load: Any) -> None:
        from brinery_science.of_django import join_state

        class Field:
            def get_joining_fields(self) -> str:
                return "pairs"

        assert join_state({"join_field": Field()})["join_fields"] == "pairs"
        assert join_state({"join_fields": 1}) == {"join_fields": 1}

    @pytest.mark.parametrize("content", [b"U\x05caf\xc3\xa9", body("café"), body("café".encode())])
    def test_a_response(self, load: Any, content: bytes) -> None:
        state = b"}(" + body("_headers") + body({"content-type": ("Content-Type", "text/plain")})
        state += body("_container") + b"]" + content + b"a" + body("_charset") + body(None)
        state += body("_closable_objects") + body([]) + body("cookies") + body("")
        state += body("reason_phrase") + body("OK") + b"u"
        found = load(made("django.http.response:HttpResponse", state=state))
        assert found.content.decode() == "café"
        assert (found["content-type"], found.status_code, found.reason_phrase) == ("text/plain", 200, "OK")
        found.set_cookie("a", "b")
        assert pickle.loads(pickle.dumps(found)).content == found.content

    def test_dicts_text_and_zones(self, load: Any) -> None:
        items = b"(" + body("a") + body(1) + body("b") + body(2) + b"u"
        ordered = load(
            made("django.utils.datastructures:SortedDict", items=items, state=body({"keyOrder": ["b", "a"]}))
        )
        assert list(ordered.items()) == [("b", 2), ("a", 1)]
        safe = load(made("django.utils.safestring:SafeText", "<b>", state=b"}"))
        assert (safe, safe.__html__()) == ("<b>", "<b>")
        state = body({"_FixedOffset__offset": datetime.timedelta(minutes=90), "_FixedOffset__name": "+0130"})
        zone = load(called("django.utils.timezone:FixedOffset") + state + b"b")
        moment = datetime.datetime(2020, 1, 1, tzinfo=zone)
        assert moment.isoformat() == "2020-01-01T00:00:00+01:30"
        assert (moment.tzname(), moment.dst()) == ("+0130", datetime.timedelta(0))
        none = datetime.timedelta(0)
        state = body({"STDOFFSET": none, "DSTOFFSET": none, "DSTDIFF": none})
        zone = load(called("django.utils.timezone:LocalTimezone") + state + b"b")
        assert datetime.datetime(2020, 1, 1, tzinfo=zone).utcoffset() == none
        assert pickle.loads(pickle.dumps(zone)).utcoffset(None) == none


class TestSqlalchemy:
    @pytest.fixture(autouse=True)
    def there(self) -> None:
        pytest.importorskip("sqlalchemy")

    def check(self, found: Any) -> None:
        assert tuple(found) == (1, "Ann")
        assert (found.id if hasattr(found, "id") else found[0]) == 1
        assert dict(found._mapping) == found._asdict() == {"id": 1, "name": "Ann"}
        assert found._fields == ("id", "name")

    def test_rows_of_the_orm(self, load: Any) -> None:
        name = "sqlalchemy.util._collections:KeyedTuple"
        row = load(called(name, body([1, "Ann"]), body(("id", "name"))))
        self.check(row)
        self.check(pickle.loads(pickle.dumps(row)))  # it is one of today
        state = body({"_labels": ("id", "name"), "id": 1, "name": "Ann"})
        self.check(load(made(name, (1, "Ann"), state=state)))

    def test_rows_of_the_core(self, load: Any) -> None:
        keys = made("sqlalchemy.engine.result:ResultMetaData", state=body({"keys": ["id", "name"]}))
        state = b"}(" + body("_parent") + keys + body("_row") + body((1, "Ann")) + b"u"
        row = load(
            called(
                "sqlalchemy.engine.result:rowproxy_reconstructor",
                named("sqlalchemy.engine.result:RowProxy"),
                state,
            )
        )
        self.check(row)
        self.check(pickle.loads(pickle.dumps(row)))

    def test_ordered_dicts(self, load: Any) -> None:
        items = b"(" + body("a") + body(1) + body("b") + body(2) + b"u"
        name = "sqlalchemy.util._collections:OrderedDict"
        assert list(load(made(name, items=items, state=body({"_list": ["b", "a"]})))) == ["b", "a"]

    def test_an_entity_of_0_9(self, load: Any) -> None:
        from sqlalchemy import Column, ForeignKey, Integer
        from sqlalchemy.orm import DeclarativeBase, base, relationship

        global Owner, Pet  # streams name them

        class Base(DeclarativeBase):
            pass

        class Owner(Base):  # type: ignore[misc]
            __tablename__ = "owner"
            id = Column(Integer, primary_key=True)
            pets = relationship("Pet")

        class Pet(Base):  # type: ignore[misc]
            __tablename__ = "pet"
            id = Column(Integer, primary_key=True)
            owner_id = Column(ForeignKey("owner.id"))

        for cls in (Owner, Pet):
            cls.__qualname__ = cls.__name__
        state = base.instance_state(Owner(id=1, pets=[Pet(id=2)])).__getstate__()
        state.update(instance=None, class_=Owner, key=(Owner, (1,)), callables={"name": None})
        state.pop("committed_state", None)
        state.pop("expired_attributes", None)
        found = load(made("sqlalchemy.orm.state:InstanceState", state=body(state)))
        assert found.key == (Owner, (1,), None)
        assert found.identity_token is None
        assert found.expired_attributes == {"name"}
        symbol = called("sqlalchemy.util.langhelpers:symbol", body("NO_VALUE"), body("x"), b"I-94158854\n")
        assert load(symbol) is base.NO_VALUE

    def test_expressions_are_refused(self, load: Any) -> None:
        with pytest.raises(AttributeError) as caught:
            load(named("sqlalchemy.sql.type_api:_reconstitute_comparator"))
        assert "build them again in the program" in " ".join(caught.value.__notes__)


class TestNltk:
    @pytest.fixture(autouse=True)
    def there(self) -> None:
        pytest.importorskip("nltk")

    @pytest.mark.parametrize("in_one", [True, False])
    def test_a_tagger(self, load: Any, in_one: bool) -> None:
        if in_one:
            state = {"_regexs": re.compile(r"(?P<g0>^t.*(?:x|he)$)|(?P<g1>.*)"), "_size": 2}
            state["_map"] = {"g0": "DT", "g1": "NN"}
        else:
            state = {"_regexs": [(re.compile("^t.*he$"), "DT"), (re.compile(".*"), "NN")]}
        tagger = load(made("nltk.tag.sequential:RegexpTagger", state=body({"_taggers": [], **state})))
        tagger._taggers = [tagger]
        assert tagger.tag(["the", "cat"]) == [("the", "DT"), ("cat", "NN")]

    def test_one_that_cannot_be_told(self, load: Any) -> None:
        state = {"_regexs": re.compile("(?P<other>x)"), "_map": {"g0": "DT"}}
        with pytest.raises(ValueError, match="cannot be told apart"):
            load(made("nltk.tag.sequential:RegexpTagger", state=body(state)))

    def test_a_stemmer(self, load: Any) -> None:
        from nltk.stem import PorterStemmer

        state = {name: value for name, value in vars(PorterStemmer()).items() if name != "mode"}
        assert load(made("nltk.stem.porter:PorterStemmer", state=body(state))).stem("running") == "run"


class TestPendulum:
    @pytest.fixture(autouse=True)
    def there(self) -> None:
        pytest.importorskip("pendulum")

    MOMENT = (2016, 7, 15, 12, 30, 0, 0)

    def moment(self, zone: object) -> bytes:
        return called("pendulum.pendulum:Pendulum", *map(body, (*self.MOMENT, zone, 1)))

    @pytest.mark.parametrize(
        ("zone", "text"), [("Europe/Paris", "+02:00"), (0.0, "+00:00"), (-5.5, "-05:30")]
    )
    def test_moments(self, load: Any, zone: object, text: str) -> None:
        found = load(self.moment(zone))
        assert type(found).__name__ == "DateTime"
        assert found.isoformat() == f"2016-07-15T12:30:00{text}"

    def test_periods_and_durations(self, load: Any) -> None:
        duration = load(called("pendulum.interval:Interval", body(3), body(7200), body(0)))
        assert duration.total_seconds() == 3 * 86400 + 7200
        period = load(called("pendulum.period:Period", self.moment(0.0), self.moment(1.0), body(False)))
        assert period.total_seconds() == -3600
        assert pickle.loads(pickle.dumps(period)).total_seconds() == -3600

    def test_a_zone_with_its_transitions(self, load: Any) -> None:
        old = made("pendulum.tz.zoneinfo.transition:Transition", state=body({"_at": 1}))
        state = b"}" + body("_transitions") + b"]" + old + b"as"
        zone = load(called("pendulum.tz.timezone:Timezone", body("Europe/Paris")) + state + b"b")
        assert zone.name == "Europe/Paris"
        assert datetime.datetime(2020, 7, 1, tzinfo=zone).utcoffset() == datetime.timedelta(hours=2)
