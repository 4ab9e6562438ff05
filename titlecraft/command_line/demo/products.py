"""Invented products: a title, and a description that follows from it, so that a model can learn the one from the other."""

from random import Random

GIVEN = [
    "Ada",
    "Bruno",
    "Clara",
    "Dario",
    "Elena",
    "Felix",
    "Greta",
    "Hugo",
    "Iris",
    "Jonas",
    "Karin",
    "Leo",
    "Marta",
    "Nils",
    "Olga",
    "Paolo",
    "Rosa",
    "Stefan",
    "Tilda",
    "Vera",
]
FAMILY = [
    "Almeida",
    "Brandt",
    "Castell",
    "Duarte",
    "Eklund",
    "Fabre",
    "Galvin",
    "Hartog",
    "Ivers",
    "Jansen",
    "Kemp",
    "Lund",
    "Moreau",
    "Novak",
    "Okafor",
    "Pryce",
    "Quist",
    "Rossi",
]
BRANDS = [
    "Alder",
    "Birchway",
    "Corvane",
    "Dunmore",
    "Eastfell",
    "Fernhill",
    "Garrick",
    "Harbourline",
    "Ingleby",
    "Juniper",
    "Kestrel",
    "Larkfield",
    "Merton",
    "Northolt",
]
PLACES = [
    "Bergen",
    "Cordoba",
    "Dublin",
    "Evora",
    "Florence",
    "Galway",
    "Hamburg",
    "Istanbul",
    "Krakow",
    "Lisbon",
    "Marseille",
    "Naples",
    "Oslo",
    "Porto",
    "Riga",
    "Seville",
]
TOPICS = {
    "gardening": ("soil, seed and season", "gardeners", "a small plot"),
    "watercolour": ("paper, brush and wash", "painters", "a quiet table"),
    "sailing": ("wind, tide and knot", "sailors", "the open coast"),
    "bread baking": ("flour, water and time", "home bakers", "an ordinary oven"),
    "chess": ("opening, middle game and ending", "club players", "a wooden board"),
    "astronomy": ("star, planet and telescope", "stargazers", "a dark back yard"),
    "beekeeping": ("hive, swarm and honey", "beekeepers", "the edge of an orchard"),
    "woodwork": ("grain, joint and finish", "cabinet makers", "a cold garage"),
}
GENRES = {
    "mystery": ("a body is found at the harbour", "nobody in town tells the truth"),
    "romance": ("two strangers share a train compartment", "neither expects to meet again"),
    "adventure": ("an old map turns up in an attic", "the river is higher every day"),
    "family saga": ("three sisters inherit the same house", "each remembers another childhood"),
    "ghost story": ("the lamp in the tower burns again", "nobody has climbed the stairs for years"),
}
COLOURS = ["black", "white", "red", "navy", "green", "grey", "yellow", "purple"]
MATERIALS = {"steel": "will not rust", "oak": "grows more beautiful with age", "cotton": "washes well at low heat",
             "leather": "softens as it is used", "glass": "shows what is inside", "wool": "keeps warm when wet"}  # fmt: skip
ARTICLES = {
    "Kettle": ("kitchen", "boils a litre in four minutes"), "Backpack": ("outdoor", "holds a day's clothes and a laptop"),
    "Desk Lamp": ("office", "lights the whole table without glare"), "Chopping Board": ("kitchen", "has a groove for the juice"),
    "Scarf": ("clothing", "is long enough to wrap twice"), "Tool Box": ("workshop", "opens in three trays"),
    "Picnic Blanket": ("outdoor", "rolls up small and closes with a strap"), "Wall Clock": ("home", "runs without a sound"),
    "Dog Collar": ("pet", "has a ring for the name tag"), "Puzzle": ("toy", "has five hundred pieces in a sturdy box"),
}  # fmt: skip
INSTRUMENTS = ["piano", "guitar", "cello", "trumpet", "accordion", "violin"]


def novel(random: Random) -> tuple[str, str]:
    """Return title and description of a novel; the description repeats place, author and genre of the title."""
    genre, (opening, twist) = random.choice(list(GENRES.items()))
    author, town, thing = (
        f"{random.choice(GIVEN)} {random.choice(FAMILY)}",
        random.choice(PLACES),
        random.choice(list(TOPICS)),
    )
    noun = random.choice(["Secret", "House", "Winter", "Letters", "Daughter", "Road", "Garden", "Silence"])
    title = (
        random.choice([f"The {town} {noun}: A {genre.title()}", f"{noun} of {town}: A {genre.title()}"])
        + f" by {author}"
    )
    a = "an" if genre[0] in "aeiou" else "a"
    text = [
        f"In {town}, {opening}.",
        f"What begins as {a} {genre} soon becomes something else, for {twist}.",
    ]
    text.append(
        random.choice(
            [
                f"{author} writes with a light hand about love, loss and {thing}.",
                f"{a.title()} {genre} to be read in one night, by {author}.",
            ]
        )
    )
    text.append(
        random.choice(
            [
                f"{author} lives in {random.choice(PLACES)}.",
                f"This is the {random.choice(['first', 'second', 'third'])} novel by {author}.",
            ]
        )
    )
    return title, " ".join(text)


def handbook(random: Random) -> tuple[str, str]:
    """Return title and description of a how-to book; the description follows from the topic in the title."""
    topic, (parts, readers, place) = random.choice(list(TOPICS.items()))
    pages, author = random.randrange(96, 420, 4), f"{random.choice(GIVEN)} {random.choice(FAMILY)}"
    title = random.choice(
        [f"The Complete Guide to {topic.title()}", f"{topic.title()} for Beginners", f"{topic.title()}: A Handbook"]
    )
    title += random.choice(["", f" ({random.choice(['2nd', '3rd', '4th'])} Edition)", f", with {pages // 2} Drawings"])
    text = [f"Everything that {readers} need to know about {parts}, from the first day to mastery."]
    text.append(
        random.choice(
            [f"All it takes is {place} and some patience.", f"Each chapter can be tried at once, in {place}."]
        )
    )
    text.append(
        random.choice(
            [
                f"{author} has taught {topic} in {random.choice(PLACES)} for {random.randrange(5, 40)} years.",
                f"{pages} pages, with many drawings by the author, {author}.",
            ]
        )
    )
    return f"{title} by {author}", " ".join(text)


def article(random: Random) -> tuple[str, str]:
    """Return title and description of an article; both have its brand, colour, material and kind."""
    kind, (use, feature) = random.choice(list(ARTICLES.items()))
    material, virtue = random.choice(list(MATERIALS.items()))
    brand, colour, size = random.choice(BRANDS), random.choice(COLOURS), random.randrange(10, 60)
    title = f"{brand} {colour.title()} {material.title()} {kind}" + random.choice(
        ["", f", {size} cm", f" (Set of {random.randrange(2, 7)})"]
    )
    text = [f"This {colour} {kind.lower()} by {brand} is made of {material}, which {virtue}.", f"It {feature}."]
    text.append(
        random.choice(
            [
                f"A fine addition to any {use} collection.",
                f"Part of the {brand} {use} range.",
                f"Measures about {size} cm.",
            ]
        )
    )
    text.append(
        random.choice(
            ["Makes a great gift.", "Ships in a plain box.", f"{brand} gives two years of warranty.", "Imported."]
        )
    )
    return title, " ".join(text)


def record(random: Random) -> tuple[str, str]:
    """Return title and description of a music CD; both have its instrument and place."""
    artist, instrument, town = (
        f"{random.choice(GIVEN)} {random.choice(FAMILY)}",
        random.choice(INSTRUMENTS),
        random.choice(PLACES),
    )
    tracks = random.randrange(8, 20)
    title = random.choice(
        [f"{artist}: {instrument.title()} Nights in {town}", f"Live in {town} - {artist}, {instrument.title()}"]
    )
    text = [
        f"{tracks} tracks for {instrument}, recorded live in {town}.",
        f"{artist} plays the {instrument} as if nobody were listening.",
    ]
    text.append(
        random.choice(
            [
                "Audio CD.",
                f"With a booklet of {random.randrange(8, 32, 4)} pages.",
                f"Recorded in {random.randrange(1988, 2014)}.",
            ]
        )
    )
    return title, " ".join(text)


BOOKS = (novel, handbook)
OTHERS = (article, article, record)
