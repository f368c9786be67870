"""A page of docs/results: markdown, and its JSON twin with the same numbers as data."""
import json
import pathlib


def add_notes(parser):
    parser.add_argument("--notes", type=pathlib.Path, help="markdown put after the introduction")


def opening(intro, notes):
    """The introduction, and the file of notes after it, if there is one."""
    return intro + ("\n" + notes.read_text() if notes else "")


def write_page(target, text, rows):
    """TARGET.md and TARGET.json; rows: a list of {table, row, metric, mean, std, n, unit, hardware, commit, date, command}."""
    target.with_suffix(".md").write_text(text)
    target.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")
