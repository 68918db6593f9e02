"""Mistakes in reading: each takes a profile and does what somebody did."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

from brinery import NameTable, Profile

from .table import mistakes

mistake, MISTAKES = mistakes()

DATA = pickle.dumps({"name": "ä", "rows": [b"x" * 2000]}, 4)


# What is no pickle

NO_PICKLES: dict[str, bytes] = {
    "gzip": gzip.compress(DATA),
    "zlib": zlib.compress(DATA),
    "zlib at its fastest": zlib.compress(DATA, 1),
    "bzip2": bz2.compress(DATA),
    "xz": lzma.compress(DATA),
    "zstd": b"\x28\xb5\x2f\xfd\x04\x58" + bytes(20),
    "lz4": b"\x04\x22\x4d\x18" + bytes(20),
    "7-Zip": b"7z\xbc\xaf\x27\x1c\0\4" + bytes(20),
    "npy": b"\x93NUMPY\x01\0v\0{'descr': '<f8'}",
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(20),
    "Parquet": b"PAR1\x15\x04\x15" + bytes(20),
    "Arrow": b"ARROW1\0\0" + bytes(20),
    "Feather": b"FEA1" + bytes(20),
    "SQLite": b"SQLite format 3\0" + bytes(20),
    "GDBM": b"\xce\x9a\x57\x13" + bytes(20),
    "PDF": b"%PDF-1.7\n",
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(20),
    "ELF": b"\x7fELF\2\1\1" + bytes(20),
    "JSON, an object": b'{"name": "anna"}',
    "JSON, indented": b'\n{\n  "name": "anna"\n}\n',
    "JSON, a list": b'[{"name": "anna"}]',
    "HTML": b"<!DOCTYPE html>\n<html><body>Please log in</body></html>",
    "XML": b'<?xml version="1.0"?><rss/>',
    "YAML": b"--- \nname: anna\n",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "base64": base64.b64encode(DATA),
    "base64 of protocol 2": base64.b64encode(pickle.dumps([1], 2)),
    "hexadecimal digits": DATA.hex().encode(),
    "the repr of bytes": repr(DATA).encode(),
    "a data URL": b"data:application/octet-stream;base64," + base64.b64encode(DATA),
    "decoded as UTF-8 with replacement": DATA.decode("utf-8", "replace").encode(),
    "taken for Latin-1 and encoded as UTF-8": DATA.decode("latin-1").encode(),
    "text with a byte order mark": b"\xef\xbb\xbfname",
    "text in UTF-16": "name".encode("utf-16"),
    "a conflict of git": b"<<<<<<< HEAD\nabc\n=======\n",
    "JSON, a text": b'"anna"\n',
    "JSON, a number": b"12.5\n",
    "JSON, null": b"null",
    "JSON, not a number": b"NaN",
    "the repr of a dict": b"{'name': 'anna'}",
    "None as text": b"None",
    "CSV": b"name,age\nanna,3\n",
    "CSV that begins like a global": b"city,code\nberlin,10115\n",
    "CSV that begins like a text of protocol 0": b"Value;unit\n12;m\n",
    "CSV with tabs": b"Id\tname\r\n1\tanna\r\n",
    "YAML without a mark": b"name: anna\nage: 3\n",
    "YAML, a list": b"- anna\n- otto\n",
    "an INI file": b"[shop]\nname = anna\n",
    "plain text": "Grüße aus Köln\n".encode(),
    "plain text that begins like an opcode": b"No such file or directory\n",
    "plain text with a promised length": b"Traceback (most recent call last):\n",
    "plain text that ends too early": b"Lorem ipsum dolor",
    "a response of a server": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "a word": b"error",
    "a word that is taken for an index": b"garbage",
    "a word that is taken for a length": b"Torch",
    "a word that may be the beginning of a pickle": b"Vienna",
    "bytes that are none": b"\x01\x02\x03",
}


def _archives() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", DATA)
    NO_PICKLES["zip"] = file.getvalue()
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("data.pickle"), io.BytesIO())
    NO_PICKLES["tar"] = file.getvalue()


_archives()

for _name, _data in NO_PICKLES.items():

    @mistake(f"loads of {_name}")
    def _loads(profile: Profile, folder: Path, data: bytes = _data) -> Any:
        return profile.loads(data)

    @mistake(f"load of {_name}")
    def _load(profile: Profile, folder: Path, data: bytes = _data) -> Any:
        return profile.load(io.BytesIO(data))


@mistake("line ends that were converted")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"cos\r\npath\r\np0\r\n.")


@mistake("line ends that were converted, in a pickle of protocol 4")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(pickle.dumps([10] * 3 + ["\n"], 4).replace(b"\n", b"\r\n"))


@mistake("joblib's raw arrays")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"\x80\x04\x8c\x17joblib.numpy_pickle_not\x94\x93NUMPY")


# What is missing


@mistake("empty data")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"")


@mistake("a file at its end")
def _(profile: Profile, folder: Path) -> Any:
    file = io.BytesIO()
    profile.dump([1], file)
    return profile.load(file)


@mistake("a frame that is cut off")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(DATA[:1000])


@mistake("a frame that is cut off, in a file")
def _(profile: Profile, folder: Path) -> Any:
    return profile.load(io.BytesIO(DATA[:1000]))


@mistake("bytes that are cut off")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(pickle.dumps(b"x" * 2000, 3)[:100])


@mistake("no STOP")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(pickle.dumps([1, 2], 2)[:-1])


@mistake("no STOP, at protocol 0")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(pickle.dumps([1, 2], 0)[:-1])


@mistake("a line that is cut off")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"ccollections\nOrdered")


@mistake("a later protocol")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"\x80\x09N.")


# Names


@mistake("a module that is gone")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"\x80\x04\x8c\x0foldhome.samples\x8c\x06Sample\x93.")


@mistake("a module that is gone, at protocol 2")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"\x80\x02coldhome.samples\nSample\n.")


@mistake("a module within one that is there")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"cjson.samples\nSample\n.")


@mistake("a class that is gone")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"\x80\x04\x8c\x0bcollections\x8c\x06Sample\x93.")


@mistake("a class that is gone, at protocol 2")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"\x80\x02ccollections\nSample\n.")


@mistake("a class that was renamed")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDikt\x93.")


@mistake("a class within a class that is gone")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"\x80\x04\x8c\x0bcollections\x8c\x12OrderedDict.Sample\x93.")


@mistake("a class of another program's __main__")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"c__main__\nSample\n.")


@mistake("a name that a table leads astray")
def _(profile: Profile, folder: Path) -> Any:
    from throwaway import declaring

    plugin = declaring("moved", NameTable("moved", {"oldhome:Sample": "newhome:Sample"}))
    return Profile([plugin], engine=profile._engine).loads(b"coldhome\nSample\n.")


@mistake("a name of Python 2 that is gone")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"\x80\x02c__builtin__\nsample\n.")


# Python 2


@mistake("text of Python 2")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"\x80\x02U\x02\xc3\xa4.")


@mistake("text of Python 2, at protocol 0")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"S'\\xc3\\xa4'\n.")


@mistake("encoding by position, to loads")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(DATA, "latin-1")  # type: ignore[arg-type]


@mistake("encoding by position, to load")
def _(profile: Profile, folder: Path) -> Any:
    return profile.load(io.BytesIO(DATA), "latin-1")  # type: ignore[arg-type]


@mistake("encoding by position, to an Unpickler")
def _(profile: Profile, folder: Path) -> Any:
    return profile.Unpickler(io.BytesIO(DATA), "latn1")  # type: ignore[arg-type]


@mistake("a protocol, to loads")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(DATA, 4)  # type: ignore[arg-type]


@mistake("fix_imports by position, to loads")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(DATA, False, "latin1")  # type: ignore[arg-type]


@mistake("buffers by position, to loads")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(DATA, [b"x"])  # type: ignore[arg-type]


@mistake("a misspelt encoding")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"U\x03abc.", encoding="latn1")


@mistake("a misspelt encoding, at protocol 0")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"S'abc'\n.", encoding="utf-88")


@mistake("an encoding that is like none")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"U\x03abc.", encoding="nonsense")


@mistake("an encoding that is none of text")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"U\x03abc.", encoding="hex")


@mistake("a misspelt errors")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"U\x03ab\xe4.", errors="strct")


# Objects that are used too early


class Named:
    def __init__(self, name: str) -> None:
        self.name = name
        self.known = {self}

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and self.name == other.name


class Keyed(Named):
    def __init__(self, name: str) -> None:
        self.name = name
        self.table = {self: 1}


class Endless:
    def __init__(self) -> None:
        self.inner = object

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class EndlessDict(dict[str, int]):
    def __init__(self) -> None:
        self.data: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        return self.data[name]

    def __setitem__(self, key: str, value: int) -> None:
        self.data[key] = value
        super().__setitem__(key, value)


@mistake("an endless __getattr__ of a dict that is filled before it has its attributes")
def _(profile: Profile, folder: Path) -> Any:
    made = EndlessDict()
    made["a"] = 1
    return profile.loads(pickle.dumps(made))


@mistake("a set's member whose hash wants what has not come")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(pickle.dumps(Named("anna")))


@mistake("a dict's key whose hash wants what has not come")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(pickle.dumps(Keyed("anna")))


@mistake("an endless __getattr__")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(b"\x80\x02" + _instance_of(Endless))


def _instance_of(cls: type) -> bytes:
    return f"c{cls.__module__}\n{cls.__qualname__}\n".encode() + b")\x81}(U\x05innerK\x01ub."


# Arguments


@mistake("load of a path")
def _(profile: Profile, folder: Path) -> Any:
    return profile.load("data.pickle")


@mistake("load of the data")
def _(profile: Profile, folder: Path) -> Any:
    return profile.load(DATA)


@mistake("loads of a path")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(Path("data.pickle"))  # type: ignore[arg-type]


@mistake("loads of a file")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(io.BytesIO(DATA))  # type: ignore[arg-type]


@mistake("loads of text")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(DATA.decode("latin-1"))  # type: ignore[arg-type]


@mistake("loads of base64 as text")
def _(profile: Profile, folder: Path) -> Any:
    return profile.loads(base64.b64encode(DATA).decode())  # type: ignore[arg-type]


@mistake("load from a file that was opened as text")
def _(profile: Profile, folder: Path) -> Any:
    (folder / "data.pickle").write_bytes(pickle.dumps([1], 0))
    with open(folder / "data.pickle", encoding="ascii") as file:
        return profile.load(file)


@mistake("load from text in memory")
def _(profile: Profile, folder: Path) -> Any:
    return profile.load(io.StringIO("(lp0\n."))
