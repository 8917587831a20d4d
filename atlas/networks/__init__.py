"""Networks: where models and weights come from, their graphs, layers and receptive fields."""
