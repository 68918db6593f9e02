"""networkx: graphs of 1.x kept their nodes and edges under other names."""

from __future__ import annotations

from typing import Any

from brinery import NameTable, Shape

NAMES = [
    NameTable(
        "networkx",
        fallback={
            "networkx.classes.ordered:OrderedGraph": "networkx.classes.graph:Graph",
            "networkx.classes.ordered:OrderedDiGraph": "networkx.classes.digraph:DiGraph",
            "networkx.classes.ordered:OrderedMultiGraph": "networkx.classes.multigraph:MultiGraph",
            "networkx.classes.ordered:OrderedMultiDiGraph": "networkx.classes.multidigraph:MultiDiGraph",
        },
    )
]

_MOVED = {"adj": "_adj", "node": "_node", "pred": "_pred", "succ": "_succ"}


def graph_state(state: Any) -> Any:
    """Of networkx 1: ``adj``, ``node``, ``pred`` and ``succ`` had no underscore, and ``edge`` was ``adj``."""
    if not isinstance(state, dict) or "_adj" in state or "adj" not in state:
        return state
    new = {_MOVED.get(name, name): value for name, value in state.items() if name != "edge"}
    for gone in (
        "adjlist_dict_factory",
        "edge_attr_dict_factory",
        "node_dict_factory",
        "edge_key_dict_factory",
    ):
        new.pop(gone, None)
    return new


def subgraph(*args: Any) -> Any:
    """A view of a part of a graph, of networkx 2.0 and 2.1: the graph and two functions."""
    from networkx.classes.graphviews import subgraph_view

    return subgraph_view(*args)


SHAPES = [
    Shape(f"networkx.classes.{module}:{name}", state="brinery_science.of_networkx:graph_state", shallow=True)
    for module, name in (
        ("graph", "Graph"),
        ("digraph", "DiGraph"),
        ("multigraph", "MultiGraph"),
        ("multidigraph", "MultiDiGraph"),
    )
]
