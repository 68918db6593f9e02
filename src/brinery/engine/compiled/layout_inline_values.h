/* From CPython 3.13 on, inline values stand behind the object, and a dict made later may go on using them. */
#ifndef BRINERY_LAYOUT_INLINE_VALUES_H
#define BRINERY_LAYOUT_INLINE_VALUES_H

#define brinery_int_bytes(obj, out, size) \
    _PyLong_AsByteArray((PyLongObject *)(obj), (unsigned char *)(out), (size_t)(size), 1, 1, 1)

BRINERY_ALWAYS_INLINE int brinery_managed_attributes(PyObject *obj, PyObject **dict, brinery_values **values)
{
#ifdef Py_GIL_DISABLED
    *dict = ((PyObject **)obj)[-1];
#else
    *dict = ((PyObject **)obj)[-3];
#endif
    if (*dict == NULL && (Py_TYPE(obj)->tp_flags & Py_TPFLAGS_INLINE_VALUES)) {
        *values = (brinery_values *)((char *)obj + Py_TYPE(obj)->tp_basicsize);
        return (*values)->valid ? 2 : 1;
    }
    return 1;
}

#define brinery_values_size(attributes) ((Py_ssize_t)(attributes)->size)
#define brinery_values_index(attributes, i) (((uint8_t *)&(attributes)->values[(attributes)->capacity])[i])

#endif
