"""Names of Python 2's library that the table of the standard library (``_compat_pickle``) does not have."""

from __future__ import annotations

#: The classes of messages, each in a module of its own.
MIME = "Audio Base Image Message Multipart NonMultipart Text".split()

#: Below protocol 3.
MOVED = {
    "__builtin__:buffer": "builtins:memoryview",
    "cgi:escape": "html:escape",
    "commands:getoutput": "subprocess:getoutput",
    "commands:getstatusoutput": "subprocess:getstatusoutput",
    "email.Charset:": "email.charset:",
    "email.Encoders:": "email.encoders:",
    "email.Errors:": "email.errors:",
    "email.Header:Header": "email.header:Header",
    "email.Message:Message": "email.message:Message",
    **{f"email.MIME{name}:MIME{name}": f"email.mime.{name.lower()}:MIME{name}" for name in MIME},
    "fractions:gcd": "math:gcd",
    "itertools:ifilterfalse": "itertools:filterfalse",
    "operator:div": "operator:truediv",
    "operator:isCallable": "builtins:callable",
    "operator:sequenceIncludes": "operator:contains",
    "os:getcwdu": "os:getcwd",
    "sets:Set": "brinery_python2.shims:new_set",
    "string:atof": "builtins:float",
    "string:atoi": "builtins:int",
    "string:atol": "builtins:int",
    "string:letters": "string:ascii_letters",
    "time:clock": "time:perf_counter",
    "types:BooleanType": "builtins:bool",
    "types:DictType": "builtins:dict",
    "types:FloatType": "builtins:float",
    "types:IntType": "builtins:int",
    "types:ListType": "builtins:list",
    "types:LongType": "builtins:int",
    "types:ObjectType": "builtins:object",
    "types:StringType": "builtins:str",
    "types:TupleType": "builtins:tuple",
    "types:UnicodeType": "builtins:str",
    "urllib:quote": "urllib.parse:quote",
    "urllib:quote_plus": "urllib.parse:quote_plus",
    "urllib:unquote": "urllib.parse:unquote",
    "urllib:unquote_plus": "urllib.parse:unquote_plus",
    "urllib:urlencode": "urllib.parse:urlencode",
    "UserString:MutableString": "collections:UserString",
}

#: At every protocol, where the old name is not there: abstract base classes left ``collections`` with 3.10.
SINCE = {
    f"collections:{name}": f"collections.abc:{name}"
    for name in (
        "ByteString Callable Container Generator Hashable ItemsView Iterable Iterator KeysView Mapping MappingView "
        "MutableMapping MutableSequence MutableSet Sequence Set Sized ValuesView"
    ).split()
}

GONE = {
    "sets:ImmutableSet": "the module sets left with Python 3, and a frozenset cannot be given the state that it wrote: "
    "read it with Python 2, and write frozenset(it)",
    "__builtin__:file": "open files were never meant to be pickled, and Python 3 has no such type",
    "mx.DateTime:": "mxDateTime was not ported to Python 3: read it with Python 2, and write datetime objects",
}
