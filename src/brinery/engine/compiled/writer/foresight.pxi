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
    ASKED_AT_ONCE = 4096       # objects

if SHORT_TEXT != SHORT:
    raise ImportError("the compiled engine was built for other persistent IDs; build it again")
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
    op(w, TUPLE2)
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
    cdef size_t first = w.settled, begin = w.settled, end
    if begin == w.noted:
        return 0
    stored = begin_stored(w) if w.stored == NULL else <object>w.stored
    while begin < w.noted:
        # Not all at once, as the lists take more memory than the notes.
        end = min(begin + ASKED_AT_ONCE, w.noted)
        if not stored.agree(*noted(w, begin, end)):
            if begin > first:
                stored.recall(*noted(w, first, begin))
            raise Refuted
        begin = end
    w.settled = w.noted
    return 0


cdef tuple noted(Writer *w, size_t begin, size_t end):
    """Objects, what was foreseen for them, and the keys that were written, of a part of the notes."""
    cdef size_t n
    cdef PyObject **at
    cdef Py_ssize_t i
    cdef list objects = [], foresights = [], keys = [], parts
    for n in range(begin, end):
        at = w.notes + n * NOTED
        foreseen = <object>at[1]
        first = (<tuple>foreseen)[FORESEEN_FIRST]
        if at[3] == NULL:
            key = <object>at[2] if first is None else (first, <object>at[2])
        else:
            parts = [] if first is None else [first]
            for i in range(2, NOTED):
                if at[i] != NULL:
                    parts.append(<object>at[i])
            key = tuple(parts)
        objects.append(<object>at[0])
        foresights.append(foreseen)
        keys.append(key)
    return objects, foresights, keys


cdef int write_no_more(Writer *w) except -1:
    """All is written, and what the stores do now may take memory: keep nothing but the objects that they were told of."""
    cdef size_t n
    cdef Py_ssize_t i
    cdef PyObject **notes = w.notes
    cdef void *less
    w.logged = w.log_owned  # nothing comes that could be met again
    settle(w)
    for n in range(w.noted):
        for i in range(1, NOTED):
            XDECREF(notes[n * NOTED + i])  # exact int, str and named tuples of such: no code runs
    for n in range(w.noted):
        notes[n] = notes[n * NOTED]
    w.only_objects = True
    if w.noted > FIRST_NOTES:
        less = realloc(notes, w.noted * sizeof(PyObject *))
        if less != NULL:
            w.notes = <PyObject **>less
        w.notes_room = w.noted // NOTED
    # What would not be kept for another dump, and what takes as much as the stores will for these objects.
    if w.mask >= MOST_TABLE or (w.mask >= POOLED_TABLE and w.noted > w.mask // 4):
        less = calloc(POOLED_TABLE, sizeof(Entry))
        if less != NULL:
            free(w.table)
            w.table = <Entry *>less
            w.mask = POOLED_TABLE - 1
            w.used = 0
    return 0


cdef inline int stop_foreseeing(Writer *w) except -1:
    """Code of the user's is about to run, with everything secured: from here on the dump cannot begin again."""
    if w.foresees:
        w.foresees = False
        settle(w)
    return 0


cdef void drop_notes(Writer *w) noexcept:
    cdef size_t i
    cdef size_t count = w.noted if w.only_objects else w.noted * NOTED
    w.noted = w.settled = 0
    w.only_objects = False
    for i in range(count):
        XDECREF(w.notes[i])


def attributes_of(obj, tuple names not None, tuple more not None):
    """The values of an instance's attributes, and `more` behind them; None where these are not `names`, in that order.

    It has a ``__dict__``. None is made for it if it can do without: that would take as much memory as the instance.
    """
    cdef PyObject *state = NULL
    cdef PyObject *instance = <PyObject *>obj
    cdef Py_ssize_t i, size = TUPLE_SIZE(<PyObject *>names)
    cdef PyTypeObject *type = TYPE(instance)
    cdef list found
    cdef PyDictValues *values = values_of(instance, &state) if PLANS else NULL
    if values == NULL:
        attributes = obj.__dict__
        return (*attributes.values(), *more) if tuple(attributes) == names else None
    if brinery_values_size(values) != size:
        return None
    found = [None] * size  # which may run the collector, so that all is looked at behind it
    values = values_of(instance, &state)
    if values == NULL or brinery_values_size(values) != size or TYPE(instance) != type:
        return None
    for i in range(size):
        if brinery_values_key(type, brinery_values_index(values, i)) != TUPLE_ITEM(<PyObject *>names, i):
            return None
        found[i] = <object>brinery_values_item(values, brinery_values_index(values, i))
    return (*found, *more)


def has_attributes(obj, tuple names not None, tuple given not None):
    """Whether an instance's attributes are `names`, in that order, and their values the first objects of `given`."""
    cdef PyObject *state = NULL
    cdef PyObject *instance = <PyObject *>obj
    cdef Py_ssize_t i, size = TUPLE_SIZE(<PyObject *>names)
    cdef PyTypeObject *type = TYPE(instance)
    cdef PyDictValues *values = values_of(instance, &state) if PLANS else NULL
    cdef int index
    if TUPLE_SIZE(<PyObject *>given) < size:
        return False
    if values == NULL:
        attributes = obj.__dict__
        return tuple(attributes) == names and all(map(is_, attributes.values(), given))
    if brinery_values_size(values) != size:
        return False
    for i in range(size):
        index = brinery_values_index(values, i)
        if (
            brinery_values_key(type, index) != TUPLE_ITEM(<PyObject *>names, i)
            or brinery_values_item(values, index) != TUPLE_ITEM(<PyObject *>given, i)
        ):
            return False
    return True


from operator import is_
