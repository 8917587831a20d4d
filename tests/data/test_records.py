from atlas.data import records


def test_the_commonest_class_is_the_first_among_equals() -> None:
    def unit(*labels: str | None) -> records.Unit:
        nine = [
            records.Winner(i, "", x, 1.0, (0, 0), (0,) * 4, (0,) * 4) for i, x in enumerate(labels)
        ]
        return records.Unit(0, 9, tuple(nine))

    assert unit("a", "b", "b", "a").commonest == ("a", 2)
    assert unit("a", "b", "b").commonest == ("b", 2)
    assert unit(None, None).commonest is None
