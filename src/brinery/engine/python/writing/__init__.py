"""Writing, as the pickle documentation and PEP 307, 3154 and 574 tell it: opcodes in, frames out.

writer      the state of one dump, the order of decisions, and the loop that writes object after object
memo        which objects the stream holds already
output      frames, large payloads, the file
leaves      objects without parts
containers  lists, dicts, tuples, sets
batches     filling an object between MARK and APPENDS or SETITEMS
reducing    reductions; classes and functions by name
failures    what was being written when it failed
"""
