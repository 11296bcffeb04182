"""The networks of Cert-RNN's tables, and what the paper reports of them.

Figures are those of Du et al., "Cert-RNN: Towards Certifying the Robustness of Recurrent Neural Networks" (CCS 2021):
Table 2 (one frame disturbed), Table 6 (all frames) and the sensitive words. The GRU on human activity is that of Deka,
Stipanovic and Tomlin, "Dynamically Computing Adversarial Perturbations for Recurrent Neural Networks", section V.C.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reported:
    """Mean and standard deviation of the certified eps, and the time as it is printed (minutes in Table 2, seconds in
    Table 6)."""

    mean: float
    deviation: float
    time: float


@dataclass(frozen=True)
class Case:
    """A network of the paper.

    Args:
        name: as in the paper's tables.
        data: mnist, rotten, toxic, urls or har.
        cell: rnn, lstm or gru.
        frames: of a sequence; 0 where sequences have lengths of their own.
        accuracy: reported, in percent.
        popqorn, cert_rnn: reported in Table 2; None where the paper has none.
        every: reported in Table 6, all frames disturbed.
    """

    name: str
    data: str
    cell: str
    frames: int
    hidden: int
    accuracy: float
    popqorn: Reported | None = None
    cert_rnn: Reported | None = None
    every: Reported | None = None

    @property
    def text(self) -> bool:
        """Whether it reads words or characters."""
        return self.frames == 0

    @property
    def chosen(self) -> tuple[str, ...]:
        """The single frames that are disturbed, one at a time: all of them, but four of the GRU's 32."""
        return ("7", "15", "23", "31") if self.data == "har" else ("each",)


def _case(line: str) -> Case:
    """A line of the table below: name, accuracy, POPQORN's three figures, Cert-RNN's, and those for all frames."""
    name, accuracy, *figures = line.split()
    kind, frames, hidden = name.split("-") if name.count("-") == 2 else (name.split("-")[1], "0", "32")
    sets = {"RT": "rotten", "TC": "toxic", "URL": "urls"}

    def reported(first: int) -> Reported | None:
        some = figures[first : first + 3]
        return None if not some or "-" in some else Reported(*map(float, some))

    data = sets.get(name.split("-")[0], "mnist")
    parts = (reported(0), reported(3), reported(6))
    return Case(name, data, kind.lower(), int(frames), int(hidden), float(accuracy), *parts)


_TABLES = """
RNN-2-32    96.8 .0084 .0037 .13     .0157 .0077 .61    .0126 .0055 6.8420
RNN-2-64    94.4 .0084 .0033 .12     .0152 .0076 .63    .0130 .0056 9.0874
RNN-4-32    95.4 .0168 .0058 .30     .0222 .0074 1.72   .0044 .0044 .0044
RNN-4-64    94.8 .0034 .0018 .40     .0056 .0032 1.70   .0047 .0023 14.3441
RNN-7-32    89.0 .0027 .0016 .64     .0037 .0025 4.01   .0044 .0044 20.5882
RNN-7-64    92.2 .0012 .0012 .60     .0018 .0012 4.21   .0017 .0009 15.4963
RNN-14-32   92.2 .0190 .0064 1.44    .0270 .0075 13.44  .0127 .0036 31.8162
RNN-14-64   95.8 .0089 .0030 2.31    .0166 .0044 14.38  .0074 .0020 34.0596
LSTM-1-32   98.0 .0152 .0071 46.78   .0187 .0087 2.66
LSTM-1-64   99.0 .0152 .0064 53.09   .0178 .0075 4.92
LSTM-1-128  98.0 .0143 .0065 53.09   .0184 .0074 3.98
LSTM-2-32   96.0 .0147 .0062 150.00  .0176 .0080 8.42
LSTM-2-64   98.0 .0145 .0063 246.50  .0167 .0067 11.92
LSTM-2-128  97.4 .0129 .0052 192.77  .0143 .0056 12.77
LSTM-4-32   95.0 .0093 .0045 551.70  .0095 .0045 29.24
LSTM-4-64   97.8 .0088 .0040 593.31  .0092 .0039 37.13
LSTM-7-32   96.6 .0054 .0017 1522.77 .0056 .0015 90.99
RT-RNN      76.0 .0091 .0049 1342.20 .0207 .0098 40.20
RT-LSTM     82.0 - - -               .0080 .0026 2464.2
TC-RNN      90.0 .0190 .0107 2070.60 .0332 .0243 98.40
TC-LSTM     93.0 - - -               .0117 .0068 3903.60
URL-RNN     94.0 .0282 .0132 2923.80 .0361 .0203 243.60
URL-LSTM    98.0 - - -               .0097 .0044 9851.40
"""

ACTIVITY = Case("HAR-GRU", "har", "gru", 32, 50, 93.41)
CASES: tuple[Case, ...] = (*map(_case, _TABLES.strip().splitlines()), ACTIVITY)
"""Every network of Table 2, and the GRU on human activity."""

_WORDS = (
    "*this:.0183 is:.0188 a:.0222 *stupid:.0178 *idea:.0183 all:.0232 it:.0315 is:.0320 doing:.0315 is:.0334 "
    "adding:.0320 junk:.0334 to:.0398 an:.0427 already:.0457 good:.0496 page:.0564",
    "you:.0178 are:.0173 an:.0188 *idiot:.0149 nothing:.0188 suggests:.0193 that:.0212 she:.0247 needs:.0247 "
    "to:.0305 attend:.0305 a:.0305 hearing:.0217",
    "hi:.0134 ,:.0110 *idiot:.0071 ,:.0085 why:.0115 are:.0139 you:.0183 delate:.0154 my:.0208 talking:.0159 "
    ",:.0193 just:.0232 come:.0256 out:.0291",
    "oh:.0090 yeah:.0095 ,:.0110 you:.0120 're:.0129 really:.0129 proof:.0090 of:.0110 the:.0129 "
    "*hypocrisy:.0085 of:.0120 wikipedia:.0153 right:.0193 here:.0242",
    "you:.0105 must:.0095 be:.0125 a:.0144 real:.0105 *loser:.0081 and:.0134 *mental:.0081 infant:.0139 "
    "to:.0183 try:.0198 to:.0212 block:.0247 me:.0237",
)


@dataclass(frozen=True)
class Example:
    """A toxic comment of the paper: its words, their reported eps, and the places of those it underlines."""

    words: tuple[str, ...]
    eps: tuple[float, ...]
    underlined: tuple[int, ...]


def _example(line: str) -> Example:
    pairs = [part.rsplit(":", 1) for part in line.split()]
    words = tuple(word.removeprefix("*") for word, _ in pairs)
    return Example(
        words,
        tuple(float(eps) for _, eps in pairs),
        tuple(place for place, (word, _) in enumerate(pairs) if word.startswith("*")),
    )


EXAMPLES: tuple[Example, ...] = tuple(map(_example, _WORDS))
"""The comments that the paper shows, with the certified eps of each word's vector."""

P_VALUES = {
    "RNN-2-32": 6.93e-9,
    "RNN-4-32": 1.91e-22,
    "RNN-7-32": 2.10e-29,
    "RNN-14-32": 1.11e-30,
    "RNN-2-64": 1.12e-20,
    "RNN-4-64": 1.83e-12,
    "RNN-7-64": 4.81e-7,
    "RNN-14-64": 2.76e-12,
}
"""Table 3: Mann-Whitney's p of Cert-RNN against POPQORN."""
