"""Titles and descriptions of made-up words with the noise of real catalogues: entities, tags, accents, control characters."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

# fmt: off
FUNCTION_WORDS = ["the", "of", "and", "to", "a", "in", "is", "for", "with", "this", "that", "on", "from", "by", "it", "you", "as", "are", "your", "an", "be", "at", "or", "will", "all", "have", "his", "can", "has", "not", "their", "her", "one", "which", "was", "they", "but", "who", "more", "its", "our", "new", "so", "these", "into", "about", "how", "out", "up", "when", "most", "life", "book", "story", "world", "first", "time", "love", "also", "through", "what", "man", "over", "young", "like", "other", "only", "than", "them", "then", "there", "two", "women", "years", "work", "history", "make", "family", "many"]
SYLLABLES = ["ba", "be", "bi", "bo", "bu", "ca", "ce", "co", "cra", "da", "de", "di", "do", "dra", "el", "en", "er", "es", "fa", "fe", "fi", "flo", "fo", "ga", "ge", "gi", "gra", "ha", "he", "hi", "ho", "in", "is", "ja", "jo", "ka", "ke", "ki", "la", "le", "li", "lo", "lu", "ma", "me", "mi", "mo", "mu", "na", "ne", "ni", "no", "nu", "or", "pa", "pe", "pi", "po", "pra", "qui", "ra", "re", "ri", "ro", "ru", "sa", "se", "sha", "shi", "sta", "ste", "sti", "sto", "ta", "te", "ti", "to", "tra", "tri", "tu", "un", "va", "ve", "vi", "vo", "wa", "we", "wi", "ya", "za", "ing", "tion", "ment", "ness", "ly", "able", "ous", "ful", "ist", "ward", "ship", "ton", "ville", "son"]
ENTITIES = ["&amp; ", "&#8217;s ", "&rsquo;s ", "&quot;", "&#34;", "&#39;s ", "&mdash;", "&#8211;", "&ndash;", "&#x2014;",
       "&nbsp;", "&copy; ", "&eacute;", "&hellip; ", "&lt;", "&gt;", "&trade; ", "&#8220;", "&#8221; ", "&reg",
       "&amp;#8217;s ", "&amp;quot;", "&frac12; ", "AT&T ", "R&D ", "&bogus; ", "&#150;", "&#xD800; ", "&deg;C "]
ENTITY_WEIGHTS = np.array([9, 9, 5, 8, 5, 6, 4, 4, 3, 1, 4, 1, 1.5, 1.5, .4, .4, 1, 3, 3, .3, .7, .4, .2, .5, .4, .05, .3, .02, .1])
TAGS = ["<br />", "<br>", "<p>", "</p>", "<b>", "</b>", "<i>", "</i>", "<li>", "</li>", "<em>", "</em>",
       "<a href=\"http://example.com/?a=1&b=2\">", "</a>", "<!-- note -->", "<font size='2'>", "</font>", "&lt;br&gt;",
       "<span class=\"x\">", "</span>", "if x < 3 and y > 2 ", "<script>var a=1;</script>"]
UNICODE_PIECES = ["caf\u00e9 ", "na\u00efve ", "\u00fcber ", "se\u00f1or ", "d\u00e9j\u00e0 ", "cafe\u0301 ", "u\u0308ber ", "\u2019s ",
       "\u2014 ", "\u201cgrand\u201d ", "\u00a0", "\u65e5\u672c\u8a9e ", "\u4e2d\u6587\u5b57 ", "\u0420\u0443\u0441\u0441\u043a\u0438\u0439 ",
       "\u03b5\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac ", "\U0001f600 ", "\u2028", "\u2029", "\u0085", "\ufb01ne ", "\u2122 ", "\u200b",
       "\u00ad", "\u1e9b\u0323 ", "\u212b ", "\ufeff", "\u0627\u0644\u0639 "]
CONTROL_PIECES = ["\u0000", "\u0001", "\u0007", "\u000b", "\u000c", "\u001b[0m", "\u001f", "\u007f", "\u0099", "\r\n", "\t", "\n\n"]
EDITIONS = [" (Hardcover)", " (Paperback)", " (Kindle Edition)", " - 2nd Edition", ", Volume 2", " [VHS]", " (Large Print)",
           ": A Novel", " (Set of 2)", " - Black", " - Blue"]
# fmt: on


class Vocabulary(NamedTuple):
    """The material of the texts: tokens, a stream of token numbers by frequency, shared sentences, texts to repeat."""

    tokens: np.ndarray
    stream: np.ndarray
    boilerplate: list[str]
    pool: list[tuple[str, str]]


@lru_cache(maxsize=1)
def vocabulary(seed: int) -> Vocabulary:
    """Return the vocabulary of a seed; it is the same in every process."""
    rng = np.random.default_rng([seed, 999])
    n_vocab = 150_000
    syl = np.array(SYLLABLES, dtype=object)
    lens = rng.choice([1, 2, 3, 4, 5], n_vocab, p=[0.04, 0.38, 0.36, 0.17, 0.05])
    flat = syl[rng.integers(0, len(syl), int(lens.sum()))].tolist()
    words, at = list(FUNCTION_WORDS), 0
    for k in lens.tolist():
        words.append("".join(flat[at : at + k]))
        at += k
    words = list(dict.fromkeys(words))
    rank = np.arange(1, len(words) + 1, dtype=float)
    p = 1 / (rank + 2.7) ** 1.02
    cdf = np.cumsum(p / p.sum())
    stream = np.searchsorted(cdf, rng.random(1 << 22)).astype(np.int32)  # what every text draws from
    # token = word with what follows it; phrases keep the n-gram statistics from being those of pure noise
    toks = [w + " " for w in words]
    n = len(words)
    toks += (
        [w + ", " for w in words[:30000]]
        + [w + ". The " for w in words[:30000]]
        + [w.capitalize() + " " for w in words[:30000]]
    )
    ph = rng.choice(stream, (40000, 4))
    phrases = [" ".join(words[j] for j in row) + " " for row in ph.tolist()]
    toks += phrases
    kind = rng.random(len(stream))
    s = stream.copy()
    low = stream < 30000
    s = np.where((kind < 0.06) & low, n + stream, s)
    s = np.where((kind >= 0.06) & (kind < 0.10) & low, n + 30000 + stream, s)
    s = np.where((kind >= 0.10) & (kind < 0.16) & low, n + 60000 + stream, s)
    pz = np.minimum((rng.pareto(0.7, len(stream)) * 40).astype(np.int64), 39999)
    s = np.where(kind > 0.93, n + 90000 + pz, s).astype(np.int32)
    boiler = [
        "".join(toks[j] for j in rng.choice(s, int(k))).strip().capitalize() + ". " for k in rng.integers(8, 60, 400)
    ]
    made = Vocabulary(np.array(toks, dtype=object), s, boiler, [])
    made.pool.extend(row for row in texts(made, rng, 20_000, 1.0) if row[1])
    return made


def texts(words: Vocabulary, rng: np.random.Generator, n: int, scale: float) -> list[tuple[str, str]]:
    """Return `n` pairs of a title and a description; `scale` multiplies the length of the descriptions."""
    toks, stream, boiler = words.tokens, words.stream, words.boilerplate
    tl = np.clip(rng.lognormal(1.75, 0.55, n), 1, 40).astype(int)
    empty = rng.random(n) < 0.36
    cl = np.clip(rng.lognormal(np.log(550 * scale / 6.6), 1.0, n), 1, 25_000 / 6.6)
    short = rng.random(n) < 0.05
    cl = np.where(short, rng.integers(1, 14, n), cl)
    cl = np.where(empty, 0, cl).astype(int)
    tw = toks[stream[rng.integers(0, len(stream), int(tl.sum()))]].tolist()
    cw = toks[stream[rng.integers(0, len(stream), int(cl.sum()))]].tolist()
    te, ce = np.cumsum(tl).tolist(), np.cumsum(cl).tolist()
    fl = rng.random((n, 6)).tolist()
    out, ta, ca = [], 0, 0
    ent = np.array(ENTITIES, dtype=object)
    ep = np.cumsum(ENTITY_WEIGHTS / ENTITY_WEIGHTS.sum())
    for i in range(n):
        tb, cb = te[i], ce[i]
        f = fl[i]
        t = "".join(tw[ta:tb]).strip().title()
        ta = tb
        if f[0] < 0.09:
            t = t.replace(" ", (" &amp; ", "&#39;s ", ": ", " \u2013 ", "&eacute; ")[int(f[0] * 5 / 0.09)], 1)
        elif f[0] > 0.975:
            t = t if f[0] < 0.985 else ""
            t = t and t + "  "
        if cb > ca:
            w = cw[ca:cb]
            m = len(w)
            if f[1] < 0.42:  # text from a page with entities
                k = 1 + int(m * f[2] * 0.06)
                pos = rng.integers(0, m, k).tolist()
                for j, e in zip(pos, ent[np.searchsorted(ep, rng.random(k))].tolist(), strict=True):
                    w[j] = w[j].rstrip() + e
            if f[3] < 0.09:
                for j in rng.integers(0, m, 1 + int(m * f[2] * 0.05)).tolist():
                    w[j] = w[j] + TAGS[int(rng.integers(0, len(TAGS)))]
            if f[4] < 0.13:
                for j in rng.integers(0, m, 1 + int(m * f[2] * 0.04)).tolist():
                    w[j] = w[j] + UNICODE_PIECES[int(rng.integers(0, len(UNICODE_PIECES)))]
            if f[5] < 0.012:
                for j in rng.integers(0, m, 1 + m // 200).tolist():
                    w[j] = w[j] + CONTROL_PIECES[int(rng.integers(0, len(CONTROL_PIECES)))]
            c = "".join(w).rstrip(" ,")
            c = c[:1].upper() + c[1:] + "."
            if 0.5 < f[5] < 0.56:
                c = boiler[int((f[5] - 0.5) / 0.06 * len(boiler) * f[2])] + c
            if 0.6 < f[5] < 0.68:
                c = c + "  " + boiler[int((f[5] - 0.6) / 0.08 * len(boiler) * f[2])]
        else:
            c = " " if f[5] < 0.004 else ""
        ca = cb
        out.append((t, c))
    return out


def near_duplicate(c: str, rng: np.random.Generator) -> str:
    """Return a description with a few words replaced or removed."""
    w = c.split(" ")
    for _ in range(1 + int(len(w) * 0.02)):
        j = int(rng.integers(0, len(w)))
        w[j] = "" if rng.random() < 0.3 else FUNCTION_WORDS[int(rng.integers(0, len(FUNCTION_WORDS)))]
    return " ".join(w)
