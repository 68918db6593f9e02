"""With `--plugins`, `doctor` and `refs` say what a load with these plugins does."""

import json

import pytest
from throwaway import declaring

from brinery import NameTable, Profile, TextRule
from brinery.cli import installation, main
from brinery.stream import diagnose
from brinery.stream.naming import PLAIN

NAMES = NameTable(
    "p",
    {"old:Moved": "collections:OrderedDict"},
    fallback={"gone.one:Name": "gone.two:Name", "gone.two:Name": "collections:deque"},
    stand_ins={"gone:made": "builtins:dict"},
    gone={"shop:Basket": "baskets went with shop 2.0: read it with 1.9"},
)
RULES = (
    TextRule("collections:OrderedDict", {"data": "bytes", "text": "cp1252"}),
    TextRule("collections:deque", arguments={0: "bytes"}),
)
BYTES, TEXT = b"U\x02\xff\xfe", b"U\x02\xe9\xe8"


def object_with(attribute, value):
    return b"\x80\x02cold\nMoved\n)\x81}U" + bytes((len(attribute),)) + attribute + value + b"sb."


STREAMS = {
    "a name that moved": b"\x80\x04cold\nMoved\n.",
    "a fallback": b"\x80\x04cgone.one\nName\n.",
    "a stand-in": b"\x80\x04cgone\nmade\n)R.",
    "a name that is gone": b"\x80\x04cshop\nBasket\n.",
    "bytes by a rule": object_with(b"data", BYTES),
    "text by a rule": object_with(b"text", TEXT),
    "within a list by a rule": object_with(b"data", b"]" + BYTES + b"a"),
    "no rule": object_with(b"other", BYTES),
    "one with a rule and one without": object_with(b"data", BYTES + b"sU\x01x" + BYTES),
    "a rule that does not read it": object_with(b"text", b"U\x01\x81"),
    "a rule for an argument": b"\x80\x02ccollections\ndeque\n" + BYTES + b"\x85R.",
    "none for another argument": b"\x80\x02ccollections\ndeque\n]" + BYTES + b"a\x85R.",
}


@pytest.fixture(params=[(), (NAMES,), (NAMES, *RULES)], ids=["plain", "names", "rules"])
def profile(request):
    return Profile([declaring("old", *request.param)])


@pytest.mark.parametrize("what", STREAMS)
def test_what_is_said_is_what_a_load_does(what, profile):
    data = STREAMS[what]
    found = diagnose(data, plan=profile.read_plan)
    try:
        profile.loads(data)
    except Exception:
        assert found.weight == "fails", found
    else:
        assert found.weight == "fine", found


def test_the_reason_is_told(profile):
    if profile.read_plan.gone:
        (finding,) = [
            one
            for one in diagnose(STREAMS["a name that is gone"], plan=profile.read_plan).findings
            if one.weight == "fails"
        ]
        assert finding.advice == "shop:Basket is gone: baskets went with shop 2.0: read it with 1.9"


def test_strings_that_a_rule_reads_are_counted_apart():
    plan = Profile([declaring("old", NAMES, *RULES)]).read_plan
    said = [one.what for one in diagnose(STREAMS["one with a rule and one without"], plan=plan).findings]
    assert any(text.startswith("1 strings") and "text rules" in text for text in said)
    assert any(text.startswith("1 of ") and "are not ASCII" in text for text in said)


def test_a_plugin_that_is_active_is_not_recommended():
    data = b"\x80\x02cpandas.core.panel\nPanel\n."
    advice = " ".join(one.advice for one in diagnose(data).findings)
    assert "brinery-science" in advice
    assert "--plugins" in advice
    table = NameTable("p", {"pandas.core.old:Thing": "pandas.core.new:Thing"})
    plan = Profile([declaring("old", table)]).read_plan
    assert "brinery-science" not in " ".join(one.advice for one in diagnose(data, plan=plan).findings)


@pytest.fixture
def installed(monkeypatch):
    """Plugins that are installed, as far as the command asks."""
    made = Profile([declaring("old", NAMES, *RULES)])
    monkeypatch.setattr(installation, "chosen_profile", lambda: made)


def test_the_commands_ask_them(installed, tmp_path, capsys):
    path = tmp_path / "data.pickle"
    path.write_bytes(STREAMS["a fallback"] + STREAMS["a stand-in"] + STREAMS["a name that is gone"])
    assert main(["refs", str(path), "--plugins"]) == 0
    out = capsys.readouterr().out
    assert "gone.one.Name  →  collections.deque\n" in out
    assert "gone.made  =  builtins.dict\n" in out
    assert "not found here: no module shop; shop:Basket is gone: baskets went" in out
    assert main(["refs", str(path), "--plugins", "--json"]) == 0
    named = {one["module"]: one for one in json.loads(capsys.readouterr().out)["globals"]}
    assert named["gone.one"]["loads_as"] == "collections.deque"
    assert named["gone"]["stands_in"] == "builtins:dict"
    assert named["shop"]["reason"].startswith("shop:Basket is gone")
    path.write_bytes(STREAMS["a fallback"])
    assert main(["doctor", str(path)]) == 1
    assert main(["doctor", str(path), "--plugins"]) == 0
    path.write_bytes(STREAMS["bytes by a rule"])
    assert main(["doctor", str(path)]) == 1
    assert main(["doctor", str(path), "--plugins"]) == 0


def test_a_diff_takes_a_fallback_for_the_name_that_it_stands_for(installed, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(STREAMS["a fallback"])
    other.write_bytes(b"\x80\x04ccollections\ndeque\n.")
    assert main(["diff", str(one), str(other)]) == 1
    assert main(["diff", str(one), str(other), "--plugins"]) == 0


@pytest.mark.parametrize("text", ["bytes", lambda path, data: "bytes", lambda path, data: "cp1252"])
def test_a_rule_for_all_strings(text):
    profile = Profile([declaring("old", NAMES, TextRule("*", {"*": text}))])
    for data in (STREAMS["no rule"], TEXT + b"."):
        profile.loads(data)
        assert diagnose(data, plan=profile.read_plan).weight == "fine"


def test_without_a_plan_the_standard_library_counts():
    assert diagnose(STREAMS["a fallback"]) == diagnose(STREAMS["a fallback"], plan=PLAIN)


def needs_what_is_missing(*arguments):
    import no_such_library.part

    return no_such_library.part.made(*arguments)


def needs_it_perhaps(*arguments):
    if not arguments:
        return {}
    try:
        import no_other_library
    except ImportError:
        no_other_library = None
    import no_such_library

    return no_such_library, no_other_library


def needs_what_is_there(*arguments):
    import collections.abc

    return collections.abc, arguments


@pytest.mark.parametrize(
    ("function", "weight"),
    [(needs_what_is_missing, "fails"), (needs_it_perhaps, "unsure"), (needs_what_is_there, "fine")],
)
def test_a_stand_in_that_needs_a_library_that_is_missing(function, weight):
    dotted = f"{__name__}:{function.__name__}"
    profile = Profile([declaring("old", NameTable("p", stand_ins={"no_such_library:Made": dotted}))])
    data = b"\x80\x04cno_such_library\nMade\n)R."
    found = diagnose(data, plan=profile.read_plan)
    assert found.weight == weight
    if weight == "fine":
        profile.loads(data)
    else:
        (finding,) = [one for one in found.findings if one.weight == weight]
        assert f"stands {dotted}, which imports no_such_library" in finding.what
        assert "pip install no_such_library" in finding.advice
    if weight == "fails":
        with pytest.raises(ImportError):
            profile.loads(data)
