# Dumper: dump and dumps around one plan; and the pool of writers that makes small calls fast.

cdef enum:
    POOLED = 4
    LEAST_TABLE = 32
    POOLED_TABLE = 4096        # for a hundred strings met a thousand times each, see memo
    MOST_TABLE = 64 * 1024     # what is larger is given back after the dump
    POOLED_LOG = 1024
    MOST_LOG = 128 * 1024
    POOLED_STACK = 64
    MOST_STACK = 8 * 1024
    SCRATCH = 32 * 1024
    MOST_WAITED = 63           # dumps

cdef Writer *pool[POOLED]
cdef int in_pool = 0


cdef Writer *take_writer() except NULL:
    global in_pool
    if in_pool:
        in_pool -= 1
        return pool[in_pool]
    cdef Writer *w = <Writer *>calloc(1, sizeof(Writer))
    if w == NULL:
        raise MemoryError
    w.scratch = <char *>malloc(SCRATCH)
    w.table = <Entry *>calloc(POOLED_TABLE, sizeof(Entry))
    w.log = <PyObject **>malloc(POOLED_LOG * sizeof(PyObject *))
    w.stack = <Frame *>malloc(POOLED_STACK * sizeof(Frame))
    if w.scratch == NULL or w.table == NULL or w.log == NULL or w.stack == NULL:
        free_writer(w)
        raise MemoryError
    w.scratch_size = SCRATCH
    w.base = w.cur = w.scratch
    w.end = w.scratch + SCRATCH
    w.mask = POOLED_TABLE - 1
    w.generation = 1
    w.log_room = POOLED_LOG
    w.room = POOLED_STACK
    return w


cdef void free_writer(Writer *w) noexcept:
    free(w.scratch)
    free(w.table)
    free(w.log)
    free(w.stack)
    free(w.notes)
    free(w)


cdef void configure(Writer *w, int protocol, bint fix_imports, object plan) noexcept:
    w.proto = protocol
    w.binary = protocol > 0
    w.careful = False
    w.fix_imports = fix_imports
    w.fast = False
    w.asked = False
    w.asks = w.asks_table = False
    w.opening = False
    w.flush_pending = False
    w.foresees = False
    w.frame_start = -1
    w.first = 0
    w.depth_to_check = DEPTH_TO_CHECK
    w.objects_there = 0
    Py_INCREF(plan)
    w.plan = <PyObject *>plan
    w.rules = plan_part(plan, PLAN_RULES)
    w.rules_serial = 0
    w.names = plan_part(plan, PLAN_NAMES)
    new_epoch(w)
    w.serial = w.epoch


# A plan is a named tuple, and its fields' descriptors would cost a small call a third of its time.
cdef enum:
    PLAN_RULES = 0
    PLAN_ERA_NAMES = 1
    PLAN_NAMES = 2
    PLAN_STORES = 3

if WritePlan._fields[:4] != ("rules", "era_names", "names", "stores"):
    raise ImportError("the compiled engine was built for another WritePlan; build it again")


cdef object checked_plan(object plan):
    if not isinstance(plan, WritePlan):
        raise TypeError(f"a plan for writing must be a WritePlan, not {type(plan).__name__}")
    return plan


cdef inline PyObject *plan_part(object plan, Py_ssize_t i) noexcept:
    cdef PyObject *part = TUPLE_ITEM(<PyObject *>plan, i)
    return NULL if part == Py_None else part


cdef inline void set_hook(Writer *w, PyObject **place, object hook) noexcept:
    if hook is not UNSET:
        w.hooked = True
        Py_INCREF(hook)
        place[0] = <PyObject *>hook


cdef int write_stream "brinery_write_stream"(Writer *w, PyObject *obj) except -1:
    begin_work(w)
    if w.rules != NULL and w.rules != <PyObject *>last_rules:
        look_at_rules(w)
    if w.proto >= 2:
        w.cur[0] = <char>PROTO
        w.cur[1] = <char>w.proto
        w.cur += 2
    open_frame(w)
    write_graph(w, obj)
    op(w, STOP)
    return commit_frame(w)


cdef void give_back(Writer *w) noexcept:
    """Drop what the dump held, and keep the writer for another one."""
    global in_pool
    # What follows may run finalizers, and they may pickle; this writer is not in the pool yet.
    end_work(w)
    if (
        (w.depth or w.log_owned or w.hooked or w.noted or w.loose_count)
        or (w.subject != NULL or w.nested != NULL or w.result != NULL or w.per_dump != NULL)
    ):
        drop_all(w)
    DECREF(w.plan)
    w.logged = 0
    w.base = w.cur = w.scratch
    w.end = w.scratch + w.scratch_size
    clear_memo(w)
    if in_pool == POOLED or w.mask >= MOST_TABLE or w.log_room > MOST_LOG or w.room > MOST_STACK:
        free_writer(w)
        return
    pool[in_pool] = w
    in_pool += 1


cdef void drop_all(Writer *w) noexcept:
    """Give up every reference but the plan's; most small dumps hold no other."""
    cdef Py_ssize_t i
    cdef size_t j
    cdef Frame *frame
    for i in range(w.depth):
        frame = &w.stack[i]
        XDECREF(frame.current)
        XDECREF(frame.following)
        XDECREF(frame.held)
        if frame.owned:
            DECREF(frame.obj)
            XDECREF(frame.owner)
    for j in range(w.log_owned):
        XDECREF(<PyObject *>(<uintptr_t>w.log[j] & ~<uintptr_t>LOW_BITS))
    w.depth = w.secured = 0
    w.log_owned = 0
    while w.loose_count:
        w.loose_count -= 1
        DECREF(w.loose[w.loose_count])
    drop_notes(w)
    XDECREF(w.subject)
    XDECREF(w.nested)
    XDECREF(w.result)
    w.subject = w.nested = w.result = NULL
    XDECREF(w.write)
    XDECREF(w.persistent_id)
    XDECREF(w.persistent_self)
    XDECREF(w.reducer_override)
    XDECREF(w.dispatch_table)
    XDECREF(w.buffer_callback)
    XDECREF(w.stored)
    XDECREF(w.per_dump)
    w.per_dump = NULL
    w.write = w.persistent_id = w.persistent_self = w.stored = NULL
    w.reducer_override = w.dispatch_table = w.buffer_callback = NULL
    w.hooked = False


cdef int protocol_number(object protocol, object bin) except -1:
    if bin is None:
        if protocol is None:
            return DEFAULT
        if type(protocol) is int and 0 <= protocol <= 5:
            return protocol
    # The frames that a warning counts are Python's, and there is none here.
    return choose_protocol(protocol, bin, stacklevel=2)


cdef int DEFAULT = DEFAULT_PROTOCOL
cdef Py_ssize_t DEPTH_TO_CHECK = FIRST_CHECK
cdef object UNSET = object()


cdef class Dumper:
    """``dump`` and ``dumps`` around one plan.

    `plan_source` is called without arguments, when a plan is first needed, and gives the WritePlan.
    `checked` stands in for ``dumps`` where a caller asks for a check. Many threads may use one Dumper.
    """

    cdef object plan_source
    cdef object checked        # of (obj, protocol, fix_imports, buffer_callback), or None
    cdef object chosen         # the plan, or None
    cdef Py_ssize_t settings   # how often it was set
    cdef int refuted           # for how many dumps nothing is foreseen where a store does not stand by it again
    cdef int waits             # for how many there still is not

    def __init__(self, plan_source, checked=None):
        self.plan_source = plan_source
        self.checked = checked

    @property
    def plan(self):
        """The WritePlan in use; None to have `plan_source` asked at the next call."""
        return self.chosen

    @plan.setter
    def plan(self, plan):
        self.chosen = None if plan is None else checked_plan(plan)
        self.settings += 1

    def __call__(self):
        """The plan in use: this is a source of plans, too."""
        return self.current_plan()

    cdef object current_plan(self):
        cdef Py_ssize_t before = self.settings
        plan = self.chosen
        if plan is None:
            plan = checked_plan(self.plan_source())
            # Where `plan` was set meanwhile, by another thread, the answer is for this call only.
            if self.settings == before:
                self.chosen = plan
        return plan

    def dumps(self, obj, protocol=None, *, fix_imports=True, buffer_callback=None, bin=None, check=False):
        """The pickle of `obj`, as bytes; with `check`, read back and compared."""
        cdef int number = DEFAULT if protocol is None and bin is None else protocol_number(protocol, bin)
        if check is not False and check and self.checked is not None:
            return self.check_first(obj, number, fix_imports, buffer_callback)
        plan = self.chosen
        if plan is None or buffer_callback is not None or plan_part(plan, PLAN_STORES) != NULL:
            return self.run(obj, None, number, fix_imports, buffer_callback)
        return small_dumps(obj, number, fix_imports, plan)

    def dump(self, obj, file, protocol=None, *, fix_imports=True, buffer_callback=None, bin=None, check=False):
        """Write the pickle of `obj` to `file`, which has a ``write(bytes)``; with `check`, what survived it."""
        cdef int number = protocol_number(protocol, bin)
        try:
            write = file.write
        except AttributeError:
            raise no_writer(file) from None
        if check is not False and check and self.checked is not None:
            write(self.check_first(obj, number, fix_imports, buffer_callback))
        else:
            self.run(obj, write, number, fix_imports, buffer_callback)

    cdef object check_first(self, object obj, int protocol, object fix_imports, object buffer_callback):
        if buffer_callback is not None and protocol < 5:
            raise ValueError("buffer_callback needs protocol >= 5")
        return self.checked(obj, protocol, bool(fix_imports), buffer_callback)

    cdef object run(self, object obj, object write, int protocol, bint fix_imports, object buffer_callback):
        """A dump with all that may be around it."""
        cdef Writer *w
        plan = self.current_plan()
        if buffer_callback is not None and protocol < 5:
            raise ValueError("buffer_callback needs protocol >= 5")
        stored = result = failure = None
        w = take_writer()
        try:
            configure(w, protocol, fix_imports, plan)
            if buffer_callback is not None:
                set_hook(w, &w.buffer_callback, buffer_callback)
            if write is not None:
                set_hook(w, &w.write, write)
            w.foresees = PLANS and protocol >= 3 and not w.hooked and self.may_foresee(plan)
            if not w.foresees:
                write_stream(w, <PyObject *>obj)
            elif self.write_foreseeing(w, <PyObject *>obj):
                self.refuted = 0
            else:
                self.refuted = min(2 * self.refuted + 1, MOST_WAITED)
                self.waits = self.refuted
                write_again(w, <PyObject *>obj, protocol, fix_imports, plan)
            if w.stored != NULL:
                result = finish_stored(w)
            elif write is not None:
                secure(w)
                flush(w)
            else:
                result = <object>take(w)
                Py_DECREF(result)
        except BaseException as error:
            failure, stored = error, stored_of(w)  # first, as a signal may end what follows
            explain(w, error)
            raise
        finally:
            give_back(w)
            if stored is not None:
                stored.abort(failure)
        return result


    cdef bint may_foresee(self, object plan):
        """Whether keys are foreseen: not where stores have given other keys just now, for that takes twice the time."""
        if plan_part(plan, PLAN_STORES) == NULL:
            return False
        if self.waits:
            self.waits -= 1
            return False
        return True


    cdef bint write_foreseeing(self, Writer *w, PyObject *obj) except -1:
        """Write the stream; False where a store does not stand by what was foreseen."""
        try:
            write_stream(w, obj)
            if w.noted:
                write_no_more(w)
        except Refuted:
            return False
        return True


cdef int write_again(Writer *w, PyObject *obj, int protocol, bint fix_imports, object plan) except -1:
    """The dump from its beginning, and nothing foreseen. What the stores were asked, they are not asked again."""
    cdef object stored = <object>w.stored
    end_work(w)
    w.stored = NULL
    Py_DECREF(stored)
    drop_all(w)
    DECREF(w.plan)
    w.logged = 0
    w.base = w.cur = w.scratch
    w.end = w.scratch + w.scratch_size
    clear_memo(w)
    configure(w, protocol, fix_imports, plan)
    set_hook(w, &w.stored, stored)
    return write_stream(w, obj)


cdef object small_dumps(object obj, int protocol, bint fix_imports, object plan):
    """A dump to bytes without stores. No `try`: that alone would cost a small call a tenth of its time."""
    cdef Writer *w = take_writer()
    cdef PyObject *taken = NULL
    configure(w, protocol, fix_imports, plan)
    if try_write_stream(w, <PyObject *>obj) == 0:
        taken = try_take(w)
    if taken == NULL:
        fail(w)
    give_back(w)
    result = <object>taken
    Py_DECREF(result)
    return result


cdef int fail(Writer *w) except -1:
    try:
        return brinery_error_is_set()
    except BaseException as error:
        explain(w, error)
        raise
    finally:
        give_back(w)


# The same functions without Cython's check for an exception behind the call: the caller checks.
cdef extern from *:
    """
    #define brinery_error_is_set() (-1)
    """
    int brinery_error_is_set() except -1
    int try_write_stream "brinery_write_stream"(Writer *w, PyObject *obj) noexcept
    PyObject *try_take "brinery_take"(Writer *w) noexcept
