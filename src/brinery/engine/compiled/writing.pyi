from collections.abc import Callable
from typing import Any

from brinery.plan import WritePlan

class Pickler:
    _plan_source: Callable[[], WritePlan]
    __dict__: dict[str, Any]
    bin: int
    fast: int
    def __init__(
        self,
        file: Any,
        protocol: int | None = None,
        fix_imports: bool = True,
        buffer_callback: Callable[[Any], object] | None = None,
        *,
        bin: object = None,
    ) -> None: ...
    def dump(self, obj: object, /) -> None: ...
    def clear_memo(self) -> None: ...
    def persistent_id(self, obj: object, /) -> Any: ...
    @property
    def memo(self) -> PicklerMemo: ...
    @memo.setter
    def memo(self, memo: PicklerMemo | dict[int, tuple[int, object]]) -> None: ...

class PicklerMemo:
    def __init__(self, pickler: Pickler) -> None: ...
    def clear(self) -> None: ...
    def copy(self) -> dict[int, tuple[int, object]]: ...
    def __reduce__(self) -> tuple[type, tuple[object]]: ...

class Dumper:
    plan: WritePlan | None
    def __init__(
        self,
        plan_source: Callable[[], WritePlan],
        checked: Callable[[object, int, bool, Callable[[Any], object] | None], bytes] | None = None,
    ) -> None: ...
    def __call__(self) -> WritePlan: ...
    def dump(
        self,
        obj: object,
        file: Any,
        protocol: int | None = None,
        *,
        fix_imports: bool = True,
        buffer_callback: Callable[[Any], object] | None = None,
        bin: object = None,
        check: bool = False,
    ) -> None: ...
    def dumps(
        self,
        obj: object,
        protocol: int | None = None,
        *,
        fix_imports: bool = True,
        buffer_callback: Callable[[Any], object] | None = None,
        bin: object = None,
        check: bool = False,
    ) -> bytes: ...

def attributes_of(obj: Any, names: tuple[str, ...], more: tuple[Any, ...]) -> tuple[Any, ...] | None: ...
def has_attributes(obj: Any, names: tuple[str, ...], given: tuple[Any, ...]) -> bool: ...
def exposed() -> int | None: ...
def sabotage(code: Callable[[], object] | None, /) -> None: ...
