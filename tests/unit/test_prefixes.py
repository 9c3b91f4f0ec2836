"""The rows that candidates need."""

import random

from fillmask.prefixes import Node, in_parallel, left_to_right


def test_candidates_of_one_piece_share_one_row():
    assert left_to_right([(5,), (3,), (9,)]) == [Node(1, (), ((3, 5, 9),))]
    assert left_to_right([(token,) for token in range(1000)]) == [Node(1, (), (tuple(range(1000)),))]


def test_a_row_is_a_prefix_of_candidates_with_equally_many_pieces():
    assert left_to_right([(1, 2), (1, 3), (4, 2), (1,)]) == [
        Node(1, (), ((1,),)),
        Node(2, (), ((1, 4),)),
        Node(2, (1,), ((2, 3),)),
        Node(2, (4,), ((2,),)),
    ]


def test_as_many_rows_as_distinct_prefixes():
    draw = random.Random(3)
    candidates = {(draw.randrange(40), draw.randrange(300), draw.randrange(300)) for _ in range(1000)}
    firsts, seconds = {ids[:1] for ids in candidates}, {ids[:2] for ids in candidates}
    nodes = left_to_right(candidates)
    assert len(nodes) == 1 + len(firsts) + len(seconds) <= 1 + 40 + 1000
    assert left_to_right(draw.sample(sorted(candidates), len(candidates))) == nodes


def test_in_parallel_each_number_of_pieces_takes_one_row():
    assert in_parallel([(1, 2), (1, 3), (4,)]) == [Node(1, (), ((4,),)), Node(2, (), ((1,), (2, 3)))]
