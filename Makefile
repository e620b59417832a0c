# Every command of this repository. Each sets up what it needs first, and says what to do if it fails.
.DEFAULT_GOAL := help
.PHONY: help demo serve tenant test clients conformance simulate simulate-all simulate-mutants check build deploy bench claims openapi lock clean load sbom
MAKEFLAGS += --no-print-directory

# The virtual environments a command needs, made where they are missing or out of date.
set-up = @local/with_python sh -c '"$$PYTHON" -m local.tools.environments $(1)'
bin = .venv/bin
# The other of 3.11 and 3.13, on which a seed has to be the same run; where it is missing, that test is skipped.
other = @WANT=$$($(bin)/python -c 'import sys; print("3.11" if sys.version_info >= (3, 13) else "3.13")'); export WANT; \
	if local/with_python true 2>/dev/null; then local/with_python sh -c '"$$PYTHON" -m local.tools.environments simulation-$$WANT' || true; fi
# What shows figures while it runs, or takes every core by itself; all else is shared out among the cores.
alone = tests/conformance tests/simulation/test_seeds.py
# SAM compiles the layer for Lambda's own Python, so no other will do.
sam = WANT=3.13 local/with_python sh -ec '"$$PYTHON" -m local.tools.environments sam; exec "$$@"' sam local/.sam-venv/bin/sam
export ARCHITECTURE ?= arm64
export SAM_CLI_TELEMETRY = 0

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.* ## \(.*\)/make \1	\2/p' Makefile | expand -t 16

demo: ## Do the main job on the local stack, and compare the books
	$(call set-up,app aws)
	@$(bin)/python -m local.demo.main_job

serve: ## Keep the local stack running; PORT=8700 is the first of its four ports
	$(call set-up,app aws)
	@$(bin)/python -m local.demo.serve

tenant: ## Write a tenant: NAME=shop ADMIN=ada@shop.example; STACK=receivable for AWS, CLIENT= a machine's
	$(call set-up,app)
	@$(bin)/python -m local.tools.tenant

test: ## Run every test; CI runs this
	$(call set-up,app aws cli browser)
	$(other)
	@$(bin)/python -m local.tools.layer_here
	@$(bin)/python -m pytest --numprocesses=auto --maxprocesses=4 --max-worker-restart=0 $(alone:%=--ignore=%); ended=$$?; \
		$(bin)/python -m pytest $(alone) && exit $$ended

clients: ## Show that dj-stripe and Stripe's SDK for Node work with the stand-in; needs their registries
	$(call set-up,app)
	@$(bin)/python -m local.tools.clients

conformance: ## Hold the stand-in against Stripe's SDK, CLI, schema, and what was recorded
	$(call set-up,app cli)
	@$(bin)/python -m pytest --quiet --no-header tests/conformance

simulate: ## Run the real functions under faults; SEEDS=1000 MINUTES=5, or SEED=7 WORLD=all-layers for one
	$(call set-up,app)
	@PYTHONPATH=.:shared:functions $(bin)/python -m tests.simulation $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FIRST),--first $(FIRST)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) $(if $(WORLD),--world $(WORLD))

simulate-all: ## Run 10,000 seeds, break every flow off at each request, and find every planted bug
	$(call set-up,app)
	$(other)
	@$(bin)/python -m pytest tests/simulation -m "volume or not volume" -rP

simulate-mutants: ## Plant bugs, and have the simulation find every one of them
	$(call set-up,app)
	@PYTHONPATH=.:shared:functions $(bin)/python -m tests.simulation.hunting $(if $(SEEDS),--seeds $(SEEDS)) $(if $(HITS),--hits $(HITS))

check: ## Check format, lint, types, imports, template and security
	$(call set-up,app aws checkov)
	@$(bin)/ruff format --check --quiet .
	@$(bin)/ruff check --quiet .
	@$(bin)/mypy
	@PYTHONPATH=shared $(bin)/lint-imports
	@$(bin)/python -m local.tools.check_template

build: ## Validate, and build with SAM without a container; ARCHITECTURE=x86_64 for that processor
	@$(sam) validate --lint
	@$(sam) build --parameter-overrides Architecture=$(ARCHITECTURE)

deploy: build ## Build and deploy to AWS; PARAMETERS="Name=value ..." are kept by later deploys
	@$(sam) deploy --parameter-overrides Architecture=$(ARCHITECTURE) $(PARAMETERS)

bench: ## Measure every budget, as ratios in one run
	$(call set-up,app aws)
	@$(bin)/python -m benchmarks.run
	@$(bin)/python -m benchmarks.standin

load: ## Measure webhooks, charges and presses under load, outages and kills; OUTAGE_S=300 SHARE=100
	$(call set-up,app aws)
	@$(bin)/python -m benchmarks.load

sbom: ## List what the layer is made of (CycloneDX), and scan it for advisories where they can be reached
	$(call set-up,app)
	@$(bin)/python -m local.tools.sbom

claims: ## Print what is claimed, the tests that prove it, and their last result
	$(call set-up,app aws cli browser)
	@$(bin)/python -m local.tools.claims

openapi: ## Write functions/openapi.json, the README's table of routes and docs/access.md anew
	$(call set-up,app)
	@$(bin)/python -m local.tools.openapi
	@$(bin)/python -m local.tools.route_table
	@PYTHONPATH=.:shared $(bin)/python -m local.tools.access_table

lock: ## Write the requirements files anew from pyproject.toml
	$(call set-up,lock)
	@local/.lock-venv/bin/python -m local.tools.locking

clean: ## Remove what the commands have made
	@rm -rf .venv .venv-3.* local/.*-venv local/stripe_cli/node_modules local/axe/node_modules local/.run .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis
