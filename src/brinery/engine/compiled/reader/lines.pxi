# The arguments that protocols 0 to 2 write as a line of text, where they are what a pickler writes and lie in the
# buffer: parsed in place. Anything else (a line in pieces, another spelling of a number, escapes, an error) is for
# brinery.stream.text, which both engines have in common.

cdef extern from "Python.h":
    PyObject *PyErr_Occurred() noexcept
    void PyErr_Clear() noexcept
    PyObject *PyLong_FromString(const char *, char **, int) except NULL
    double PyOS_string_to_double(const char *, char **, PyObject *) noexcept
    PyObject *PyUnicode_DecodeRawUnicodeEscape(const char *, Py_ssize_t, const char *) except NULL

cdef enum:
    NUMBER_MOST = 512  # characters of a number that is parsed here

#: Encodings of Python 2's str in which ASCII is itself, as people spell them.
cdef frozenset ASCII_ALIKE = frozenset(("ASCII", "ascii", "latin1", "latin-1", "iso-8859-1", "utf-8", "utf8", "UTF-8"))


cdef const unsigned char *line_here(Reading r, Py_ssize_t *size) noexcept:
    """Where the rest of the line is and how long, if it lies in the buffer; else NULL. The cursor stays."""
    cdef Source *s = &r.source
    cdef const unsigned char *newline
    if s.next >= s.end or not s.steady:
        return NULL
    newline = <const unsigned char *> memchr(s.next, 0x0A, s.end - s.next)
    if newline == NULL:
        return NULL
    size[0] = newline - s.next
    return s.next


cdef inline bint small_number(const unsigned char *text, Py_ssize_t size, int64_t *value) noexcept:
    """Whether a line is a decimal number as repr() writes it, of up to 18 digits."""
    cdef bint negative = size > 0 and text[0] == 0x2D
    cdef int64_t number = 0
    cdef Py_ssize_t i = negative
    if size - i > 18 or size == i or (text[i] == 0x30 and size > 1):
        return False
    while i < size:
        if not 0x30 <= text[i] <= 0x39:
            return False
        number = number * 10 + (text[i] - 0x30)
        i += 1
    value[0] = -number if negative else number
    return True


cdef PyObject *plain_leaf(Reading r, int code) except? NULL:
    """What the line at the cursor says, and the cursor behind it. NULL without an exception: it is not plain."""
    cdef Py_ssize_t size = 0
    cdef int64_t value = 0
    cdef const unsigned char *text = line_here(r, &size)
    cdef PyObject *made = NULL
    if text == NULL:
        return NULL
    if code == INT:
        if size == 2 and text[0] == 0x30 and (text[1] == 0x30 or text[1] == 0x31):  # PEP 285
            made = Py_True if text[1] == 0x31 else Py_False
            Py_INCREF(made)
        elif small_number(text, size, &value):
            made = brinery_int(value)
    elif code == LONG:
        made = plain_long(text, size - (size > 0 and text[size - 1] == 0x4C))
    elif code == FLOAT:
        made = plain_float(text, size)
    elif code == STRING:
        made = plain_string(r, text, size)
    elif brinery_is_ascii(text, size) and memchr(text, 0x5C, size) == NULL:
        made = decode_text(text, size, True)
    else:
        made = PyUnicode_DecodeRawUnicodeEscape(<const char *> text, size, NULL)
    if made != NULL:
        r.source.next = text + size + 1
    return made


cdef PyObject *plain_long(const unsigned char *text, Py_ssize_t size) except? NULL:
    cdef int64_t value = 0
    cdef char digits[NUMBER_MOST + 1]
    cdef Py_ssize_t i = 0
    if small_number(text, size, &value):
        return brinery_int(value)
    if size > NUMBER_MOST or size < 2:
        return NULL
    if text[0] == 0x2D:
        i = 1
    if text[i] == 0x30:
        return NULL
    while i < size:
        if not 0x30 <= text[i] <= 0x39:
            return NULL
        i += 1
    memcpy(digits, text, size)
    digits[size] = 0
    return PyLong_FromString(digits, NULL, 10)


cdef PyObject *plain_float(const unsigned char *text, Py_ssize_t size) except? NULL:
    cdef char number[64]
    cdef char *rest = NULL
    cdef double value
    cdef Py_ssize_t i
    if not 0 < size < 64:
        return NULL
    for i in range(size):
        # Digits, a point, signs and an exponent: what C's own parser and float() agree upon.
        if not (0x30 <= text[i] <= 0x39 or text[i] in b".-+eE"):
            return NULL
    memcpy(number, text, size)
    number[size] = 0
    value = PyOS_string_to_double(number, &rest, NULL)
    if PyErr_Occurred() != NULL:
        PyErr_Clear()
        return NULL
    if rest != number + size or value - value != 0:  # malformed, or infinite
        return NULL
    return brinery_float(value)


cdef PyObject *plain_string(Reading r, const unsigned char *text, Py_ssize_t size) except? NULL:
    """A Python 2 str in quotes, without escapes, of ASCII."""
    if size < 2 or text[0] != text[size - 1] or (text[0] != 0x27 and text[0] != 0x22):
        return NULL
    if memchr(text, 0x5C, size) != NULL:
        return NULL
    return plain_old_string(r, text + 1, size - 2)


cdef PyObject *plain_old_string(Reading r, const unsigned char *data, Py_ssize_t size) except? NULL:
    """A Python 2 str as this load wants it, if that takes no codec; else NULL without an exception."""
    if r.has_text:
        return NULL
    if r.encoding == "bytes":
        return PyBytes_FromStringAndSize(<const char *> data, size)
    if r.encoding in ASCII_ALIKE and brinery_is_ascii(data, size):
        return decode_text(data, size, r.source.steady)
    return NULL


cdef bint plain_index(Reading r, unsigned long long *index) noexcept:
    """Whether the line at the cursor is an index into the memo; then the cursor is behind it."""
    cdef Py_ssize_t size = 0
    cdef int64_t value = 0
    cdef const unsigned char *text = line_here(r, &size)
    if text == NULL or not small_number(text, size, &value) or value < 0:
        return False
    index[0] = <unsigned long long> value
    r.source.next = text + size + 1
    return True


cdef str name_line(Reading r, str encoding):
    """A line that may not be empty, as text."""
    cdef Py_ssize_t size = 0
    cdef const unsigned char *text = line_here(r, &size)
    cdef PyObject *made
    if text == NULL or size == 0 or not brinery_is_ascii(text, size):
        return argument_line(r).decode(encoding)
    r.source.next = text + size + 1
    made = decode_text(text, size, True)
    name = <str> <object> made
    Py_DECREF(made)
    return name
