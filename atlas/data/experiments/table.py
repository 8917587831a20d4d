"""The experiments that an atlas can hold.

An experiment asks one question of the whole network. It has a row here; a module beside this one
with the type of its document; a stage (``compute.stages.experiments``), which computes with the
functions of ``atlas.experiments``; and a page (``site.render.experiments``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ALL, NONE, USUAL = "all", "none", "usual"


@dataclass(frozen=True)
class Experiment:
    """An experiment: its name, its title, the question it asks, and who asked it first.

    ``source`` names the publication, ``url`` is its address. ``usual`` says whether a build makes
    it where nobody chooses.
    """

    name: str
    title: str
    question: str
    source: str
    url: str
    usual: bool = True


_PAPER = "https://arxiv.org/abs/1311.2901"

EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment(
        "evolution",
        "Evolution during training",
        "When during training does each unit become what it is?",
        "Zeiler & Fergus 2013, section 4 and figure 4",
        _PAPER,
        usual=False,
    ),
    Experiment(
        "invariance",
        "Invariance",
        "What does the network still see when an image is moved, enlarged or turned?",
        "Zeiler & Fergus 2013, section 4.1 and figure 5",
        _PAPER,
    ),
    Experiment(
        "first-layer",
        "The first layer",
        "Are the first filters any good: does each of them do something, and is nothing lost?",
        "Zeiler & Fergus 2013, section 4.1 and figure 6",
        _PAPER,
    ),
    Experiment(
        "occlusion",
        "Occlusion",
        "Does the network look at the thing itself, or at what stands around it?",
        "Zeiler & Fergus 2013, section 4.2 and figure 7",
        _PAPER,
    ),
    Experiment(
        "correspondence",
        "Correspondence",
        "Does the network know that an eye in one image is an eye in another?",
        "Zeiler & Fergus 2013, section 4.3 and table 1",
        _PAPER,
    ),
    Experiment(
        "memorising",
        "Memorising",
        "What does a network look for that learnt random labels by heart?",
        "Zhang, Bengio, Hardt, Recht & Vinyals 2016, “Understanding deep learning requires "
        "rethinking generalization”",
        "https://arxiv.org/abs/1611.03530",
        usual=False,
    ),
    Experiment(
        "fooling",
        "Fooling",
        "How little has to change in an image for the network to give another class?",
        "Goodfellow, Shlens & Szegedy 2014, after Szegedy et al. 2013",
        "https://arxiv.org/abs/1412.6572",
    ),
    Experiment(
        "dreaming",
        "Dreams",
        "What does a layer see in an image, and what becomes of the image when it may paint it in?",
        "Mordvintsev, Olah & Tyka 2015, “Inceptionism: Going deeper into neural networks”",
        "https://research.google/blog/inceptionism-going-deeper-into-neural-networks/",
        usual=False,
    ),
    Experiment(
        "maps",
        "Maps",
        "Which images does the network take to be alike, and which units do alike things?",
        "the notes of Stanford's CS231n, with t-SNE (van der Maaten & Hinton 2008)",
        "https://cs231n.github.io/understanding-cnn/",
        usual=False,
    ),
)
NAMES = tuple(one.name for one in EXPERIMENTS)


def chosen(asked: Iterable[str]) -> tuple[Experiment, ...]:
    """The experiments that are asked for, in the order of the table.

    ``asked`` holds names, or ``all``, ``none`` or ``usual``.
    """
    words = set(asked)
    return tuple(
        one
        for one in EXPERIMENTS
        if one.name in words or ALL in words or (USUAL in words and one.usual)
    )
