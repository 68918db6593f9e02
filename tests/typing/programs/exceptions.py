"""A program that uses brinery-exceptions."""

import asyncio
from collections.abc import Iterator

from brinery_exceptions import prepare, surviving


@surviving
def job(n: int) -> int:
    return n + 1


@surviving
async def later(n: int, *, twice: bool = False) -> str:
    return str(n)


@surviving
def count(n: int) -> Iterator[int]:
    yield n


class Shop:
    @surviving
    def sell(self, order: int) -> str:
        return str(order)


number: int = job(3)
text: str = asyncio.run(later(3, twice=True))
numbers: list[int] = list(count(3))
sold: str = Shop().sell(3)
absolute: int = surviving(ord)("a")

job("3")  # error: arg-type
job()  # error: call-arg
wrong: str = job(3)  # error: assignment
asyncio.run(later(3, thrice=True))  # error: call-arg
Shop().sell("3")  # error: arg-type
surviving(3)  # error: arg-type
prepare(3)  # error: type-var
