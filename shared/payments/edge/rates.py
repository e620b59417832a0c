"""Percentages in requests: a JSON number, or its digits as text."""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

_TAX = r"^(100(\.0{1,4})?|[0-9]{1,2}(\.[0-9]{1,5})?)$"
_FEE = r"^(50(\.0{1,4})?|[0-4]?[0-9](\.[0-9]{1,4})?)$"


def _written_as(pattern: str) -> BeforeValidator:
    """Return a validator of texts: Decimal also reads ` 5 `, `1E+1` and digits of any script."""

    def require(value: object) -> object:
        if isinstance(value, str) and not re.fullmatch(pattern, value):
            raise ValueError("write it as 19 or 7.5")
        return value

    return BeforeValidator(require)


def _documented(most: int, pattern: str) -> WithJsonSchema:
    number = {"type": "number", "minimum": 0, "maximum": most}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": pattern}]})


TaxRate = Annotated[
    Decimal, Field(ge=0, le=100, max_digits=7), _written_as(_TAX), _documented(100, _TAX)
]
FeeRate = Annotated[
    Decimal,
    Field(ge=0, le=50, max_digits=6, decimal_places=4),
    _written_as(_FEE),
    _documented(50, _FEE),
]
