"""ECUs written without sight of the checks: each has one flaw that shows only when something is varied, or is odd
but sound.
"""
