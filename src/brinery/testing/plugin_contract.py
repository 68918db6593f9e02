"""PluginContract: what every plugin keeps, checked on examples of what it writes."""

from __future__ import annotations

import importlib.metadata
import io
import os
import pickle
import re
import sys
import unittest
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Literal

from brinery import engine
from brinery.checking.comparing import first_difference
from brinery.declarations import Reducer, Rule, target_name
from brinery.dotted import import_dotted
from brinery.engine.protocol import DEFAULT_PROTOCOL, HIGHEST_PROTOCOL
from brinery.errors import PluginError
from brinery.plan import PerDump
from brinery.profile import Profile
from brinery.stream import references
from brinery.testing.contracts import Contract, skipping
from brinery.testing.dangerous import is_dangerous
from brinery.testing.imports import imported_by
from brinery.testing.profiles import declaring

__all__ = ["PluginContract"]

#: What the format itself names, for its own data types and for instances, below protocol 4 above all.
_OF_THE_FORMAT = frozenset(
    (
        "_codecs:encode",
        "copyreg:__newobj__",
        "copyreg:__newobj_ex__",
        "copyreg:_reconstructor",
        *(
            f"builtins:{name}"
            for name in [
                "bytearray",
                "bytes",
                "complex",
                "dict",
                "frozenset",
                "int",
                "list",
                "object",
                "set",
                "str",
                "tuple",
            ]
        ),
    )
)


class PluginContract(Contract):
    """Tests of a plugin, to be subclassed by its author with `plugin` and `examples`::

        class TestContract(PluginContract):
            plugin = brinery_colours
            examples = {"red": Colour(255, 0, 0)}

    Each method is one check, which pytest finds, and unittest where the class is a unittest.TestCase too. A
    failure names the example, the engine and the protocol. Where there is no plugin to check, or no examples,
    one check fails, and the others are skipped. Raises RuntimeError under python -O, which leaves
    out assert statements.

    plugin                  the module or object with the hooks; or the name of an installed plugin.
    examples                objects that the plugin writes, by name; or a method that gives them.
    options                 what the plugin's hooks are given.
    standard_library_reads  True, False, or the names of those examples that the standard library reads.
    brings                  globals that the examples themselves hold, such as the classes of their parts, as
                            dotted names: the plugin need not declare them.
    dangerous               dangerous globals that this plugin names on purpose, as dotted names.
    unasked                 the targets of those reducers and overrides that no example can reach, such as a
                            class of another system, as dotted names.
    may_import              packages that importing the plugin may import, though they are not its own.
    golden                  the folder of golden files; None is "golden/FILE.CLASS" beside the subclass's
                            file, without the ".py". False: no files, what is written is not for keeping.
    version                 the version in the names of new golden files; None is that of the distribution.
    protocols               those at which examples are written: all.
    """

    plugin: ClassVar[Any] = None
    examples: ClassVar[Any] = {}
    options: ClassVar[Mapping[str, object]] = {}
    standard_library_reads: ClassVar[bool | Collection[str]] = True
    brings: ClassVar[Collection[str]] = ()
    dangerous: ClassVar[Collection[str]] = ()
    unasked: ClassVar[Collection[str]] = ()
    may_import: ClassVar[Collection[str]] = ()
    golden: ClassVar[str | os.PathLike[str] | Literal[False] | None] = None
    version: ClassVar[str | None] = None
    protocols: ClassVar[Sequence[int]] = tuple(range(HIGHEST_PROTOCOL + 1))

    # What a subclass may replace.

    def assert_alike(self, original: Any, copy: Any) -> None:
        """Fail unless `copy`, which was read, is like `original`, as brinery.check compares them."""
        difference = first_difference(original, copy)
        assert difference is None, (
            f"{difference.path} is read as {difference.read}, and was {difference.written}"
        )

    # The checks.

    def test_the_plugin_declares_something(self) -> None:
        """A plugin whose hooks are not found would pass every other check."""
        try:
            profile = self._made_profile()
        except (TypeError, PluginError) as refused:
            raise AssertionError(f"{self._name()} is no plugin: {refused}") from refused
        (report,) = [plugin for plugin in profile.report().plugins if plugin.name == self._name()]
        assert report.declares, f"{self._name()} declares nothing: are its hooks marked with hookimpl?"

    def test_there_are_examples(self) -> None:
        """Without any, nothing is checked."""
        assert self._given_examples(), "give the class examples = {…}, objects that the plugin writes"

    def test_every_declaration_is_used(self) -> None:
        """Each reducer and override writes something of an example, and each example has something of them.

        A misspelt target is never asked, and nothing else would tell. What the other kinds of declarations
        do shows when streams are read and stores opened, and wants tests of its own.
        """
        used, untouched = self._asked()
        wanted = {target_name(rule.target): rule for rule in self._rules()}
        silent = [rule for name, rule in wanted.items() if name not in used and name not in self.unasked]
        assert not silent, (
            f"no example has anything that the {silent[0].describe()} writes ({silent[0].place}): is its "
            f"target misspelt? Else add such an example, or say that none can be there: "
            f"unasked = {sorted(target_name(rule.target) for rule in silent)!r}"
        )
        assert not (surplus := sorted(used & set(self.unasked))), (
            f"unasked = … names {', '.join(surplus)}, and an example has such an object"
        )
        assert not (unknown := sorted(set(self.unasked) - set(wanted))), (
            f"unasked = … names {', '.join(unknown)}, for which the plugin declares nothing"
        )
        assert not untouched, (
            f"the plugin has no part in how {' and '.join(untouched)} is written: each is as without it"
        )

    def test_examples_survive_at_every_protocol_on_both_engines(self) -> None:
        """What is written is read as what it was."""
        for name, example, where, profile, protocol in self._cases():
            with _told(f"{where}: {name} is not written"):
                data = profile.dumps(example, protocol)
            with _told(f"{where}: {name} is not read"):
                copy = profile.loads(data)
            with _told(f"{where}: {name} does not survive"):
                self.assert_alike(example, copy)

    def test_both_engines_write_the_same_bytes(self) -> None:
        """What is written does not depend on whether the compiled engine was built."""
        if len(_engines()) < 2:
            raise unittest.SkipTest("one engine is here only: brinery --version says why")
        for name, example in self._examples().items():
            for protocol in self.protocols:
                written = {
                    engine_name: made.dumps(example, protocol)
                    for engine_name, made in self._profiles().items()
                }
                assert len(set(written.values())) == 1, (
                    f"protocol {protocol}: the engines write {name} differently, or it is written in another "
                    f"way each time: {written}"
                )

    def test_the_standard_library_reads_it(self) -> None:
        """Where the plugin says so, which it should wherever it can: readers then need not install it."""
        said = self.standard_library_reads
        for name, example, where, profile, protocol in self._cases():
            if said is False or (said is not True and name not in map(str, said)):
                continue
            data = profile.dumps(example, protocol)
            with _told(f"{where}: pickle.loads does not read {name}"):
                copy = pickle.loads(data)
            with _told(f"{where}: {name} is read otherwise"):
                self.assert_alike(example, copy)

    def test_it_names_only_what_it_declares(self) -> None:
        """Each global in what is written is in an ``emits=`` of the plugin: a promise to who reads it."""
        silent = [rule for rule in self._rules() if rule.emits is None]
        assert not silent, (
            f"{silent[0].describe()} does not say what it names; give it emits={sorted(self._named())!r}, "
            f"or as much of that as is its own (at {silent[0].place})"
        )
        declared = {name for rule in self._rules() for name in rule.emits or ()}
        surplus = sorted(self._named() - declared - set(self.brings))
        assert not surplus, (
            f"what is written names {', '.join(surplus)}, which no emits= of the plugin declares "
            f"({', '.join(sorted(declared)) or 'none'}); where examples hold it themselves, say so: "
            f"brings = {surplus!r}"
        )

    def test_it_names_nothing_dangerous(self) -> None:
        """Nothing that gives a stream the whole process, such as ``eval``."""
        declared = {name for rule in self._rules() for name in rule.emits or ()}
        found = sorted(
            name for name in self._named() | declared if is_dangerous(name) and name not in self.dangerous
        )
        assert not found, (
            f"{', '.join(found)}: whoever can name this in a stream can do anything. Write the object as a "
            "call of a function of your own that takes data only"
        )

    def test_importing_it_is_cheap(self) -> None:
        """It is imported by every program that pickles: libraries are imported where they are needed."""
        module = self._module()
        if module in (type(self).__module__, declaring.__module__):
            return  # it was made in a test, and is not imported by anybody
        surplus = sorted(imported_by(module) - {module.partition(".")[0], *self.may_import})
        assert not surplus, (
            f"importing {module} imports {', '.join(surplus)}. Import it in the function that needs it, and "
            "name classes: Reducer('numpy:ndarray', …)"
        )

    def test_streams_of_earlier_versions_load(self) -> None:
        """Every golden file is read as its example. One that this version lacks is written: commit it."""
        if self.golden is False:
            return
        folder = self._golden()
        examples, profile = self._examples(), self._profile()
        # As they are named, and as they were before names were made names of files.
        names = {**{name: name for name in examples}, **{_file_name(name): name for name in examples}}
        for path in sorted(folder.glob("*.pickle")):
            file_name = path.name.removesuffix(".pickle").rpartition("@")[0]
            assert file_name in names, (
                f"{path} is of an example that there is not any more: {file_name!r}. {_WHAT_NOW}"
            )
            name = names[file_name]
            with _told(f"{path} is not read", _WHAT_NOW):
                copy = profile.loads(path.read_bytes())
            with _told(f"{path} is read otherwise", _WHAT_NOW):
                self.assert_alike(examples[name], copy)
        for name, example in examples.items():
            path = folder / f"{_file_name(name)}@{self._version()}.pickle"
            if path.exists():
                continue
            assert not os.environ.get("CI"), f"{path} is missing: run the tests at home once, and commit it"
            data = profile.dumps(example, DEFAULT_PROTOCOL)
            with _told(f"{path} is not written, as the example {name!r} does not come back"):
                self.assert_alike(example, profile.loads(data))
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    # What the checks share.

    def _examples(self) -> Mapping[str, Any]:
        with skipping("there are no examples", "test_there_are_examples", Exception):
            examples = self._given_examples()
            assert examples
            return examples

    def _given_examples(self) -> Mapping[str, Any]:
        given = self.examples() if callable(self.examples) else self.examples
        if not isinstance(given, Mapping):
            return {str(i): example for i, example in enumerate(given)}
        examples = {str(name): example for name, example in given.items()}
        assert len(examples) == len(given), f"two of the examples have one name: {list(given)!r}"
        return examples

    def _name(self) -> str:
        plugin = self.plugin
        assert plugin is not None, "give the class plugin = …, the module with the hooks"
        if isinstance(plugin, str):
            return plugin
        return getattr(plugin, "__name__", None) or type(plugin).__name__

    def _profile(self, engine: str | None = None) -> Profile:
        refused = (AssertionError, TypeError, PluginError)
        with skipping("there is no plugin to check", "test_the_plugin_declares_something", *refused):
            return self._made_profile(engine)

    def _made_profile(self, engine: str | None = None) -> Profile:
        return Profile([self.plugin], options={self._name(): self.options}, engine=engine)

    def _profiles(self) -> dict[str, Profile]:
        return {name: self._profile(name) for name in _engines()}

    def _cases(self) -> Iterator[tuple[str, Any, str, Profile, int]]:
        for engine_name, profile in self._profiles().items():
            for name, example in self._examples().items():
                for protocol in self.protocols:
                    yield name, example, f"{engine_name} engine, protocol {protocol}", profile, protocol

    def _rules(self) -> list[Rule]:
        claims = self._profile()._composition.gathered.claims
        return [
            claim.declared
            for claim in claims
            if claim.plugin.name == self._name() and isinstance(claim.declared, Rule)
        ]

    def _asked(self) -> tuple[set[str], list[str]]:
        """The targets of the rules that write something of an example; and the examples without any."""
        used: set[str] = set()

        def told(rule: Rule) -> Rule:
            reduce: Any = import_dotted(rule.reduce) if isinstance(rule.reduce, str) else rule.reduce

            def watched(reduce: Callable[..., Any]) -> Callable[..., Any]:
                @wraps(reduce)  # what is said of it is about the author's own line
                def telling(obj: object, *protocol: int) -> Any:
                    reduction = reduce(obj, *protocol)
                    if reduction is not NotImplemented:
                        used.add(target_name(rule.target))
                    return reduction

                return telling

            if type(reduce) is PerDump:
                make = reduce.__wrapped__
                telling: Any = PerDump(wraps(make)(lambda protocol: watched(make(protocol))))
            else:
                telling = watched(reduce)
            more = {"subclasses": rule.subclasses} if isinstance(rule, Reducer) else {}
            kind: Any = type(rule)
            made: Rule = kind(rule.target, telling, protocol=rule.protocol, emits=rule.emits, **more)
            object.__setattr__(made, "place", rule.place)
            return made

        profile = self._profile()
        claims = profile._composition.gathered.claims
        records = [claim.declared for claim in claims if claim.plugin.name == self._name()]
        rules = self._rules()
        if not rules:
            return used, []
        others = [record for record in records if not isinstance(record, Rule)]
        telling = Profile([declaring(*map(told, rules), *others, name=self._name())])
        all_used: set[str] = set()
        untouched = []
        for name, example in self._examples().items():
            used.clear()
            written = [telling.dumps(example, protocol) for protocol in self.protocols]
            if not used and written == self._without(example):
                untouched.append(name)
            all_used |= used
        return all_used, untouched

    def _without(self, example: object) -> list[bytes] | None:
        """What is written without the plugin; None where it cannot be."""
        try:
            return [Profile.plain().dumps(example, protocol) for protocol in self.protocols]
        except Exception:
            return None

    def _named(self) -> set[str]:
        """The globals that the examples' streams name, but for those of the format itself."""
        profile, named = self._profile(), set()
        for example in self._examples().values():
            for protocol in self.protocols:
                # Under today's names, at every protocol.
                data = profile.dumps(example, protocol, fix_imports=False)
                named |= {f"{module}:{name}" for module, name in references(io.BytesIO(data)).globals}
        return named - _OF_THE_FORMAT

    def _module(self) -> str:
        self._profile()
        plugin = self.plugin
        if isinstance(plugin, str):
            (entry,) = importlib.metadata.entry_points(group="brinery", name=plugin)
            return entry.module
        if isinstance(plugin, ModuleType):
            return plugin.__name__
        return type(plugin).__module__

    def _golden(self) -> Path:
        if self.golden:
            return Path(self.golden)
        file = sys.modules[type(self).__module__].__file__
        assert file is not None, "say where golden files are: golden = …"
        return Path(file).parent / "golden" / f"{Path(file).stem}.{type(self).__qualname__}"

    def _version(self) -> str:
        if self.version is not None:
            return self.version
        package = self._module().partition(".")[0]
        for entry in importlib.metadata.entry_points(group="brinery"):
            if entry.module.partition(".")[0] == package and entry.dist is not None:
                return entry.dist.version
        return "unreleased"


def _file_name(name: str) -> str:
    """The name of an example as the name of a file on every system, and without the sign before versions."""
    return re.sub(r'[%@/\\:*?"<>|\x00-\x1f]', lambda found: f"%{ord(found[0]):02X}", name)


#: Where a golden file and its example do not agree.
_WHAT_NOW = (
    "If that version was never released, delete the file, and the tests write it anew. If it was, people have"
    " such streams: keep the example, and let the plugin read what it wrote (a NameTable for what moved, a"
    " Shape for what changed)"
)


@contextmanager
def _told(case: str, advice: str = "") -> Iterator[None]:
    """Whatever fails within is this check's failure, and says at which case, and what to do."""
    try:
        yield
    except AssertionError as failure:
        raise AssertionError(f"{case}: {failure}{advice and f'. {advice}'}") from failure
    except Exception as failure:
        text = f"{case}: {type(failure).__name__}: {failure}"
        raise AssertionError(f"{text}{advice and f'. {advice}'}") from failure


@cache
def _engines() -> tuple[str, ...]:
    """Those that are built; where the compiled one is not, the other has to do."""
    built = []
    for name in engine.ENGINES:
        try:
            engine.get(name)
        except ImportError:
            continue
        built.append(name)
    return tuple(built)
