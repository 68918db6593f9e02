# What has no parts. leaf() is inlined wherever a child is written; all that is rare about its types
# is in functions of their own.
#
# Those that are inlined are given the place to write at, and leave it behind what they wrote: in a loop
# over children that stays in a register, while `w.cur` would be stored and loaded for each of them, one
# waiting for the other. Lists of ints are written 1.4 times as fast.

cdef inline int leaf "brinery_leaf"(Writer *w, char **at, PyObject *obj, Py_ssize_t alone) except -1:
    """Write `obj` if it is a leaf (1); otherwise write nothing (0)."""
    if at[0] >= w.limit:
        w.cur = at[0]
        if w.careful or boundary(w):
            at[0] = w.cur
            return 0
        at[0] = w.cur
    return whole(w, at, obj, alone)


cdef inline int whole "brinery_whole"(Writer *w, char **at, PyObject *obj, Py_ssize_t alone) except -1:
    """leaf(), after the boundary."""
    cdef PyTypeObject *type = TYPE(obj)
    cdef int64_t value
    cdef int written
    if type == &PyUnicode_Type:
        return text(w, at, obj, alone)
    if type == &PyLong_Type:
        if w.proto >= 2 and brinery_small_int(obj, &value):
            at[0] = brinery_put_int(at[0], value)
            return 1
    elif obj == Py_None:
        at[0][0] = NONE
        at[0] += 1
        return 1
    elif type == &PyFloat_Type:
        if w.binary:
            at[0][0] = BINFLOAT
            brinery_put_double(at[0] + 1, PyFloat_AS_DOUBLE(obj))
            at[0] += 9
            return 1
    elif type == &PyBool_Type:
        if w.proto >= 2:
            at[0][0] = <char>NEWTRUE if obj == Py_True else <char>NEWFALSE
            at[0] += 1
            return 1
    elif type != &PyBytes_Type:
        # Met again it is a leaf like others: its memo index.
        return not (BORROWING and REFCNT(obj) <= alone) and reference(w, at, obj)
    w.cur = at[0]
    written = write_rare_leaf(w, obj, alone)
    at[0] = w.cur
    return written


cdef int write_rare_leaf(Writer *w, PyObject *obj, Py_ssize_t alone) except -1:
    """Bytes, large ints, and what the oldest protocols write as text."""
    cdef PyTypeObject *type = TYPE(obj)
    if type == &PyBytes_Type:
        return write_bytes(w, obj, alone)
    if type == &PyLong_Type:
        return write_int(w, obj)
    if type == &PyFloat_Type:
        return write_float_line(w, PyFloat_AS_DOUBLE(obj))
    reserve(w, 4)
    memcpy(w.cur, b"I01\n" if obj == Py_True else b"I00\n", 4)
    w.cur += 4
    return 1


cdef enum:
    LONGEST_FLOAT = 32  # characters; -2.2250738585072014e-308 has the most


cdef int write_float_line(Writer *w, double value) except -1:
    """FLOAT: as float.__repr__ has it."""
    cdef char *digits
    cdef size_t size
    reserve(w, LONGEST_FLOAT + 2)
    digits = PyOS_double_to_string(value, 114, 0, Py_DTSF_ADD_DOT_0, NULL)
    if digits == NULL:
        raise MemoryError
    size = strlen(digits)
    w.cur[0] = FLOAT
    memcpy(w.cur + 1, digits, size)
    w.cur[size + 1] = 10
    w.cur += size + 2
    PyMem_Free(digits)
    return 1


cdef int write_whole(Writer *w, PyObject *obj, Py_ssize_t alone) except -1:
    """whole(), at the end of what is written."""
    cdef char *at = w.cur
    cdef int written = whole(w, &at, obj, alone)
    w.cur = at
    return written


cdef inline int text "brinery_text"(Writer *w, char **at, PyObject *obj, Py_ssize_t alone) except -1:
    cdef bint elide = BORROWING and REFCNT(obj) <= alone
    cdef Py_ssize_t size
    cdef const char *data
    cdef Entry *entry = NULL
    cdef int written
    if not elide:
        entry = seek(w, obj)
        if entry.generation == w.generation:
            return get_at(w, at, entry)
    data = brinery_utf8(obj, &size)
    if data == NULL or size > SHORT or w.proto < 4:
        w.cur = at[0]
        written = write_text(w, obj, elide)
        at[0] = w.cur
        return written
    at[0][0] = <char>SHORT_BINUNICODE
    at[0][1] = <char>size
    brinery_copy(at[0] + 2, data, size)
    at[0] += 2 + size
    memoize(w, at, obj, elide, entry)
    return 1


cdef inline int reference "brinery_reference"(Writer *w, char **at, PyObject *obj) except -1:
    """Write a GET where `obj` is memoized (1), or nothing (0)."""
    cdef Entry *entry = find(w, obj)
    return 0 if entry == NULL else get_at(w, at, entry)


cdef inline int get_at "brinery_get_at"(Writer *w, char **at, Entry *entry) except -1:
    """Write the GET of what is memoized in `entry`."""
    if w.binary:
        at[0] = put_get(at[0], entry.index)
        return 1
    w.cur = at[0]
    write_get(w, entry.index)
    at[0] = w.cur
    return 1


cdef int write_text(Writer *w, PyObject *obj, bint elide) except -1:
    return write_text_as(w, obj, obj, elide)


cdef int write_text_as(Writer *w, PyObject *obj, PyObject *known, bint elide) except -1:
    """A str of any length and kind, in the UTF-8 that lets surrogates pass, memoized as `known`; 0 where it must wait."""
    cdef Py_ssize_t size
    cdef const char *data
    cdef char header[9]
    cdef int header_size
    if not w.binary:
        return write_text_line(w, obj)
    brinery_make_ready(obj)
    data = brinery_utf8(obj, &size)
    if data == NULL and not brinery_has_surrogates(UNICODE_KIND(obj), UNICODE_DATA(obj), UNICODE_LENGTH(obj)):
        # Left on the str, as C pickle leaves it: to write it once more is a copy then.
        data = UNICODE_UTF8(obj, &size)
    elif data == NULL:
        size = utf8_size(obj)
    header_size = text_header(w, header, size)
    if size >= FRAME_TARGET:
        if w.write != NULL and w.subject != obj:
            return 0
        if data != NULL:
            write_payload(w, header, header_size, data, size, NULL)
        else:
            encoded = (<object>obj).encode("utf-8", "surrogatepass")
            write_payload(w, header, header_size, encoded, size, <PyObject *>encoded)
    else:
        reserve(w, header_size + size)
        memcpy(w.cur, header, header_size)
        if data != NULL:
            memcpy(w.cur + header_size, data, size)
        else:
            encode_utf8(obj, w.cur + header_size)
        w.cur += header_size + size
    put(w, known, elide)
    return 1


cdef int text_header(Writer *w, char *header, Py_ssize_t size) except -1:
    if size <= 0xFF and w.proto >= 4:
        header[0] = <char>SHORT_BINUNICODE
        header[1] = <char>size
        return 2
    if size <= 0xFFFFFFFF:
        header[0] = BINUNICODE
        brinery_put_u32(header + 1, <uint32_t>size)
        return 5
    if w.proto < 4:
        secure(w)
        raise OverflowError("serializing a string larger than 4 GiB requires pickle protocol 4 or higher")
    header[0] = <char>BINUNICODE8
    brinery_put_u64(header + 1, size)
    return 9


cdef int write_text_line(Writer *w, PyObject *obj) except -1:
    """UNICODE, as brinery.stream.text.encode_unicode() has it, and its PUT."""
    cdef Py_ssize_t length, size
    brinery_make_ready(obj)
    length = UNICODE_LENGTH(obj)
    size = brinery_raw_size(UNICODE_KIND(obj), UNICODE_DATA(obj), length)
    if size < 0:
        raise MemoryError
    reserve(w, size + 2)
    w.cur[0] = UNICODE
    w.cur = brinery_put_raw(w.cur + 1, UNICODE_KIND(obj), UNICODE_DATA(obj), length)
    w.cur[0] = 10
    w.cur += 1
    put(w, obj, False)
    return 1


cdef Py_ssize_t utf8_size(PyObject *text) noexcept:
    """The number of bytes of `text` in UTF-8, surrogates written as if they were characters."""
    cdef Py_ssize_t length = UNICODE_LENGTH(text), i, size = length
    cdef int kind = UNICODE_KIND(text)
    cdef void *data = UNICODE_DATA(text)
    cdef uint32_t c
    if kind == 1:
        for i in range(length):
            size += (<unsigned char *>data)[i] >> 7
        return size
    for i in range(length):
        c = UNICODE_READ(kind, data, i)
        size += (c >= 0x80) + (c >= 0x800) + (c >= 0x10000)
    return size


cdef void encode_utf8(PyObject *text, char *out) noexcept:
    # Into the buffer: encoding through Python would leave a copy cached on every str.
    cdef Py_ssize_t length = UNICODE_LENGTH(text), i
    cdef int kind = UNICODE_KIND(text)
    cdef void *data = UNICODE_DATA(text)
    cdef uint32_t c
    for i in range(length):
        c = UNICODE_READ(kind, data, i)
        if c < 0x80:
            out[0] = <char>c
            out += 1
        elif c < 0x800:
            out[0] = <char>(0xC0 | c >> 6)
            out[1] = <char>(0x80 | c & 0x3F)
            out += 2
        elif c < 0x10000:
            out[0] = <char>(0xE0 | c >> 12)
            out[1] = <char>(0x80 | c >> 6 & 0x3F)
            out[2] = <char>(0x80 | c & 0x3F)
            out += 3
        else:
            out[0] = <char>(0xF0 | c >> 18)
            out[1] = <char>(0x80 | c >> 12 & 0x3F)
            out[2] = <char>(0x80 | c >> 6 & 0x3F)
            out[3] = <char>(0x80 | c & 0x3F)
            out += 4


cdef enum:
    PLAIN_BITS = 2000  # of ints that no limit refuses (it may be 640 digits at least), and whose digits C makes


cdef int write_int(Writer *w, PyObject *obj) except -1:
    """An int of more than 62 bits, or any below protocol 2; 0 where it must wait."""
    cdef int64_t value
    cdef size_t bits
    cdef Py_ssize_t size
    cdef bint small = brinery_small_int(obj, &value)
    if w.proto < 2:
        if small and w.binary and -0x80000000 <= value <= 0x7FFFFFFF:
            w.cur = brinery_put_int(w.cur, value)
            return 1
        if small and -0x80000000 <= value <= 0x7FFFFFFF:
            write_number_line(w, INT, value)
            return 1
        if small:
            write_number_line(w, LONG, value)
            w.cur -= 1  # the newline
            return end_long_line(w)
        if PUBLIC or brinery_int_bits(obj) > PLAIN_BITS:
            if not w.opening:
                return 0  # it may have too many digits, and then it has to be known which one it was
            secure(w)  # from 3.12 on, the digits of large ints are made by Python code
        literal = repr(<object>obj)
        size = len(<str>literal)
        reserve(w, size + 4)
        w.cur[0] = LONG
        memcpy(w.cur + 1, UNICODE_DATA(<PyObject *>literal), size)
        w.cur += size + 1
        return end_long_line(w)
    if PUBLIC:
        secure(w)
    bits = brinery_int_bits(obj)
    size = <Py_ssize_t>(bits >> 3) + 1
    if size > 0x7FFFFFFF:
        secure(w)
        raise OverflowError("int too large to pickle")
    reserve(w, size + 5)
    brinery_int_bytes(obj, w.cur + 5, size)
    # A negative power of 256, halved, fits into one byte less than its number of bits tells.
    if size > 1 and <unsigned char>w.cur[4 + size] == 0xFF and <unsigned char>w.cur[3 + size] & 0x80:
        size -= 1
    if size < 256:
        w.cur[0] = <char>LONG1
        w.cur[1] = <char>size
        memmove(w.cur + 2, w.cur + 5, size)
        w.cur += 2 + size
    else:
        w.cur[0] = <char>LONG4
        brinery_put_u32(w.cur + 1, <uint32_t>size)
        w.cur += 5 + size
    return 1


cdef int end_long_line(Writer *w) except -1:
    """The L and the newline, for which there is room."""
    w.cur[0] = LONG
    w.cur[1] = 10
    w.cur += 2
    return 1


cdef int write_bytes(Writer *w, PyObject *obj, Py_ssize_t alone) except -1:
    """Exact bytes, from protocol 3 on; 0 where there is no opcode for them or they must wait."""
    cdef bint elide = BORROWING and REFCNT(obj) <= alone
    if not elide and get(w, obj):
        return 1
    if w.proto < 3:
        return 0
    return write_octets(w, obj, BYTES_DATA(obj), BYTES_SIZE(obj), elide)


cdef int write_octets(Writer *w, PyObject *obj, const char *data, Py_ssize_t size, bint elide) except -1:
    """The bytes at `data`, memoized as `obj`, which holds them; 0 where they must wait."""
    cdef char header[9]
    cdef int header_size
    if size <= 0xFF:
        header[0] = SHORT_BINBYTES
        header[1] = <char>size
        header_size = 2
    elif size <= 0xFFFFFFFF:
        header[0] = BINBYTES
        brinery_put_u32(header + 1, <uint32_t>size)
        header_size = 5
    elif w.proto >= 4:
        header[0] = <char>BINBYTES8
        brinery_put_u64(header + 1, size)
        header_size = 9
    else:
        secure(w)
        raise OverflowError(
            "serializing a bytes object larger than 4 GiB requires pickle protocol 4 or higher"
        )
    return write_block(w, obj, header, header_size, data, size, elide)


cdef int write_block(Writer *w, PyObject *obj, const char *header, int header_size, const char *data,
                     Py_ssize_t size, bint elide) except -1:
    if size >= FRAME_TARGET:
        if w.write != NULL and w.subject != obj:
            return 0
        write_payload(w, header, header_size, data, size, obj)
    else:
        reserve(w, header_size + size)
        memcpy(w.cur, header, header_size)
        brinery_copy(w.cur + header_size, data, size)
        w.cur += header_size + size
    put(w, obj, elide)
    return 1


cdef int write_bytearray(Writer *w, PyObject *obj, const char *data, Py_ssize_t size, bint elide) except -1:
    cdef char header[9]
    header[0] = <char>BYTEARRAY8
    brinery_put_u64(header + 1, size)
    return write_block(w, obj, header, 9, data, size, elide)
