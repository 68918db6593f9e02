# The memo: index to object. An array as long as the indices are dense, so that a PUT costs one store; a
# dict for what lies further out, so that a PUT never costs more than constant memory.

cdef Py_ssize_t MEMO_ROOM = 64
cdef Py_ssize_t MEMO_KEPT = 65_536  # slots that a state may keep when it goes back to the pool
cdef unsigned long long MEMO_MOST = 1ULL << 32


# What an entry is, by its two lowest bits.
cdef enum:
    WHOLE = 0          # the object itself
    PENDING = 1        # a state that is being read; the other bits are the number of its mark
    STATE = 2          # a state that was given to an instance without being made: its record
    SLOTS_STATE = 3    # the same, and the state is (None, the dict)


cdef inline PyObject *memo_owned(PyObject *entry) noexcept:
    """The object to which an entry holds a reference."""
    return NULL if <size_t> entry & 3 == PENDING else <PyObject *> (<size_t> entry & ~<size_t> 3)


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
    if index > MEMO_MOST:
        raise ReadError(f"memo index {index} is beyond 2**32")
    if <Py_ssize_t> index >= m.room and m.sparse == NULL and <Py_ssize_t> index <= m.count * 2 + MEMO_ROOM:
        room = <size_t> index * 2 + MEMO_ROOM
        grown = <PyObject **> PyMem_Realloc(m.array, room * sizeof(PyObject *))
        if grown == NULL:
            raise MemoryError
        m.array = grown
        memset(grown + m.room, 0, (room - m.room) * sizeof(PyObject *))
        m.room = room
    if <Py_ssize_t> index < m.room:
        old = m.array[index]
        Py_INCREF(value)
        m.array[index] = value
        if <Py_ssize_t> index >= m.used:
            m.used = index + 1
        if old == NULL:
            m.count += 1
        elif memo_owned(old) == NULL:
            r.stack.marks[<size_t> old >> 2].memo_index = -1
        else:
            release(r, memo_owned(old))
        return 0
    # Once there is a dict the array stays as it is: an index is in one of the two, never in both.
    if m.sparse == NULL:
        m.sparse = PyDict_New()
    if index not in <dict> m.sparse:
        m.count += 1
    elif r.foreign:
        resume(r)
    (<dict> m.sparse)[index] = <object> value
    return 0


cdef PyObject *memo_get(Reading r, unsigned long long index) except NULL:
    """The object under `index`, borrowed."""
    cdef Memo *m = &r.memo
    if index < <unsigned long long> m.room:
        if m.array[index] != NULL:
            return memo_whole(r, index)
    elif m.sparse != NULL:
        if index in <dict> m.sparse:
            return <PyObject *> (<dict> m.sparse)[index]
    raise ReadError(f"Memo value not found at index {index}")


cdef int memo_clear(Memo *m) noexcept:
    """Empty the memo. What it held is let go after it is empty: that may run user code."""
    cdef PyObject **array = m.array
    cdef PyObject *sparse = m.sparse
    cdef Py_ssize_t used = m.used, room = m.room, i
    m.array = NULL
    m.sparse = NULL
    m.used = m.room = m.count = 0
    for i in range(used):
        Py_XDECREF(memo_owned(array[i]))
        array[i] = NULL
    Py_XDECREF(sparse)
    if m.array == NULL and room <= MEMO_KEPT:
        m.array = array
        m.room = room
    else:
        PyMem_Free(array)
    return 0


cdef dict memo_copy(Reading r):
    """The objects by index."""
    cdef Memo *m = &r.memo
    cdef dict entries = {}
    cdef Py_ssize_t i
    for i in range(m.used):
        if m.array[i] != NULL:
            entries[i] = <object> memo_whole(r, i)
    if m.sparse != NULL:
        entries.update(<dict> m.sparse)
    return entries
