# Dates, datetimes and times: SHORT_BINBYTES, TUPLE1 and REDUCE as one step.
#
# Picklers write them as a call of the class with a few bytes, and memoize the bytes, the tuple of arguments
# and the result. Here the first two are not made: the date is made of the stream's bytes, and the memo makes
# bytes and tuple of the date, if they are ever asked for.


cdef inline Py_ssize_t date_call(
    Reading r, const unsigned char *data, Py_ssize_t size, const unsigned char *end
) noexcept:
    """How many bytes of opcodes behind `data` call a class of these on the stack with it, if it will do; else 0."""
    cdef Stack *s = &r.stack
    cdef Memo *m = &r.memo
    cdef const unsigned char *p = data + size
    cdef Py_ssize_t first, second
    if s.top == s.fence or r.walking or brinery_date_size(s.top[-1]) != size or not size:
        return 0
    first = memo_op(m, p, end, m.count)
    if first < 0 or p[first] != TUPLE1:
        return 0
    second = memo_op(m, p + first + 1, end, m.count + 1)
    if second < 0 or p[first + 1 + second] != REDUCE or (first == 0) != (second == 0):
        return 0
    if first and (m.count != m.used or m.room - m.used < 2):
        return 0
    return first + second + 2 if brinery_date_fits(size, data) else 0


cdef int make_date(Reading r, const unsigned char *data, Py_ssize_t size, bint memoized) except -1:
    cdef Stack *s = &r.stack
    cdef Memo *m = &r.memo
    cdef PyObject *cls = s.top[-1]
    cdef PyObject *made = brinery_date(cls, size, data)
    s.top[-1] = made
    Py_DECREF(cls)
    if not memoized:
        return 0
    Py_INCREF(made)
    Py_INCREF(made)
    m.array[m.used] = <PyObject *> (<size_t> made | DATE_BYTES)
    m.array[m.used + 1] = <PyObject *> (<size_t> made | DATE_ARGUMENTS)
    m.used += 2
    m.count += 2
    return 0


cdef int make_date_entry(Reading r, size_t index) except -1:
    """Make the bytes and the tuple of them that a date's memo entries stand for."""
    cdef PyObject **entry = &r.memo.array[index]
    cdef PyObject *date = memo_owned(entry[0])
    cdef size_t kind = <size_t> entry[0] & 3
    cdef PyObject *other = <PyObject *> (<size_t> date | (DATE_BYTES + DATE_ARGUMENTS - kind))
    cdef PyObject **beside = NULL
    args = (<object> date).__reduce_ex__(4)[1][:1]
    entry = &r.memo.array[index]
    if kind == DATE_BYTES and <Py_ssize_t> index + 1 < r.memo.used:
        beside = entry + 1
    elif kind == DATE_ARGUMENTS and index > 0:
        beside = entry - 1
    entry[0] = own(args[0] if kind == DATE_BYTES else args)
    if beside != NULL and beside[0] == other:
        beside[0] = own(args if kind == DATE_BYTES else args[0])
        Py_DECREF(date)
    Py_DECREF(date)
    return 0
