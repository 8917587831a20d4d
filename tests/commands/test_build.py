from atlas.commands.build import costs


def test_what_stages_took_is_told_by_cost_with_the_cheap_ones_added_up() -> None:
    took = {"scan": 30.6, "nine": 0.4, "reconstructions": 44.2, "names": 1.0, "live": 0.8}
    assert costs(took) == "reconstructions 44, scan 31, names 1, other 1"
    assert costs({"scan": 2.0, "faces": 9.0}) == "faces 9, scan 2"
    assert costs({"nine": 0.2}) == "other 0"
