"""The OpenAPI 3.1 document of the whole API, generated from the routes of every function.

`python -m forensics.web.openapi` prints it as YAML; infra/openapi.yaml is its committed copy.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn, cast

from forensics.domain.job import DetectRequest
from forensics.domain.limits import Account, Usage
from forensics.web.app import create_app
from forensics.web.batch_routes import BatchItemBody, batch_router
from forensics.web.detect_routes import DetectOutcome, detect_router, unified_router
from forensics.web.event_schemas import webhooks_document
from forensics.web.feedback_routes import feedback_router
from forensics.web.job_list_routes import job_list_router
from forensics.web.job_routes import delete_router, job_router
from forensics.web.model_routes import model_router
from forensics.web.openapi_examples import describe_examples
from forensics.web.openapi_limits import describe_limits
from forensics.web.openapi_links import describe_links
from forensics.web.public_routes import public_router
from forensics.web.schemas import Problem, Timeline, VideoTimeline
from forensics.web.upload_routes import upload_router
from forensics.web.usage_routes import usage_router
from forensics.web.webhook_routes import Webhooks, delivery_router, webhook_router

_NEVER = cast("Any", None)
_NEVER_WEBHOOKS = cast("Webhooks", None)  # the description's routes are never called
PUBLIC_PATHS = ("/v1/health", "/v1/status", "/v1/openapi.json")


@lru_cache(maxsize=1)
def openapi_document() -> dict[str, Any]:
    """Return the document; the routes are built with use cases that are never called."""
    app = create_app(
        unified_router(_never_choose, _never_invoke),
        detect_router("image", _never_detect),
        detect_router("audio", _never_detect),
        detect_router("video", _never_detect),
        upload_router(_NEVER),
        batch_router(_NEVER, _NEVER),
        job_list_router(_NEVER),
        job_router(_never_read),
        delete_router(_never_delete),
        feedback_router(_NEVER),
        model_router(_NEVER),
        webhook_router(_NEVER_WEBHOOKS),
        delivery_router(_NEVER_WEBHOOKS),
        usage_router(_never_count),
        public_router(version="", region="", openapi=dict, status=_NEVER),
    )
    document: dict[str, Any] = json.loads(json.dumps(app.openapi()))  # a copy without shared parts: each is added to
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (Problem, BatchItemBody, Timeline, VideoTimeline):  # what no route answers with by itself
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
    document["webhooks"] = webhooks_document(schemas)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    scheme = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "dd_live_… or dd_test_…",
        "description": "An API key; one that begins with dd_test_ is answered by a script and costs nothing",
    }
    document["components"]["securitySchemes"] = {"apiKey": scheme}
    document["security"] = [{"apiKey": []}]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _tidy(operation, public=path in PUBLIC_PATHS)
    describe_limits(document, public=PUBLIC_PATHS)
    describe_examples(document)
    describe_links(document)
    return document


def _tidy(operation: dict[str, Any], *, public: bool) -> None:
    """Take FastAPI's own 422 out where it is not ours, and open the public paths."""
    unsaid = operation["responses"].get("422", {}).get("content", {}).get("application/json", {})
    if "HTTPValidationError" in str(unsaid):
        operation["responses"]["422"]["content"].pop("application/json")
        if not operation["responses"]["422"]["content"]:
            del operation["responses"]["422"]
    if public:
        operation["security"] = []


def _never_detect(request: DetectRequest) -> DetectOutcome:
    _never()


def _never_count(account: Account) -> Usage:
    _never()


def _never_choose(request: DetectRequest) -> tuple[str, str]:
    _never()


def _never_invoke(function: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
    _never()


def _never_read(tenant: str, job_id: str, *, wait_s: float = 0) -> Mapping[str, Any]:
    _never()


def _never_delete(tenant: str, job_id: str) -> None:
    _never()


def _never() -> NoReturn:
    raise AssertionError("the description's routes are never called")


def main() -> None:
    import yaml

    document = json.loads(json.dumps(openapi_document()))  # YAML would alias what is shared
    yaml.safe_dump(document, sys.stdout, sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    main()
