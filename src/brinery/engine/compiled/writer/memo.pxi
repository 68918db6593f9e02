# The memo: which objects are in the stream already, and under which index.
#
# An object that nothing but its container refers to cannot be met again, so it needs an index but no
# entry in the table: that is most objects of most graphs. Such an object is only *logged*. That holds
# as long as no Python code runs; before any does, secure() enters and owns all that was logged.
#
# Who may be left out? At most `alone` references: 1, or 0 where even that is not sure: below a tuple
# or frozenset that is itself shared (both are memoized after their children, so a cycle walks them
# twice), and for the keys of a split dict and interned names, whose sharing the count does not show.

cdef enum:
    ELIDED = 1          # low bits of a logged pointer: it has no entry yet
    STATE_OF = 2        # and: it stands for the dict of the instance, which was never made
    LOW_BITS = 3


# Where the search for an object begins: what was made together lies together, in memory as in the table.
# Pages of objects of one size have them at the same offsets, so each page is shifted against the others;
# without that, 100 strings on two pages fell on 50 entries in one process of four, and lists of them took
# up to twice as long to write.
# And how it goes on where that entry is another's: in steps that differ from region to region. With
# steps of one, runs of neighbours grew into each other, and a search among records passed 68 entries.

cdef inline size_t place(PyObject *obj) noexcept:
    return (<size_t>obj >> 4) + (<size_t>obj >> 12) * 37


cdef inline size_t stride(PyObject *obj) noexcept:
    return <size_t>obj >> 14 | 1  # odd, so that it gets around to every entry


cdef inline Entry *seek(Writer *w, PyObject *obj) noexcept:
    """The entry of `obj`, or the empty one that it would get."""
    cdef size_t i = place(obj) & w.mask
    cdef Entry *entry
    while True:
        entry = &w.table[i]
        if entry.generation != w.generation or entry.key == obj:
            return entry
        i = (i + stride(obj)) & w.mask


cdef inline Entry *find(Writer *w, PyObject *obj) noexcept:
    cdef Entry *entry = seek(w, obj)
    return entry if entry.generation == w.generation else NULL


cdef int enter(Writer *w, PyObject *obj, size_t index) except -1:
    cdef Entry *entry
    if crowded(w):
        grow_table(w)
    entry = seek(w, obj)
    if entry.generation == w.generation:
        entry.index = <uint32_t>index
    else:
        fill(w, entry, obj, index)
    return 0


cdef inline bint crowded(Writer *w) noexcept:
    return w.used * 3 >= (w.mask + 1) * 2


cdef inline void fill(Writer *w, Entry *entry, PyObject *obj, size_t index) noexcept:
    """Put `obj` into `entry`, the empty one that seek() found for it."""
    w.used += 1
    entry.key = obj
    entry.index = <uint32_t>index
    entry.generation = w.generation


cdef int grow_table(Writer *w) except -1:
    cdef size_t old = w.mask + 1, i
    # As C pickle: by four while small, by two when memory begins to matter.
    cdef size_t size = old * (2 if w.used > 50000 else 4)
    cdef Entry *before = w.table
    cdef Entry *table = <Entry *>calloc(size, sizeof(Entry))
    if table == NULL:
        raise MemoryError
    w.table = table
    w.mask = size - 1
    w.used = 0
    for i in range(old):
        if before[i].generation == w.generation:
            fill(w, seek(w, before[i].key), before[i].key, before[i].index)
    free(before)
    return 0


cdef int grow_log(Writer *w) except -1:
    cdef size_t room = w.log_room // 2 * 3
    cdef void *log
    if w.first + room > 0xFFFFFFFF:
        secure(w)
        raise OverflowError("more than 2**32 - 1 objects in one memo")
    log = realloc(w.log, room * sizeof(PyObject *))
    if log == NULL:
        raise MemoryError
    w.log = <PyObject **>log
    w.log_room = room
    return 0


cdef inline int put(Writer *w, PyObject *obj, int elide) except -1:
    """Memoize `obj`, the object just written. NULL stands for one that exists in the stream only."""
    cdef char *at = w.cur
    memoize(w, &at, obj, elide, NULL)
    w.cur = at
    return 0


cdef inline int memoize "brinery_memoize"(Writer *w, char **at, PyObject *obj, int elide, Entry *entry) except -1:
    """put(), at a place (see leaves); `entry` is what seek() has just found, or NULL."""
    cdef size_t index
    if w.fast:
        return 0
    index = w.logged
    if index == w.log_room:
        grow_log(w)
    if elide:
        w.log[index] = <PyObject *>(<uintptr_t>obj | ELIDED) if obj != NULL else NULL
    else:
        if entry == NULL or crowded(w):
            enter(w, obj, w.first + index)
        else:
            fill(w, entry, obj, w.first + index)
        w.log[index] = obj
    w.logged = index + 1
    if not BORROWING and obj != NULL:
        INCREF(obj)
        w.log_owned = w.logged
    if w.proto >= 4:
        at[0][0] = <char>MEMOIZE
        at[0] += 1
        return 0
    w.cur = at[0]
    write_put(w, w.first + index)
    at[0] = w.cur
    return 0


cdef int put_state(Writer *w, PyObject *instance) except -1:
    """Memoize the dict of `instance`, which does not exist."""
    put(w, NULL, True)
    if not w.fast:
        w.log[w.logged - 1] = <PyObject *>(<uintptr_t>instance | ELIDED | STATE_OF)
    return 0


cdef int write_put(Writer *w, size_t index) except -1:
    if not w.binary:
        return write_number_line(w, PUT, <int64_t>index)
    if index < 256:
        w.cur[0] = BINPUT
        w.cur[1] = <char>index
        w.cur += 2
    else:
        w.cur[0] = LONG_BINPUT
        brinery_put_u32(w.cur + 1, <uint32_t>index)
        w.cur += 5
    return 0


cdef inline int write_get(Writer *w, uint32_t index) except -1:
    if not w.binary:
        return write_number_line(w, GET, index)
    w.cur = put_get(w.cur, index)
    return 0


cdef inline char *put_get(char *at, uint32_t index) noexcept:
    """The binary form; returns the end of it."""
    if index < 256:
        at[0] = BINGET
        at[1] = <char>index
        return at + 2
    at[0] = LONG_BINGET
    brinery_put_u32(at + 1, index)
    return at + 5


cdef int write_number_line(Writer *w, int code, int64_t number) except -1:
    """An opcode whose argument is a line with a decimal number; no code runs."""
    reserve(w, 24)
    w.cur[0] = <char>code
    w.cur = brinery_put_decimal(w.cur + 1, number)
    w.cur[0] = 10
    w.cur += 1
    return 0


cdef int write_line(Writer *w, int code, bytes argument) except -1:
    """An opcode whose argument is a line of text."""
    write_text_opcode(w, code, argument)
    return op(w, 10)


cdef int write_text_opcode(Writer *w, int code, bytes argument) except -1:
    """An opcode whose argument holds its newlines already."""
    cdef Py_ssize_t size = len(argument)
    reserve(w, size + 2)
    w.cur[0] = <char>code
    memcpy(w.cur + 1, <const char *>argument, size)
    w.cur += size + 1
    return 0


cdef inline int get(Writer *w, PyObject *obj) except -1:
    """Write a GET where `obj` is memoized (1), or nothing (0)."""
    cdef Entry *entry = find(w, obj)
    if entry == NULL:
        return 0
    room(w)
    write_get(w, entry.index)
    return 1


cdef int own_log(Writer *w) except -1:
    """Enter and own what was logged since the last time."""
    cdef size_t begin = w.log_owned, i
    cdef uintptr_t logged
    cdef PyObject *obj
    cdef PyObject *state
    cdef bint states = False
    for i in range(begin, w.logged):
        logged = <uintptr_t>w.log[i]
        obj = <PyObject *>(logged & ~<uintptr_t>LOW_BITS)
        if obj == NULL:
            continue
        if logged & STATE_OF:
            states = True
        elif logged & ELIDED:
            enter(w, obj, w.first + i)
            w.log[i] = obj
        INCREF(obj)
        w.log_owned = i + 1
    w.log_owned = w.logged
    if not states:
        return 0
    # Only now, for making a dict may collect garbage, and that runs finalizers.
    for i in range(begin, w.log_owned):
        logged = <uintptr_t>w.log[i]
        if logged & STATE_OF:
            obj = <PyObject *>(logged & ~<uintptr_t>LOW_BITS)
            state = GENERIC_DICT(obj, NULL)
            w.log[i] = state
            DECREF(obj)
            enter(w, state, w.first + i)
    return 0


cdef bint forget(Writer *w, PyObject *made) noexcept:
    """Let go of `made`, a reducer's arguments or a state, just written: 1 if nothing needs it any more.

    C pickle's memo keeps all of them. Here one that nobody else has goes at once if what it holds is owned
    without it: by the log, or because it is of the types that are not memoized and have no finalizers
    either. What is written as a persistent ID or an extension code is not memoized whatever its type.
    """
    cdef size_t i, at = w.logged
    if not BORROWING or not w.binary or w.fast or REFCNT(made) != 1 or w.persistent_id != NULL or len(extension_registry):
        return False
    for i in range(w.log_owned, w.logged):
        if <uintptr_t>w.log[i] == (<uintptr_t>made | ELIDED):
            at = i
        elif <uintptr_t>w.log[i] & ELIDED:
            return False
    if at == w.logged:
        return False
    w.log[at] = NULL
    for i in range(w.log_owned, w.logged):
        if w.log[i] != NULL:
            INCREF(w.log[i])
    w.log_owned = w.logged
    return True


cdef void clear_memo(Writer *w) noexcept:
    """Forget everything; the log's references are the caller's to drop."""
    w.generation += 1
    w.used = 0
    if w.generation == 0:  # once in 2**32 dumps
        memset(w.table, 0, (w.mask + 1) * sizeof(Entry))
        w.generation = 1
