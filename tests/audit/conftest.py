"""Make the audits that many tests share, once."""

import pytest

from .auditing import Done, shared_audit


@pytest.fixture(scope="session")
def article(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The whole audit of the article's ECU, as `make audit` runs it. Do not change it."""
    return shared_audit(tmp_path_factory, "article")


@pytest.fixture(scope="session")
def hardened(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The whole audit of the hardened ECU. Do not change it."""
    return shared_audit(tmp_path_factory, "hardened", depth="quick")
