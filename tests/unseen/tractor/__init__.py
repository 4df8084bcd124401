"""A tractor, and tractors with one flaw or oddity, some of them as people reported of real ECUs."""
