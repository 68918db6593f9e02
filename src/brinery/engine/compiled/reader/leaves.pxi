# Text and numbers. What protocols 0 to 2 write as text is parsed by brinery.stream.text, for both engines.

from brinery.stream import text as _text

cdef const char *SURROGATES = "surrogatepass"
cdef extern from "reading_text.h":
    bint brinery_is_ascii(const unsigned char *, Py_ssize_t) noexcept
    PyObject *brinery_text_new(const unsigned char *, Py_ssize_t) except? NULL


cdef PyObject *MODEL = PyUnicode_New(2, 127)  # never seen by anyone: neither interned nor hashed

brinery_share()


cdef PyObject *decode_text(const unsigned char *data, Py_ssize_t size, bint steady) except NULL:
    """UTF-8, surrogates pass."""
    cdef PyObject *text
    cdef unsigned char *narrow = NULL
    # The empty string and single characters are shared objects; and what may change between two looks at
    # it, as a mapped file may, is not for a decoder that first counts and then writes.
    if size < 2 or not steady:
        return PyUnicode_DecodeUTF8(<const char *> data, size, SURROGATES)
    if size <= 32:
        text = brinery_short_ascii(MODEL, data, size)
        if text != NULL:
            return text
    elif brinery_is_ascii(data, size):
        text = brinery_ascii_new(MODEL, size, &narrow)
        memcpy(narrow, data, size)
        return text
    text = brinery_text_new(data, size)
    if text != NULL:
        return text
    return PyUnicode_DecodeUTF8(<const char *> data, size, SURROGATES)


cdef PyObject *own(object value) except NULL:
    Py_INCREF(<PyObject *> value)
    return <PyObject *> value


cdef PyObject *old_string(Reading r, unsigned long long size) except NULL:
    """A Python 2 str of `size` bytes, as this load wants it."""
    cdef const unsigned char *data = payload(r, size)
    cdef PyObject *plain = plain_old_string(r, data, <Py_ssize_t> size)
    if plain != NULL:
        return plain
    if not r.has_text and r.encoding == "ASCII" and r.errors == "strict":
        return PyUnicode_Decode(<const char *> data, <Py_ssize_t> size, "ascii", "strict")
    return decoded(r, (<const char *> data)[:size])


cdef PyObject *decoded(Reading r, bytes data) except NULL:
    cdef PyObject *value
    secure(r)  # codecs and error handlers may be the user's
    if r.has_text and not r.walking:
        value = own(old_text(r, data))
    else:
        value = own(_text.decode_string(data, r.encoding, r.errors))
    resume(r)
    return value


cdef PyObject *long_integer(Reading r, long long size) except NULL:
    """LONG1 and LONG4: two's complement, little-endian."""
    cdef const unsigned char *data
    cdef int unused
    if size < 0:
        raise ReadError("LONG pickle has negative byte count")
    data = payload(r, size)
    if size <= 8:
        if size == 0:
            return PyLong_FromLong(0)
        unused = 64 - 8 * <int> size
        return PyLong_FromLongLong(<long long> (brinery_little(data, <int> size) << unused) >> unused)
    return brinery_int_of_bytes(data, <Py_ssize_t> size)


cdef PyObject *text_leaf(Reading r, int code) except NULL:
    """The opcodes of protocol 0 whose argument is a line of text. (Python code, so between secure() and resume().)"""
    if code == UNICODE:
        return own(_text.parse_unicode(line(r)))
    if code == STRING:
        return decoded(r, _text.parse_string(line(r)))
    if code == INT:
        return own(_text.parse_int(argument_line(r)))
    if code == LONG:
        return own(_text.parse_long(argument_line(r)))
    return own(_text.parse_float(argument_line(r)))


cdef bytes argument_line(Reading r):
    """A line that may not be empty."""
    cdef bytes argument = line(r)
    if not argument:
        raise truncated()
    return argument


cdef PyObject *next_buffer(Reading r) except NULL:
    if r.walking:
        if r.buffers is not None:
            next(r.buffers, None)  # so that a load() that follows gets the right one
        return own(r.hole)
    if r.buffers is None:
        raise ReadError("pickle stream refers to out-of-band data but no *buffers* argument was given")
    for buffer in r.buffers:
        return own(buffer)
    raise ReadError("not enough out-of-band buffers")


cdef int readonly_buffer(Reading r) except -1:
    cdef Stack *s = &r.stack
    cdef PyObject *old
    if s.top == s.fence:
        stack_underflow(s)
    if r.walking:
        return 0
    old = s.top[-1]
    view = memoryview(<object> old)
    if not view.readonly:
        s.top[-1] = own(view.toreadonly())
        Py_DECREF(old)
    return 0
