# Changed shapes and Python 2's text (brinery.engine.shaping): what the reader asks of them. Whether something is
# declared for a class is looked up without running Python code; all else here is Python code of ours or of plugins, and
# so runs between secure() and resume().

from brinery.engine.shaping import Shaping, may_be_shaped

cdef extern from "Python.h":
    PyObject *PyLong_FromVoidPtr(void *) except NULL


cdef inline bint is_shaped(Reading r, PyObject *thing) except -1:
    """Whether there is something to ask about a class, or about a function."""
    return r.shaped is not None and (r.wild or is_known_shape(r, thing))


cdef bint is_known_shape(Reading r, PyObject *thing) except -1:
    cdef PyObject *key = PyLong_FromVoidPtr(thing)
    cdef PyObject *found
    try:
        found = PyDict_GetItemWithError(<PyObject *> r.shaped, key)
    finally:
        Py_DECREF(key)
    return found != NULL


cdef bint is_shaped_name(Reading r, str module) except -1:
    """Whether there may be something declared for what a module has."""
    shapes = r.plan.shapes
    return shapes is not None and module in (shapes.old if r.protocol < 3 else shapes.modules)


cdef object find_shaped(Reading r, str module, str qualname):
    """The shared find_global(), which tells what was found to what knows the shapes."""
    shaping = r.shaping
    if shaping is None and may_be_shaped(r.plan):
        shaping = Shaping(r.plan.shapes, r.encoding, r.errors)
    found = _globals.find_global(module, qualname, r.protocol, r.fix_imports, r.plan, shaping)
    take_shaping(r, shaping)
    return found


cdef object find_otherwise(Reading r, object found, str module, str qualname):
    """What a loaded module does not have: a fallback's, or the error that says more."""
    if r.plan.fallbacks is None:
        return _globals.look_up(found, module, qualname, r.protocol, None, r.plan)
    return _globals.find_named((module, qualname), module, qualname, r.protocol, r.plan, r.shaping)


cdef int take_shaping(Reading r, object shaping) except -1:
    if shaping is None or not (shaping.known or shaping.wild):
        return 0
    r.shaping = shaping
    if r.shaped is None or r.wild != shaping.wild:
        r.shaped = shaping.known
        r.wild = shaping.wild
        plans_clear(r)  # a class that was known before may be one of these
    return 0


cdef object old_text(Reading r, bytes data):
    """A str of Python 2, under a plan that has rules for some."""
    cdef Source *s = &r.source
    cdef Py_ssize_t offset = s.opcode_offset
    cdef int code = s.opcode_code
    if s.opcode != NULL:
        offset = s.before + (s.opcode - s.start)
        code = s.opcode[0]
    if r.shaping is None:
        r.shaping = Shaping(r.plan.shapes, r.encoding, r.errors)
    value = r.shaping.read(data, offset, BY_CODE[code].name)
    take_shaping(r, r.shaping)
    return value


cdef int forget_shapes(Reading r) except -1:
    r.shaping = None
    r.shaped = None
    r.wild = False
    return 0
