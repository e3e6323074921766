"""What the functions and the emulator have written."""

from __future__ import annotations

from collections.abc import Iterator

from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud


def function_logs(cloud: LocalCloud, *, since: float = 0.0) -> Iterator[str]:
    """Yield the log lines of every function, group by group, and then the emulator's own.

    Args:
        since: seconds since the epoch; older lines of the functions are left out.
    """
    logs = session().client("logs", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    for group in logs.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        for event in logs.filter_log_events(logGroupName=name, startTime=int(since * 1000))["events"]:
            yield f"{name}: {event['message'].rstrip()}"
    yield from cloud.emulator.log.read_text(errors="replace").splitlines()
