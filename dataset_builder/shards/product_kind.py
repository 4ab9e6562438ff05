"""Tells books from other products by the identifier."""

import re
from itertools import cycle
from operator import mul

ISBN_10, ISBN_13 = re.compile(r"[0-9]{9}[0-9X]").fullmatch, re.compile(r"97[89][0-9]{10}").fullmatch
ASIN = re.compile(r"B0[0-9A-Z]{8}").fullmatch


def product_kind(uid: str) -> str:
    """Return the kind of identifier: "isbn" for an ISBN-10 or ISBN-13 with a valid check digit, which is a book; "asin" for
    Amazon's format of all other products, B0 and eight letters or digits; else "unknown".
    """
    if ASIN(uid):
        return "asin"
    if ISBN_10(uid):
        total = sum(map(mul, uid.encode(), range(10, 0, -1))) - 55 * ord("0")
        return "isbn" if (total if uid[9] != "X" else total - ord("X") + ord("0") + 10) % 11 == 0 else "unknown"
    if ISBN_13(uid):
        return "isbn" if (sum(map(mul, uid.encode(), cycle((1, 3)))) - 25 * ord("0")) % 10 == 0 else "unknown"
    return "unknown"
