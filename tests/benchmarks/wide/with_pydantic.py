"""Models of pydantic."""

import pydantic
import pydantic.dataclasses


class Customer(pydantic.BaseModel):
    id: int
    name: str
    city: str
    active: bool = True


class Basket(pydantic.BaseModel):
    owner: Customer
    items: list[int]


@pydantic.dataclasses.dataclass
class Line:
    number: int
    text: str
