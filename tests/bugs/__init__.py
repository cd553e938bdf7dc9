"""A bank of named bugs, each one guard of a right protocol, for measuring the engine; used by no lab."""
