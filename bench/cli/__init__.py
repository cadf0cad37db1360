"""The commands of `ithaca` that drills, simulator, figures and demo bring, one file per group.

A file here is like one of `workers/cli`, and has a line in `pyproject.toml`, in the entry points `ithaca.commands`, by
which `workers/cli/entry_points.py` finds it. `bench` is imported inside the commands where it brings servers along.
"""
