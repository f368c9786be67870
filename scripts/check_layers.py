#!/usr/bin/env python3
"""Checks what the compiler cannot: include direction between folders, banned headers, file length, comment patterns.

The rules are in layers.toml beside this file. Prints "file:line: message" for each violation and exits 1 if there are any.
Usage: check_layers.py [--root DIR] [--rules FILE]
"""

import argparse
import fnmatch
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

CPP_SUFFIXES = {".h", ".cpp", ".cu", ".cuh", ".in"}
SOURCE_SUFFIXES = CPP_SUFFIXES | {".py"}
SOURCE_FOLDERS = ["lintorch", "apps", "test", "scripts"]
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


@dataclass(frozen=True)
class Violation:
    file: str
    line: int
    message: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.message}"


def matches_any(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def source_files(root):
    for folder in SOURCE_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SOURCE_SUFFIXES and path.is_file():
                yield path


def folder_of(path):
    """'lintorch/ops/cuda/x.cu' -> 'ops'; None outside a folder of lintorch/."""
    parts = path.split("/")
    return parts[1] if parts[0] == "lintorch" and len(parts) > 2 else None


def check_arrow(file, line, header, rules):
    source, target = folder_of(file), folder_of(header)
    if file.startswith("lintorch/") and header.startswith(("apps/", "test/")):
        return Violation(file, line, f"the library must not include {header}")
    if source is None or target is None or source == target:
        return None
    allowed = rules["may_include"][source] + rules.get("extra_arrows", {}).get(file, [])
    if target in allowed:
        return None
    return Violation(file, line, f"{source}/ must not include {target}/ ({header}); allowed: {', '.join(allowed) or 'nothing'}")


def check_header(file, line, header, rules):
    if not file.startswith(("lintorch/", "apps/")):
        return None
    for rule in rules.get("banned_header", []):
        applies = matches_any(file, rule.get("in_files", ["*"])) and not matches_any(file, rule["only_in"])
        if applies and re.match(rule["header"], header):
            return Violation(file, line, f"<{header}> is not allowed here: {rule['reason']}")
    return None


def check_length(file, num_lines, rules):
    length = rules["file_length"]
    exempt = length.get("exempt", {})
    limit = length["exempt_limit"] if file in exempt else length["limit"]
    if num_lines <= limit:
        return None
    return Violation(file, limit + 1, f"{num_lines} lines, at most {limit} allowed; split it by concept")


def check_file(root, path, rules):
    file = path.relative_to(root).as_posix()
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [check_length(file, len(lines), rules)]
    comments = [(re.compile(rule["pattern"]), rule["reason"]) for rule in rules.get("banned_comment", [])]
    for number, text in enumerate(lines, start=1):
        include = INCLUDE.match(text) if path.suffix in CPP_SUFFIXES else None
        if include:
            found.append(check_arrow(file, number, include[1], rules))
            found.append(check_header(file, number, include[1], rules))
        found += [Violation(file, number, reason) for pattern, reason in comments if pattern.search(text)]
    return [violation for violation in found if violation]


def check_rules(root, rules):
    """A rule about something that no longer exists would silently check nothing."""
    found = []
    for path in sorted((root / "lintorch").iterdir()):
        has_sources = path.is_dir() and any(p.suffix in CPP_SUFFIXES for p in path.rglob("*"))
        if has_sources and path.name not in rules["may_include"]:
            found.append(Violation(f"lintorch/{path.name}", 0, "folder has no row in [may_include] of layers.toml"))
    for table in (rules["file_length"].get("exempt", {}), rules.get("extra_arrows", {})):
        found += [Violation("scripts/layers.toml", 0, f"{file} does not exist") for file in table if not (root / file).is_file()]
    return found


def check_tree(root, rules):
    found = check_rules(root, rules)
    if found:
        return found, 0
    files = list(source_files(root))
    for path in files:
        found += check_file(root, path, rules)
    return found, len(files)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--rules", type=Path, default=Path(__file__).resolve().parent / "layers.toml")
    args = parser.parse_args()
    rules = tomllib.loads(args.rules.read_text(encoding="utf-8"))
    violations, num_files = check_tree(args.root.resolve(), rules)
    for violation in violations:
        print(violation)
    if violations:
        print(f"check_layers: {len(violations)} violation(s)", file=sys.stderr)
        return 1
    print(f"check_layers: {num_files} files, no violation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
