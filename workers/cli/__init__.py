"""The commands of `ithaca`, one file per group.

A file here has `app = typer.Typer()` with its commands, and a line in `workers/__main__.py`. Every command takes
`ctx`, `config: ConfigOption = None` and `json_to: JsonOption = None`, gets its settings by `load(ctx, config)` and
ends with `write_json(json_to, ...)`. Heavy parts are imported inside the command, so that a mistake is told at once.
What is not of this folder brings its commands by entry points: `entry_points.py`.
"""
