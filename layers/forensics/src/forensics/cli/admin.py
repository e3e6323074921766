"""deepfake-admin: the keys, the audit and the intake of a deployed stack, with the credentials of the AWS environment.

A new key is printed once, alone on standard output; what is told of it goes to standard error.
Exit status: 0 done; 2 what was asked for cannot be done.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from forensics.cli.audit import NothingKnown
from forensics.cli.audit import table as audit_table
from forensics.domain.intake import Delivery
from forensics.domain.job import timestamp
from forensics.domain.keys import SCOPES, KeyRecord, hash_key, key_id, well_formed
from forensics.domain.plans import PLANS
from forensics.usecases.audit import ReadAudit
from forensics.usecases.manage_keys import KeyFault, ManageKeys, NewKey
from forensics.wiring.intake import dead_letters
from forensics.wiring.keys import StackNotFound, manage_keys
from forensics.wiring.privacy import read_audit

EXIT_OK, EXIT_USAGE = 0, 2
_HOURS = {"m": 1 / 60, "h": 1.0, "d": 24.0}


class Letters(Protocol):
    """The dead letters of the intake."""

    def redrive(self, *, most: int) -> Iterator[Delivery]: ...


def main(
    arguments: Sequence[str] | None = None,
    *,
    keys: ManageKeys | None = None,
    audit: ReadAudit | None = None,
    letters: Letters | None = None,
) -> int:
    """Run one verb on `keys`, `audit` or `letters`, or on those of the stack that the arguments name; returns the exit status."""
    args = _parser().parse_args(arguments)
    try:
        if args.subject == "audit":
            print(audit_table((audit or read_audit(stack=args.stack))(args.id)))
        elif args.subject == "intake":
            _redrive(letters or dead_letters(stack=args.stack), most=args.most)
        else:
            _run(args, keys or manage_keys(stack=args.stack))
    except (KeyFault, NothingKnown, StackNotFound) as error:
        print(f"deepfake-admin: {error}", file=sys.stderr)
        return EXIT_USAGE
    return EXIT_OK


def _run(args: argparse.Namespace, keys: ManageKeys) -> None:
    if args.verb == "create":
        _show(_create(args, keys))
    elif args.verb == "rotate":
        _show(keys.rotate(args.key_id, overlap=args.overlap))
    elif args.verb == "revoke":
        revoked = keys.revoke(args.key_id or _leaked())
        print(f"{revoked.key_id} of {revoked.tenant} is revoked.", file=sys.stderr)
    else:
        print(table(keys.listed(args.tenant), now_s=datetime.now(UTC).timestamp()))


def _create(args: argparse.Namespace, keys: ManageKeys) -> NewKey:
    return keys.create(
        tenant=args.tenant,
        plan=args.plan,
        live=not args.test,
        scopes=args.scopes.split(","),
        name=args.name,
        per_minute=args.per_minute,
        per_month=args.per_month,
    )


def _redrive(letters: Letters, *, most: int) -> None:
    """Print the id of each message as it is safe in its queue, so that an interrupted run tells how far it came."""
    sent = 0
    for letter in letters.redrive(most=most):
        print(letter.message_id)
        sent += 1
    print(f"{sent} sent again.", file=sys.stderr)


def _show(new: NewKey) -> None:
    print(f"{new.record.key_id} of {new.record.tenant}, plan {new.record.plan}. Shown this once:", file=sys.stderr)
    print(new.key)


def _leaked() -> str:
    """Return the id of the key on standard input: one that was found somewhere goes into no shell's history."""
    key = sys.stdin.readline().strip()
    if not well_formed(key):
        raise KeyFault("what came on standard input is no key")
    return key_id(hash_key(key))


def table(records: Sequence[KeyRecord], *, now_s: float) -> str:
    """Return the keys as a table, one a line."""
    rows = [("ID", "TENANT", "KEY", "PLAN", "SCOPES", "STATE", "CREATED", "NAME")]
    rows += [
        (r.key_id, r.tenant, f"{r.shown}…", _plan(r), ",".join(r.scopes), _state(r, now_s), r.created_at[:10], r.name)
        for r in records
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _plan(record: KeyRecord) -> str:
    own = {"/min": record.per_minute, "/month": record.per_month}
    return " ".join([record.plan, *(f"{value}{unit}" for unit, value in own.items() if value is not None)])


def _state(record: KeyRecord, now_s: float) -> str:
    if not record.in_force(now_s):
        return "revoked" if record.status == "revoked" else "expired"
    if record.expires_at is None:
        return record.status
    return f"until {timestamp(datetime.fromtimestamp(record.expires_at, UTC))}"


def _duration(text: str) -> timedelta:
    """Parse 30m, 24h or 7d."""
    if text[-1:] not in _HOURS or not text[:-1].isdigit():
        raise argparse.ArgumentTypeError("a number and m, h or d, such as 24h")
    return timedelta(hours=int(text[:-1]) * _HOURS[text[-1]])


def _limit(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError("a whole number, 0 or more")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deepfake-admin", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--stack", default="deepfake-detection", help="the CloudFormation stack (default: %(default)s)")
    subjects = parser.add_subparsers(dest="subject", required=True)
    verbs = subjects.add_parser("keys", help="API keys").add_subparsers(dest="verb", required=True)
    create = verbs.add_parser("create", help="make a key and print it once")
    create.add_argument("--tenant", required=True, help="whom the key's jobs and usage belong to")
    create.add_argument("--plan", required=True, choices=list(PLANS))
    create.add_argument("--test", action="store_true", help="dd_test_: fixtures, never billed")
    create.add_argument("--scopes", default=",".join(SCOPES), help="default: %(default)s")
    create.add_argument("--name", default="", help="what the key is for, shown in lists")
    create.add_argument("--per-minute", type=_limit, help="requests a minute, in place of the plan's")
    create.add_argument("--per-month", type=_limit, help="detections a month, in place of the plan's")
    told = subjects.add_parser("audit", help="what happened to a job or an upload, and when")
    told.add_argument("id", help="job_… or upload_…")
    letters = subjects.add_parser("intake", help="requests of other systems").add_subparsers(dest="verb", required=True)
    redrive = letters.add_parser("redrive", help="send the dead letters again, those that are there now")
    redrive.add_argument("--most", type=_limit, default=100_000, help="so many at most (default: %(default)s)")
    listing = verbs.add_parser("list", help="the keys, without their secrets")
    listing.add_argument("--tenant", help="of this tenant alone")
    rotate = verbs.add_parser("rotate", help="a new key like this one, which dies after the overlap")
    rotate.add_argument("key_id")
    rotate.add_argument("--overlap", type=_duration, default="24h", help="30m, 24h, 7d (default: %(default)s)")
    revoke = verbs.add_parser("revoke", help="the key is dead at its next call")
    revoke.add_argument("key_id", nargs="?", help="left out: the key itself is read from standard input")
    return parser


if __name__ == "__main__":
    sys.exit(main())
