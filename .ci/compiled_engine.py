"""Asserts that the installed brinery has a compiled engine and uses it: for wheels and packages.

Its extension modules are optional in a build, so a package without them is built without a word.
"""

import pickle

import brinery
from brinery import engine
from brinery.engine.compiled import reading, writing

status = engine.status()
assert status.name == "compiled", status
assert type(brinery.dumps.__self__).__mro__[1].__module__ == writing.__name__, brinery.dumps
assert type(brinery.loads.__self__).__mro__[1].__module__ == reading.__name__, brinery.loads
graph = {"text": ["ü"] * 3, "numbers": (1, 2.5, 1 << 70), "function": len}
for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    data = brinery.dumps(graph, protocol)
    assert data == pickle.dumps(graph, protocol), protocol
    assert brinery.loads(data) == graph, protocol
print(f"brinery {brinery.__version__}: the compiled engine is in use and works")
