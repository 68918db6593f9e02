/* A CPython whose layout nobody has looked at yet: the names of the other headers by its documented interface.
 * Where that says nothing, the answer is the one that sends the engine the long way.
 */

typedef struct brinery_no_values brinery_values;

BRINERY_ALWAYS_INLINE uint64_t brinery_dict_version(PyObject *dict)
{
    (void)dict;
    return 0;
}

/* ---- int ------------------------------------------------------------------------------------ */

BRINERY_ALWAYS_INLINE int brinery_small_int(PyObject *obj, int64_t *value)
{
    int overflow;
    *value = PyLong_AsLongLongAndOverflow(obj, &overflow);
    return !overflow;
}

static PyObject *brinery_call_with(PyObject *self, const char *method, PyObject *args, int is_signed)
{
    PyObject *function = PyObject_GetAttrString(self, method), *result = NULL;
    PyObject *keywords = is_signed ? Py_BuildValue("{sO}", "signed", Py_True) : NULL;
    if (function != NULL && args != NULL && (keywords != NULL || !is_signed)) {
        result = PyObject_Call(function, args, keywords);
    }
    Py_XDECREF(function);
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    return result;
}

/* These two run no code of anyone's, but where making a tuple sets off the collector: up to 3.11. */
static size_t brinery_int_bits(PyObject *obj)
{
    PyObject *bits = brinery_call_with(obj, "bit_length", PyTuple_New(0), 0);
    size_t count = bits == NULL ? (size_t)-1 : PyLong_AsSize_t(bits);
    Py_XDECREF(bits);
    return count;
}

static int brinery_int_bytes(PyObject *obj, char *out, Py_ssize_t size)
{
    PyObject *made = brinery_call_with(obj, "to_bytes", Py_BuildValue("(ns)", size, "little"), 1);
    if (made == NULL) {
        return -1;
    }
    memcpy(out, PyBytes_AS_STRING(made), (size_t)size);
    Py_DECREF(made);
    return 0;
}

static PyObject *brinery_int_of_bytes(const unsigned char *data, Py_ssize_t size)
{
    return brinery_call_with((PyObject *)&PyLong_Type, "from_bytes",
                             Py_BuildValue("(y#s)", (const char *)data, size, "little"), 1);
}

/* ---- str, list, set ------------------------------------------------------------------------- */

BRINERY_ALWAYS_INLINE int brinery_text_is_ascii(PyObject *text)
{
    return PyUnicode_KIND(text) == PyUnicode_1BYTE_KIND && PyUnicode_MAX_CHAR_VALUE(text) < 128;
}

/* Only what is ASCII: asking for the UTF-8 form of other text would leave a copy on it. */
BRINERY_ALWAYS_INLINE const char *brinery_utf8(PyObject *text, Py_ssize_t *size)
{
    if (brinery_text_is_ascii(text)) {
        *size = PyUnicode_GET_LENGTH(text);
        return (const char *)PyUnicode_1BYTE_DATA(text);
    }
    *size = 0;
    return NULL;
}

#define brinery_list_items(list) PySequence_Fast_ITEMS(list)

/* From 3.14 on a tuple keeps its hash, and no documented interface has it forget it. */
#define BRINERY_TUPLES_KEEP_HASH (PY_VERSION_HEX >= 0x030E0000)
#define brinery_forget_hash(tuple) ((void)0)

/* A set shows its members to iterators only: `held` is a list of them. */
#define brinery_set_held(set) PySequence_List(set)

BRINERY_ALWAYS_INLINE PyObject *brinery_set_next(PyObject *set, PyObject *held, Py_ssize_t *pos)
{
    (void)set;
    return *pos < PyList_GET_SIZE(held) ? PyList_GET_ITEM(held, (*pos)++) : NULL;
}

/* ---- dict ----------------------------------------------------------------------------------- */

#define brinery_dict_is_split(dict) 1 /* its keys may be shared */
#define brinery_dict_next PyDict_Next
#define brinery_dict_has_plain_keys(dict) 0 /* nobody says so */

/* OrderedDict is written by its reduction. */
#define brinery_ordered_is_known(type) 0
#define brinery_ordered_length(ordered) ((void)(ordered), (Py_ssize_t)0)
#define brinery_ordered_nodes(ordered) ((void)(ordered), 0)
#define brinery_ordered_next(ordered, node, key, value) ((void)(node), (void)(key), (void)(value), 0)

/* ---- types and instances -------------------------------------------------------------------- */

/* No version: nothing that is known of a type is kept. */
#define brinery_type_version(type) 0U

/* Borrowed from a type's namespace, or NULL without an exception. */
static PyObject *brinery_type_lookup(const void *op, PyObject *name)
{
    PyObject *mro = ((const PyTypeObject *)op)->tp_mro, *found = NULL;
    for (Py_ssize_t i = 0; mro != NULL && found == NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
#if PY_VERSION_HEX >= 0x030C0000
        PyObject *names = PyType_GetDict(base);
#else
        PyObject *names = Py_XNewRef(base->tp_dict);
#endif
        found = names == NULL ? NULL : PyDict_GetItemWithError(names, name);
        Py_XDECREF(names);
        if (PyErr_Occurred()) {
            PyErr_Clear();
        }
    }
    return found;
}

/* Borrowed: the function has it. */
static PyObject *brinery_function_name(PyObject *function)
{
    PyObject *name = PyObject_GetAttrString(function, "__name__");
    if (name == NULL) {
        PyErr_Clear();
        return Py_None;
    }
    Py_DECREF(name);
    return name;
}

#define brinery_call(callable, args, count) PyObject_Vectorcall((callable), (args), (count), NULL)

BRINERY_ALWAYS_INLINE Py_ssize_t brinery_slot_offset(PyTypeObject *type, PyObject *descriptor)
{
    (void)type, (void)descriptor;
    return -1;
}

/* In a dict, if at all, which is made by asking for it. */
static int brinery_attributes(PyObject *obj, PyObject **dict, brinery_values **values)
{
    *dict = NULL;
    *values = NULL;
    if (Py_TYPE(obj)->tp_dictoffset == 0) {
        return 0;
    }
    *dict = PyObject_GenericGetDict(obj, NULL);
    if (*dict == NULL) {
        PyErr_Clear();
        return 0;
    }
    Py_DECREF(*dict); /* the object keeps it */
    return 1;
}

#define brinery_shared_values(dict, type) ((void)(dict), (void)(type), (brinery_values *)NULL)
#define brinery_values_size(attributes) ((void)(attributes), (Py_ssize_t)0)
#define brinery_values_index(attributes, i) ((void)(attributes), (int)(i))
#define brinery_values_key(type, index) ((void)(type), (void)(index), (PyObject *)NULL)
#define brinery_values_item(attributes, index) ((void)(attributes), (void)(index), (PyObject *)NULL)
#define brinery_cached_keys(type) ((void)(type), (void *)NULL)
#define brinery_keys_size(keys) ((void)(keys), (Py_ssize_t)0)

/* The dict of an object that has one, borrowed; NULL with an exception where it cannot be made. */
static PyObject *brinery_own_dict(PyObject *op)
{
    PyObject *dict = PyObject_GenericGetDict(op, NULL);
    Py_XDECREF(dict);
    return dict;
}

/* Nobody says which function a type's method is of. */
#define brinery_wraps(descriptor, function) ((void)(descriptor), (void)(function), 0)

/* datetime's objects are written by their reduction. */
#define brinery_date_data(op) ((void)(op), (const char *)NULL)
#define brinery_datetime_data brinery_date_data
#define brinery_time_data brinery_date_data
#define brinery_datetime_fold(op) ((void)(op), 0)
#define brinery_time_fold brinery_datetime_fold
#define brinery_datetime_zone(op) ((void)(op), (PyObject *)NULL)
#define brinery_time_zone brinery_datetime_zone
