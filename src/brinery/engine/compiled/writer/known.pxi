# Exact writers: datetime's types, whose reductions are made in C and say nothing that the object's own
# bytes do not. Each gives way to any hook, rule or table that has a say on its type (see plans).

cdef extern from "layout.h":
    const char *brinery_date_data(PyObject *)
    const char *brinery_datetime_data(PyObject *)
    const char *brinery_time_data(PyObject *)
    bint brinery_datetime_fold(PyObject *)
    bint brinery_time_fold(PyObject *)
    PyObject *brinery_datetime_zone(PyObject *)
    PyObject *brinery_time_zone(PyObject *)
    int DELTA_DAYS "PyDateTime_DELTA_GET_DAYS"(PyObject *)
    int DELTA_SECONDS "PyDateTime_DELTA_GET_SECONDS"(PyObject *)
    int DELTA_MICROSECONDS "PyDateTime_DELTA_GET_MICROSECONDS"(PyObject *)

cdef dict KNOWN_TYPES = {
    datetime_module.date: BY_DATE,
    datetime_module.datetime: BY_DATETIME,
    datetime_module.time: BY_TIME,
    datetime_module.timedelta: BY_TIMEDELTA,
}


cdef bint describe_known_type(Plan *plan, object cls) except -1:
    kind = KNOWN_TYPES.get(cls)
    # datetime's types in C: where the module is pure Python, the layout is another one.
    if kind is None or brinery_is_heap_type(<PyTypeObject *>cls):
        return False
    plan.kind = kind
    return True


cdef int open_known(Writer *w, PyObject *obj, Plan *plan, bint elide) except -1:
    cdef int kind = plan.current
    cdef char data[10]
    cdef PyObject *zone = NULL
    cdef int size
    if w.proto < (4 if kind == BY_TIMEDELTA else 2):
        return NOT_IN_PLACE
    if kind == BY_TIMEDELTA:
        if not write_class(w, obj, plan):
            return NOT_IN_PLACE
        begin(w)
        write_small(w, DELTA_DAYS(obj))
        write_small(w, DELTA_SECONDS(obj))
        write_small(w, DELTA_MICROSECONDS(obj))
        w.cur[0] = <char>TUPLE3
        w.cur += 1
        return write_call(w, obj, elide)
    if kind == BY_DATE:
        size = 4
        memcpy(data, brinery_date_data(obj), size)
    elif kind == BY_DATETIME:
        size = 10
        memcpy(data, brinery_datetime_data(obj), size)
        zone = brinery_datetime_zone(obj)
        # The fold (PEP 495) is the first bit of the month; at protocol 3 and below it is left out.
        if w.proto >= 4 and brinery_datetime_fold(obj):
            data[2] = <char>(data[2] | 0x80)
    else:
        size = 6
        memcpy(data, brinery_time_data(obj), size)
        zone = brinery_time_zone(obj)
        if w.proto >= 4 and brinery_time_fold(obj):
            data[0] = <char>(data[0] | 0x80)
    # A zone that is not in the stream yet has a reduction of its own.
    if zone != NULL and zone != Py_None and (w.fast or find(w, zone) == NULL):
        return NOT_IN_PLACE
    if w.proto == 2 and (w.fast or find(w, <PyObject *>codecs_encode) == NULL or find(w, <PyObject *>LATIN1) == NULL):
        return NOT_IN_PLACE
    if not write_class(w, obj, plan):
        return NOT_IN_PLACE
    begin(w)
    begin(w)
    if w.proto == 2:
        write_octets_as_call(w, data, size)
    else:
        w.cur[0] = SHORT_BINBYTES
        w.cur[1] = <char>size
        memcpy(w.cur + 2, data, 10)
        w.cur += 2 + size
    put(w, NULL, True)
    if zone != NULL:
        begin(w)
        if zone == Py_None:
            w.cur[0] = NONE
            w.cur += 1
        else:
            get(w, zone)
        w.cur[0] = <char>TUPLE2
    else:
        w.cur[0] = <char>TUPLE1
    w.cur += 1
    return write_call(w, obj, elide)


cdef inline int write_call(Writer *w, PyObject *obj, bint elide) except -1:
    """REDUCE, behind a class and arguments that exist in the stream only."""
    put(w, NULL, True)
    w.cur[0] = REDUCE
    w.cur += 1
    return put(w, obj, elide)


cdef inline int write_small(Writer *w, int value) except -1:
    begin(w)
    w.cur = brinery_put_int(w.cur, value)
    return 0
