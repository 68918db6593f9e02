# What people use: Unpickler, which they subclass and assign to, and Loader, behind load() and loads().

cimport cython

from brinery.errors import locate_reading
from brinery.plan import ReadPlan

cdef Py_ssize_t WORTH_PAUSING = 4096  # bytes of input from which on the collector could come round at all


cdef object read_one(Reading r):
    """One pickle, from the cursor on."""
    cdef Stack *s = &r.stack
    cdef Py_ssize_t began = source_offset(&r.source)
    r.protocol = 0
    r.source.opcode = r.source.next
    try:
        pause(r)
        run(r)
        resume(r)
        settle(r)
        result = take(s)
    except BaseException as error:
        resume(r)
        explain(r, error, began)
        stack_reset(s)
        raise
    resume(r)
    stack_reset(s)
    return result


cdef int explain(Reading r, object error, Py_ssize_t began) except -1:
    """Say on `error` at which opcode it happened, and inside of what."""
    cdef Source *source = &r.source
    cdef Stack *s = &r.stack
    cdef Py_ssize_t i, offset = source.opcode_offset
    cdef int code = source.opcode_code
    if source.opcode != NULL:
        offset = source.before + (source.opcode - source.start)
        code = source.opcode[0] if source.opcode < source.limit else OP_STOP
    building = []
    for i in range(s.mark_count):
        if s.marks[i].position > 0:
            building.append(type(<object> s.base[s.marks[i].position - 1]).__name__)
    name = BY_CODE[code].name if code in BY_CODE else f"0x{code:02x}"
    locate_reading(error, offset - began, name, building)
    return 0


@cython.auto_pickle(False)
cdef class Unpickler:
    """Unpickler(file, *, fix_imports=True, encoding="ASCII", errors="strict", buffers=None)

    Reads pickles from `file`, which needs read(size) and readline(), and may have readinto and peek. Several
    load() calls share one memo. `encoding` and `errors` say how the 8-bit strings of Python 2 are decoded;
    encoding="bytes" keeps them as bytes, errors="bytes" keeps those that do not decode. `buffers` iterates over the
    out-of-band buffers of PEP 574.
    """

    cdef Reading reading
    cdef bint busy
    cdef dict __dict__
    cdef object __weakref__

    _plan_source = staticmethod(ReadPlan)

    def __init__(self, file, *, fix_imports=True, str encoding not None="ASCII", str errors not None="strict", buffers=None):
        cdef Reading r = Reading()
        if self.busy:
            raise RuntimeError("this Unpickler is busy with a load()")
        source_file(r, file)
        r.fix_imports = fix_imports
        r.encoding = encoding
        r.errors = errors
        r.buffers = None if buffers is None else iter(buffers)
        r.plan = self._plan_source()
        r.pausing = True
        self.reading = r

    def load(self):
        """The next object of the file. Nothing behind its STOP is read."""
        cdef Reading r = self.ready()
        self.busy = True
        try:
            r.persistent_load = self.persistent_load
            r.finder = None if type(self) is Unpickler and not (<object> self).__dict__ else self.find_class
            r.foreign = r.memo.count > 0
            return read_one(r)
        finally:
            r.persistent_load = r.finder = None
            self.busy = False

    def noload(self):
        """Walk the next pickle without building objects."""
        cdef Reading r = self.ready()
        self.busy = True
        r.walking = True
        try:
            persistent_load = self.persistent_load
            r.ids = persistent_load if isinstance(persistent_load, list) else None
            return read_one(r)
        finally:
            r.walking = False
            r.ids = None
            self.busy = False

    cdef Reading ready(self):
        if self.reading is None:
            raise ReadError(f"Unpickler.__init__() was not called by {type(self).__name__}.__init__()")
        if self.busy:
            raise RuntimeError("this Unpickler is busy with a load()")
        return self.reading

    def find_class(self, module, name, /):
        """The global of that name; override it to restrict or redirect what a pickle may name."""
        cdef Reading r = self.reading
        if r is None:
            raise ReadError(f"Unpickler.__init__() was not called by {type(self).__name__}.__init__()")
        return find_global(r, module, name)

    def persistent_load(self, pid, /):
        """What a persistent ID stands for; to be overridden."""
        raise ReadError(
            "A load persistent id instruction was encountered, but no persistent_load function was specified."
        )

    @property
    def memo(self):
        """The objects met so far by memo index; a proxy with clear() and copy()."""
        return MemoProxy(self)

    @memo.setter
    def memo(self, value):
        cdef dict entries
        if isinstance(value, MemoProxy):
            entries = value.copy()
        elif isinstance(value, dict):
            entries = dict(value)
        else:
            raise TypeError(f"'memo' attribute must be an UnpicklerMemoProxy object or dict, not {type(value).__name__}")
        for index in entries:
            if not isinstance(index, int):
                raise TypeError("memo key must be integers")
            if index < 0:
                raise ValueError("memo key must be positive integers.")
        memo_clear(&self.reading.memo)
        self.reading.foreign = True
        for index, obj in entries.items():
            memo_put(self.reading, index, <PyObject *> obj)


@cython.auto_pickle(False)
@cython.final
cdef class MemoProxy:
    """A view of an Unpickler's memo."""

    cdef Unpickler unpickler

    def __init__(self, Unpickler unpickler not None):
        self.unpickler = unpickler

    def clear(self):
        """Forget all entries."""
        memo_clear(&self.unpickler.reading.memo)

    def copy(self):
        """The entries as a dict, index to object."""
        cdef Memo *m = &self.unpickler.reading.memo
        cdef dict entries = {}
        cdef Py_ssize_t i
        for i in range(m.used):
            if m.array[i] != NULL:
                entries[i] = <object> m.array[i]
        if m.sparse != NULL:
            entries.update(<dict> m.sparse)
        return entries

    def __reduce__(self):
        return dict, (self.copy(),)


@cython.auto_pickle(False)
@cython.final
cdef class Loader:
    """load() and loads() around one plan, as bound methods."""

    cdef object plan_source
    cdef public object plan
    cdef Reading spare

    def __init__(self, plan_source):
        self.plan_source = plan_source
        self.plan = None

    cdef Reading state(self, fix_imports, str encoding, str errors, buffers):
        cdef Reading r = self.spare
        if self.plan is None:
            self.plan = self.plan_source()
        if BRINERY_POOL_STATES and r is not None:
            self.spare = None
        else:
            r = Reading()
        r.plan = self.plan
        r.fix_imports = fix_imports
        r.encoding = encoding
        r.errors = errors
        r.buffers = None if buffers is None else iter(buffers)
        r.foreign = False
        return r

    def loads(self, data, /, *, fix_imports=True, str encoding not None="ASCII", str errors not None="strict", buffers=None):
        """The object whose pickle `data` begins with; what follows it is ignored."""
        cdef Reading r = self.state(fix_imports, encoding, errors, buffers)
        source_bytes(r, data)
        r.pausing = r.source.view.len >= WORTH_PAUSING
        try:
            return read_one(r)
        finally:
            source_close(r)
            memo_clear(&r.memo)
            r.buffers = None
            if BRINERY_POOL_STATES:
                self.spare = r

    def load(self, file, *, fix_imports=True, str encoding not None="ASCII", str errors not None="strict", buffers=None):
        """The next object of `file`. Nothing behind its STOP is read."""
        cdef Reading r = self.state(fix_imports, encoding, errors, buffers)
        r.pausing = True
        try:
            source_file(r, file)
            return read_one(r)
        finally:
            source_close(r)
            r.read = r.readline = r.readinto = r.peek = r.held = r.buffers = None
            memo_clear(&r.memo)
