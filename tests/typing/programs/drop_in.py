"""A program that uses brinery as it used pickle."""

import io

import brinery
import brinery as pickle
from brinery import (
    Pickler,
    Unpickler,
    dumps,
    loads,
)


class Keeping(Pickler):
    def persistent_id(self, obj: object) -> str | None:
        return obj if isinstance(obj, str) else None


class Finding(Unpickler):
    def persistent_load(self, pid: object) -> object:
        return pid


def save(obj: object, path: str) -> None:
    with open(path, "wb") as file:
        pickle.dump(obj, file, protocol=pickle.HIGHEST_PROTOCOL)
    brinery.dump_file(obj, path)


def both_ways(obj: object) -> object:
    data: bytes = dumps(obj, 5, buffer_callback=None)
    file = io.BytesIO()
    Keeping(file).dump(obj)
    return loads(data), Finding(io.BytesIO(data)).load()


def where(obj: object) -> tuple[str | None, str | None]:
    try:
        dumps(obj)
    except brinery.PicklingError as error:
        return error.pickle_path, error.pickle_type
    return None, None


def checked(obj: object, path: str) -> bytes:
    with open(path, "wb") as file:
        brinery.dump(obj, file, check=True)
        brinery.dump(obj, path)  # error: arg-type
    return brinery.dumps(obj, 5, check=True)


def where_of_any(obj: object) -> str | None:
    try:
        dumps(obj)
    except TypeError as error:
        print(error.pickle_path)  # error: attr-defined
        return brinery.errors.located(error).pickle_path
    return None


def where_in(data: bytes) -> tuple[int | None, tuple[str, ...]]:
    try:
        loads(data)
    except brinery.UnpicklingError as error:
        return error.pickle_offset, error.pickle_building
    except brinery.errors.BrineryError as error:
        return error.pickle_offset, error.pickle_building
    return None, ()


brinery.dmps([])  # error: attr-defined
brinery.dumps([], "5")  # error: arg-type
brinery.loads("text")  # error: arg-type
brinery.loads(b"", "latin-1")  # error: call-arg arg-type
