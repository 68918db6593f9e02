# Text and numbers. What protocols 0 to 2 write as text is parsed by brinery.stream.text, for both engines.

from brinery.stream import text as _text

cdef const char *SURROGATES = "surrogatepass"
cdef Py_ssize_t SHORT_TEXT = 256  # longer text is left to the interpreter's decoder


cdef PyObject *MODEL = PyUnicode_New(2, 127)  # never seen by anyone: neither interned nor hashed

brinery_share()


cdef PyObject *decode_text(const unsigned char *data, Py_ssize_t size, bint steady) except NULL:
    """UTF-8, surrogates pass. Short text is decoded here: 1.7 times as fast where it is not ASCII."""
    cdef Py_ssize_t i = 0, length = 0
    cdef uint32_t most = 0, code
    cdef unsigned char byte
    cdef PyObject *text
    cdef unsigned char *narrow = NULL
    cdef unsigned short *wide
    # The empty string and single characters are shared objects; and what may change between two looks at
    # it, as a mapped file may, is not for a decoder that first counts and then writes.
    if size < 2 or size > SHORT_TEXT or not steady:
        return PyUnicode_DecodeUTF8(<const char *> data, size, SURROGATES)
    if size <= 32:
        text = brinery_short_ascii(MODEL, data, size)
        if text != NULL:
            return text
    while i + 8 <= size and not brinery_load64(data + i) & 0x8080808080808080ULL:
        i += 8
    while i < size and data[i] < 0x80:
        i += 1
    if i == size:
        text = brinery_ascii_new(MODEL, size, &narrow)
        memcpy(narrow, data, size)
        return text
    length = i
    while i < size:
        byte = data[i]
        if byte < 0x80:
            i += 1
        elif byte >= 0xC2 and byte < 0xE0 and i + 1 < size and data[i + 1] & 0xC0 == 0x80:
            code = <uint32_t> (byte & 0x1F) << 6 | (data[i + 1] & 0x3F)
            if code > most:
                most = code
            i += 2
        elif (
            byte & 0xF0 == 0xE0 and i + 2 < size
            and data[i + 1] & 0xC0 == 0x80 and data[i + 2] & 0xC0 == 0x80
        ):
            code = <uint32_t> (byte & 0x0F) << 12
            code |= <uint32_t> (data[i + 1] & 0x3F) << 6 | (data[i + 2] & 0x3F)
            if code < 0x800 or 0xD800 <= code < 0xE000:
                return PyUnicode_DecodeUTF8(<const char *> data, size, SURROGATES)
            if code > most:
                most = code
            i += 3
        else:  # malformed, or beyond the first plane
            return PyUnicode_DecodeUTF8(<const char *> data, size, SURROGATES)
        length += 1
    if length == 1:
        return PyUnicode_DecodeUTF8(<const char *> data, size, SURROGATES)
    text = PyUnicode_New(length, most)
    i = 0
    if most < 0x100:
        narrow = <unsigned char *> PyUnicode_DATA(text)
        while i < size:
            byte = data[i]
            if byte < 0x80:
                narrow[0] = byte
                i += 1
            else:
                narrow[0] = <unsigned char> ((byte & 0x03) << 6 | (data[i + 1] & 0x3F))
                i += 2
            narrow += 1
        return text
    wide = <unsigned short *> PyUnicode_DATA(text)
    while i < size:
        byte = data[i]
        if byte < 0x80:
            wide[0] = byte
            i += 1
        elif byte < 0xE0:
            wide[0] = <unsigned short> ((byte & 0x1F) << 6 | (data[i + 1] & 0x3F))
            i += 2
        else:
            code = (byte & 0x0F) << 12 | (data[i + 1] & 0x3F) << 6 | (data[i + 2] & 0x3F)
            wide[0] = <unsigned short> code
            i += 3
        wide += 1
    return text


cdef PyObject *own(object value) except NULL:
    Py_INCREF(<PyObject *> value)
    return <PyObject *> value


cdef PyObject *old_string(Reading r, unsigned long long size) except NULL:
    """A Python 2 str of `size` bytes, as this load wants it."""
    cdef const unsigned char *data = payload(r, size)
    cdef PyObject *plain = plain_old_string(r, data, <Py_ssize_t> size)
    if plain != NULL:
        return plain
    if r.encoding == "ASCII" and r.errors == "strict":
        return PyUnicode_Decode(<const char *> data, <Py_ssize_t> size, "ascii", "strict")
    return decoded(r, (<const char *> data)[:size])


cdef PyObject *decoded(Reading r, bytes data) except NULL:
    resume_collector(r)  # codecs and error handlers may be the user's
    value = _text.decode_string(data, r.encoding, r.errors)
    pause(r)
    return own(value)


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
    return _PyLong_FromByteArray(data, size, 1, 1)


cdef PyObject *text_leaf(Reading r, int code) except NULL:
    """The opcodes of protocol 0 whose argument is a line of text."""
    cdef PyObject *plain = plain_leaf(r, code)
    if plain != NULL:
        return plain
    if code == OP_UNICODE:
        return own(_text.parse_unicode(line(r)))
    if code == OP_STRING:
        return decoded(r, _text.parse_string(line(r)))
    if code == OP_INT:
        return own(_text.parse_int(argument_line(r)))
    if code == OP_LONG:
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
    resume_collector(r)
    for buffer in r.buffers:
        break
    else:
        raise ReadError("not enough out-of-band buffers")
    pause(r)
    r.foreign = True
    return own(buffer)


cdef int readonly_buffer(Reading r) except -1:
    cdef Stack *s = &r.stack
    cdef PyObject *old
    if s.top == s.fence:
        stack_underflow(s)
    if r.walking:
        return 0
    old = s.top[-1]
    resume_collector(r)
    view = memoryview(<object> old)
    if not view.readonly:
        s.top[-1] = own(view.toreadonly())
        Py_DECREF(old)
    pause(r)
    return 0
