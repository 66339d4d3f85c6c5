//! What Exuvia costs: wall-clock and fuel suites.
