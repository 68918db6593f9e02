"""Time zones of old dateutils, as their pickles had them, are read as what they were."""

from __future__ import annotations

import datetime
import pickle

import pytest

import brinery

pytest.importorskip("dateutil")

WINTER, SUMMER = datetime.datetime(2016, 1, 31, 10), datetime.datetime(2016, 7, 31, 10)


@pytest.fixture(scope="module", params=["python", "compiled"])
def profile(request: pytest.FixtureRequest) -> brinery.Profile:
    return brinery.Profile(["science"], engine=request.param)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02cdateutil.tz\ntzlocal\n)\x81}b.",
        b"ccopy_reg\n_reconstructor\n(cdateutil.tz\ntzlocal\ncdatetime\ntzinfo\ng0\n(tRtR.".replace(
            b"cdatetime\ntzinfo\ng0\n", b"cdatetime\ntzinfo\np0\ng0\n"
        ),
    ],
)
def test_the_zone_of_the_machine_had_nothing_of_its_own(profile: brinery.Profile, data: bytes) -> None:
    from dateutil import tz

    assert profile.loads(data).utcoffset(WINTER) == tz.tzlocal().utcoffset(WINTER)


def test_a_zone_of_rules_had_no_word_on_summer(profile: brinery.Profile) -> None:
    from dateutil import tz

    today = tz.tzrange("EST", -18000, "EDT")
    state = dict(vars(today))
    for name in ("hasdst", "_dst_base_offset_"):
        state.pop(name, None)
    data = b"\x80\x02cdateutil.tz\ntzrange\n)\x81" + pickle.dumps(state, 2)[2:-1] + b"b."
    with pytest.raises(AttributeError):
        pickle.loads(data).utcoffset(SUMMER)
    read = profile.loads(data)
    assert [read.utcoffset(when) for when in (WINTER, SUMMER)] == [
        today.utcoffset(when) for when in (WINTER, SUMMER)
    ]


def _zone(module: bytes, times: list[int]) -> bytes:
    """A zone from a file as dateutil 2.7 wrote it: CET until the first of `times`, CEST, and CET again."""
    kinds = {
        name: {"offset": offset, "delta": offset, "isdst": isdst, "abbr": name, "isstd": 0, "isgmt": 0}
        for name, offset, isdst in (("CET", 3600, 0), ("CEST", 7200, 1))
    }
    made = b""
    for number, kind in enumerate(kinds.values()):
        made += b"c" + module + b"\n_ttinfo\n)\x81N" + pickle.dumps(kind, 2)[2:-1] + b"\x86b"
        made += b"r" + (1000 + number).to_bytes(4, "little") + b"0"
    cet, cest = (b"j" + (1000 + number).to_bytes(4, "little") for number in (0, 1))
    state = b"}(U\x0c_ttinfo_list(" + cet + cest + b"lU\x0f_trans_list_utc" + pickle.dumps(times, 2)[2:-1]
    state += b"U\x0a_trans_idx(" + cest + cet + b"lU\x09_filename" + b"U\x05Parisu"
    return b"\x80\x02" + made + b"c" + module + b"\ntzfile\nNU\x05Paris\x86R" + state + b"b."


@pytest.mark.parametrize("module", [b"dateutil.tz", b"dateutil.tz.tz"])
def test_a_zone_from_a_file_is_made_again(profile: brinery.Profile, module: bytes) -> None:
    dateutil = pytest.importorskip("dateutil")
    from dateutil import tz

    if hasattr(tz.tz, "_ttinfo"):
        pytest.skip(f"dateutil {dateutil.__version__} has zones of that shape itself")
    read = profile.loads(_zone(module, [1459040400, 1477789200]))
    assert read.utcoffset(WINTER) == datetime.timedelta(hours=1)
    assert read.utcoffset(SUMMER) == datetime.timedelta(hours=2)
    assert read.tzname(SUMMER) == "CEST"
    with pytest.raises(pickle.UnpicklingError, match="no file"):
        profile.loads(_zone(module, [1 << 40, 1 << 41]))
