"""Files of public repositories and packages, in a fixed order: what both media gather their material with."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path


def candidates(
    source: dict[str, str], *, clones: Path, packages: Path, suffixes: tuple[str, ...]
) -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of the files of a source that match, in the fixed order of the hash of their names.

    `source` names a repository at a commit (a Git directory clones/<owner>+<name>) or `debian:<name>` (unpacked at
    packages/<name>), and a path pattern.
    """
    repository = source["repository"]
    if repository.startswith("debian:"):
        root = packages / repository.removeprefix("debian:")
        names = [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and not p.is_symlink()]
        for name in matching(names, source["path"], suffixes=suffixes):
            yield name, (root / name).read_bytes()
        return
    clone = clones / repository.replace("/", "+")
    listed = _git(clone, "ls-tree", "-r", "-z", "--name-only", source["commit"]).decode(errors="replace").split("\0")
    for name in matching(listed, source["path"], suffixes=suffixes):
        try:
            yield name, _git(clone, "cat-file", "blob", f"{source['commit']}:{name}")
        except subprocess.CalledProcessError:
            continue  # a partial copy lacks its largest files


def read_blob(clones: Path, repository: str, commit: str, path: str) -> bytes:
    """Return one file of a Git copy at clones/<owner>+<name>; raises OSError or CalledProcessError without it."""
    return _git(clones / repository.replace("/", "+"), "cat-file", "blob", f"{commit}:{path}")


def matching(names: list[str], pattern: str, *, suffixes: tuple[str, ...]) -> list[str]:
    """Return the files that match the pattern and end as wanted, ordered by the hash of their names."""
    fit = [n for n in names if fnmatchcase(n, pattern) and n.lower().endswith(suffixes)]
    return sorted(fit, key=lambda n: hashlib.sha256(n.encode()).hexdigest())


def _git(clone: Path, *args: str) -> bytes:
    """Run git on a copied repository, with or without a work tree, and return what it prints."""
    places = (clone / "repo" / ".git", clone / "repo", clone / ".git", clone)
    where = next((p for p in places if (p / "objects").is_dir()), None)
    if where is None:
        raise FileNotFoundError(f"no clone at {clone}")
    return subprocess.run(["git", "--git-dir", str(where), *args], check=True, capture_output=True).stdout
