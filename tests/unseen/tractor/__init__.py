"""A tractor, and tractors with one flaw or oddity each, some of them as people reported of real ECUs."""
