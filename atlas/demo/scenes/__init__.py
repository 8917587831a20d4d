"""The kinds of things in the demo world: one drawing function a class."""

from atlas.demo.scenes import creatures, patterns, things
from atlas.demo.scenes.parts import Scene

# How each class stands in its picture: a surface fills it; a turning thing may stand at any
# angle; an upright one leans a little and may be mirrored.
SURFACES: dict[str, Scene] = {
    "stripes": patterns.stripes,
    "circles": patterns.circles,
    "grid": patterns.grid,
    "honeycomb": patterns.honeycomb,
    "text": patterns.text,
    "keyboard": patterns.keyboard,
}
TURNING: dict[str, Scene] = {
    "wheel": things.wheel,
    "clock": things.clock,
    "flower": creatures.flower,
    "ladybird": creatures.ladybird,
}
UPRIGHT: dict[str, Scene] = {
    "face": creatures.face,
    "dog": creatures.dog,
    "cat": creatures.cat,
    "bird": creatures.bird,
    "fish": creatures.fish,
    "butterfly": creatures.butterfly,
    "tree": creatures.tree,
    "mushroom": creatures.mushroom,
    "bicycle": things.bicycle,
    "car": things.car,
    "house": things.house,
    "umbrella": things.umbrella,
    "sailboat": things.sailboat,
    "cup": things.cup,
}
SCENES: dict[str, Scene] = {**SURFACES, **TURNING, **UPRIGHT}
CLASSES: tuple[str, ...] = tuple(SCENES)
