"""The story that `make demo` replays: an attack on a pipeline, and what the pack does about it."""
