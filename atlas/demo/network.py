"""The demo network: five convolutional layers in the manner of Zeiler & Fergus (2013, figure 3)."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from atlas.demo.scenes import CLASSES

MEAN = (0.5, 0.5, 0.5)
STD = (0.25, 0.25, 0.25)
UNITS = (48, 80, 112, 112, 96)


def demo_network(classes: int = len(CLASSES)) -> nn.Sequential:
    """The untrained network: input ``[N, 3, 128, 128]``, output ``[N, classes]`` scores.

    7x7 filters at stride 2, then 5x5, then three times 3x3; overlapping max pooling (3x3 at
    stride 2) after 1, 2 and 5. The first two layers are not padded, so that their units cannot
    respond to the border of a picture instead of to the picture.
    """
    one, two, three, four, five = UNITS
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, one, 7, stride=2),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(3, stride=2),
            conv2=nn.Conv2d(one, two, 5),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(3, stride=2),
            conv3=nn.Conv2d(two, three, 3, padding=1),
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(three, four, 3, padding=1),
            relu4=nn.ReLU(),
            conv5=nn.Conv2d(four, five, 3, padding=1),
            relu5=nn.ReLU(),
            pool5=nn.MaxPool2d(3, stride=2),
            average=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            dropout=nn.Dropout(0.2),
            scores=nn.Linear(five, classes),
        )
    )
