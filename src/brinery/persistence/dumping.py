"""One dump, and the stores that take part in it: all of them commit, or what happened is said.

The order is that of a two-phase commit with one resource that has only one phase: every store prepares;
those that cannot promise anything commit first; then those that can. With one store of the first kind the
dump is atomic: its commit is the decision. With two of them nothing can be, and CommitUncertain says what
became of each.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from itertools import chain
from operator import is_
from typing import TYPE_CHECKING, Any, NoReturn

from brinery.engine.files import write_all
from brinery.errors import (
    BrineryError,
    CommitUncertain,
    NotCommitted,
    NotStored,
    StoreError,
    StoreFault,
    WriteError,
)
from brinery.persistence.checks import check_parts
from brinery.persistence.pending import HeldBack, Tokens
from brinery.persistence.stores import PENDING, Dump, DumpContext
from brinery.persistent_ids import SCALARS, is_key, is_plain, store_name, write_id
from brinery.said import add

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from brinery.persistence.stores import Store
    from brinery.plan import Foreseen

__all__ = ["Binding", "StoresDump", "StoresWriter"]


class Binding:
    """A store, as it is bound.

    name    None for the bare store.
    owner   what error texts call it.
    number  its place among the bound stores.
    """

    __slots__ = ("name", "number", "opened", "owner", "simple", "store", "taken")

    def __init__(
        self, number: int, name: str | None, store: Store, opened: bool, taken: frozenset[str] = frozenset()
    ) -> None:
        self.number = number
        self.name = name
        self.owner = "the bare store" if name is None else f"the store {name!r}"
        self.store = store
        self.opened = opened
        #: For the bare store: the names whose IDs it must not give.
        self.taken = taken

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the options `given` that the store takes."""
        return {name: given[name] for name in self.store.options if name in given}

    def fault(self, method: str, error: BaseException, keys: Sequence[object] = ()) -> StoreFault:
        """What to raise for an error out of the store's own code."""
        asked = f" ({', '.join(map(_shown, keys[:3]))}{', …' if len(keys) > 3 else ''})" if keys else ""
        return StoreFault(
            f"{self.owner} failed in {method}{asked}: {type(error).__name__}: {error}",
            self.name,
            method,
            keys,
        )


def _shown(key: object) -> str:
    text = repr(key)
    return text if len(text) <= 60 else f"{text[:57]}…"


class _Thread(threading.local):
    # The dump that goes on in this thread, the innermost.
    current: StoresDump | None = None


_thread = _Thread()


class StoresWriter:
    """The bound stores, as a WritePlan has them."""

    def __init__(self, bindings: list[Binding], options: Mapping[str, Any]) -> None:
        self.bindings = bindings
        self.options = options

    def begin_dump(self, protocol: int, write: Callable[[Any], object] | None, /) -> StoresDump:
        """A dump begins. No store is told before it is asked about an object."""
        return StoresDump(self, protocol, write)


class _Part:
    """One store's part in a dump."""

    __slots__ = ("binding", "dump", "pending")

    def __init__(self, binding: Binding, dump: Dump) -> None:
        self.binding = binding
        self.dump = dump
        # The objects whose keys are pending, and the numbers of their tokens.
        self.pending: tuple[list[object], list[int]] = ([], [])


class StoresDump:
    """One dump: what an engine calls, and what claims call."""

    __slots__ = (
        "_committed",
        "_file",
        "_held",
        "_outer",
        "_parts",
        "_tokens",
        "_uncertain",
        "_within",
        "_writer",
        "asks",
        "protocol",
        "write",
    )

    def __init__(self, writer: StoresWriter, protocol: int, write: Callable[[Any], object] | None) -> None:
        self.protocol = protocol
        #: Where the engine writes.
        self.write = None if write is None else self._take
        self._file = write
        #: For each binding its Dump's ``key_of``; None while it has not begun.
        self.asks: list[Callable[[Any], object] | None] = [None] * len(writer.bindings)
        self._writer = writer
        self._parts: list[_Part] = []
        self._committed: list[str | None] = []
        self._uncertain: str | None = None
        self._tokens: Tokens | None = None
        self._held: HeldBack | None = None
        #: What dumps within this one have committed.
        self._within: list[str | None] = []
        self._outer = _thread.current
        _thread.current = self

    # what a claim calls

    def begin(self, binding: Binding) -> Callable[[Any], object]:
        """The store's ``key_of`` in this dump, which begins with it. Raises StoreFault where it cannot."""
        # A store that is bound under two names is one transaction.
        for part in self._parts:
            if part.binding.store is binding.store:
                self.asks[binding.number] = part.dump.key_of
                return part.dump.key_of
        context = DumpContext(
            binding.name,
            self.protocol,
            binding.opened,
            len(self._writer.bindings) == 1,
            binding.options(self._writer.options),
            tuple([bound.name for bound in self._writer.bindings]),
        )
        try:
            dump = binding.store.begin_dump(context)
        except BrineryError:
            raise
        except Exception as error:
            raise binding.fault("begin_dump", error) from error
        check_parts(binding.owner, dump, Dump, "begin_dump")
        self._parts.append(_Part(binding, dump))
        self.asks[binding.number] = ask = dump.key_of
        return ask

    def pid_of(self, binding: Binding, obj: object, key: object) -> object:
        """The persistent ID for a key that the store gave, and that is not simply to be written as it is."""
        if key is PENDING:
            return self._pending(binding, obj)
        if binding.name is not None:
            return write_id(binding.name, key, self.protocol)
        return self._bare_id(binding, key)

    def _bare_id(self, binding: Binding, pid: object) -> object:
        if self.protocol == 0 and (type(pid) is not str or not pid.isascii() or "\n" in pid):
            raise WriteError(
                f"the bare store gave the persistent ID {pid!r}: protocol 0 carries a line of ASCII text and"
                " nothing else, so that it would not come back as it is; use protocol 1 or later"
            )
        if store_name(pid) in binding.taken:
            raise WriteError(
                f"the bare store gave the persistent ID {pid!r}, which would be read as one of the store"
                f" {store_name(pid)!r}; bind that store under another name"
            )
        return pid

    def _pending(self, binding: Binding, obj: object) -> object:
        if self._tokens is None:
            self._tokens = Tokens()
            if self._file is not None:
                self._held = HeldBack(self.protocol)
        part = next(part for part in self._parts if part.binding.store is binding.store)
        number, token = self._tokens.new(binding.name)
        part.pending[0].append(obj)
        part.pending[1].append(number)
        if binding.name is None:
            return token
        return write_id(binding.name, token, self.protocol)

    # what an engine calls

    def agree(self, objects: list[Any], foreseen: list[Foreseen], keys: list[Any], /) -> bool:
        """Whether the stores give `keys` for `objects`. See brinery.plan.StoreDump."""
        answers: list[Any] = []
        first = foreseen[0]
        try:
            if foreseen.count(first) == len(foreseen):
                # Where one raises, the answers before it are there.
                answers.extend(map(self._ask_of(first), objects))
            else:
                for obj, told in zip(objects, foreseen, strict=True):
                    answers.append(self._ask_of(told)(obj))
        except Exception as error:
            answers.append(_Failed(error))
        if len(answers) == len(keys) and (_are_pairs_of(answers, keys) or all(map(_is_same, answers, keys))):
            return True
        self._remember(objects, foreseen, answers)
        return False

    def _ask_of(self, told: Foreseen) -> Callable[[Any], object]:
        return self.asks[told.number] or self.begin(self._writer.bindings[told.number])

    def recall(self, objects: list[Any], foreseen: list[Foreseen], keys: list[Any], /) -> None:
        """What was agreed upon before is the answer, too. See brinery.plan.StoreDump."""
        self._remember(objects, foreseen, keys)

    def _remember(self, objects: list[Any], foreseen: list[Foreseen], answers: list[Any]) -> None:
        """What stores answered is what they give when they are asked again about these objects."""
        remembered = {
            (told.number, id(obj)): (obj, answer)
            for obj, told, answer in zip(objects, foreseen, answers, strict=False)
        }
        for binding in self._writer.bindings:
            self.asks[binding.number] = self._asking_once(binding, self.asks[binding.number], remembered)

    def _asking_once(
        self,
        binding: Binding,
        ask: Callable[[Any], object] | None,
        remembered: dict[tuple[int, int], tuple[object, Any]],
    ) -> Callable[[Any], object]:
        number = binding.number
        begun = ask

        def key_of(obj: Any) -> object:
            nonlocal begun
            found = remembered.pop((number, id(obj)), None)
            if found is not None:
                if type(found[1]) is _Failed:
                    raise found[1].error
                return found[1]
            if begun is None:
                self.asks[number] = None
                begun = self.begin(binding)
                self.asks[number] = key_of
            return begun(obj)

        return key_of

    def finish(self, rest: bytes, /) -> bytes | None:
        """Every store commits; then `rest` goes to the file, or is returned. See brinery.plan.StoreDump."""
        if self._parts:
            for part in self._parts:
                self._assign(part)
            for part in self._parts:
                self._call(part, "prepare", part.dump.prepare)
            self._commit()
        data = None
        if self._tokens is None:
            if self._file is None:
                data = rest
            elif rest:
                write_all(self._file, rest)
        else:
            pieces = self._pieces(rest)
            if self._file is None:
                data = b"".join(pieces)
            else:
                for piece in pieces:
                    write_all(self._file, piece)
        self._leave()
        return data

    def abort(self, error: BaseException, /) -> None:
        """Undo what was not committed, and say on `error` what was. See brinery.plan.StoreDump."""
        committed = list(self._committed)
        for part in reversed(self._parts):
            if part.binding.name not in committed:
                # By the contract it raises nothing; and where it does, that must not hide the error.
                with suppress(Exception):
                    part.dump.rollback()
        self._leave()
        if isinstance(error, CommitUncertain):
            return
        if committed:
            add(
                error,
                f"{_names(committed)} had committed by then: what it stored is there, unreferred to",
            )
        elif self._uncertain is not None:
            add(error, self._uncertain)
        if self._within:
            add(
                error,
                f"dumps within this one had committed to {_names(self._within)} by then, as they were over:"
                " what they stored is there",
            )

    def _leave(self) -> None:
        if _thread.current is self:
            _thread.current = self._outer
        if self._outer is not None:
            self._outer._within += [name for name in self._committed if name not in self._outer._within]
        if self._held is not None:
            self._held.close()

    # committing

    def _assign(self, part: _Part) -> None:
        objects, numbers = part.pending
        if not objects:
            return
        keys: Any = self._call(part, "assign", lambda: part.dump.assign(objects))
        assert self._tokens is not None
        try:
            complete = len(keys) == len(objects)
        except TypeError:
            complete = False
        if not complete:
            raise StoreError(
                f"{part.binding.owner}: assign was given {len(objects)} objects, and gave {_shown(keys)}"
            )
        for number, obj, key in zip(numbers, objects, keys, strict=True):
            if part.binding.name is None:
                key = self._bare_id(part.binding, key)
            elif not is_key(key):
                raise NotStored(
                    f"{part.binding.owner} has no key for an object of class {type(obj).__qualname__}, but"
                    f" {_shown(key)}: it was PENDING, and assign has to give a str, int, bytes, UUID, date"
                    " or None, or a tuple of these"
                )
            self._tokens.set(number, key)

    def _commit(self) -> None:
        order = sorted(self._parts, key=lambda part: part.dump.two_phase)
        unknown: list[str | None] = []
        cause: Exception | None = None
        for place, part in enumerate(order):
            name = part.binding.name
            self._uncertain = f"whether {_names([name])} had committed by then is not known"
            try:
                part.dump.commit()
            except Exception as error:
                known = isinstance(error, NotCommitted)
                if not part.dump.two_phase:
                    # Nothing is decided yet, or something is that was not to be alone.
                    self._give_up(order, place, known, error)
                unknown.append(name)
                cause = cause or error
            else:
                self._committed.append(name)
            self._uncertain = None
        if cause is not None:
            # What was prepared stays so until it is committed or rolled back by whoever recovers.
            raise CommitUncertain(
                f"{_names(unknown)} prepared this dump and failed to commit it, and has to recover:"
                f" {type(cause).__name__}: {cause}. {_names(self._committed) or 'No store'} committed."
                " The stream was not finished, so nothing refers to what was stored",
                self._committed,
                (),
                unknown,
            ) from cause

    def _give_up(self, order: list[_Part], place: int, known: bool, error: Exception) -> NoReturn:
        """The commit of a store with one phase failed: those after it are rolled back."""
        name = order[place].binding.name
        failed = [part.binding.name for part in order[place + 1 :]]
        self._uncertain = None
        for part in reversed(order[place if known else place + 1 :]):
            with suppress(Exception):
                part.dump.rollback()
        if known and not self._committed:
            raise error
        text = f"{_names([name])} failed while the dump was committed: {type(error).__name__}: {error}."
        if self._committed:
            text += f" {_names(self._committed)} had committed: what was stored is there."
        if known:
            failed.insert(0, name)
        else:
            text += f" Whether {_names([name])} committed is not known."
        if failed:
            text += f" {_names(failed)} holds nothing of it."
        raise CommitUncertain(
            f"{text} The stream was not finished, so nothing refers to what was stored",
            self._committed,
            failed,
            () if known else (name,),
        ) from error

    def _call(self, part: _Part, method: str, call: Callable[[], object]) -> object:
        try:
            return call()
        except BrineryError:
            raise
        except Exception as error:
            raise part.binding.fault(method, error) from error

    def _take(self, data: Any) -> object:
        """Where the engine writes: to the file, but from the first pending key on nothing goes out."""
        if self._held is not None:
            self._held.write(data)
            return None
        assert self._file is not None
        return self._file(data)

    def _pieces(self, rest: bytes) -> Iterator[bytes]:
        assert self._tokens is not None
        held = self._held or HeldBack(self.protocol)
        self._held = held
        held.write(rest)
        return held.finished(self._tokens)


class _Failed:
    """In the place of an answer: what a store raised."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


def _are_pairs_of(answers: list[Any], keys: list[Any]) -> bool:
    """Whether both are pairs of the very same objects, as most are; False also where that is not sure."""
    return (
        set(map(type, answers)) == {tuple}
        and answers == keys
        and all(map(is_, chain.from_iterable(answers), chain.from_iterable(keys)))
    )


def _is_same(answer: Any, key: Any) -> bool:
    """Whether what was answered is what was foreseen. Texts by identity, as a memo knows them by that."""
    if answer is key:
        return True
    kind = type(answer)
    if kind is not type(key):
        return False
    if kind is tuple:
        return len(answer) == len(key) and all(map(_is_same, answer, key))
    return kind is int and answer == key


def _names(names: Sequence[str | None]) -> str:
    spelled = [repr(name) if name is not None else "bare" for name in names]
    return f"the store{'s'[: len(spelled) != 1]} {', '.join(spelled)}" if spelled else ""


def claim_for(binding: Binding) -> Callable[[object, StoresDump], object | None]:
    """What TypeRule.claim is for a store: asked for each object of a class that it claims."""
    number, name = binding.number, binding.name

    def claim(obj: object, dump: StoresDump) -> object | None:
        ask = dump.asks[number] or dump.begin(binding)
        try:
            key = ask(obj)
        except BrineryError:
            raise
        except Exception as error:
            raise binding.fault("key_of", error) from error
        # The bare store may refer to anything but None: a pickled None stands for itself.
        if key is None:
            return None
        if name is not None and dump.protocol >= 3:
            # Most keys are one value, or two.
            if type(key) is tuple and len(key) == 2:
                if type(key[0]) in SCALARS and type(key[1]) in SCALARS:
                    return name, key
            elif type(key) in SCALARS:
                return name, key
            if is_plain(key):
                return name, key
        return dump.pid_of(binding, obj, key)

    return claim
