# Finding a stream's persistent IDs before it is read, so that the stores can fetch all at once.

from brinery.engine.holes import HOLE, is_literal, is_whole


cdef class Walker:
    """Walks one pickle after the other with a memo of its own, as an Unpickler's loads share theirs."""

    cdef Reading reading
    cdef list ids

    def __cinit__(self):
        self.reading = Reading()
        prepare(self.reading, None, True, "latin-1", "strict", None)
        self.reading.walking = True
        self.reading.hole = HOLE

    cdef list ids_in_bytes(self, object data):
        """All persistent IDs of the pickle in `data`, in order (see walk)."""
        source_bytes(self.reading, data)
        return self.walk()

    cdef list ids_in_file(self, object file, bytes begun):
        """All persistent IDs of the next pickle: from `begun`, and behind that, from `file`."""
        source_close(self.reading)
        source_file(self.reading, file)
        source_hold(self.reading, begun, False)
        return self.walk()

    cdef list walk(self):
        # An ID that holds an object, which only the load can build, is left out. Where the stream is
        # malformed, the IDs up to there are returned: the load will meet the same place and say so.
        self.ids = ids = []
        self.reading.persistent_load = self.collect
        try:
            read_one(self.reading)
        except Exception:
            pass
        self.reading.persistent_load = None
        source_close(self.reading)
        return ids

    def collect(self, pid):
        if is_whole(pid):
            self.ids.append(pid)
        return HOLE

    cdef int follow(self, dict entries) except -1:
        """Take over a memo that was changed from outside: its text and numbers, and holes for the rest."""
        memo_empty(&self.reading.memo)
        for index, obj in entries.items():
            memo_put(self.reading, index, <PyObject *> (obj if is_literal(obj) else HOLE))
        return 0
