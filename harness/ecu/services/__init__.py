"""Collect the services of an ECU. Each file of this folder defines one service, under the name SERVICE."""

import importlib
import pkgutil

from harness.ecu.rules import ServiceRules


def _found() -> dict[int, ServiceRules]:
    found: dict[int, ServiceRules] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        service: ServiceRules = importlib.import_module(f"{__name__}.{module.name}").SERVICE
        found[service.sid] = service
    return found


SERVICES = _found()
