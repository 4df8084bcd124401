"""An ECU as a long-running program: on a bus that comes and goes, watched and handled by an operator."""
