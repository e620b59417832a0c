"""The world in which every seed begins is looked at here, once; seeds look at what they write."""

import gc

from tests.simulation.beginning import simulated
from tests.simulation.books import Books
from tests.simulation.invariants import at_rest
from tests.simulation.people import People
from tests.simulation.running import run_seed
from tests.simulation.volume import cases
from tests.simulation.world import ALL_LAYERS, KINDS, World


def test_the_rows_in_which_all_seeds_begin_break_no_invariant() -> None:
    with simulated() as (base, log, use):
        world = base.world(0, ALL_LAYERS)
        use(world)
        world.table.dynamo.changed = dict.fromkeys(base.table.rows)

        assert at_rest(Books(world, People(world), log)) == []
        assert len(world.table.dynamo.changed) > 100
        world.close()


def test_nothing_is_left_of_a_seed_that_is_over() -> None:
    with simulated() as begun:
        for seed, kind in cases(0, 30):
            run_seed(seed, KINDS[kind], *begun)
        gc.collect()
        worlds = [each for each in gc.get_objects() if isinstance(each, World)]

        # The stand-in still answers to the last one.
        assert len(worlds) == 1
