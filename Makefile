# The one task file. `make` alone lists the verbs.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

UV_VERSION := 0.13.9
BIN := .venv/bin
STAMP := .venv/.ready
# The first interpreter that runs and is 3.11 or 3.12.
FIND_PYTHON := for python in python3 python3.12 python3.11; do \
	"$$python" -c 'import sys; raise SystemExit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null \
	&& echo "$$python" && break; done
PYTEST := $(BIN)/pytest -q

.PHONY: help setup serve demo key check test test-fast test-e2e test-contract test-slow lint types imports bench lock openapi \
	fetch-encoders audio-views train-image train-audio train-face evaluate evaluate-image evaluate-audio clean

help:  ## list the verbs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP)  ## a virtual environment with everything, by hash from the lock; instant when nothing changed
	@$(BIN)/python models/fetch_encoders.py

$(STAMP): requirements.lock layers/forensics/pyproject.toml $(wildcard models/encoders.toml)
	@python=$$($(FIND_PYTHON)) || true; \
	if [ -z "$$python" ]; then \
		echo "setup needs CPython 3.11 or 3.12 as python3, python3.12 or python3.11 on PATH; found: $$(python3 --version 2>&1)" >&2; \
		exit 1; \
	fi; \
	[ -x $(BIN)/python ] || "$$python" -m venv .venv
	@echo "Installing the locked dependencies ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip install --quiet --no-deps --verify-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable layers/forensics
	@$(BIN)/python models/fetch_encoders.py
	@touch $@

serve: $(STAMP)  ## the API on this machine until Ctrl-C (PORT=8080, IAM=1)
	@$(BIN)/python -m localcloud serve $(if $(PORT),--port $(PORT)) $(if $(IAM),--iam)

demo: $(STAMP)  ## three pictures judged by the local API, then everything down again
	@$(BIN)/python -m localcloud demo

key: $(STAMP)  ## an API key of a deployed stack, printed once (TENANT=acme, PLAN=free, TEST=1, STACK=..., ENDPOINT=http://127.0.0.1:8080)
	@$(if $(ENDPOINT),AWS_ENDPOINT_URL=$(ENDPOINT) AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1) \
		$(BIN)/python -m forensics.cli.admin $(if $(STACK),--stack $(STACK)) keys create --tenant $(TENANT) --plan $(or $(PLAN),free) \
		$(if $(TEST),--test)

check: lint types imports test-fast  ## what to run before a commit: everything but the deployed suites

test: lint types imports test-fast test-e2e test-contract  ## everything that CI runs

test-fast: $(STAMP)  ## unit, integration and infrastructure tests
	$(PYTEST) tests/unit tests/integration tests/infra -m "not slow"

test-e2e: $(STAMP)  ## the local cloud over HTTP, with open doors and with enforced roles
	$(PYTEST) tests/e2e -m "not slow"

test-contract: $(STAMP)  ## the local cloud against its own description, and the requests of the docs (REQUESTS=20000 for the long form)
	$(if $(REQUESTS),$(BIN)/python -m tests.contract.run --requests $(REQUESTS),$(PYTEST) tests/contract)

test-slow: $(STAMP)  ## the tests that take minutes
	$(PYTEST) tests -m slow

lint: $(STAMP)  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)  ## mypy --strict
	$(BIN)/mypy

imports: $(STAMP)  ## imports point one way
	$(BIN)/lint-imports

bench: $(STAMP)  ## latency of the local API and size of the images
	$(BIN)/python -m bench.latency
	$(BIN)/python -m bench.jobs
	$(BIN)/python -m bench.image_size

lock: $(STAMP)  ## resolve every dependency anew into requirements.lock
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		pyproject.toml --group dev --group localcloud layers/forensics/pyproject.toml --all-extras -q -o requirements.lock

openapi: $(STAMP)  ## write infra/openapi.yaml and infra/schemas from the code
	$(BIN)/python -m forensics.web.openapi > infra/openapi.yaml
	$(BIN)/python -m forensics.web.event_schemas infra/schemas
	$(BIN)/python -m forensics.web.intake_body infra/schemas

fetch-encoders: $(STAMP)  ## the pinned third-party encoders, into the cache
	$(BIN)/python models/fetch_encoders.py

TRAIN := python
RUN := runs/first
train-image:  ## gather, train and measure the image model (DATA_EXTRA, FACE_MESH; CLONES=DIR PACKAGES=DIR; an environment of training/requirements.txt)
	$(TRAIN) -m training.image.collect --clones $(CLONES) --packages $(PACKAGES)
	$(TRAIN) -m training.image.film_frames --clones $(CLONES)
	$(TRAIN) -m training.image.recon --count 160
	$(TRAIN) -m training.image.forged_faces --each 12
	$(TRAIN) -m training.image.patched --each 4
	$(TRAIN) -m training.image.features --views 2
	$(TRAIN) -m training.image.train --config training/image/configs/first.toml
	$(TRAIN) -m training.image.export --semantic $(RUN)
	$(TRAIN) -m training.image.signals
	$(TRAIN) -m training.image.robustness --semantic $(RUN)
	$(TRAIN) -m training.image.baselines
	$(TRAIN) -m training.image.faces --out $(RUN)/faces.csv
	$(TRAIN) -m training.image.night --clones $(CLONES) --out $(RUN)/night
	$(TRAIN) -m training.image.evaluate --semantic $(RUN) --faces $(RUN)/faces.csv

HISTORIES ?= 0 1 2 3
audio-views:  ## cut and augment every window (AUDIO_EXTRA, which training.audio.collect and dedupe filled)
	for view in $(HISTORIES); do $(TRAIN) -m training.audio.views --part train --view $$view || exit 1; done
	$(TRAIN) -m training.audio.joins --view $(lastword $(HISTORIES))
	for view in clean telephone mp3_32k noisy; do $(TRAIN) -m training.audio.views --part test --view $$view || exit 1; done
	$(TRAIN) -m training.audio.views --part dev --view clean

train-audio:  ## train and measure the speech model (AUDIO_EXTRA with views, WHISPER=model.bin; an environment of training/requirements.txt)
	WHISPER=$(WHISPER) $(TRAIN) -m training.audio.train
	WHISPER=$(WHISPER) $(TRAIN) -m training.audio.export
	$(TRAIN) -m training.audio.spans
	$(TRAIN) -m training.audio.partial
	$(if $(VOCODERS),$(TRAIN) -m training.audio.held_out_copies --weights $(VOCODERS))
	$(TRAIN) -m training.audio.golden
	$(TRAIN) -m training.audio.card

train-face:  ## train and measure the face model (FACE_EXTRA; an environment of training/requirements.txt)
	$(TRAIN) -m training.face.train --config training/face/configs/first.toml
	$(TRAIN) -m training.face.train --config training/face/configs/second.toml
	$(TRAIN) -m training.face.export --run runs/face-second
	$(TRAIN) -m training.face.card

evaluate-image: evaluate  ## measure the product on a labelled folder of pictures (DATA=...); one JSON
evaluate-audio: evaluate  ## the same on a folder of recordings
evaluate: $(STAMP)
	@$(BIN)/python -m training.evaluate $(DATA) $(if $(RESULTS),--results $(RESULTS))

clean:  ## remove what the verbs made, the virtual environment too
	rm -rf .venv build dist out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .benchmarks .aws-sam
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
