"""Asserts that the installed brinery has a compiled engine and uses it: for wheels and packages.

A build goes on without its extension modules, or with the slower ones of the public mode. So a package
without the best is built without a word.
"""

import pickle

import brinery
from brinery import engine
from brinery.engine.compiled import layout, reading, writing

status = engine.status()
assert status.name == "compiled", status
best = "private" if layout.HAS_LAYOUT else "public"
assert best == layout.MODE, layout.MODE
assert type(brinery.dumps.__self__).__mro__[1].__module__ == writing.__name__, brinery.dumps
assert type(brinery.loads.__self__).__mro__[1].__module__ == reading.__name__, brinery.loads
graph = {"text": ["ü"] * 3, "numbers": (1, 2.5, 1 << 70), "function": len}
for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    data = brinery.dumps(graph, protocol)
    assert data == pickle.dumps(graph, protocol), protocol
    assert brinery.loads(data) == graph, protocol
print(f"brinery {brinery.__version__}: the compiled engine is in use and works")
