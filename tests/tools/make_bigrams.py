#!/usr/bin/env python3
"""Makes src/tables/domain/bigrams.rs: how much likelier a pair of characters is in a generated name than in a chosen
one.

usage: make_bigrams.py V2FLY_DATA_FOLDER PACKAGES [GENERATED CHOSEN] > src/tables/domain/bigrams.rs
It says on standard error how well the table tells the two apart; with two more lists of names, on these too.

Chosen names, half of them for the table and half for measuring:
  v2fly/domain-list-community, folder data, commit c975cce (2026-08-19), MIT licence
  the hosts in the Homepage fields of Debian 12's index of packages (`apt-cache dumpavail`)
English words (SCOWL) were tried too and made it worse: people do not name domains as they write.
Generated names are made here, in the manners that D. Plohmann and others ("A Comprehensive Measurement Study of Domain
Generating Malware", USENIX Security 2016, tables 1 and 2) describe: arithmetic (letters drawn by a linear congruential
generator) and hash-based (digits of MD5 in base 16, 32 or 36), with the lengths that they and the families' analyses
give. Names made of words or of syllables are not among them: no pair of characters gives those away.

Sources of single families: P. Porras and others, "An Analysis of Conficker's Logic and Rendezvous Points" (SRI 2009);
360 Netlab, "New Mirai Variant with DGA" (2016: twelve letters).
"""

import collections
import hashlib
import math
import pathlib
import re
import sys
import zlib

SYMBOLS = "abcdefghijklmnopqrstuvwxyz0123456789-^"  # the last: where a label begins and ends
WIDTH = len(SYMBOLS)
SHORTEST = 7  # of what is judged: shorter says too little
LIMIT = 40  # as limits::MADE_UP_SCORE
UNIT = 8.0  # steps of the table for one natural logarithm
SECOND_LEVEL = {"ac", "co", "com", "edu", "gob", "gov", "id", "ne", "net", "nom", "or", "org"}


def label(name):
    """The label left of the public suffix, by the rule of src/tables/domain/mod.rs without its list of providers."""
    labels = name.lower().strip(".").split(".")
    if len(labels) < 2:
        return ""
    pair = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SECOND_LEVEL
    return labels[-3 if pair else -2]


def fits(text):
    return len(text) >= SHORTEST and not text.startswith("xn--") and all(c in SYMBOLS[:-1] for c in text)


def v2fly(folder):
    for path in sorted(pathlib.Path(folder).iterdir()):
        for line in path.read_text().splitlines():
            kind, _, name = line.split("#")[0].split("@")[0].split("&")[0].strip().rpartition(":")
            if kind in ("", "full", "domain") and "." in name:
                yield name


def homepages(index):
    for line in open(index, errors="replace"):
        found = re.match(r"Homepage: *https?://([a-zA-Z0-9.-]+)", line)
        if found:
            yield found[1]


class Dice:
    """Numerical Recipes' linear congruential generator, of whose state the upper half is used: the same in every
    run."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 16) % n

    def text(self, letters, shortest, longest):
        length = shortest + self.below(longest - shortest + 1)
        return "".join(letters[self.below(len(letters))] for _ in range(length))


def digest(letters, n, seed, length):
    number = int.from_bytes(hashlib.md5(f"{seed}-{n}".encode()).digest() * 2, "big")
    text = ""
    while len(text) < length:
        number, digit = divmod(number, len(letters))
        text += letters[digit]
    return text


AZ, DIGITS = SYMBOLS[:26], SYMBOLS[26:36]
CONSONANTS = "".join(c for c in AZ if c not in "aeiou")
FAMILIES = {
    "letters 8-11 (Conficker)": lambda dice, n: dice.text(AZ, 8, 11),
    "letters 12 (Mirai, Tinba)": lambda dice, n: dice.text(AZ, 12, 12),
    "letters 12-15 (CryptoLocker)": lambda dice, n: dice.text(AZ, 12, 15),
    "letters 7-21 (Necurs)": lambda dice, n: dice.text(AZ, 7, 21),
    "letters 8-25 (Qakbot, Ramnit)": lambda dice, n: dice.text(AZ, 8, 25),
    "letters a-y 7-17 (Locky)": lambda dice, n: dice.text(AZ[:25], 7, 17),
    "consonants, a vowel in five 8-16": lambda dice, n: dice.text(CONSONANTS + "aeiou", 8, 16),
    "letters and digits 12-23 (Corebot)": lambda dice, n: dice.text(AZ + DIGITS, 12, 23),
    "base 36 of MD5, 20-28 (Gameover)": lambda dice, n: digest(DIGITS + AZ, n, dice.state, 20 + dice.below(9)),
    "base 32 of MD5, 16-24": lambda dice, n: digest(AZ + "234567", n, dice.state, 16 + dice.below(9)),
    "base 16 of MD5, 32 (Bamital)": lambda dice, n: digest(DIGITS + AZ[:6], n, dice.state, 32),
    "a letter and base 16, 33 (Dyre)": lambda dice, n: AZ[dice.below(26)] + digest(DIGITS + AZ[:6], n, dice.state, 33),
}


def generated(seed, each):
    return {name: [make(Dice(seed * 7919 + n * 2654435761), n) for n in range(each)] for name, make in FAMILIES.items()}


def pairs(text):
    text = "^" + text + "^"
    return [SYMBOLS.index(a) * WIDTH + SYMBOLS.index(b) for a, b in zip(text, text[1:])]


def counts(texts, weight=1.0):
    table = collections.Counter()
    for text in texts:
        for pair in pairs(text):
            table[pair] += weight
    return table


def conditional(table):
    """The logarithm of P(second | first), with half a sighting of everything (Krichevsky and Trofimov 1981)."""
    out = []
    for a in range(WIDTH):
        row = [table[a * WIDTH + b] + 0.5 for b in range(WIDTH)]
        out += [math.log(n / sum(row)) for n in row]
    return out


def has_digits(texts):
    return any(c.isdigit() for text in texts for c in text)


def score(table, text):
    return sum(table[pair] for pair in pairs(text))


def recall(table, chosen, made, rate):
    """The limit at which at most this share of the chosen scores as much, and the share of the made that does."""
    scores = sorted((score(table, text) for text in chosen), reverse=True)
    limit = scores[int(len(scores) * rate)] + 1
    return limit, sum(score(table, text) >= limit for text in made) / len(made)


def main():
    folder, index, *elsewhere = sys.argv[1:]
    chosen = sorted({text for name in [*v2fly(folder), *homepages(index)] if fits(text := label(name))})
    half = lambda text: zlib.crc32(text.encode()) & 1
    taught, held = [t for t in chosen if half(t)], [t for t in chosen if not half(t)]
    made = generated(1, 4000)
    # Digits are so rare in chosen names that families with digits would drown the letters.
    hostile = sum((counts(texts, 0.1 if has_digits(texts) else 1.0) for texts in made.values()), collections.Counter())
    benign = counts(taught)
    good, bad = conditional(benign), conditional(hostile)
    table = [max(-127, min(127, round(UNIT * (b - g)))) for g, b in zip(good, bad)]
    fresh = generated(2, 2000)
    every = [text for texts in fresh.values() for text in texts]
    say = lambda *what: print(*what, file=sys.stderr)
    say(f"{len(taught)} chosen names in the table, {len(held)} held out; {len(made) * 4000} and {len(every)} generated")
    for rate in (0.01, 0.001):
        limit, share = recall(table, held, every, rate)
        say(f"false positives {rate:.1%}: limit {limit}, recall {share:.1%}")
    share = lambda texts: sum(fits(t) and score(table, t) >= LIMIT for t in texts) / len(texts)
    say(f"at the limit {LIMIT} of src/limits.rs: false positives {share(held):.2%}, recall {share(every):.1%}:")
    for name, texts in fresh.items():
        say(f"    {share(texts):6.1%} {name}")
    if elsewhere:
        bad, good = [[label(line.strip()) for line in open(path)] for path in elsewhere]
        say(f"elsewhere: false positives {share(good):.2%}, recall {share(bad):.1%}")
        scores = sorted((score(table, t) for t in good if fits(t)), reverse=True)
        for rate in (0.01, 0.001):
            limit = scores[int(len(good) * rate)] + 1
            caught = sum(fits(t) and score(table, t) >= limit for t in bad) / len(bad)
            say(f"elsewhere, false positives {rate:.1%}: limit {limit}, recall {caught:.1%}")
    print("//! Made by tests/tools/make_bigrams.py, which names the sources and their licences; do not edit.")
    print(f"\n/// Symbols: a to z, 0 to 9, the hyphen, and the edge of a label.\npub const SYMBOLS: usize = {WIDTH};")
    about = "By first and second symbol: eight times the natural logarithm of how much likelier the second follows the"
    print(f"\n/// {about}\n/// first in a generated name than in a chosen one.")
    print("#[rustfmt::skip]\npub static PAIRS: [[i8; SYMBOLS]; SYMBOLS] = [")
    for a in range(WIDTH):
        print(f"    [{', '.join(str(v) for v in table[a * WIDTH : (a + 1) * WIDTH])}],")
    print("];")


main()
