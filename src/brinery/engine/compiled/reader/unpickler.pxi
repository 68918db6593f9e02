# What people use: Unpickler, which they subclass and assign to, and Loader, behind load() and loads().

from brinery.engine.construction import NAMED, names_of
from brinery.engine.explaining import SAMPLE, on_reading, positional
from brinery.engine.hooks import put_in_place
from brinery.engine.lookahead import Lookahead
from brinery.engine.signatures import UNPICKLER as SIGNATURE
from brinery.errors import MissingReference, NotInitialized, locate_reading
from brinery.plan import ReadPlan

cdef int prepare(
    Reading r, object plan, bint fix_imports, object encoding, object errors, object buffers
) except -1:
    """Make `r` ready for a load with these arguments."""
    if r.encoding is not encoding:
        r.encoding = exact_text("encoding", encoding)
    if r.errors is not errors:
        r.errors = exact_text("errors", errors)
    if buffers is not None:
        r.buffers = iter(buffers)
    if r.plan is not plan:
        r.plan = plan
        r.has_text = plan.shapes is not None and plan.shapes.has_text
        r.slotted = None if plan.shapes is None else plan.shapes.slotted
    if r.shaping is not None:
        forget_shapes(r)
    r.fix_imports = fix_imports
    r.foreign = False
    return 0


cdef str exact_text(str argument, object given):
    """The text of an argument, which may be of a subclass: comparing that would be user code."""
    if not isinstance(given, str):
        raise TypeError(f"argument '{argument}' must be str, not {type(given).__name__}")
    return str.__str__(given)


cdef object read_one(Reading r):
    """One pickle, from the cursor on."""
    cdef Stack *s = &r.stack
    cdef Py_ssize_t began = source_offset(&r.source)
    r.protocol = 0
    r.source.opcode = r.source.next
    begin(r)
    try:
        run(r)
        if r.read is not None:
            leave_stream(r)
        result = take(s)
        if r.shaping is not None and not r.walking:
            secure(r)
            result = r.shaping.finish(result)
            resume(r)
    except BaseException as error:
        end(r)
        refused = None
        try:
            if isinstance(error, Exception):
                if r.undecided is not None:
                    refused = refusal_of_stores(r)
                if r.refusal is None:
                    if r.shaping is not None:
                        refused = r.shaping.refused()
                    try:
                        explain(r, error if refused is None else refused, began)
                    except Exception:
                        pass  # where it happened must never hide what happened
                if r.read is not None:
                    skip_failed(r)
        finally:  # a signal may end any of that
            stack_reset(r)
        if refused is not None and refused is not error:
            raise refused from None  # it came first
        raise
    end(r)
    stack_reset(r)
    return result


cdef int decide(Reading r) except -1:
    """Ask the stores for all that the stream refers to, now that something is to be built or referred to.

    Until then nothing was called or made that anybody could see. So a stream of plain data, or of plain objects
    without references, is not looked through for any.
    """
    cdef Walker walker
    cdef bint sure = False
    stores, data = r.undecided, r.stream
    r.undecided = r.stream = None
    found = skim_ids(data)
    if found is None:
        walker = Walker()
        if not walker.in_bytes(data):
            return 0
        found, sure = (walker.ids, walker.places), True
    elif not (<list> (<tuple> found)[0]):
        return 0
    try:
        try:
            r.stored = stores.begin_load(found[0], places_shown(found[1]), None, True)
        except MissingReference:
            if sure:
                raise
            # Where the stream is malformed, what comes behind that place is not asked for.
            walker = Walker()
            walker.in_bytes(data)
            if walker.places == found[1]:
                raise
            found = walker.ids, walker.places
            r.stored = stores.begin_load(walker.ids, places_shown(walker.places), None, True)
    except BaseException as refusal:
        r.refusal = refusal
        raise
    r.persistent_load = r.stored.resolve
    expect(r, r.stored, found[1])
    r.began = 0
    return 0


cdef object refusal_of_stores(Reading r):
    """The load has failed before the stores were asked: what they say comes first."""
    try:
        decide(r)
    except Exception as refusal:
        return refusal
    return None


cdef int leave_stream(Reading r) except -1:
    """Between loads the file stands behind STOP; what a frame holds behind it stays for the next load."""
    cdef Source *s = &r.source
    s.framed = False
    s.end = s.limit
    if s.peeked:
        leave_buffer(r)
    return 0


cdef int skip_failed(Reading r) except -1:
    """Let the next load go on behind the opcode that failed: skipping over errors must come to an end."""
    if r.source.opcode != NULL:
        r.source.next = min(r.source.opcode + 1, r.source.limit)
    try:
        leave_stream(r)
    except Exception:
        pass  # there is an error already, and this would hide it
    return 0


cdef int explain(Reading r, object error, Py_ssize_t began) except -1:
    """Say on `error` at which opcode it happened, and inside of what."""
    cdef Source *source = &r.source
    cdef Stack *s = &r.stack
    cdef Py_ssize_t i, offset = source.opcode_offset
    cdef int code = source.opcode_code
    cdef PyObject *top
    if source.opcode != NULL:
        offset = source.before + (source.opcode - source.start)
        code = source.opcode[0] if source.opcode < source.limit else -1
    tops = []
    for i in range(max(0, s.mark_count - NAMED), s.mark_count):
        if s.marks[i].position > (s.marks[i - 1].position if i else 0):
            top = s.base[s.marks[i].position - 1]
            tops.append(<object> top if top != NULL else {})
    if s.top > s.fence:
        tops.append(<object> s.top[-1])
    opcode = BY_CODE.get(code)
    name = opcode.name if opcode is not None else ""
    place = r.shaping.place_of(error) if r.shaping is not None else None
    if place is not None:
        offset, name = place
        tops = []  # what was being built when such a str was met, nobody knows any more
    locate_reading(error, offset - began, name, names_of(tops))
    advise(r, error, name, began, offset)
    return 0


cdef int advise(Reading r, object error, str opcode, Py_ssize_t began, Py_ssize_t offset) except -1:
    """Say what may be wrong, by how the stream begins and by what there is from the failing opcode on."""
    cdef Source *s = &r.source
    cdef Py_ssize_t first = began - s.before
    beginning = at = b""
    left = None
    if s.start != NULL and 0 <= first <= s.end - s.start:
        beginning = s.start[first : min(first + SAMPLE, s.end - s.start)]
    elif began == 0 and r.first is not None:
        beginning = r.first[:SAMPLE]
    if s.opcode != NULL and s.opcode <= s.end:
        at = s.opcode[: min(9, s.end - s.opcode)]
        if r.read is None:
            left = s.end - s.opcode
    on_reading(error, opcode, offset - began, beginning, at, left)
    return 0


@cython.auto_pickle(False)
cdef class Unpickler:
    """Reads pickles of protocols 0 to 5 from a file (pickle documentation, ``pickle.Unpickler``).

    `file` needs ``read(n)`` and ``readline()``; ``readinto`` and ``peek`` are used if there. `fix_imports`
    finds Python 2's names below protocol 3. `encoding` and `errors` decode Python 2's str;
    ``encoding="bytes"`` keeps bytes, ``errors="bytes"`` only those that do not decode. `buffers` are the
    out-of-band buffers, in the order in which the Pickler gave them away (PEP 574).

    Raises TypeError for a file that cannot be read, and RuntimeError while this Unpickler loads.
    """

    cdef Reading reading
    cdef Walker walker
    cdef object lookahead
    cdef object stored    # what the stores gave for this load, or None
    cdef bint busy
    cdef dict __dict__
    cdef object __weakref__

    _plan_source = staticmethod(ReadPlan)
    __signature__ = SIGNATURE

    def __init__(self, file, *more, fix_imports=True, encoding="ASCII", errors="strict", buffers=None):
        if more:
            raise positional("Unpickler", more)
        cdef Reading r = take_spare()
        cdef Walker walker = None
        plan = self._plan_source()
        if plan.stores is not None:
            file = Lookahead(file)
            walker = Walker()
        prepare(r, plan, fix_imports, encoding, errors, buffers)
        source_file(r, file)
        if self.busy:  # asked last, as all of this may be user code
            raise RuntimeError("this Unpickler is loading: it cannot be initialized again meanwhile")
        # What this takes the place of is let go of when all of it is there: that may run code which loads.
        file = file if walker is not None else None
        file, self.lookahead = self.lookahead, file
        walker, self.walker = self.walker, walker
        r, self.reading = self.reading, r
        self.stored = None

    def __dealloc__(self):
        if self.reading is not None and self.walker is None and Py_REFCNT(<PyObject *> self.reading) == 1:
            keep_spare(self.reading)

    def load(self):
        """Read one pickle and return its object. The memo stays, for pickles that were written with one memo.

        Raises EOFError where the file ends, UnpicklingError where the stream is malformed or refers to
        what is not there, and whatever the classes raise that it names.
        """
        return self.run(False)

    def noload(self):
        """Walk one pickle without building objects: no global is looked up, and None stands for each object.

        ``persistent_load`` is called for every persistent ID, or, being a list, gets it appended.
        Returns the object, as far as it is made of literals. Raises as load() does.
        """
        return self.run(True)

    cdef object run(self, bint walking):
        cdef Reading r = self.initialized()
        if self.busy:
            raise RuntimeError("this Unpickler is loading already, further up or in another thread")
        cdef bint succeeded = False
        self.busy = True
        try:
            if self.walker is not None:
                self.look_ahead(walking)
            # The engine's own way is taken where nobody stands in it, without a call through Python.
            r.owner = <PyObject *> self
            if is_inherited(self, PERSISTENT_LOAD, OWN_PERSISTENT_LOAD):
                r.persistent_load = None if self.stored is None else self.stored.resolve
                if self.stored is not None:
                    expect(r, self.stored, self.walker.places)
            else:
                r.persistent_load = put_in_place(self.persistent_load)
            r.foreign = r.memo.count > 0
            r.walking = walking
            result = read_one(r)
            succeeded = True
            return result
        finally:
            r.walking = False
            r.owner = NULL
            r.persistent_load = r.ready = r.ready_places = None
            stored, self.stored = self.stored, None
            plans_clear(r)
            models_clear(r)
            names_clear(r)
            self.busy = False
            if stored is not None:
                stored.close(succeeded)

    cdef int look_ahead(self, bint walking) except -1:
        cdef Reading r = self.reading
        cdef Source *s = &r.source
        self.walker.in_file(self.lookahead, (<const char *> s.next)[: s.limit - s.next], r)
        if not walking:
            finder = None if is_inherited(self, FIND_CLASS, OWN_FIND_CLASS) else put_in_place(self.find_class)
            decided = is_inherited(self, PERSISTENT_LOAD, OWN_PERSISTENT_LOAD)
            self.stored = r.plan.stores.begin_load(self.walker.ids, places_shown(self.walker.places), finder, decided)
        return 0

    cdef Reading initialized(self):
        if self.reading is None:
            raise NotInitialized(f"Unpickler.__init__() was not called by {type(self).__name__}.__init__()")
        return self.reading

    def find_class(self, module, name, /):
        """The global of that name; override this to restrict what a pickle may refer to.

        Raises what the import raises, and AttributeError where the module has no such name.
        """
        return find_global(self.initialized(), module, name)

    def persistent_load(self, pid, /):
        """The object of a persistent ID: from the bound stores, unless this is overridden or assigned to.

        Raises UnpicklingError where there is no store.
        """
        self.initialized()
        if self.stored is None:
            raise no_persistent_load(pid)
        return self.stored.resolve(pid)

    @property
    def memo(self):
        """The memo, to be cleared, copied, or replaced by a dict of objects by index or another's memo."""
        return UnpicklerMemoProxy(self)

    @memo.setter
    def memo(self, value):
        cdef dict entries
        if isinstance(value, UnpicklerMemoProxy):
            entries = value.copy()
        elif isinstance(value, dict):
            entries = dict(value)
        else:
            kind = type(value).__name__
            raise TypeError(f"'memo' attribute must be an UnpicklerMemoProxy object or dict, not {kind}")
        for index in entries:
            if not isinstance(index, int):
                raise TypeError("memo key must be integers")
            if index < 0:
                raise ValueError("memo key must be positive integers.")
        self.replace_memo(entries)

    @memo.deleter
    def memo(self):
        raise TypeError("the memo cannot be deleted; clear() empties it")

    cdef int replace_memo(self, dict entries) except -1:
        cdef Reading r = self.initialized()
        if self.busy:
            raise RuntimeError("this Unpickler is loading: its memo cannot be changed meanwhile")
        cdef Memo before = r.memo
        memset(&r.memo, 0, sizeof(Memo))
        r.foreign = True
        try:
            for index, obj in entries.items():
                memo_put(r, index, <PyObject *> obj)
            if self.walker is not None:
                self.walker.follow(entries)
        except BaseException:
            memo_empty(&r.memo)
            r.memo = before
            raise
        memo_empty(&before)  # last, as that may run code which loads
        return 0


cdef PyObject *FIND_CLASS = <PyObject *> "find_class"
cdef PyObject *PERSISTENT_LOAD = <PyObject *> "persistent_load"
cdef PyObject *OWN_FIND_CLASS = brinery_type_lookup(<PyTypeObject *> Unpickler, FIND_CLASS)
cdef PyObject *OWN_PERSISTENT_LOAD = brinery_type_lookup(<PyTypeObject *> Unpickler, PERSISTENT_LOAD)


cdef bint is_inherited(Unpickler self, PyObject *name, PyObject *own) except -1:
    """Whether an Unpickler's attribute of that name is the one of the base class, whatever else its class has."""
    cdef PyTypeObject *cls = Py_TYPE(<PyObject *> self)
    cdef PyObject *attributes
    if cls.tp_getattro != <void *> PyObject_GenericGetAttr or brinery_type_lookup(cls, name) != own:
        return False
    attributes = brinery_own_dict(<PyObject *> self)
    return attributes == NULL or <object> name not in <object> attributes


# A state for the next Unpickler: many of them read one small pickle each.
cdef Reading spare_reading = None


cdef Reading take_spare():
    global spare_reading
    cdef Reading r = spare_reading
    if r is None:
        return Reading()
    spare_reading = None
    return r


cdef int keep_spare(Reading r) except -1:
    """Let go of all that an Unpickler worked on, which nobody else knows."""
    global spare_reading
    source_close(r)
    memo_recycle(&r.memo)
    r.buffers = r.plan = None
    r.protocol = 0  # which find_class() asks for before the first load
    if BRINERY_POOL_STATES:
        spare_reading = r
    return 0


@cython.auto_pickle(False)
@cython.final
cdef class UnpicklerMemoProxy:
    """An Unpickler's memo, as far as code outside may handle it."""

    cdef Unpickler unpickler
    __hash__ = None

    def __init__(self, Unpickler unpickler not None):
        unpickler.initialized()
        self.unpickler = unpickler

    def clear(self):
        """Forget all objects."""
        self.unpickler.replace_memo({})

    def copy(self):
        """The objects by index."""
        return memo_copy(self.unpickler.initialized())

    def __reduce__(self):
        return dict, (self.copy(),)


@cython.auto_pickle(False)
cdef class Loader:
    """The functions ``load`` and ``loads`` around one plan."""

    cdef object plan_source
    cdef object chosen          # the plan, or None
    cdef Py_ssize_t settings    # how often it was set
    cdef object known           # the plan of the last load, and its stores
    cdef object stores
    cdef Reading spare          # the state of an earlier loads(), to be used again

    def __init__(self, plan_source):
        self.plan_source = plan_source

    @property
    def plan(self):
        """The ReadPlan in use; None to have `plan_source` asked at the next call."""
        return self.chosen

    @plan.setter
    def plan(self, plan):
        self.chosen = plan
        self.settings += 1

    def __call__(self):
        """The plan in use: this is a source of plans, too."""
        self.ask_plan()
        return self.known

    cdef int ask_plan(self) except -1:
        cdef Py_ssize_t before = self.settings
        plan = self.chosen
        if plan is None:
            plan = self.plan_source()
            # Where `plan` was set meanwhile, by another thread, the answer is for this call only.
            if self.settings == before:
                self.chosen = plan
        self.stores = plan.stores
        self.known = plan
        return 0

    def loads(self, data, /, *more, fix_imports=True, encoding="ASCII", errors="strict", buffers=None):
        """Read one pickle from a contiguous buffer; bytes behind it are ignored.

        Arguments and errors are those of Unpickler; TypeError for what is no buffer.
        """
        cdef Reading r
        cdef Walker walker
        if more:
            raise positional("loads", more)
        if self.chosen is None or self.chosen is not self.known:
            self.ask_plan()
        # Both, for what follows may run code that makes them those of another plan.
        plan, stores = self.known, self.stores
        if BRINERY_POOL_STATES and self.spare is not None:
            r = self.spare
            self.spare = None
        else:
            r = Reading()
        prepare(r, plan, fix_imports, encoding, errors, buffers)
        if stores is not None and may_refer(data):
            if type(data) is bytes:
                return self.load_undecided(r, stores, data)
            walker = Walker()
            if walker.in_bytes(data):
                return self.load_stored(r, stores, walker, data, None)
        source_bytes(r, data)
        try:
            return read_one(r)
        finally:
            self.finish(r)

    cdef object load_undecided(self, Reading r, object stores, bytes data):
        """A load in which the bound stores may take part: that shows when it comes to that (see decide)."""
        cdef bint succeeded = False
        r.undecided, r.stream = stores, data
        try:
            source_bytes(r, data)
            result = read_one(r)
            succeeded = True
            return result
        finally:
            stored = r.stored
            r.undecided = r.stream = r.stored = r.refusal = None
            r.ready = r.ready_places = None
            self.finish(r)
            if stored is not None:
                stored.close(succeeded)

    cdef object load_stored(self, Reading r, object stores, Walker walker, object data, object file):
        """A load in which the bound stores take part, of `data` or, where that is None, of `file`."""
        cdef bint succeeded = False
        stored = stores.begin_load(walker.ids, places_shown(walker.places), None, True)
        try:
            r.persistent_load = stored.resolve
            if data is None:
                source_file(r, file)
            else:
                source_bytes(r, data)
            expect(r, stored, walker.places)
            result = read_one(r)
            succeeded = True
            return result
        finally:
            r.ready = r.ready_places = None
            self.finish(r)
            stored.close(succeeded)

    cdef int finish(self, Reading r) except -1:
        """Let go of all that a load worked on, and keep its state for the next."""
        source_close(r)
        if r.memo.count:
            memo_recycle(&r.memo)
        plans_clear(r)
        models_clear(r)
        names_clear(r)
        if r.buffers is not None:
            r.buffers = None
        if r.persistent_load is not None:
            r.persistent_load = None
        if BRINERY_POOL_STATES:
            self.spare = r
        return 0

    def load(self, file, *more, fix_imports=True, encoding="ASCII", errors="strict", buffers=None):
        """Read one pickle from `file` and nothing behind it. Arguments and errors are those of Unpickler."""
        cdef Reading r
        cdef Walker walker
        if more:
            raise positional("load", more)
        if self.chosen is None or self.chosen is not self.known:
            self.ask_plan()
        plan, stores = self.known, self.stores
        if BRINERY_POOL_STATES and self.spare is not None:
            r = self.spare
            self.spare = None
        else:
            r = Reading()
        prepare(r, plan, fix_imports, encoding, errors, buffers)
        if stores is not None:
            file = Lookahead(file)
            walker = Walker()
            walker.in_file(file, b"", None)
            return self.load_stored(r, stores, walker, None, file)
        source_file(r, file)
        try:
            return read_one(r)
        finally:
            self.finish(r)
