"""ECUs written without sight of the checks: one flaw each that shows only when something is varied, and odd sound ones."""
