# cython: language_level=3, binding=False
"""Whether this interpreter's objects lie in memory as the headers say that the engine was built with.

A package that was built for one release may meet another one. So before the engine is used, an object of
each kind that it reaches into is looked at through the documented interface and by the numbers of
``layout_places.h``, and the two have to agree. Sizes come first, and no pointer is followed before what is
known of it says that it is one: a wrong layout is found, and does not crash. In the public mode there is
nothing to be found.
"""

try:
    # Its types in C. The module around them is a millisecond more on 3.11, for a program that may have no dates.
    import _datetime as datetime_module
except ImportError:
    import datetime as datetime_module
import sys
import types

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uintptr_t

cdef extern from "layout_places.h":
    """
    #define BRINERY_PLACE(i) brinery_places[i].name
    #define BRINERY_NUMBER(i) brinery_places[i].number
    """
    ctypedef struct PyObject
    ctypedef struct PyTypeObject
    ctypedef struct PyDictValues "brinery_values"
    ctypedef struct PyMemberDef:
        int type
        Py_ssize_t offset
    const bint PUBLIC "BRINERY_PUBLIC"
    const bint KNOWN "BRINERY_HAS_LAYOUT"
    const bint TRACES "BRINERY_TRACES"
    const bint MAKE_LEAVES "BRINERY_MAKE_LEAVES"
    const bint FREE_THREADED "BRINERY_FREE_THREADED"
    const char *PLACE "BRINERY_PLACE"(int) noexcept
    Py_ssize_t NUMBER "BRINERY_NUMBER"(int) noexcept
    const char *PY_VERSION
    const int T_OBJECT_EX
    Py_ssize_t brinery_int_head_of(bint, int) noexcept
    bint brinery_small_int(PyObject *, int64_t *) noexcept
    object brinery_int(int64_t)
    object brinery_float(double)
    object brinery_ascii_new(PyObject *, Py_ssize_t, unsigned char **)
    bint brinery_dict_next(PyObject *, Py_ssize_t *, PyObject **, PyObject **) noexcept
    PyObject *brinery_type_lookup(PyTypeObject *, PyObject *) noexcept
    unsigned int brinery_type_version(PyTypeObject *) noexcept
    int brinery_attributes(PyObject *, PyObject **, PyDictValues **) noexcept
    int brinery_values_index(PyDictValues *, Py_ssize_t) noexcept
    PyObject *brinery_values_key(PyTypeObject *, int) noexcept
    PyObject *brinery_values_item(PyDictValues *, int) noexcept

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject *) noexcept
    void Py_IncRef(PyObject *) noexcept
    void Py_DecRef(PyObject *) noexcept
    object PyLong_FromLong(long)
    object PyUnicode_New(Py_ssize_t, uint32_t)
    const char *PyUnicode_AsUTF8AndSize(object, Py_ssize_t *) except NULL
    bint PyUnicode_IS_COMPACT_ASCII(object) noexcept
    const char *PyBytes_AsString(object) except NULL
    char *PyByteArray_AsString(object) except NULL
    char *PyByteArray_AS_STRING(object) noexcept
    unsigned long PyType_GetFlags(PyTypeObject *) noexcept
    ctypedef struct PyTypeFields "PyTypeObject":
        Py_ssize_t tp_vectorcall_offset
    PyTypeFields PyFunction_Type
    void *PyObject_GenericGetAttr

__all__ = ["HAS_LAYOUT", "MODE", "PLACES", "PYTHON", "mismatch"]

#: How the engine was built: by the private layout of this Python's objects, or by its documented interface.
MODE = "public" if PUBLIC else "private"

#: Whether there is a header for the Python that it was built for, so that it could have the private mode.
HAS_LAYOUT = bool(KNOWN)

#: The version of Python that it was built for.
PYTHON = PY_VERSION.decode()


def _places():
    cdef int i = 0
    places = {}
    while PLACE(i) != NULL:
        places[PLACE(i).decode()] = NUMBER(i)
        i += 1
    return places


#: What the headers say: offsets and sizes in bytes, and how many ints are shared.
PLACES = _places()


class Mismatch(Exception):
    """Something lies elsewhere."""


cdef inline char *at(object op, Py_ssize_t offset) noexcept:
    return <char *> <PyObject *> op + offset


cdef inline void *pointer(object op, Py_ssize_t offset) noexcept:
    return (<void **> at(op, offset))[0]


cdef int expect(str place, object found, object wanted) except -1:
    if found != wanted:
        raise Mismatch(f"{place}: {found}, not {wanted}")
    return 0


cdef int same(str place, const void *found, const void *wanted) except -1:
    if found != wanted:
        raise Mismatch(f"{place}: something else is there")
    return 0


cdef int plausible(str place, const void *found) except -1:
    """Whether it can be followed: a small number, or one that is not aligned, is no pointer."""
    cdef uintptr_t number = <uintptr_t> found
    if number < 1 << 16 or number % sizeof(void *) or (sizeof(void *) > 4 and number >> 48):
        raise Mismatch(f"{place}: no pointer is there")
    return 0


def _check_sizes(p):
    for place, found in (
        ("object: size", object.__basicsize__),
        ("int: digits", int.__basicsize__),
        ("int: size of a digit", int.__itemsize__),
        ("float: size", float.__basicsize__),
        ("str: size", str.__basicsize__),
        ("bytes: data", bytes.__basicsize__ - 1),
        ("bytearray: size", bytearray.__basicsize__),
        ("list: size", list.__basicsize__),
        ("tuple: items", tuple.__basicsize__),
        ("dict: size", dict.__basicsize__),
        ("set: size", set.__basicsize__),
        ("function: size", types.FunctionType.__basicsize__),
        ("method: size", types.WrapperDescriptorType.__basicsize__),
        ("slot: size", types.MemberDescriptorType.__basicsize__),
        ("type: size", type.__basicsize__),
        ("date: size", datetime_module.date.__basicsize__),
        ("datetime: size", datetime_module.datetime.__basicsize__),
        ("time: size", datetime_module.time.__basicsize__),
        ("timedelta: size", datetime_module.timedelta.__basicsize__),
    ):
        expect(place, p[place], found)


def _check_objects(p):
    cdef object op = [None]
    cdef int32_t before
    # Whether objects that are made are on a list of all: then those that the engine makes are missed there.
    if hasattr(sys, "getobjects") and not TRACES:
        raise Mismatch("object: this Python traces all references")
    before = (<int32_t *> at(op, p["object: count"]))[0]
    expect("object: count", before, Py_REFCNT(<PyObject *> op))
    Py_IncRef(<PyObject *> op)
    expect("object: count", (<int32_t *> at(op, p["object: count"]))[0], before + 1)
    expect("object: count", Py_REFCNT(<PyObject *> op), before + 1)
    Py_DecRef(<PyObject *> op)
    same("object: type", pointer(op, p["object: type"]), <PyObject *> list)


def _check_int(p):
    cdef int64_t value, found = 0
    cdef int bits = sys.int_info.bits_per_digit, digits
    cdef long shared = p["int: shared"]
    if PyLong_FromLong(shared - 1) is not PyLong_FromLong(shared - 1):
        raise Mismatch(f"int: shared: {shared - 1} is not")
    if PyLong_FromLong(shared) is PyLong_FromLong(shared):
        raise Mismatch(f"int: shared: {shared} is, too")
    for value in (shared + 5, -shared - 5, (1 << 30) + 7, -(1 << 45) - 3, (1 << 61) + 1):
        number = int(str(value))  # a new one
        found = (<uint32_t *> at(number, p["int: digits"]))[0]
        expect("int: digits", found & ((1 << bits) - 1), abs(value) & ((1 << bits) - 1))
        digits = -(-number.bit_length() // bits)
        expect("int: head", (<Py_ssize_t *> at(number, p["int: head"]))[0], brinery_int_head_of(value < 0, digits))
        if not brinery_small_int(<PyObject *> number, &found) or found != value:
            raise Mismatch(f"int: {value} is taken for {found}")
        if MAKE_LEAVES and (brinery_int(value) != number or hash(brinery_int(value)) != hash(number)):
            raise Mismatch(f"int: {value} cannot be made")


def _check_float(p):
    number = float("0.1") * 3
    expect("float: value", (<double *> at(number, p["float: value"]))[0], float(repr(number)))
    if MAKE_LEAVES and repr(brinery_float(number)) != repr(number):
        raise Mismatch("float: it cannot be made")


def _check_str(p):
    cdef Py_ssize_t size = 0
    cdef const char *data
    cdef unsigned char *characters = NULL
    text = "".join(("lay", "out"))
    data = PyUnicode_AsUTF8AndSize(text, &size)
    same("str: ASCII characters", at(text, p["str: ASCII characters"]), data)
    expect("str: length", (<Py_ssize_t *> at(text, p["str: length"]))[0], 6)
    for other, is_ascii in ((text, True), ("é", False), ("é€", False), ("😀", False)):
        expect("str: its form", bool(PyUnicode_IS_COMPACT_ASCII(other)), is_ascii)
    wide = "".join(("h", "é"))
    same("str: UTF-8", pointer(wide, p["str: UTF-8"]), NULL)
    expect("str: size of UTF-8", (<Py_ssize_t *> at(wide, p["str: size of UTF-8"]))[0], 0)
    data = PyUnicode_AsUTF8AndSize(wide, &size)
    same("str: UTF-8", pointer(wide, p["str: UTF-8"]), data)
    expect("str: size of UTF-8", (<Py_ssize_t *> at(wide, p["str: size of UTF-8"]))[0], size)
    model = PyUnicode_New(2, 127)
    made = brinery_ascii_new(<PyObject *> model, 2, &characters)
    characters[0], characters[1] = 65, 66
    if made != "AB" or hash(made) != hash("AB"):
        raise Mismatch("str: it cannot be made")


def _check_bytes(p):
    data = b"".join((b"ab", b"cd"))
    same("bytes: data", at(data, p["bytes: data"]), PyBytes_AsString(data))
    array = bytearray(data)
    same("bytearray: data", PyByteArray_AS_STRING(array), PyByteArray_AsString(array))
    array = bytearray()
    same("bytearray: data", PyByteArray_AS_STRING(array), PyByteArray_AsString(array))


def _check_list(p):
    cdef void **items
    first, second = object(), object()
    held = [first]
    held.append(second)
    expect("list: room", (<Py_ssize_t *> at(held, p["list: room"]))[0], (held.__sizeof__() - list.__basicsize__) // sizeof(void *))
    same("list: items", pointer([], p["list: items"]), NULL)
    items = <void **> pointer(held, p["list: items"])
    plausible("list: items", items)
    same("list: items", items[0], <PyObject *> first)
    same("list: items", items[1], <PyObject *> second)


def _check_tuple(p):
    first, second = object(), object()
    held = (first, second)
    if "tuple: hash" in p:
        expect("tuple: hash", (<Py_hash_t *> at(held, p["tuple: hash"]))[0], -1)
        expect("tuple: hash", hash(held), (<Py_hash_t *> at(held, p["tuple: hash"]))[0])
    same("tuple: items", pointer(held, p["tuple: items"]), <PyObject *> first)
    same("tuple: items", pointer(held, p["tuple: items"] + sizeof(void *)), <PyObject *> second)


cdef enum:
    INDICES = 8   # of the smallest table of keys, in bytes
    LOG2_INDICES = 3
    USABLE = 5    # how many entries it has


def _check_dict(p):
    first, second = object(), object()
    text = {"".join(("al", "pha")): first, "".join(("be", "ta")): second}
    numbers = {1.5: first, 2.5: second}
    for held in ({}, text, {**text, "gamma": None}):
        expect("dict: used", (<Py_ssize_t *> at(held, p["dict: used"]))[0], len(held))
        same("dict: values", pointer(held, p["dict: values"]), NULL)
    _check_keys(p, text, p["keys: size of an entry of text"], True)
    _check_keys(p, numbers, p["keys: size of an entry"], False)
    if "dict: version" in p:
        _check_dict_version(p, text)


cdef int _check_keys(object p, object held, Py_ssize_t entry_size, bint of_text) except -1:
    cdef char *keys = <char *> pointer(held, p["dict: keys"])
    cdef char *entry
    cdef Py_ssize_t pos = 0
    cdef PyObject *found_key = NULL
    cdef PyObject *found_value = NULL
    plausible("dict: keys", keys)
    # A version, up to 3.13 beside it, may look like a pointer; it changes with each value.
    for key, value in held.items():
        held[key] = None
        same("dict: keys", pointer(held, p["dict: keys"]), keys)
        held[key] = value
    # The table is no object; the dict's own word for its size says how far it reaches.
    size = p["keys: size"] + INDICES + USABLE * entry_size
    expect("keys: size", size, held.__sizeof__() - dict.__basicsize__)
    expect("keys: size of indices", (<uint8_t *> (keys + <Py_ssize_t> p["keys: size of indices"]))[0], LOG2_INDICES)
    expect("keys: kind", (<uint8_t *> (keys + <Py_ssize_t> p["keys: kind"]))[0], int(of_text))
    expect("keys: entries", (<Py_ssize_t *> (keys + <Py_ssize_t> p["keys: entries"]))[0], len(held))
    entry = keys + <Py_ssize_t> p["keys: size"] + INDICES
    for key, value in held.items():
        if not of_text:
            expect("keys: an entry", (<Py_hash_t *> entry)[0], hash(key))
        same("keys: an entry", (<void **> (entry + entry_size))[-2], <PyObject *> key)
        same("keys: an entry", (<void **> (entry + entry_size))[-1], <PyObject *> value)
        entry += entry_size
        if not brinery_dict_next(<PyObject *> held, &pos, &found_key, &found_value):
            raise Mismatch("dict: it is at its end too early")
        same("dict: a key", found_key, <PyObject *> key)
        same("dict: a value", found_value, <PyObject *> value)
    if brinery_dict_next(<PyObject *> held, &pos, &found_key, &found_value):
        raise Mismatch("dict: it has no end")
    return 0


def _check_dict_version(p, held):
    first = (<int64_t *> at(held, p["dict: version"]))[0]
    expect("dict: version", (<int64_t *> at(held, p["dict: version"]))[0], first)
    held["alpha"] = None
    second = (<int64_t *> at(held, p["dict: version"]))[0]
    held["beta"] = None
    third = (<int64_t *> at(held, p["dict: version"]))[0]
    if not first or first == second or second == third:
        raise Mismatch("dict: version: it does not change with the dict")


def _check_set(p):
    cdef char *table
    cdef void *key
    cdef Py_ssize_t i, mask
    large = set(range(20))  # its table is outside
    mask = (<Py_ssize_t *> at(large, p["set: mask"]))[0]
    expect("set: size of an entry", p["set: size of an entry"] * (mask + 1), large.__sizeof__() - set.__basicsize__)
    held = {"a", "b", "c"}
    held.discard("c")
    mask = (<Py_ssize_t *> at(held, p["set: mask"]))[0]
    expect("set: mask", mask, 7)
    table = <char *> pointer(held, p["set: table"])
    same("set: table", table, at(held, p["set: table of its own"]))
    members, left = set(), 0
    for i in range(mask + 1):
        key = (<void **> table)[0]
        found = (<Py_hash_t *> (table + <Py_ssize_t> p["set: hash in an entry"]))[0]
        if key != NULL and found == -1:
            left += 1
        elif key != NULL:
            for member in held:
                if key == <PyObject *> member:
                    expect("set: hash in an entry", found, hash(member))
                    members.add(member)
        table += <Py_ssize_t> p["set: size of an entry"]
    expect("set: members", members, held)
    expect("set: what was discarded", left, 1)


def _check_function(p):
    function = types.DynamicClassAttribute.getter  # its __qualname__ is another str
    expect("function: vectorcall", p["function: vectorcall"], PyFunction_Type.tp_vectorcall_offset)
    same("function: name", pointer(function, p["function: name"]), <PyObject *> function.__name__)
    method = object.__dict__["__getattribute__"]
    same("method: function", pointer(method, p["method: function"]), PyObject_GenericGetAttr)


class _Slots:
    __slots__ = ("held",)


def _check_slot(p):
    cdef PyMemberDef *member
    descriptor = _Slots.__dict__["held"]
    same("slot: class", pointer(descriptor, p["slot: class"]), <PyObject *> _Slots)
    member = <PyMemberDef *> pointer(descriptor, p["slot: member"])
    plausible("slot: member", member)
    # A class that is written in Python has its members behind itself.
    if not 0 < <char *> member - <char *> <PyObject *> _Slots < type.__basicsize__ + 4096:
        raise Mismatch("slot: member: it is elsewhere")
    expect("slot: member", member.type, T_OBJECT_EX)
    if not object.__basicsize__ <= member.offset < _Slots.__basicsize__:
        raise Mismatch(f"slot: its place is {member.offset}")
    instance, value = _Slots(), object()
    same("slot: without a value", pointer(instance, member.offset), NULL)
    instance.held = value
    same("slot: with a value", pointer(instance, member.offset), <PyObject *> value)


def _check_type(p):
    class Changing:
        pass
    cdef PyTypeObject *changing = <PyTypeObject *> Changing
    flags = (<unsigned long *> at(Changing, p["type: flags"]))[0]
    expect("type: flags", flags, PyType_GetFlags(changing))
    versions = []
    for Changing.attribute in range(3):
        name = "attribute"
        if brinery_type_lookup(changing, <PyObject *> name) != <PyObject *> Changing.__dict__[name]:
            raise Mismatch("type: an attribute is not found")
        versions.append((<unsigned int *> at(Changing, p["type: version"]))[0])
        expect("type: version", versions[len(versions) - 1], brinery_type_version(changing))
    if 0 in versions or len(set(versions)) < 3:
        raise Mismatch("type: version: it does not change with the type")


class _Plain:
    pass


def _check_instance(p):
    cdef PyObject *attributes = NULL
    cdef PyDictValues *values = NULL
    cdef PyTypeObject *plain = <PyTypeObject *> _Plain
    first, second = object(), object()
    instance, shown, lesser = _Plain(), _Plain(), _Plain()
    for each in (shown, instance):
        each.one, each.two = first, second
    lesser.one = first
    # It is a single byte, which another byte may equal by chance, so two are looked at.
    if brinery_attributes(<PyObject *> lesser, &attributes, &values) == 2:
        expect("values: size", (<uint8_t *> (<char *> values + <Py_ssize_t> p["values: size"]))[0], 1)
    shown_dict = shown.__dict__
    same("instance: dict", pointer(shown, p["instance: dict"]), <PyObject *> shown_dict)
    keys = pointer(_Plain, p["type: names of attributes"])
    same("type: names of attributes", keys, pointer(shown_dict, p["dict: keys"]))
    plausible("type: names of attributes", keys)
    plausible("dict: values", pointer(shown_dict, p["dict: values"]))
    expect("instance: its kind", brinery_attributes(<PyObject *> instance, &attributes, &values), 2)
    same("instance: dict", attributes, NULL)
    plausible("instance: values", values)
    expect("values: size", (<uint8_t *> (<char *> values + <Py_ssize_t> p["values: size"]))[0], 2)
    same("values: items", (<void **> (<char *> values + <Py_ssize_t> p["values: items"]))[0], <PyObject *> first)
    for i, (name, value) in enumerate(shown_dict.items()):
        expect("values: order", brinery_values_index(values, i), i)
        if <object> brinery_values_key(plain, i) != name:
            raise Mismatch("values: a name")
        same("values: items", brinery_values_item(values, i), <PyObject *> value)
    expect("instance: its kind", brinery_attributes(<PyObject *> shown, &attributes, &values), 1)
    same("instance: dict", attributes, <PyObject *> shown_dict)


def _check_datetime(p):
    zone = datetime_module.timezone.utc
    parts = (2021, 3, 4, 5, 6, 7, 890123)
    date, time = datetime_module.date(*parts[:3]), datetime_module.time(*parts[3:], zone)
    moment = datetime_module.datetime(*parts, zone)
    for place, each in (("date", date), ("datetime", moment), ("time", time)):
        data = each.__reduce__()[1][0]
        expect(f"{place}: data", (<char *> at(each, p[f"{place}: data"]))[: len(data)], data)
        expect("date: hash", (<Py_hash_t *> at(each, p["date: hash"]))[0], -1)
        expect("date: hash", hash(each), (<Py_hash_t *> at(each, p["date: hash"]))[0])
        if each is date:
            continue
        expect(f"{place}: zone", p[f"{place}: zone"] < type(each).__basicsize__, True)
        same(f"{place}: zone", pointer(each, p[f"{place}: zone"]), <PyObject *> zone)
        for other in (each.replace(fold=1), each.replace(tzinfo=None), each):
            fold = (<uint8_t *> at(other, p[f"{place}: fold"]))[0]
            expect(f"{place}: fold", fold, other.fold)
            has = (<uint8_t *> at(other, p["datetime: whether it has a zone"]))[0]
            expect("datetime: whether it has a zone", has, other.tzinfo is not None)
    delta = datetime_module.timedelta(5, 6, 7)
    for part in ("days", "seconds", "microseconds"):
        expect(f"timedelta: {part}", (<int32_t *> at(delta, p[f"timedelta: {part}"]))[0], getattr(delta, part))


_CHECKS = () if PUBLIC or FREE_THREADED else (
    _check_sizes, _check_objects, _check_int, _check_float, _check_str, _check_bytes, _check_list, _check_tuple,
    _check_dict, _check_set, _check_function, _check_slot, _check_type, _check_instance, _check_datetime,
)


def mismatch(places=None):
    """What lies elsewhere than `places` says (by default what the engine was built with), or None."""
    for check in _CHECKS:
        try:
            check(PLACES if places is None else places)
        except Mismatch as found:
            return str(found)
        except Exception as failed:
            return f"{check.__name__.removeprefix('_check_')}: {failed!r}"
    return None
