"""Reading, as the pickle documentation and PEP 307, 3154 and 574 tell it: a machine with a stack and a memo.

machine     the state of one reading, and the loop that runs opcode after opcode
sources     what bytes and files have in common: a window of the stream
dispatch    from an opcode to its handler; `handles` declares one
scalars, containers, stack, objects, stream
            the handlers, by topic
literals    what ``noload()`` keeps of a stream
walking     ``noload()``, and the walk for persistent IDs before a load
"""
