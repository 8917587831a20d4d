"""Networks: their models and weights, traced graphs, layers and receptive fields."""
