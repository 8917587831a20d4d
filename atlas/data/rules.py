"""The rules that reconstructions can follow on their way down, and where each comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A rule's name, and the paper that describes it.

    ``holds_image`` is whether its pictures are multiples of the images' pixels, which are shown
    with them.
    """

    name: str
    source: str
    holds_image: bool = False


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("deconvnet", "Zeiler & Fergus 2013, section 2.1"),
        Rule("guided", "guided backpropagation, Springenberg et al. 2015"),
        Rule("gradient", "the gradient times the activation, Simonyan et al. 2014"),
        Rule("lrp", "layer-wise relevance propagation of one unit, Achtibat et al. 2023"),
        Rule("smooth", "integrated gradients, Sundararajan et al. 2017", holds_image=True),
    )
}
