"""Three invented shops, each with products in its own language and a catalogue file in a format of its own.

A product is a title and a description that follows from it; `attributes` lists what a title can say of its product.
"""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from docs.gallery import chinese, portuguese
from titlecraft.command_line.demo.products import BOOKS, FAMILY, GENRES, GIVEN, PLACES, TOPICS

Product = Callable[[Random], tuple[str, str]]


@dataclass(frozen=True)
class Shop:
    """One run of the gallery.

    Args:
        name: of its repos.
        title: heading of the page.
        language: ISO 639-1.
        products: functions that draw a product.
        attributes: lower-case words of titles that describe the product.
        write: writes title-description pairs as the shop's catalogue.
        file: name of that catalogue.
        options: of `titlecraft build`, beside repo and recipe.
        steps: of the base's pre-training.
    """

    name: str
    title: str
    language: str
    products: tuple[Product, ...]
    attributes: frozenset[str]
    write: Callable[[Path, list[tuple[str, str]]], None]
    file: str
    options: tuple[str, ...] = ()
    steps: int = 200

    def draw(self, count: int, seed: int) -> list[tuple[str, str]]:
        """Return this number of products; the same for the same seed."""
        random = Random(f"{self.name} {seed}")
        return [random.choice(self.products)(random) for _ in range(count)]

    def texts(self, count: int, seed: int) -> list[str]:
        """Return plain texts for pre-training: a title, and its description on the next line."""
        return [f"{title}\n{text}" for title, text in self.draw(count, -seed)]


def write_json_lines(path: Path, products: list[tuple[str, str]]) -> None:
    """Write one JSON object a line, with the columns of AmazonTitles."""
    rows = ({"uid": f"{number:07d}", "title": title, "content": text} for number, (title, text) in enumerate(products))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_csv(path: Path, products: list[tuple[str, str]]) -> None:
    """Write the file as spreadsheets in Brazil save it: semicolons, Latin-1."""
    with path.open("w", encoding="latin-1", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["código", "produto", "descrição"])
        writer.writerows([number, title, text] for number, (title, text) in enumerate(products, 1))


def write_json_array(path: Path, products: list[tuple[str, str]]) -> None:
    """Write one JSON document: an object whose field `products` is a list."""
    rows = [{"id": number, "name": title, "intro": text} for number, (title, text) in enumerate(products, 1)]
    path.write_text(json.dumps({"products": rows}, ensure_ascii=False, indent=1))


SHOPS = (
    Shop(
        "books",
        "Books in English",
        "en",
        BOOKS,
        frozenset(word.lower() for words in (FAMILY, GENRES, GIVEN, PLACES, TOPICS) for word in words),
        write_json_lines,
        "books.json",
    ),
    Shop(
        "loja",
        "A shop in Portuguese",
        "pt",
        (portuguese.product,),
        portuguese.ATTRIBUTES,
        write_csv,
        "produtos.csv",
        (
            "--data.encoding=latin-1",
            "--data.title_column=produto",
            "--data.content_column=descrição",
            "--data.uid_column=código",
            "--language=pt",
            "--prompt.instruction=Escreva a descrição do produto.",
            "--prompt.question=Qual é a descrição de {title}?",
        ),
    ),
    Shop(
        "shangcheng",
        "A shop in Chinese",
        "zh",
        (chinese.product,),
        chinese.ATTRIBUTES,
        write_json_array,
        "products.json",
        (
            "--data.records=products",
            "--data.title_column=name",
            "--data.content_column=intro",
            "--data.uid_column=id",
            "--language=zh",
            "--prompt.instruction=请写出商品的介绍。",
            "--prompt.question={title}是什么样的商品？",
        ),
        steps=600,
    ),
)
