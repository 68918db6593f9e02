# The codes of brinery.stream.opcodes.TABLE as C constants (a test holds the two together), and, from the table
# itself, how many bytes of an argument have a fixed size.

from brinery.stream.opcodes import BY_CODE, HIGHEST_PROTOCOL as _HIGHEST, TABLE

cdef enum:
    OP_INT = 0x49  # I
    OP_BININT = 0x4A  # J
    OP_BININT1 = 0x4B  # K
    OP_BININT2 = 0x4D  # M
    OP_LONG = 0x4C  # L
    OP_LONG1 = 0x8A
    OP_LONG4 = 0x8B
    OP_NEWTRUE = 0x88
    OP_NEWFALSE = 0x89
    OP_NONE = 0x4E  # N
    OP_FLOAT = 0x46  # F
    OP_BINFLOAT = 0x47  # G
    OP_STRING = 0x53  # S
    OP_BINSTRING = 0x54  # T
    OP_SHORT_BINSTRING = 0x55  # U
    OP_BINBYTES = 0x42  # B
    OP_SHORT_BINBYTES = 0x43  # C
    OP_BINBYTES8 = 0x8E
    OP_BYTEARRAY8 = 0x96
    OP_NEXT_BUFFER = 0x97
    OP_READONLY_BUFFER = 0x98
    OP_UNICODE = 0x56  # V
    OP_SHORT_BINUNICODE = 0x8C
    OP_BINUNICODE = 0x58  # X
    OP_BINUNICODE8 = 0x8D
    OP_EMPTY_LIST = 0x5D  # ]
    OP_APPEND = 0x61  # a
    OP_APPENDS = 0x65  # e
    OP_LIST = 0x6C  # l
    OP_EMPTY_TUPLE = 0x29  # )
    OP_TUPLE = 0x74  # t
    OP_TUPLE1 = 0x85
    OP_TUPLE2 = 0x86
    OP_TUPLE3 = 0x87
    OP_EMPTY_DICT = 0x7D  # }
    OP_DICT = 0x64  # d
    OP_SETITEM = 0x73  # s
    OP_SETITEMS = 0x75  # u
    OP_EMPTY_SET = 0x8F
    OP_ADDITEMS = 0x90
    OP_FROZENSET = 0x91
    OP_POP = 0x30  # 0
    OP_DUP = 0x32  # 2
    OP_MARK = 0x28  # (
    OP_POP_MARK = 0x31  # 1
    OP_GET = 0x67  # g
    OP_BINGET = 0x68  # h
    OP_LONG_BINGET = 0x6A  # j
    OP_PUT = 0x70  # p
    OP_BINPUT = 0x71  # q
    OP_LONG_BINPUT = 0x72  # r
    OP_MEMOIZE = 0x94
    OP_GLOBAL = 0x63  # c
    OP_STACK_GLOBAL = 0x93
    OP_EXT1 = 0x82
    OP_EXT2 = 0x83
    OP_EXT4 = 0x84
    OP_REDUCE = 0x52  # R
    OP_BUILD = 0x62  # b
    OP_INST = 0x69  # i
    OP_OBJ = 0x6F  # o
    OP_NEWOBJ = 0x81
    OP_NEWOBJ_EX = 0x92
    OP_PERSID = 0x50  # P
    OP_BINPERSID = 0x51  # Q
    OP_PROTO = 0x80
    OP_STOP = 0x2E  # .
    OP_FRAME = 0x95

cdef int HIGHEST_PROTOCOL = _HIGHEST

# Read before the switch: the whole argument where that has a fixed size, the length where one comes first.
cdef unsigned char FIXED[256]
memset(FIXED, 0, sizeof(FIXED))
for _opcode in TABLE:
    FIXED[_opcode.code[0]] = _opcode.argument.size or _opcode.argument.prefix
