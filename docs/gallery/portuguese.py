"""Invented products of a shop in Brazil."""

from random import Random

BRANDS = (
    "Araucária",
    "Beira-Mar",
    "Cerrado",
    "Dona Rosa",
    "Estrela",
    "Flor do Vale",
    "Girassol",
    "Horizonte",
    "Ipê",
    "Jacarandá",
)
COLOURS = ("azul", "verde", "laranja", "rosa", "cinza", "lilás", "marrom", "bege")
MATERIALS = {
    "aço": "não enferruja",
    "bambu": "seca depressa",
    "algodão": "pode ser lavado à máquina",
    "couro": "fica mais macio com o uso",
    "vidro": "deixa ver o que há dentro",
    "cerâmica": "guarda bem o calor",
}
ARTICLES = {
    "chaleira": ("f", "a cozinha", "ferve um litro em quatro minutos"),
    "mochila": ("f", "a viagem", "leva roupa para dois dias e um notebook"),
    "luminária": ("f", "o escritório", "ilumina a mesa inteira sem ofuscar"),
    "tábua de corte": ("f", "a cozinha", "tem um sulco para o caldo"),
    "relógio de parede": ("m", "a sala", "funciona sem fazer barulho"),
    "porta-retratos": ("m", "o quarto", "fica em pé ou pendurado"),
    "cesto": ("m", "o banheiro", "tem alças firmes dos dois lados"),
    "vaso": ("m", "o jardim", "tem um furo para a água sair"),
}
ATTRIBUTES = frozenset(word.lower() for words in (BRANDS, COLOURS, MATERIALS, ARTICLES) for word in words)


def product(random: Random) -> tuple[str, str]:
    """Return title and description of an article; both have its kind, material, colour and brand."""
    kind, (gender, place, feature) = random.choice(list(ARTICLES.items()))
    material, virtue = random.choice(list(MATERIALS.items()))
    brand, colour, size = random.choice(BRANDS), random.choice(COLOURS), random.randrange(10, 60)
    this, made = ("Esta", "feita") if gender == "f" else ("Este", "feito")
    title = f"{kind.capitalize()} de {material} {colour} {brand}" + random.choice(["", f", {size} cm"])
    text = [f"{this} {kind} de cor {colour} da {brand} é {made} de {material}, que {virtue}.", f"O produto {feature}."]
    text.append(
        random.choice(
            [f"Ideal para {place}.", f"Faz parte da linha {brand} para {place}.", f"Mede cerca de {size} cm."]
        )
    )
    text.append(random.choice(["Um ótimo presente.", f"A {brand} dá dois anos de garantia.", "Produto nacional."]))
    return title, " ".join(text)
