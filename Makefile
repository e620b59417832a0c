# Every command of this repository; each sets up what it needs first.
.DEFAULT_GOAL := help
.PHONY: help demo serve test check build deploy bench claims lock clean
MAKEFLAGS += --no-print-directory

set-up = @local/with_python sh -c '"$$PYTHON" -m local.environments $(1)'
python = .venv/bin/python

help: ## Say what there is
	@sed -n 's/^\([a-z]*\): ## \(.*\)/make \1	\2/p' Makefile | expand -t 16

demo: ## Set up, then do the main job on the local stack and compare the books
	$(call set-up,app aws)
	@$(python) -m local.demo

serve: ## Keep the local stack running; PORT=8700 chooses the first of its four ports
	$(call set-up,app aws)
	@$(python) -m local.serve

test: ## Run every test; CI runs this
	$(call set-up,app aws)
	@$(python) -m pytest

lock: ## Write the requirements files anew from pyproject.toml
	$(call set-up,lock)
	@local/.lock-venv/bin/python -m local.locking

clean: ## Remove what the commands have made
	rm -rf .venv local/.*-venv local/.run .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis
