# References that are written before their store was asked.
#
# A claim is Python code, so all that is being written would have to be owned and in the memo before the first
# one: three times the time of a dump of which one object in a hundred is stored. But most stores can say where
# the key of an object stands (see Store.foresee). So the reference is written as foreseen, the object is noted,
# and the stores are asked about all that was noted before any reducer runs, or at the end. Where one answers
# otherwise, or refuses, the dump is done again from its beginning, with the answers that there are: no code of
# the objects has run by then, so nobody can tell.
#
# For bytes only: with a file there is code behind each frame anyhow, and what it has got cannot be taken back.

cdef enum:
    # Of TypeRule and of Foreseen.
    RULE_FORESEEN = 3
    FORESEEN_NAME = 0
    FORESEEN_FIRST = 1
    FORESEEN_ATTRIBUTES = 2
    MOST_PARTS = 3             # of a key: there are opcodes for tuples of so many
    NOTED = 2 + MOST_PARTS     # pointers for each object: itself, what was foreseen, the values of the key
    FIRST_NOTES = 64

if TypeRule._fields[RULE_FORESEEN] != "foreseen" or Foreseen._fields[:3] != ("name", "first", "attributes"):
    raise ImportError("the compiled engine was built for another TypeRule; build it again")


class Refuted(Exception):
    """A store gave another answer than was foreseen: the dump begins again. Never seen outside."""


cdef PyObject *attribute_in_place(PyObject *obj, PyObject *name) noexcept:
    """The value that an instance keeps under `name`, found without running code; or NULL."""
    cdef PyObject *state = NULL
    cdef PyTypeObject *type = TYPE(obj)
    cdef PyDictValues *values = values_of(obj, &state)
    cdef PyObject *descriptor
    cdef Py_ssize_t pos, offset
    cdef int index
    if values != NULL:
        for pos in range(brinery_values_size(values)):
            index = brinery_values_index(values, pos)
            if brinery_values_key(type, index) == name:
                return brinery_values_item(values, index)
    elif state != NULL:
        if TYPE(state) == &PyDict_Type and brinery_dict_has_plain_keys(state):
            return DICT_GET(state, name)
        return NULL
    descriptor = brinery_type_lookup(type, name)
    if descriptor == NULL:
        return NULL
    offset = brinery_slot_offset(type, descriptor)
    return brinery_slot(obj, offset) if offset > 0 else NULL


cdef bint may_be_in_key(PyObject *value) noexcept:
    """Whether `value` is one that is written without a look at anything else."""
    cdef int64_t number
    cdef Py_ssize_t size
    if value == NULL:
        return False
    if TYPE(value) == &PyLong_Type:
        return brinery_small_int(value, &number)
    return TYPE(value) == &PyUnicode_Type and brinery_utf8(value, &size) != NULL and size <= SHORT


cdef int open_foreseen(Writer *w, PyObject *obj, PyObject *rule) except -1:
    """Write the reference that is foreseen for `obj`; NOT_IN_PLACE, and nothing written, where none is."""
    cdef PyObject *foreseen = TUPLE_ITEM(rule, RULE_FORESEEN)
    cdef PyObject *values[MOST_PARTS]
    cdef PyObject *first
    cdef PyObject *attributes
    cdef Py_ssize_t i, count, parts
    if foreseen == Py_None:
        return NOT_IN_PLACE
    first = TUPLE_ITEM(foreseen, FORESEEN_FIRST)
    attributes = TUPLE_ITEM(foreseen, FORESEEN_ATTRIBUTES)
    count = TUPLE_SIZE(attributes)
    parts = count + (first != Py_None)
    for i in range(count):
        values[i] = attribute_in_place(obj, TUPLE_ITEM(attributes, i))
        if not may_be_in_key(values[i]):
            return NOT_IN_PLACE
    note(w, obj, foreseen, values, count)
    write_part(w, TUPLE_ITEM(foreseen, FORESEEN_NAME))
    if first != Py_None:
        write_part(w, first)
    for i in range(count):
        write_part(w, values[i])
    if parts > 1:
        op(w, TUPLE2 if parts == 2 else TUPLE3)
        put(w, NULL, True)
    op(w, TUPLE2)
    put(w, NULL, True)
    op(w, BINPERSID)
    put(w, obj, False)
    return WRITTEN


cdef inline int write_part(Writer *w, PyObject *value) except -1:
    cdef char *at
    begin(w)
    at = w.cur
    if not whole(w, &at, value, 0):
        raise SystemError("brinery: a part of a key is no leaf")
    w.cur = at
    return 0


cdef int note(Writer *w, PyObject *obj, PyObject *foreseen, PyObject **values, Py_ssize_t count) except -1:
    cdef size_t room
    cdef void *moved
    cdef PyObject **at
    cdef Py_ssize_t i
    if w.noted == w.notes_room:
        room = 2 * w.notes_room if w.notes_room else FIRST_NOTES
        moved = realloc(w.notes, room * NOTED * sizeof(PyObject *))
        if moved == NULL:
            raise MemoryError
        w.notes = <PyObject **>moved
        w.notes_room = room
    at = w.notes + w.noted * NOTED
    memset(at, 0, NOTED * sizeof(PyObject *))
    INCREF(obj)
    INCREF(foreseen)
    at[0], at[1] = obj, foreseen
    for i in range(count):
        INCREF(values[i])
        at[2 + i] = values[i]
    w.noted += 1
    return 0


cdef int settle(Writer *w) except -1:
    """Ask the stores about what was noted. Runs Python code; raises Refuted where one answers otherwise."""
    cdef size_t n = w.settled
    cdef PyObject **at
    cdef Py_ssize_t i
    cdef list objects, foresights, keys, parts
    if n == w.noted:
        return 0
    objects, foresights, keys = [], [], []
    for n in range(w.settled, w.noted):
        at = w.notes + n * NOTED
        foreseen = <object>at[1]
        first = (<tuple>foreseen)[FORESEEN_FIRST]
        if first is not None and at[3] == NULL:
            key = first, <object>at[2]
        elif first is None and at[3] == NULL:
            key = <object>at[2]
        else:
            parts = [] if first is None else [first]
            for i in range(2, NOTED):
                if at[i] != NULL:
                    parts.append(<object>at[i])
            key = tuple(parts)
        objects.append(<object>at[0])
        foresights.append(foreseen)
        keys.append(key)
    w.settled = w.noted
    stored = begin_stored(w) if w.stored == NULL else <object>w.stored
    if not stored.agree(objects, foresights, keys):
        raise Refuted
    return 0


cdef inline int stop_foreseeing(Writer *w) except -1:
    """Code of the user's is about to run, with everything secured: from here on the dump cannot begin again."""
    if w.foresees:
        w.foresees = False
        settle(w)
    return 0


cdef void drop_notes(Writer *w) noexcept:
    cdef size_t i
    cdef size_t count = w.noted * NOTED
    w.noted = w.settled = 0
    for i in range(count):
        XDECREF(w.notes[i])
