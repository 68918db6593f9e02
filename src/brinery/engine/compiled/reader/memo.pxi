# The memo: index to object. An array as long as the indices are dense, so that a PUT costs one store; a
# dict for what lies further out, so that a PUT never costs more than constant memory.

cdef Py_ssize_t MEMO_ROOM = 256     # slots to begin with
cdef Py_ssize_t MEMO_KEPT = 131_072  # slots that a state may keep when it goes back to the pool
cdef Py_ssize_t AHEAD = 16          # entries; what was made first has left the cache by the end of a load


# What an entry is, by its two lowest bits; where these are 1, by its four lowest.
cdef enum:
    WHOLE = 0            # the object itself
    NUMBERED = 1         # no object; the bits above the four are a number
    DATE_BYTES = 2       # the bytes that a date was made of: the date, which nobody can change
    DATE_ARGUMENTS = 3   # and the tuple of them
    PENDING = 1          # a state that is being read, by the number of its mark
    ARGUMENTS = 5        # the arguments of a call, by where they are in Memo.kept
    STATE = 9            # a state that was given to an instance without being made; likewise
    SLOTS_STATE = 13     # the same, and the state is (None, the dict)


cdef inline int memo_kind(PyObject *entry) noexcept:
    cdef int kind = <int> (<size_t> entry & 3)
    return kind if kind != NUMBERED else <int> (<size_t> entry & 15)


cdef inline PyObject *memo_numbered(size_t number, int kind) noexcept:
    return <PyObject *> (number << 4 | <size_t> kind)


cdef inline size_t memo_number(PyObject *entry) noexcept:
    return <size_t> entry >> 4


cdef inline PyObject *memo_owned(PyObject *entry) noexcept:
    """The object to which an entry holds a reference."""
    return NULL if <size_t> entry & 3 == NUMBERED else <PyObject *> (<size_t> entry & ~<size_t> 3)


cdef inline Py_ssize_t memo_op(Memo *m, const unsigned char *p, const unsigned char *end, size_t index) noexcept:
    """How long the opcode at `p` is, if it memoizes the topmost object, and as `index`, the next one; else 0.

    -1: it memoizes it elsewhere, or no other opcode follows it in this buffer.
    """
    cdef Py_ssize_t length
    if p >= end:
        return -1
    if p[0] == MEMOIZE:
        length = 1
    elif p[0] == BINPUT:
        length = 2
    elif p[0] == LONG_BINPUT:
        length = 5
    else:
        return 0
    if end - p <= length or (length > 1 and brinery_little(p + 1, <int> length - 1) != index):
        return -1
    return length


cdef inline PyObject *memo_whole(Reading r, size_t index) except NULL:
    """The object of an entry that is there, made now where it was not yet. Borrowed."""
    if <size_t> r.memo.array[index] & 3:
        make_entry(r, index)
    return r.memo.array[index]


cdef int memo_put(Reading r, unsigned long long index, PyObject *value) except -1:
    """Keep `value` (which the caller goes on owning) under `index`."""
    cdef Memo *m = &r.memo
    cdef PyObject *old
    cdef size_t room
    cdef PyObject **grown
    if <Py_ssize_t> index >= m.room and m.sparse == NULL and <Py_ssize_t> index <= m.count * 2 + MEMO_ROOM:
        room = <size_t> index * 2 + MEMO_ROOM
        grown = <PyObject **> PyMem_Realloc(m.array, room * sizeof(PyObject *))
        if grown == NULL:
            raise MemoryError
        m.array = grown
        m.room = room
    if <Py_ssize_t> index < m.room:
        Py_INCREF(value)
        if <Py_ssize_t> index >= m.used:
            memset(m.array + m.used, 0, (index - m.used) * sizeof(PyObject *))
            m.used = index + 1
            m.array[index] = value
            m.count += 1
            return 0
        old = m.array[index]
        m.array[index] = value
        if old == NULL:
            m.count += 1
        elif memo_kind(old) == PENDING:
            r.stack.marks[memo_number(old)].memo_index = -1
        elif memo_kind(old) == ARGUMENTS:
            let_kept_go(r, memo_number(old))
        elif memo_owned(old) != NULL:
            let_go(r, memo_owned(old))
        return 0
    # Once there is a dict the array stays as it is: an index is in one of the two, never in both.
    if m.sparse == NULL:
        m.sparse = PyDict_New()
    if index not in <dict> m.sparse:
        (<dict> m.sparse)[index] = <object> value
        m.count += 1
        old = NULL
    else:
        old = own((<dict> m.sparse)[index])
        (<dict> m.sparse)[index] = <object> value
    PyObject_GC_UnTrack(m.sparse)  # or anybody could find it and change it: what is in it is shown by its owner
    if old != NULL:
        let_go(r, old)
    return 0


cdef PyObject *memo_get(Reading r, unsigned long long index) except NULL:
    """The object under `index`, borrowed."""
    cdef Memo *m = &r.memo
    if index < <unsigned long long> m.room:
        if index < <unsigned long long> m.used and m.array[index] != NULL:
            return memo_whole(r, index)
    elif m.sparse != NULL and index in <dict> m.sparse:
        return <PyObject *> (<dict> m.sparse)[index]
    raise ReadError(f"Memo value not found at index {index}")


cdef int memo_empty(Memo *m) noexcept:
    """Let go of everything. The memo is empty before that begins, as destructors may use it again."""
    cdef Memo old = m[0]
    cdef Py_ssize_t used = m.used
    cdef size_t kept_count = m.kept_count
    memset(m, 0, sizeof(Memo))
    Py_XDECREF(old.sparse)
    release_entries(&old, used, kept_count)
    PyMem_Free(old.array)
    PyMem_Free(old.kept)
    return 0


cdef int release_entries(Memo *m, Py_ssize_t used, size_t kept_count) noexcept:
    """Let go of that many entries and of what was kept, from the highest index down, as C pickle does it.

    The memo itself says already that it is empty: a finalizer may collect, and the collector looks at what is in use.
    """
    cdef PyObject *entry
    cdef Py_ssize_t i
    cdef size_t released = 0
    for i in range(used - 1, -1, -1):
        if i >= AHEAD:
            brinery_prefetch(memo_owned(m.array[i - AHEAD]))
        entry = m.array[i]
        if <size_t> entry & 3 != NUMBERED:
            Py_XDECREF(memo_owned(entry))
        elif memo_kind(entry) == ARGUMENTS or memo_kind(entry) == STATE:
            released += release_kept(m, memo_number(entry), memo_kind(entry) == ARGUMENTS)
    if released < kept_count:  # what no entry stands for any more
        kept_release(m, kept_count)
    return 0


cdef size_t release_kept(Memo *m, size_t number, bint arguments) noexcept:
    """Let go of what was kept at `number`, in the order in which a tuple or a dict does it. Returns how much room it has."""
    cdef PyObject **kept = m.kept + number
    cdef Py_ssize_t count = <Py_ssize_t> kept[-1], i
    if arguments:
        for i in range(count - 1, -1, -1):
            release_one(&kept[i])
        return 1 + count
    for i in range(KEPT_VALUES, count):
        release_one(&kept[i])
    for i in range(KEPT_VALUES):
        release_one(&kept[i])
    return 1 + count


cdef inline int release_one(PyObject **place) noexcept:
    cdef PyObject *old = place[0]
    place[0] = NULL
    Py_XDECREF(old)
    return 0


cdef int let_kept_go(Reading r, size_t number) except -1:
    """Let go of arguments that were kept, as their entry in the memo is another's now."""
    cdef Py_ssize_t count = <Py_ssize_t> r.memo.kept[number - 1], i
    cdef PyObject *old
    for i in range(count - 1, -1, -1):
        old = r.memo.kept[number + i]
        r.memo.kept[number + i] = NULL
        if old != NULL:
            let_go(r, old)
    return 0


cdef int kept_release(Memo *m, size_t count) noexcept:
    cdef size_t i, left = 0
    for i in range(count):
        if left == 0:
            left = <size_t> m.kept[i]
        else:
            left -= 1
            release_one(&m.kept[i])
    return 0


cdef PyObject **keep(Memo *m, size_t count) except NULL:
    """Room for `count` objects in Memo.kept, for the caller to fill before anything else happens."""
    cdef size_t room = m.kept_count + 1 + count
    cdef PyObject **kept
    if room > m.kept_room:
        room += room >> 1
        kept = <PyObject **> PyMem_Realloc(m.kept, room * sizeof(PyObject *))
        if kept == NULL:
            raise MemoryError
        m.kept = kept
        m.kept_room = room
    kept = m.kept + m.kept_count
    kept[0] = <PyObject *> count
    m.kept_count += 1 + count
    return kept + 1


cdef int memo_recycle(Memo *m) noexcept:
    """The same where nothing can reach the memo meanwhile; its array is kept for the next load."""
    cdef Py_ssize_t used = m.used
    cdef size_t kept_count = m.kept_count
    if m.sparse != NULL or m.room > MEMO_KEPT or m.kept_room > <size_t> MEMO_KEPT:
        return memo_empty(m)
    m.used = m.count = 0
    m.kept_count = 0
    return release_entries(m, used, kept_count)


cdef dict memo_copy(Reading r):
    """The objects by index."""
    cdef Memo *m = &r.memo
    cdef dict entries = {}
    cdef Py_ssize_t i
    # Nobody may change the memo meanwhile: what the collector would let go of may come back here.
    cdef bint enabled = PyGC_Disable()
    try:
        for i in range(m.used):
            if m.array[i] != NULL:
                entries[i] = <object> memo_whole(r, i)
        if m.sparse != NULL:
            entries.update(<dict> m.sparse)
    finally:
        if enabled:
            PyGC_Enable()
    return entries
