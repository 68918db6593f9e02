# Pickler, which people subclass, and the proxy of its memo.

# Memos of Picklers that are gone, for the next ones: many write one small pickle each.
cdef enum:
    SPARES = 8
    MOST_SPARE = 512           # entries: 8 kB; what is larger is given back

cdef Entry *spare_tables[SPARES]
cdef size_t spare_masks[SPARES]
cdef uint32_t spare_generations[SPARES]
cdef int spares = 0

# Which hooks Pickler.hooks() found in which classes, of which version.
cdef enum:
    HAS_PERSISTENT_ID = 1
    HAS_REDUCER_OVERRIDE = 2
    HAS_DISPATCH_TABLE = 4
    HAS_ANY = 7
    CLASSES = 8

cdef struct HooksOf:
    PyTypeObject *type         # borrowed, and only compared
    unsigned int version       # 0: it had none
    int hooks

cdef HooksOf hooks_of[CLASSES]


cdef class Pickler:
    """Writes objects to a file in pickle's format; several dumps share one memo.

    `file` has a ``write(bytes)``. `protocol` is 0 to 5, None for the default or negative for the highest.
    `buffer_callback` is called with every PickleBuffer (protocol 5) and takes it out of the stream by
    returning a false value. `bin` is the spelling of before Python 2.3.

    Subclasses and instances may define ``persistent_id(obj)``, ``reducer_override(obj)`` and
    ``dispatch_table``. Raises PicklingError for what cannot be pickled, and RuntimeError when it is used
    while it is busy.
    """

    cdef dict __dict__
    cdef object __weakref__
    cdef object write
    cdef object write_plan
    cdef object buffer_callback
    cdef list kept             # what is in the memo, to keep it alive; or None. The collector does not show it
    cdef uint32_t next_index   # the memo's indices are taken below it, some by what exists in the stream only
    cdef Entry *table
    cdef size_t mask
    cdef size_t used
    cdef uint32_t generation
    cdef bint busy
    cdef Writer *at_work       # holds the memo while this is busy
    cdef int number            # the protocol
    cdef bint fix_imports
    cdef public int bin
    cdef public int fast

    _plan_source = staticmethod(WritePlan)
    __signature__ = SIGNATURE

    def __dealloc__(self):
        global spares
        if self.table != NULL and self.mask < MOST_SPARE and spares < SPARES:
            spare_tables[spares] = self.table
            spare_masks[spares] = self.mask
            spare_generations[spares] = self.generation
            spares += 1
        else:
            free(self.table)

    def __init__(self, file, protocol=None, fix_imports=True, buffer_callback=None, *, bin=None):
        if self.busy:
            raise RuntimeError("this Pickler is busy: it was initialized again while it writes")
        cdef int number = protocol_number(protocol, bin)
        if buffer_callback is not None and number < 5:
            raise ValueError("buffer_callback needs protocol >= 5")
        try:
            write = file.write
        except AttributeError:
            raise no_writer(file) from None
        plan = self.plan_to_use()
        before = self.forget()
        # What this takes the place of is let go of when all of it is there: that may run code which dumps.
        plan, self.write_plan = self.write_plan, plan
        buffer_callback, self.buffer_callback = self.buffer_callback, buffer_callback
        write, self.write = self.write, write
        self.number = number
        self.fix_imports = fix_imports
        self.bin = number > 0
        self.fast = 0

    cdef object plan_to_use(self):
        """What `_plan_source` gives. Where that is plainly a Dumper, it is asked without an attribute's and a call's cost."""
        cdef PyObject *obj = <PyObject *>self
        cdef PyObject *attributes
        cdef PyDictValues *values
        cdef PyObject *source = brinery_type_lookup(TYPE(obj), <PyObject *>PLAN_SOURCE)
        brinery_attributes(obj, &attributes, &values)
        if (
            source != NULL
            and TYPE(source) == <PyTypeObject *>Dumper
            and (attributes == NULL or DICT_SIZE(attributes) == 0)
            and values == NULL
            and (<PyTypeObjectFields *>TYPE(obj)).tp_getattro == PyObject_GenericGetAttr
        ):
            return (<Dumper><object>source).current_plan()
        return checked_plan(self._plan_source())

    cdef list forget(self):
        """Empty the memo. What it kept is returned, for the caller to let go of when the memo is what it is to be:
        that may run code, and that may use this Pickler.
        """
        global spares
        cdef Entry *fresh
        if self.busy:
            raise RuntimeError("this Pickler is busy: its memo cannot be changed while it writes")
        if self.table == NULL and spares:
            spares -= 1
            self.table = spare_tables[spares]
            self.mask = spare_masks[spares]
            self.generation = spare_generations[spares]
        if self.table == NULL or <uint32_t>(self.generation + 1) == 0 or self.mask >= POOLED_TABLE:
            fresh = <Entry *>calloc(LEAST_TABLE, sizeof(Entry))
            if fresh == NULL:
                raise MemoryError
            free(self.table)
            self.table = fresh
            self.mask = LEAST_TABLE - 1
            self.generation = 0
        self.generation += 1
        self.used = self.next_index = 0
        before, self.kept = self.kept, None
        return before

    cdef int must_be_initialized(self) except -1:
        if self.write is None:
            raise UninitializedPickler(
                f"Pickler.__init__() was not called by {type(self).__name__}.__init__()"
            )
        return 0

    def dump(self, obj, /):
        """Write `obj` to the file."""
        cdef Writer *w
        cdef bint succeeded = False
        cdef Py_ssize_t kept_before = 0 if self.kept is None else LIST_SIZE(<PyObject *>self.kept)
        cdef int hooks
        if self.busy:
            raise RuntimeError("this Pickler is busy: dump() was called while it writes")
        self.must_be_initialized()
        self.busy = True
        w = NULL
        stored = failure = None
        try:
            persistent_id = reducer_override = dispatch_table = UNSET
            hooks = self.hooks()
            if hooks & HAS_PERSISTENT_ID:
                persistent_id = self.hook("persistent_id")
            if hooks & HAS_REDUCER_OVERRIDE:
                reducer_override = self.hook("reducer_override")
            if hooks & HAS_DISPATCH_TABLE:
                dispatch_table = self.hook("dispatch_table")
            w = take_writer()
            protocol = self.number if self.bin or self.number > 1 else 0
            configure(w, protocol, self.fix_imports, self.write_plan)
            self.swap(w)
            self.at_work = w
            w.first = self.next_index
            w.fast = self.fast != 0
            if w.fast:
                nested = set()
                Py_INCREF(nested)
                w.nested = <PyObject *>nested
            set_hook(w, &w.write, self.write)
            if TYPE(<PyObject *>persistent_id) == &PyMethod_Type:
                set_hook(w, &w.persistent_id, persistent_id.__func__)
                set_hook(w, &w.persistent_self, persistent_id.__self__)
            else:
                set_hook(w, &w.persistent_id, persistent_id)
            set_hook(w, &w.reducer_override, reducer_override)
            set_hook(w, &w.dispatch_table, dispatch_table)
            if self.buffer_callback is not None:
                set_hook(w, &w.buffer_callback, self.buffer_callback)
            w.careful = persistent_id is not UNSET
            w.asks_table = w.dispatch_table != NULL and not (
                type(dispatch_table) is dict or is_plain_chain(w.dispatch_table)
            )
            w.asks = w.asks_table or w.reducer_override != NULL
            write_stream(w, <PyObject *>obj)
            secure(w)
            # Now, for behind the last byte no dump may fail: whoever reads on has its objects in the memo.
            self.make_room(w)
            if w.stored != NULL:
                # What the stores cannot commit is a dump that failed: the memo must not know of it.
                finish_stored(w)
            else:
                flush(w)
            self.keep(w)
            succeeded = True
        except BaseException as error:
            failure = error
            if w != NULL:
                stored = stored_of(w)  # first, as a signal may end what follows
                explain(w, error)
            raise
        finally:
            if w != NULL:
                if not succeeded:
                    forget_new(w)
                    self.forget_room(kept_before)
                self.at_work = NULL
                self.swap(w)
                give_back(w)
            self.busy = False
            if stored is not None:
                stored.abort(failure)

    cdef int hooks(self) noexcept:
        """Which hooks this may have. Most have none, and to see that takes one look at the class while that is as it was."""
        cdef PyObject *obj = <PyObject *>self
        cdef PyObject *attributes
        cdef PyDictValues *values
        cdef PyTypeObject *type = TYPE(obj)
        cdef HooksOf *known = &hooks_of[(<size_t>type >> 4) % CLASSES]
        cdef int found
        brinery_attributes(obj, &attributes, &values)
        if attributes != NULL and DICT_SIZE(attributes):
            return HAS_ANY
        if known.type == type and known.version and known.version == brinery_type_version(type):
            return known.hooks
        if (<PyTypeObjectFields *>type).tp_getattro != PyObject_GenericGetAttr:
            return HAS_ANY
        found = (
            has_hook(type, "persistent_id") * HAS_PERSISTENT_ID
            | has_hook(type, "reducer_override") * HAS_REDUCER_OVERRIDE
            | has_hook(type, "dispatch_table") * HAS_DISPATCH_TABLE
        )
        known.type = type
        known.version = brinery_type_version(type)  # looking them up gave it one, if it can have any
        known.hooks = found
        return found

    cdef object hook(self, str name):
        """A hook of a subclass or of this instance; UNSET where there is none, or this class's, which says nothing."""
        hook = getattr(self, name, UNSET)
        if type(hook) is BuiltinMethod and hook == BASE_PERSISTENT_ID.__get__(self):
            return UNSET
        return hook

    cdef void swap(self, Writer *w) noexcept:
        """The Pickler's memo for the writer's own, or back."""
        self.table, w.table = w.table, self.table
        self.mask, w.mask = w.mask, self.mask
        self.used, w.used = w.used, self.used
        self.generation, w.generation = w.generation, self.generation

    cdef int make_room(self, Writer *w) except -1:
        """Room in `kept` for what the writer owns."""
        cdef size_t i
        cdef Py_ssize_t there = 0
        if self.kept is None:
            for i in range(w.logged):
                there += w.log[i] != NULL
            self.kept = LIST_NEW(there)
            SET_LENGTH(<PyObject *>self.kept, 0)
            HIDE(<PyObject *>self.kept)
        else:
            # One by one: most later dumps are small, and a list of their own takes longer than they do.
            for i in range(w.logged):
                if w.log[i] != NULL:
                    LIST_APPEND(<PyObject *>self.kept, w.log[i])
        return 0

    cdef void keep(self, Writer *w) noexcept:
        """Take over what the writer owns."""
        cdef size_t i
        cdef PyObject *kept = <PyObject *>self.kept
        cdef Py_ssize_t there = 0
        if LIST_SIZE(kept):
            for i in range(w.logged):
                XDECREF(w.log[i])
        else:
            for i in range(w.logged):
                if w.log[i] != NULL:
                    LIST_SET(kept, there, w.log[i])
                    there += 1
            SET_LENGTH(kept, there)
        self.next_index = <uint32_t>(w.first + w.logged)
        w.log_owned = w.logged = 0

    cdef void forget_room(self, Py_ssize_t before) noexcept:
        """What make_room() made; the writer still owns all that came in."""
        cdef PyObject *kept = <PyObject *>self.kept
        cdef Py_ssize_t i
        if self.kept is None:
            return
        for i in range(LIST_SIZE(kept) - 1, before - 1, -1):
            SET_LENGTH(kept, i)
            DECREF(LIST_ITEM(kept, i))

    def clear_memo(self):
        """Forget what was written: the next dump refers to nothing before it."""
        self.must_be_initialized()
        before = self.forget()

    def persistent_id(self, obj, /):
        """None: objects are written by value. Override it to write an ID instead."""
        return None

    @property
    def memo(self):
        """The memo: ``clear()`` and ``copy()``; may be set to another Pickler's, or to what copy() gave."""
        return PicklerMemo(self)

    @memo.setter
    def memo(self, memo):
        cdef Writer made  # nothing of it but the table is used
        self.must_be_initialized()
        if isinstance(memo, PicklerMemo):
            memo = memo.copy()
        if not isinstance(memo, dict):
            raise TypeError(f"'memo' attribute must be a Pickler's memo or a dict, not {type(memo).__name__}")
        entries = []
        for value in memo.values():
            if type(value) is not tuple or len(value) != 2:
                raise TypeError("'memo' values must be 2-item tuples")
            index = as_index(value[0])
            if not 0 <= index < 0xFFFFFFFF:
                raise ValueError(f"a memo index must be 0 to 2**32 - 2, not {index}")
            entries.append((index, value[1]))
        kept = []
        HIDE(<PyObject *>kept)
        for index, obj in entries:
            LIST_APPEND(<PyObject *>kept, <PyObject *>obj)
        # The one that there is stays until all of the other is there: who has read what it stands for would otherwise
        # take later references for other objects.
        memset(&made, 0, sizeof(Writer))
        made.generation = 1
        made.mask = LEAST_TABLE - 1
        made.table = <Entry *>calloc(LEAST_TABLE, sizeof(Entry))
        if made.table == NULL:
            raise MemoryError
        try:
            for index, obj in entries:
                enter(&made, <PyObject *>obj, index)
            before = self.forget()
        except BaseException:
            free(made.table)
            raise
        free(self.table)
        self.table, self.mask, self.used, self.generation = made.table, made.mask, made.used, made.generation
        self.kept = kept
        self.next_index = <uint32_t>self.used

    def __sizeof__(self):
        return object.__sizeof__(self) + (self.mask + 1) * sizeof(Entry)


# What the memo owns is shown to the collector as the Pickler's own. The list of it, gc.get_referents() and gc.get_objects()
# would show to everybody, and who emptied it would leave the memo with objects that are gone.
cdef struct Visit:
    visitproc visit
    void *argument
    PyObject *hidden


cdef traverseproc traverse_attributes = (<PyTypeObjectFields *>Pickler).tp_traverse


cdef int visit_items(PyObject *op, void *argument) noexcept:
    cdef Visit *by = <Visit *>argument
    cdef Py_ssize_t i
    cdef int stop
    if op != by.hidden:
        return by.visit(op, by.argument)
    for i in range(LIST_SIZE(op)):
        stop = by.visit(LIST_ITEM(op, i), by.argument)
        if stop:
            return stop
    return 0


cdef int traverse_pickler(PyObject *op, visitproc visit, void *argument) noexcept:
    cdef Visit by
    by.visit = visit
    by.argument = argument
    by.hidden = <PyObject *>(<Pickler>op).kept
    if by.hidden == <PyObject *>None:
        return traverse_attributes(op, visit, argument)
    return traverse_attributes(op, visit_items, &by)


(<PyTypeObjectFields *>Pickler).tp_traverse = traverse_pickler


class UninitializedPickler(WriteError, RuntimeError):
    """A Pickler whose ``__init__`` never ran."""


cdef object PLAN_SOURCE = sys.intern("_plan_source")
cdef object BASE_PERSISTENT_ID = Pickler.persistent_id


cdef bint has_hook(PyTypeObject *type, str name) noexcept:
    """Whether instances of a class have a hook by it, other than this class's."""
    cdef PyObject *found = brinery_type_lookup(type, <PyObject *>name)
    return found != NULL and found != <PyObject *>BASE_PERSISTENT_ID


cdef object BuiltinMethod = type(len)


cdef class PicklerMemo:
    """A Pickler's memo."""

    cdef Pickler pickler

    def __init__(self, Pickler pickler not None):
        self.pickler = pickler

    def clear(self):
        """Forget everything."""
        self.pickler.clear_memo()

    def copy(self):
        """The memo as ``{id: (index, object)}``."""
        cdef Pickler pickler = self.pickler
        cdef Writer *w = pickler.at_work
        pickler.must_be_initialized()
        if w != NULL:
            return entries_of(w.table, w.mask, w.generation)
        copy = entries_of(pickler.table, pickler.mask, pickler.generation)
        if len(copy) < pickler.next_index:
            # Whoever counts on from it must not use an index of what exists in the stream only.
            taken = {index for index, _ in copy.values()}
            for index in range(pickler.next_index):
                if index not in taken:
                    nothing = object()
                    copy[<uintptr_t><PyObject *>nothing] = (index, nothing)
        return copy

    def __reduce__(self):
        return dict, (self.copy(),)


cdef dict entries_of(Entry *table, size_t mask, uint32_t generation):
    cdef size_t i
    cdef list found
    # No finalizer may run meanwhile, and take the table away.
    cdef bint enabled = GC_DISABLE()
    try:
        found = []
        for i in range(mask + 1):
            if table[i].generation == generation:
                found.append(<object>table[i].key)
                found.append(table[i].index)
    finally:
        if enabled:
            GC_ENABLE()
    return {<uintptr_t><PyObject *>obj: (index, obj) for obj, index in zip(found[::2], found[1::2])}


cdef void forget_new(Writer *w) noexcept:
    """Take out of the memo what a failed dump put there: the next one must not refer to it.

    Where even the memory for that is not there, all is taken out: the next one then writes again what it could
    have referred to.
    """
    cdef size_t i, size = w.mask + 1
    cdef Entry *entry
    cdef Entry *before = w.table
    cdef Entry *table = <Entry *>calloc(size, sizeof(Entry))
    if table == NULL:
        clear_memo(w)
        return
    for i in range(w.logged):
        entry = find(w, <PyObject *>(<uintptr_t>w.log[i] & ~<uintptr_t>LOW_BITS))
        if entry != NULL:
            entry.index = UNKNOWN
    w.table = table
    w.used = 0
    for i in range(size):
        if before[i].generation == w.generation and before[i].index != <uint32_t>UNKNOWN:
            fill(w, seek(w, before[i].key), before[i].key, before[i].index)
    free(before)
