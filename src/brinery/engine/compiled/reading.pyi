from collections.abc import Callable, Iterable
from typing import Any, final

from brinery.plan import ReadPlan

class Unpickler:
    _plan_source: Callable[[], ReadPlan]
    __dict__: dict[str, Any]
    def __init__(
        self,
        file: Any,
        *,
        fix_imports: bool = True,
        encoding: str = "ASCII",
        errors: str = "strict",
        buffers: Iterable[object] | None = None,
    ) -> None: ...
    def load(self) -> Any: ...
    def noload(self) -> Any: ...
    def find_class(self, module: str, name: str, /) -> Any: ...
    def persistent_load(self, pid: Any, /) -> Any: ...
    @property
    def memo(self) -> UnpicklerMemoProxy: ...
    @memo.setter
    def memo(self, value: UnpicklerMemoProxy | dict[int, object]) -> None: ...

@final
class UnpicklerMemoProxy:
    def __init__(self, unpickler: Unpickler) -> None: ...
    def clear(self) -> None: ...
    def copy(self) -> dict[int, object]: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

class Loader:
    plan: ReadPlan | None
    def __init__(self, plan_source: Callable[[], ReadPlan]) -> None: ...
    def __call__(self) -> ReadPlan: ...
    def load(
        self,
        file: Any,
        *,
        fix_imports: bool = True,
        encoding: str = "ASCII",
        errors: str = "strict",
        buffers: Iterable[object] | None = None,
    ) -> Any: ...
    def loads(
        self,
        data: Any,
        /,
        *,
        fix_imports: bool = True,
        encoding: str = "ASCII",
        errors: str = "strict",
        buffers: Iterable[object] | None = None,
    ) -> Any: ...

def exposed() -> int: ...
def sabotage(code: Callable[[], object] | None, /) -> None: ...
